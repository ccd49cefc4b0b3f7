import type { FloatArray } from "./arguments.js";
import { dequantizePanel, type QuantizeJob, quantizePanel } from "./engine.js";
import { changedError } from "./errors.js";
import { createEngine, cutFor, engines } from "./memory/buffers.js";
import { panelAt, panelCount } from "./memory/cut.js";
import { readFigures } from "./memory/figures.js";
import { joinedRows } from "./memory/staging.js";
import { checkDequantize, checkQuantize, figuresOf, nonFiniteError, quantizeResult } from "./requests.js";
import type { Channelwise, DequantizeOptions, QuantizedWeights, QuantizeOptions } from "./types.js";
import type { Bindings } from "./wasm/glue.js";
import { joinRows } from "./weights.js";

/** Makes a quantizer of one instance of the module. */
export function createChannelwise(bindings: Bindings): Channelwise {
  const engine = createEngine(bindings);

  function quantize(weights: unknown, options: QuantizeOptions = {}): object {
    const request = checkQuantize(weights, options);
    const {
      dtype,
      length,
      rows = [],
      values = joinRows(rows, dtype, length),
      extents,
      scheme,
      errors,
      packing,
      quantized,
      scales,
      zeroPoints,
      dequantized,
      perChannel,
    } = request;
    const job: QuantizeJob = {
      dtype,
      part: cutFor(engine, extents, dtype === "float64"),
      scheme,
      figuresOf: figuresOf(errors),
      weights: joinedRows(values, extents),
      quantized: joinedRows(quantized, extents, packing),
      dequantized: dequantized && joinedRows(dequantized, extents),
      scales,
      zeroPoints,
      perChannel,
    };
    engine.totalFigures.fill(0);
    if (packing) quantized.fill(0, -1); // its last codes may not fill the last byte
    const { part } = job;
    const panels = panelCount(part);
    for (let i = 0; i < panels; i++) {
      if (!quantizePanel(engine, job, panelAt(part, i))) throw nonFiniteError(values, dtype, extents) ?? changedError();
    }
    return quantizeResult(
      request,
      errors ? readFigures(engine.places, engine.totalFigures, 0, values.length) : undefined,
    );
  }

  function dequantize(source: QuantizedWeights, options: DequantizeOptions = {}): FloatArray {
    const request = checkDequantize(source, options);
    const { quantized, packing, scales, zeroPoints, extents, float64, dequantized, result } = request;
    const job = {
      float64,
      quantized: joinedRows(quantized, extents, packing),
      scales,
      zeroPoints,
      dequantized: joinedRows(dequantized, extents),
    };
    const part = cutFor(engine, extents, float64);
    const panels = panelCount(part);
    for (let i = 0; i < panels; i++) dequantizePanel(engine, job, panelAt(part, i));
    return result;
  }

  const channelwise = { quantize, dequantize } as unknown as Channelwise;
  engines.set(channelwise, engine);
  return channelwise;
}

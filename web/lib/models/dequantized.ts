import type { CodeArray, FloatArray } from "../core/arguments.js";
import { extentsOf } from "../core/extents.js";
import type { Bits } from "../core/types.js";
import { dequantizeStream } from "../stream/dequantize-stream.js";
import type { Runner } from "../stream/runner.js";
import { elementsOf } from "../tensor/dtypes.js";
import { type CentredCodes, type QuantizedTensor, scalePlaces } from "../tensor/quantized-tensor.js";
import type { Course } from "./run.js";

/** Weights that are made at a time, where workers cannot make them. */
const STRETCH_ELEMENTS = 2 ** 20;

/** Takes weights as they are made: one call after the other, each awaited. */
type Use = (start: number, values: FloatArray) => Promise<void> | void;

/** Makes the weights that a quantized tensor stands for, code * scale, some at a time. */
export async function dequantized(
  runner: Runner,
  tensor: QuantizedTensor,
  use: Use,
  { signal, progress }: Course,
): Promise<void> {
  const { quantizedShape, scheme } = tensor;
  const readCodes = (start: number, count: number) => tensor.readCodes(runner.engine, start, count);
  const scales = await tensor.readScales();
  if (hasShortGroups(tensor) || takesMoreThan16Bits(tensor)) {
    await oneByOne(tensor, readCodes, scales, use, { signal, progress });
    return;
  }
  const wide = (await readCodes(0, 1)).BYTES_PER_ELEMENT === 2;
  const read = readCodes as (start: number, count: number) => Promise<CodeArray>;
  await dequantizeStream(
    runner,
    { wide, read },
    scales,
    { dequantized: use },
    extentsOf(quantizedShape, scheme.axis, scheme.granularity),
    { signal, onProgress: (done, total) => progress(done / total) },
  );
}

/** Whether the last group of a row is shorter than the others. */
function hasShortGroups({ quantizedShape, scheme: { granularity } }: QuantizedTensor): boolean {
  return typeof granularity === "object" && (quantizedShape[granularity.along] as number) % granularity.group !== 0;
}

/** Whether codes less their zero points take more than an int16. */
function takesMoreThan16Bits({ scheme, signed, zeroPoints }: QuantizedTensor): boolean {
  return scheme.bits === (16 satisfies Bits) && (!signed || zeroPoints);
}

async function oneByOne(
  { quantizedShape, scheme }: QuantizedTensor,
  readCodes: (start: number, count: number) => Promise<CentredCodes>,
  scales: FloatArray,
  use: Use,
  { signal, progress }: Course,
) {
  const length = elementsOf(quantizedShape);
  const places = scalePlaces(quantizedShape, scheme);
  for (let start = 0; start < length; start += STRETCH_ELEMENTS) {
    signal?.throwIfAborted();
    const codes = await readCodes(start, Math.min(STRETCH_ELEMENTS, length - start));
    const NewValues = scales.BYTES_PER_ELEMENT === 8 ? Float64Array : Float32Array;
    const values = new NewValues(codes.length);
    // The product is exact in float64 for float32 scales, so that it is rounded once. Adding 0 makes +0 of the -0 that a
    // negative scale gives.
    for (let i = 0; i < codes.length; i++) {
      values[i] = (codes[i] as number) * (scales[places.at(start + i)] as number) + 0;
    }
    await use(start, values);
    progress((start + codes.length) / length);
  }
}

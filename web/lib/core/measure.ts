import type { FloatArray, WeightArray } from "./arguments.js";
import { type Dtype, dtypeNumbers } from "./dtype.js";
import { type Engine, floatsOf } from "./memory/buffers.js";
import type { Block, Panel } from "./memory/cut.js";
import { type AnyCodes, copyIn, isWide, type Rows, stageCodes } from "./memory/staging.js";

/** Floats, and their place in memory. */
export interface FloatRows {
  readonly dtype: Dtype;
  readonly floats: Rows<WeightArray>;
}

/** Codes, their place in memory, and the scales of all channels of the part. */
export interface CodeRows {
  readonly quantized: Rows<AnyCodes>;
  readonly scales: FloatArray;
}

/** A measurement of values against weights. */
export interface MeasureJob {
  /** Whether one of the two is float64. Halves are measured against float32 alone. */
  readonly float64: boolean;
  readonly weights: FloatRows;
  readonly values: FloatRows | CodeRows;
}

/** The error figures of each block of a panel, all channels together. */
export function measureBlocks(
  engine: Engine,
  { float64, weights, values }: MeasureJob,
  { scale, channels, blocks }: Panel,
): Float64Array[] {
  const { bindings, blockFigures, places } = engine;
  const floats = floatsOf(engine, float64);
  if ("scales" in values) floats.scales.all.set(values.scales.subarray(scale, scale + channels));
  return blocks.map((block) => {
    const { outer, inner } = block;
    stageFloats(engine, weights, block, float64, true);
    if ("scales" in values) {
      stageCodes(engine, values.quantized, block);
      bindings.dequantize(float64, isWide(values.quantized), false, outer, channels, inner);
    } else {
      stageFloats(engine, values, block, float64, false);
    }
    bindings.measure(float64, outer * channels * inner);
    return blockFigures.slice(0, places.figuresLength);
  });
}

/** @param areWeights whether these are the weights, rather than the values */
function stageFloats(
  engine: Engine,
  { dtype, floats }: FloatRows,
  block: Block,
  float64: boolean,
  areWeights: boolean,
) {
  const { bindings, halves } = engine;
  const { weights, dequantized } = floatsOf(engine, float64);
  if (dtype === "float16" || dtype === "bfloat16") {
    copyIn(floats, block, halves);
    bindings.widen(dtypeNumbers[dtype], block.outer * block.channels * block.inner, areWeights);
  } else {
    copyIn(floats, block, areWeights ? weights : dequantized.all);
  }
}

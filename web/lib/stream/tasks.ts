import type { CodeArray, FloatArray, WeightArray } from "../core/arguments.js";
import { isShared } from "../core/arrays.js";
import type { Dtype } from "../core/dtype.js";
import type { FiguresOf, GivenScales } from "../core/engine.js";
import type { Part } from "../core/memory/cut.js";
import type { Packing } from "../core/memory/packing.js";
import type { AnyCodes, Rows } from "../core/memory/staging.js";
import type { Scheme } from "../core/scheme.js";
import type { ChannelErrors } from "../core/types.js";
import type { CompiledModule } from "../core/wasm/compiled-module.js";
import type { BlockType } from "../storage/ggml/block-types.js";
import type { BlockEncoder } from "../storage/ggml/blocks.js";
import type { FileRows } from "./file-rows.js";

// What an engine is asked to do with some of a tensor, as messages to a worker. Rows lie in arrays of the whole tensor
// over a SharedArrayBuffer, which are worked on in place, in arrays of their own, which are handed over, or in files.

/** Asks for the range of every channel. */
export interface RangesTask extends TaskWeights {
  readonly kind: "ranges";
  readonly scheme: Scheme;
}

/** What a task works on. */
export interface TaskWeights {
  readonly dtype: Dtype;
  readonly part: Part;
  readonly weights: Rows<WeightArray> | FileRows;
}

export interface RangesDone {
  readonly ranges: FloatArray;
  /** The task's array, which its sender may use again. */
  readonly used: WeightArray | undefined;
}

/** Asks for what a sweep of searches adds up: the sums of every channel. */
export interface SweepTask extends TaskWeights {
  readonly kind: "sweep";
  readonly scheme: Scheme;
  readonly sweep: number;
  /** What is known of every channel. */
  readonly searches: Float64Array;
}

export interface SweepDone {
  readonly sums: Float64Array;
  /** The task's array, which its sender may use again. */
  readonly used: WeightArray | undefined;
}

export interface QuantizeTask extends TaskWeights {
  readonly kind: "quantize";
  readonly scheme: Scheme;
  readonly figuresOf: FiguresOf;
  /** They are given where the part has not all weights of its channels; otherwise they are found. */
  readonly scales?: GivenScales;
  readonly dequantize: boolean;
  /** What is filled in place. */
  readonly quantized?: Rows<AnyCodes> | CodesFile | undefined;
  readonly dequantized?: Rows<FloatArray> | undefined;
}

/** Where codes are written: as they are, or packed, in rows of whole bytes. */
export interface CodesFile extends FileRows {
  readonly packing: Packing | undefined;
}

export interface QuantizeDone {
  /** False where a channel holds NaN or an infinity; the rest is of no use then. */
  readonly finite: boolean;
  /** The part's rows, one after the other, unless they were filled in place or written. */
  readonly quantized: CodeArray | undefined;
  readonly dequantized: FloatArray | undefined;
  readonly scales: FloatArray;
  /** The zero points, where the scheme has them. */
  readonly zeroPoints: CodeArray | undefined;
  /** Error figures of every panel; where scales were given, of every block, or of every channel of every block. */
  readonly figures: Float64Array;
  /** The scales, where they were not given. */
  readonly perChannel: ChannelErrors | undefined;
  /** Where scales were given: the range of every channel, which tells whether it is that of the scales. */
  readonly ranges?: FloatArray | undefined;
  /** The task's array, which its sender may use again. */
  readonly used: WeightArray | undefined;
}

/** Codes that a task reads, and the scales of all channels of the part. */
export interface TaskCodes {
  /** Whether they are int16. */
  readonly wide: boolean;
  readonly quantized: Rows<AnyCodes> | FileRows;
  readonly scales: FloatArray;
}

export interface DequantizeTask extends TaskCodes {
  readonly kind: "dequantize";
  readonly float64: boolean;
  /** The zero points of all channels of the part, if there are any. */
  readonly zeroPoints?: CodeArray | undefined;
  readonly part: Part;
  /** What is filled in place, or written. */
  readonly dequantized?: Rows<FloatArray> | FileRows | undefined;
}

export interface DequantizeDone {
  /** The part's rows, one after the other, unless they were filled in place or written. */
  readonly dequantized: FloatArray | undefined;
  /** The task's array, which its sender may use again. */
  readonly used: AnyCodes | undefined;
}

/** Floats that a task reads. */
export interface TaskFloats {
  readonly dtype: Dtype;
  readonly floats: Rows<WeightArray> | FileRows;
}

/** Asks what it costs that values stand for weights. */
export interface MeasureTask {
  readonly kind: "measure";
  readonly part: Part;
  readonly weights: TaskFloats;
  readonly values: TaskFloats | TaskCodes;
}

export interface MeasureDone {
  /** Error figures of every block. */
  readonly figures: Float64Array;
  /** Whether weights and values are floats of the same bytes. */
  readonly same: boolean;
  /** The task's arrays, which its sender may use again. */
  readonly used: WeightArray | undefined;
  readonly usedValues: WeightArray | AnyCodes | undefined;
}

/** How weights become bytes: as blocks of a type, by its module, or as floats of a type. */
export type Encoding =
  | { readonly blockType: BlockType; readonly encoder: BlockEncoder; readonly module: CompiledModule }
  | { readonly dtype: Dtype };

/** Asks for the bytes of one stretch of weights, which has whole blocks. */
export interface EncodeTask extends TaskWeights {
  readonly kind: "encode";
  readonly encoding: Encoding;
}

export interface EncodeDone {
  /** The first weight that is not finite, or that a weight or a scale is too large; the rest is of no use then. */
  readonly problem: { readonly index: number; readonly value: number; readonly isTooLarge: boolean } | undefined;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Error figures of every block of the engine. */
  readonly figures: Float64Array<ArrayBuffer>;
  /** The task's array, which its sender may use again. */
  readonly used: WeightArray | undefined;
}

export type Task = RangesTask | SweepTask | QuantizeTask | DequantizeTask | MeasureTask | EncodeTask;

export type Done<T extends Task> = T extends RangesTask
  ? RangesDone
  : T extends SweepTask
    ? SweepDone
    : T extends QuantizeTask
      ? QuantizeDone
      : T extends DequantizeTask
        ? DequantizeDone
        : T extends EncodeTask
          ? EncodeDone
          : MeasureDone;

export type AnyDone = RangesDone | SweepDone | QuantizeDone | DequantizeDone | MeasureDone | EncodeDone;

/** The buffers of a task that its sender gives away: those that are not shared. */
export function buffersOfTask(task: Task): ArrayBuffer[] {
  const arrayOf = (rows: Rows<WeightArray | AnyCodes> | FileRows | undefined) =>
    rows && "array" in rows ? rows.array : undefined;
  if (task.kind === "measure") {
    const { weights, values } = task;
    return unsharedBuffers([arrayOf(weights.floats), arrayOf("floats" in values ? values.floats : values.quantized)]);
  }
  const { weights, quantized, dequantized } = task as Partial<QuantizeTask>;
  return unsharedBuffers([arrayOf(weights), arrayOf(quantized), arrayOf(dequantized)]);
}

/** The buffers of an answer. */
export function buffersOfDone(done: AnyDone): ArrayBuffer[] {
  const { used, usedValues, ranges, sums, quantized, dequantized, scales, zeroPoints, figures, perChannel, bytes } =
    done as Partial<RangesDone & SweepDone & QuantizeDone & MeasureDone & EncodeDone>;
  return unsharedBuffers([
    ...[used, usedValues, ranges, sums, quantized, dequantized, scales, zeroPoints, figures, bytes],
    ...Object.values(perChannel ?? {}),
  ]);
}

function unsharedBuffers(arrays: readonly (ArrayBufferView | undefined)[]): ArrayBuffer[] {
  return arrays.map((array) => array?.buffer).filter((buffer): buffer is ArrayBuffer => !!buffer && !isShared(buffer));
}

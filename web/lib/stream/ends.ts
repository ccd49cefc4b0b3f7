import type { CodeArray, FloatArray, WeightArray } from "../core/arguments.js";
import type { Dtype } from "../core/dtype.js";
import type { Packing } from "../core/memory/packing.js";
import type { AnyCodes } from "../core/memory/staging.js";
import type { ChannelErrors } from "../core/types.js";
import type { FilePlace } from "../io/bytes.js";

// The sources and sinks of a stream.

/** Weights that are read when they are needed. */
export interface WeightSource {
  readonly dtype: Dtype;
  readonly length: number;
  /**
   * Reads `count` weights from index `start` on, in row-major order, into a buffer of their own, which is then
   * transferred. A Uint16Array for float16 and bfloat16.
   */
  read(start: number, count: number): Promise<WeightArray>;
  /** Takes back an array that is no longer used, for another read. */
  reuse?(array: WeightArray): void;
  /** All weights, if they lie in a SharedArrayBuffer; they are then used in place. */
  readonly shared?: WeightArray | undefined;
  /**
   * The place of the first weight in a file, row-major, in this machine's order of bytes: workers may read weights
   * there.
   */
  readonly file?: FilePlace | undefined;
}

/**
 * Takes results as they are made, one awaited call after the other. Places ascend, unless the rows of a tensor are too
 * long for a chunk: results then come in strips of channels.
 */
export interface ResultSink {
  quantized(start: number, codes: CodeArray): Promise<void> | void;
  scales(start: number, scales: FloatArray): Promise<void> | void;
  /** Takes the zero points of a scheme that has them. Places are those of the scales. */
  zeroPoints?(start: number, zeroPoints: CodeArray): Promise<void> | void;
  /** Takes dequantized weights, which are made only if this method exists. */
  dequantized?(start: number, values: FloatArray): Promise<void> | void;
  /** Takes the figures of `errors: "channel"`. Places are those of the scales. */
  perChannel?(start: number, errors: ChannelErrors): Promise<void> | void;
  /** Arrays of all results in a SharedArrayBuffer, which are filled in place instead. */
  readonly shared?: {
    readonly quantized?: AnyCodes | undefined;
    /** The packing of codes there. */
    readonly packing?: Packing | undefined;
    readonly dequantized?: FloatArray | undefined;
  };
  /** The place of the first code in a file. Workers may write codes there, which then do not go to `quantized`. */
  readonly file?: CodesPlace | undefined;
}

export interface CodesPlace extends FilePlace {
  /** The packing of codes. All codes that are made at a time must fill whole bytes. */
  readonly packing?: Packing | undefined;
}

/** Codes that are read when they are needed. */
export interface CodeSource {
  /** Whether they are int16. */
  readonly wide: boolean;
  read(start: number, count: number): Promise<CodeArray>;
  /** Takes back an array that is no longer used, for another read. */
  reuse?(array: CodeArray): void;
  /** All codes, if they lie in a SharedArrayBuffer, and their packing. */
  readonly shared?: AnyCodes | undefined;
  readonly packing?: Packing | undefined;
  /** The place of the first code in a file, if codes lie there in this form: workers may read them. */
  readonly file?: FilePlace | undefined;
}

/** Takes dequantized weights as ResultSink takes results. */
export interface DequantizedSink {
  dequantized(start: number, values: FloatArray): Promise<void> | void;
  /** An array for all of them in a SharedArrayBuffer, which is filled in place instead. */
  readonly shared?: FloatArray | undefined;
  /** The place of the first one in a file: workers may write them there, and they then do not go to `dequantized`. */
  readonly file?: FilePlace | undefined;
}

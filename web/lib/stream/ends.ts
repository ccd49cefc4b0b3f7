import type { CodeArray, FloatArray, WeightArray } from "../core/arguments.js";
import type { Dtype } from "../core/dtype.js";
import type { AnyCodes } from "../core/engine.js";
import type { Packing } from "../core/packing.js";
import type { ChannelErrors } from "../core/types.js";
import type { FilePlace } from "../io/bytes.js";

// What a stream reads from and writes to.

/** Weights that are read when they are wanted. */
export interface WeightSource {
  readonly dtype: Dtype;
  readonly length: number;
  /**
   * `count` weights from `start` on, in row-major order, over a buffer of their own, which is then handed over. A
   * Uint16Array for float16 and bfloat16.
   */
  read(start: number, count: number): Promise<WeightArray>;
  /** Gives back an array that was read, when it is done with, for another read. */
  reuse?(array: WeightArray): void;
  /** All weights, where they lie in a SharedArrayBuffer; they are then used in place. */
  readonly shared?: WeightArray | undefined;
  /** The place of the first weight in a file, row-major, in this machine's order of bytes: workers may read weights there. */
  readonly file?: FilePlace | undefined;
}

/**
 * Takes results when they are made: one call after the other, each awaited. Places ascend, except where the rows of a
 * tensor are too long for a chunk: then its results come in strips of channels.
 */
export interface ResultSink {
  quantized(start: number, codes: CodeArray): Promise<void> | void;
  scales(start: number, scales: FloatArray): Promise<void> | void;
  /** Takes the dequantized weights, which are made only if this is there. */
  dequantized?(start: number, values: FloatArray): Promise<void> | void;
  /** Takes the figures that `errors: "channel"` asks for. Places are those of the scales. */
  perChannel?(start: number, errors: ChannelErrors): Promise<void> | void;
  /** Arrays of all results in a SharedArrayBuffer, which are filled in place instead. */
  readonly shared?: {
    readonly quantized?: AnyCodes | undefined;
    /** How codes are packed there. */
    readonly packing?: Packing | undefined;
    readonly dequantized?: FloatArray | undefined;
  };
  /** The place of the first code in a file: workers may write codes there, which then do not go to `quantized`. */
  readonly file?: CodesPlace | undefined;
}

export interface CodesPlace extends FilePlace {
  /** How codes are packed. All codes that are made at a time must fill whole bytes. */
  readonly packing?: Packing | undefined;
}

/** Codes that are read when they are wanted. */
export interface CodeSource {
  /** Whether they are int16. */
  readonly wide: boolean;
  read(start: number, count: number): Promise<CodeArray>;
  /** Gives back an array that was read, when it is done with, for another read. */
  reuse?(array: CodeArray): void;
  /** All codes, where they lie in a SharedArrayBuffer, and how they are packed there. */
  readonly shared?: AnyCodes | undefined;
  readonly packing?: Packing | undefined;
  /** The place of the first code in a file, where they lie as they are: workers may read codes there. */
  readonly file?: FilePlace | undefined;
}

/** Takes dequantized weights in the way in which ResultSink takes results. */
export interface DequantizedSink {
  dequantized(start: number, values: FloatArray): Promise<void> | void;
  /** An array for all of them in a SharedArrayBuffer, which is filled in place instead. */
  readonly shared?: FloatArray | undefined;
  /** The place of the first one in a file: workers may write them there, and they do not go to `dequantized` then. */
  readonly file?: FilePlace | undefined;
}

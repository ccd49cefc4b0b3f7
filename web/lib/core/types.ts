import type { ScaleRule } from "./scale-rules.js";
import type { CompiledModule } from "./wasm/compiled-module.js";

export type { ScaleRule } from "./scale-rules.js";

/** Float16Array, where the program's libraries declare it. */
type HalfArray = typeof globalThis extends { Float16Array: { prototype: infer A } } ? A : never;

/**
 * Float weights: one array in row-major order, or a matrix as an array of rows. `number[][]` is computed in float64,
 * half precision in float32. A Uint16Array holds the bits of `dtype`.
 */
export type Weights =
  | Float32Array
  | Float64Array
  | Uint16Array
  | HalfArray
  | readonly (readonly number[])[]
  | readonly Float32Array[]
  | readonly Float64Array[];

/** The number of bits of a code. Codes of up to 8 bits are in an Int8Array, larger ones in an Int16Array. */
export type Bits = 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16;

/**
 * The weights that share a scale: all weights of a channel, the whole tensor, or `group` neighbours along the dimension
 * `along` (which `group` divides; negative counts from the end).
 */
export type Granularity =
  | "channel"
  | "tensor"
  | {
      /** The number of neighbours that share a scale, 1 or more. */
      readonly group: number;
      /** The dimension along which they lie. */
      readonly along: number;
    };

/** A granularity as an option: groups lie along the last dimension by default. */
export type GranularityOption =
  | Granularity
  | {
      /** The number of neighbours that share a scale, which divides that dimension. */
      readonly group: number;
      /** The dimension along which groups lie, negative from the end; the last by default. */
      readonly along?: number;
    };

/** The error figures of every channel (or group), in the order of the scales. */
export interface ChannelErrors<A extends ArrayBufferLike = ArrayBufferLike> {
  /** The means of the squared errors, in squared units of the weights. */
  mse: Float64Array<A>;
  /** The largest |weight - dequantized|, in units of the weights. */
  maxError: Float64Array<A>;
  /** 10 log10(sum of squared weights / sum of squared errors) in dB; Infinity where every error is 0. */
  sqnr: Float64Array<A>;
}

/**
 * The caller's arrays, exact in type and length, filled instead of new ones. None may overlap another or the weights.
 */
export interface QuantizeInto {
  /**
   * The array for codes: as many as weights, in an Int8Array up to 8 bits and an Int16Array above; for packed codes, a
   * Uint8Array of their bytes.
   */
  readonly quantized?: Int8Array | Int16Array | Uint8Array;
  /**
   * The array for scales, whose number is the product of `scaleShape`: a Float64Array for float64 weights, otherwise a
   * Float32Array.
   */
  readonly scales?: Float32Array | Float64Array;
  /** The array for zero points: as many as scales, in the type of unpacked codes. Needs `zeroPoints: true`. */
  readonly zeroPoints?: Int8Array | Int16Array;
  /** The array for dequantized values: as many as weights, in the type of the scales. Needs `dequantize: true`. */
  readonly dequantized?: Float32Array | Float64Array;
  /** The arrays for figures, each of as many as there are scales. Needs `errors: "channel"`. */
  readonly perChannel?: Readonly<ChannelErrors>;
}

/** Options of `quantize`. Other names are refused. */
export interface QuantizeOptions {
  /** The dimensions of the weights, row-major. Required for a typed array unless the granularity is "tensor". */
  readonly shape?: readonly number[];
  /** The type of the bits in a Uint16Array; required for a Uint16Array, and only for that. */
  readonly dtype?: "float16" | "bfloat16";
  /** The channel axis, negative from the end; 0 by default. It has no meaning per tensor or with groups. */
  readonly axis?: number;
  /** The number of bits of a code, 2 to 16; 8 by default. */
  readonly bits?: Bits | (number & {});
  /** The rule by which the range of some weights becomes their scale; "max" by default. */
  readonly scales?: ScaleRule;
  /**
   * Whether each scale has a zero point, the code that stands for 0: `scale = (max(w, 0) - min(w, 0)) / (2^bits - 1)`.
   * It is worth its place where weights lie more to one side of zero, as those of small groups do. "signed-max" cannot
   * have them. False by default.
   */
  readonly zeroPoints?: boolean;
  /** The weights that share a scale; "channel" by default. */
  readonly granularity?: GranularityOption;
  /**
   * The error figures to compute: of all weights ("total", the default), of every channel as well ("channel"), or none.
   */
  readonly errors?: "total" | "channel" | false;
  /** Whether to return dequantized values too: code * scale, or (code - zero point) * scale. */
  readonly dequantize?: boolean;
  /**
   * Whether to pack codes of 2 to 8 bits into a Uint8Array of ceil(count * bits / 8) bytes: each code in two's
   * complement, the first in the lowest bits of the first byte, so that a byte holds two codes of 4 bits. A row begins
   * at the bit where the row before it ends. The bits after the last code are 0.
   */
  readonly packed?: boolean;
  /** The arrays to fill instead of new ones. */
  readonly into?: QuantizeInto;
}

/** The input of `dequantize`: a result of `quantize`, or the parts of one that were stored. */
export interface QuantizedWeights {
  /** The codes, row-major; in a Uint8Array they are packed, as `quantize` packs them. */
  readonly quantized: Int8Array | Int16Array | Uint8Array;
  /** A scale for each channel or group, or one for the tensor, in the order of the tensor. */
  readonly scales: Float32Array | Float64Array;
  /** A zero point for each scale: an Int16Array for codes in an Int16Array, otherwise an Int8Array; if undefined, all are 0. */
  readonly zeroPoints?: Int8Array | Int16Array | undefined;
  /** The dimensions of the weights, row-major. */
  readonly shape: readonly number[];
  /** The channel axis; 0 by default, as in `quantize`. */
  readonly axis?: number | undefined;
  /** The weights that share a scale; "channel" by default, as in `quantize`. */
  readonly granularity?: GranularityOption | undefined;
  /** The bits of a packed code, 2 to 8; required for a Uint8Array, and without meaning otherwise. */
  readonly bits?: Bits | (number & {}) | undefined;
}

/** Options of `dequantize`. Other names are refused. */
export interface DequantizeOptions {
  /** The array to fill instead of a new one. */
  readonly into?: {
    /**
     * The array for as many floats as there are codes, in the type of the scales. It may not overlap them or the codes.
     */
    readonly dequantized?: Float32Array | Float64Array;
  };
}

/** The figures that `errors` asks for. */
export interface TotalErrors {
  /** The mean of the squared errors, in squared units of the weights. */
  mse: number;
  /** The largest |weight - dequantized|, in units of the weights. */
  maxError: number;
  /** 10 log10(sum of squared weights / sum of squared errors) in dB; Infinity when every error is 0. */
  sqnr: number;
}

type Scales<W> = W extends Float32Array | Uint16Array | HalfArray | readonly Float32Array[]
  ? Float32Array<ArrayBuffer>
  : Float64Array<ArrayBuffer>;

type Codes<B, P> = [P] extends [true]
  ? Uint8Array<ArrayBuffer>
  : [P] extends [false]
    ? UnpackedCodes<B>
    : Uint8Array<ArrayBuffer> | UnpackedCodes<B>;

type UnpackedCodes<B> = [B] extends [2 | 3 | 4 | 5 | 6 | 7 | 8]
  ? Int8Array<ArrayBuffer>
  : [B] extends [9 | 10 | 11 | 12 | 13 | 14 | 15 | 16]
    ? Int16Array<ArrayBuffer>
    : Int8Array<ArrayBuffer> | Int16Array<ArrayBuffer>;

/** The type of option K in O; Default where it is not given (and also possible where it is optional in O). */
type Option<O, K extends PropertyKey, Default> = O extends { readonly [P in K]: infer V }
  ? V extends undefined
    ? Default
    : V
  : O extends { readonly [P in K]?: infer V }
    ? unknown extends V
      ? Default
      : Exclude<V, undefined> | Default
    : Default;

/** The array that `into` has under K, otherwise a new one of type Fresh. */
type Filled<O, K extends PropertyKey, Fresh> = Option<Option<O, "into", unknown>, K, Fresh>;

type ErrorFields<O> =
  Option<O, "errors", "total"> extends infer E
    ? [E] extends [false]
      ? unknown
      : [E] extends ["total"]
        ? TotalErrors
        : [E] extends ["channel"]
          ? TotalErrors & { perChannel: Filled<O, "perChannel", ChannelErrors<ArrayBuffer>> }
          : [E] extends ["total" | "channel"]
            ? TotalErrors & { perChannel?: Filled<O, "perChannel", ChannelErrors<ArrayBuffer>> }
            : Partial<TotalErrors & { perChannel: ChannelErrors }>
    : never;

type ZeroPointsField<O> =
  Option<O, "zeroPoints", false> extends infer Z
    ? [Z] extends [true]
      ? { zeroPoints: Filled<O, "zeroPoints", UnpackedCodes<Option<O, "bits", 8>>> }
      : [Z] extends [false]
        ? unknown
        : { zeroPoints?: Filled<O, "zeroPoints", UnpackedCodes<Option<O, "bits", 8>>> }
    : never;

type DequantizedField<W, O> =
  Option<O, "dequantize", false> extends infer D
    ? [D] extends [true]
      ? { dequantized: Filled<O, "dequantized", Scales<W>> }
      : [D] extends [false]
        ? unknown
        : { dequantized?: Filled<O, "dequantized", Scales<W>> }
    : never;

/** The result of `quantize` for weights of type W and options of type O. */
export type QuantizeResult<W extends Weights = Weights, O = QuantizeOptions> = {
  /**
   * The codes in the order of the weights: Int8Array up to 8 bits, Int16Array above; Uint8Array with `packed: true`.
   */
  quantized: Filled<O, "quantized", Codes<Option<O, "bits", 8>, Option<O, "packed", false>>>;
  /** One scale per channel (or group, or one for the tensor), in the order of the tensor. */
  scales: Filled<O, "scales", Scales<W>>;
  /**
   * The shape of the scales: [C] per channel, [] per tensor; with groups the shape with the grouped dimension divided
   * by the group size.
   */
  scaleShape: number[];
  /** The dimensions of the weights, row-major. */
  shape: number[];
  /** The channel axis, counted from 0; undefined per tensor and with groups. */
  axis: number | undefined;
  /** The number of bits of a code. */
  bits: Bits;
  /** The rule for scales. */
  rule: ScaleRule;
  /** The granularity of the options, with `along` counted from 0. */
  granularity: Granularity;
} & ZeroPointsField<O> &
  ErrorFields<O> &
  DequantizedField<W, O>;

/** The result of `dequantize` for a result of type Q and options of type O. */
export type DequantizeResult<Q extends QuantizedWeights = QuantizedWeights, O = DequantizeOptions> = Filled<
  O,
  "dequantized",
  Q["scales"] extends Float32Array
    ? Float32Array<ArrayBuffer>
    : Q["scales"] extends Float64Array
      ? Float64Array<ArrayBuffer>
      : Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>
>;

/** Refuses names in O that are not in Known, so that a misspelt option is not ignored. */
export type Exactly<O, Known> = Known & { readonly [K in Exclude<keyof O, keyof Known>]: never };

/** A loaded quantizer. Everything runs on the calling thread and returns when it is done. */
export interface Channelwise {
  /**
   * Quantizes weights symmetrically with one scale per channel, tensor or group: `scale = max|w| / (2^(bits-1) - 1)`,
   * `code = clamp(round half to even(w / scale))`, `dequantized = code * scale`, with each operation rounded to float32
   * for a Float32Array and to float64 otherwise. With `zeroPoints: true` it quantizes between the least and the largest
   * weight, and returns a zero point for each scale.
   *
   * @throws {TypeError | RangeError} for wrong arguments, before anything is written.
   * @throws {NonFiniteError} for NaN or an infinity in the weights; `into` arrays may then be partly written.
   */
  quantize<W extends Weights, const O extends Exactly<O, QuantizeOptions> = object>(
    weights: W,
    options?: O,
  ): QuantizeResult<W, O>;

  /**
   * Computes `code * scale` for every code, in the type of the scales; with zero points, `(code - zero point) * scale`.
   *
   * @throws {TypeError | RangeError} for wrong arguments, before anything is written.
   */
  dequantize<Q extends QuantizedWeights, const O extends Exactly<O, DequantizeOptions> = object>(
    quantized: Q,
    options?: O,
  ): DequantizeResult<Q, O>;
}

/** The source of the WebAssembly: its bytes, a compiled module, a response to a fetch, or an address to fetch. */
export type WasmSource =
  | ArrayBuffer
  | ArrayBufferView
  | CompiledModule
  | Response
  | PromiseLike<Response>
  | URL
  | string;

/** Options of `load`. */
export interface LoadOptions {
  /** The binary of which to make a new instance, instead of the shared one from the binary inside the package. */
  readonly wasm?: WasmSource;
}

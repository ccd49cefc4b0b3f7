// The module that Emscripten makes of cpp/bindings.cpp, with what is registered there. Written by hand: 3.1.6 cannot.

/** A Scheme of cpp/core/scheme.h. */
export type SchemeNumbers = [bits: number, scaleType: number, rule: number, zeroPoints: boolean];

export interface Bindings {
  /** To be called before there are views: outputs then begin so many bytes (0, 16, 32, 48) after a multiple of 64. */
  shiftOutputs(bytes: number): void;
  /** Views over the staging buffers, which also hold float64, int16 and halves. The memory is fixed: they stay valid. */
  weights(): Float32Array<ArrayBuffer>;
  quantized(): Int8Array<ArrayBuffer>;
  dequantized(): Float32Array<ArrayBuffer>;
  /** The range, the scale and the zero point of each of a panel's channels; float32 where the weights are. */
  ranges(): Float64Array<ArrayBuffer>;
  scales(): Float64Array<ArrayBuffer>;
  zeroPoints(): Float64Array<ArrayBuffer>;
  /** Error figures of the last block and of the panel, by channel or as one, and of all panels. */
  blockFigures(): Float64Array<ArrayBuffer>;
  channelFigures(): Float64Array<ArrayBuffer>;
  totalFigures(): Float64Array<ArrayBuffer>;
  /** How error figures lie (see figures.ts). */
  figurePlaces(): Float64Array<ArrayBuffer>;
  /** What the calls that follow are about: the weights, what is made, and the scheme. */
  prepare(dtype: number, figuresOf: number, dequantize: boolean, ...scheme: SchemeNumbers): void;
  /** How many numbers the range of a channel has under the scheme, all >= 0 unless they are NaN. */
  rangeLength(): number;
  /** Raises the ranges of the panel's channels to what the block has: each number to the larger one. */
  findRanges(outer: number, channels: number, inner: number): void;
  /** Makes scales, and zero points, of the ranges. False if a channel holds NaN or infinity. */
  makeScales(channels: number): boolean;
  /** What a search knows of each of a panel's channels after makeScales: searchLength numbers. */
  searches(): Float64Array<ArrayBuffer>;
  /** How many sweeps over all blocks of a panel the scales need under the scheme, between makeScales and quantize. */
  sweeps(): number;
  /** Adds what a sweep finds in a block to sums in `dequantized`: sweepSums float64 for each channel. They are exact, and may be added in any order. */
  sweep(sweep: number, outer: number, channels: number, inner: number): void;
  /** Makes of the sums of a sweep what the next one begins with, and at last the scales. */
  judge(sweep: number, channels: number): void;
  /** Whether no code needs clamping with the scales that were made last. */
  scalesCover(): boolean;
  quantize(outer: number, channels: number, inner: number, cover: boolean): void;
  /** All that a panel of one block needs. False if a channel holds NaN or infinity. */
  quantizePanel(outer: number, channels: number, inner: number): boolean;
  /** Adds a block's figures to the panel's; quantize() does. */
  addFigures(count: number): void;
  /** Adds the panel's figures, of which there are `measured`, to the total. */
  close(measured: number): void;
  dequantize(
    float64: boolean,
    wide: boolean,
    zeroPoints: boolean,
    outer: number,
    channels: number,
    inner: number,
  ): void;
  /**
   * Packs `count` of the staged int8 codes, from the one at `at` on, into fields of `bits` bits: the first begins `skip`
   * bits into the first byte. Bytes pass where weights do, and begin as outputs do.
   */
  pack(at: number, count: number, bits: number, offset: boolean, skip: number): void;
  /** Unpacks `count` codes to the place `at` among the staged ones. */
  unpack(at: number, count: number, bits: number, offset: boolean, skip: number): void;
  /** Makes floats of `count` halves, which lie where codes do: weights, or else values in `dequantized`. */
  widen(dtype: number, count: number, weights: boolean): void;
  /** Puts the figures of the values in `dequantized` against the weights into blockFigures, as one. */
  measure(float64: boolean, count: number): void;
}

export interface ModuleArguments {
  // It is not among the types of WebAssembly, which programs for Node alone do not declare.
  instantiateWasm(imports: object, done: (instance: object, module?: object) => void): object;
}

export default function createModule(moduleArguments: ModuleArguments): Promise<Bindings>;

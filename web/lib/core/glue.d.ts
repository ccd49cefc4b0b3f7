// The module that Emscripten makes of cpp/bindings.cpp, with what is registered there. Written by hand: 3.1.6 cannot.

/**
 * Types of weights are numbers: see dtypeNumber in weights.ts. `figuresOf`: 0 makes no error figures, 1 those of all
 * weights, 2 those of every channel (FiguresOf of kernels.h).
 */
export interface Bindings {
  /** To be called before there are views: outputs then begin so many bytes (0, 16, 32, 48) after a multiple of 64. */
  shiftOutputs(bytes: number): void;
  /** Views over the staging buffers, which also hold float64, int16 and halves. The memory is fixed: they stay valid. */
  weights(): Float32Array<ArrayBuffer>;
  quantized(): Int8Array<ArrayBuffer>;
  dequantized(): Float32Array<ArrayBuffer>;
  /** Ranges, scales and error figures: the state of Memory in bindings.cpp. */
  state(): Float64Array<ArrayBuffer>;
  /** Raises the largest |weight| of the panel's channels to what the block has. */
  ranges(dtype: number, outer: number, channels: number, inner: number): void;
  /** False if a channel holds NaN or infinity. */
  scales(float64: boolean, channels: number, bits: number): boolean;
  quantize(
    dtype: number,
    outer: number,
    channels: number,
    inner: number,
    bits: number,
    dequantize: boolean,
    figuresOf: number,
  ): void;
  /** All that a panel of one block needs. False if a channel holds NaN or infinity. */
  quantizePanel(
    dtype: number,
    outer: number,
    channels: number,
    inner: number,
    bits: number,
    dequantize: boolean,
    figuresOf: number,
  ): boolean;
  /** Adds a block's figures to the panel's; quantize() does. */
  addFigures(count: number): void;
  /** Adds the panel's figures, of which there are `measured`, to the total. */
  close(measured: number): void;
  dequantize(float64: boolean, wide: boolean, outer: number, channels: number, inner: number): void;
}

export interface ModuleArguments {
  // Not in the types of WebAssembly, which programs for Node alone do not declare.
  instantiateWasm(imports: object, done: (instance: object, module?: object) => void): object;
}

export default function createModule(moduleArguments: ModuleArguments): Promise<Bindings>;

// The module that Emscripten makes of cpp/bindings.cpp, with what is registered there. Written by hand: 3.1.6 cannot.

/** Number of channels and such are exact in a double up to 2^32; the kernels take them as uint32. */
export interface Bindings {
  /** Views over the fixed staging buffers. The wasm memory never grows, so they stay valid. */
  weightsFloat32(): Float32Array<ArrayBuffer>;
  weightsFloat64(): Float64Array<ArrayBuffer>;
  quantizedInt8(): Int8Array<ArrayBuffer>;
  quantizedInt16(): Int16Array<ArrayBuffer>;
  dequantizedFloat32(): Float32Array<ArrayBuffer>;
  dequantizedFloat64(): Float64Array<ArrayBuffer>;
  /** Largest |weight| and scale of the channels of a panel. */
  largestFloat32(): Float32Array<ArrayBuffer>;
  largestFloat64(): Float64Array<ArrayBuffer>;
  scalesFloat32(): Float32Array<ArrayBuffer>;
  scalesFloat64(): Float64Array<ArrayBuffer>;
  /** Error figures of a block and of a panel, five numbers for each channel or for all of them: see figures.ts. */
  blockFigures(): Float64Array<ArrayBuffer>;
  channelFigures(): Float64Array<ArrayBuffer>;
  /** The same five over all panels closed since reset(). */
  totalFigures(): Float64Array<ArrayBuffer>;

  reset(): void;
  /** Begins a panel, of which `measured` error figures will be kept: one for each channel, or one. */
  open(channels: number, measured: number): void;
  /** Makes float32 weights of halves that are where the codes will be. */
  widen(count: number, bfloat16: boolean): void;
  ranges(float64: boolean, outer: number, channels: number, inner: number): void;
  /** False if a channel holds NaN or infinity. */
  scales(float64: boolean, channels: number, bits: number): boolean;
  /** `figuresOf`: 0 makes no error figures, 1 those of all weights, 2 those of every channel (FiguresOf of kernels.h). */
  quantize(
    float64: boolean,
    outer: number,
    channels: number,
    inner: number,
    bits: number,
    dequantize: boolean,
    figuresOf: number,
  ): void;
  /** Adds a block's figures to the panel's; quantize() does. */
  addFigures(count: number): void;
  /** Adds the panel's figures to the total. */
  close(measured: number): void;
  dequantize(float64: boolean, wide: boolean, outer: number, channels: number, inner: number): void;
}

export interface ModuleArguments {
  instantiateWasm(
    imports: WebAssembly.Imports,
    done: (instance: WebAssembly.Instance, module?: WebAssembly.Module) => void,
  ): object;
}

export default function createModule(moduleArguments: ModuleArguments): Promise<Bindings>;

import type { CodeArray, FloatArray } from "../arguments.js";
import { nodeModule } from "../node-module.js";
import type { Bindings } from "../wasm/glue.js";
import { cutExtents, type Part } from "./cut.js";
import type { Extents } from "./extents.js";
import { placesOf } from "./figures.js";

/**
 * Bytes from a multiple of 64 to where large arrays of Node begin on Linux: malloc puts its header before them. x86
 * copies a block almost twice as fast where both sides lie alike to 32 bytes (`rep movsb`: 64 MB out in 3.7 instead of
 * 6.9 ms). Pages have their arrays at multiples of 64.
 */
const nodeShift = 16;

/** A buffer in the wasm memory, which never moves. */
export class Buffer<A extends FloatArray | CodeArray> {
  readonly all: A;
  #start: A;

  constructor(all: A) {
    this.all = all;
    this.#start = all;
  }

  /** Its first elements. The view is kept for the next time: blocks and panels are mostly alike. */
  start(count: number): A {
    if (this.#start.length !== count) this.#start = this.all.subarray(0, count) as A;
    return this.#start;
  }
}

type ArrayType<A> = new (buffer: ArrayBuffer, at: number, length: number) => A;

/** The bytes of a view as elements of another type and size. */
function as<A>(type: ArrayType<A>, size: number, { buffer, byteOffset, byteLength }: ArrayBufferView<ArrayBuffer>): A {
  return new type(buffer, byteOffset, byteLength / size);
}

/** One instance of the module: its kernels, and the buffers through which everything passes. */
export function createEngine(bindings: Bindings) {
  const shift = nodeModule("node:os")?.platform() === "linux" ? nodeShift : 0;
  bindings.shiftOutputs(shift);
  const weights = bindings.weights();
  const quantized = bindings.quantized();
  const dequantized = bindings.dequantized();
  const ranges = bindings.ranges();
  const scales = bindings.scales();
  const zeroPoints = bindings.zeroPoints();
  const channelFigures = bindings.channelFigures();
  const places = placesOf(bindings);
  const floats = <A extends FloatArray>(type: ArrayType<A>, size: number) => ({
    weights: as(type, size, weights),
    dequantized: new Buffer(as(type, size, dequantized)),
    ranges: as(type, size, ranges),
    scales: new Buffer(as(type, size, scales)),
    zeroPoints: new Buffer(as(type, size, zeroPoints)),
  });
  return {
    bindings,
    float32: floats(Float32Array, 4),
    float64: floats(Float64Array, 8),
    int8: new Buffer(quantized),
    int16: new Buffer(as(Int16Array, 2, quantized)),
    halves: as(Uint16Array, 2, quantized),
    packed: new Uint8Array(weights.buffer, weights.byteOffset + shift, quantized.byteLength),
    searches: bindings.searches(),
    blockFigures: bindings.blockFigures(),
    channelFigures,
    totalFigures: bindings.totalFigures(),
    places,
    /** The most channels that a panel can have. */
    panelLimit: channelFigures.length / places.figuresLength,
  };
}

export type Engine = ReturnType<typeof createEngine>;

/** The engine behind what `load` gave, for those who stream through it. */
export const engines = new WeakMap<object, Engine>();

/** Cuts a tensor to what the engine's buffers hold. */
export function cutFor(engine: Engine, extents: Extents, float64: boolean): Part {
  return cutExtents(extents, floatsOf(engine, float64).weights.length, engine.panelLimit);
}

/** The buffers for weights of a type. */
export function floatsOf(engine: Engine, float64: boolean): Engine["float32"] | Engine["float64"] {
  return float64 ? engine.float64 : engine.float32;
}

/** The buffer for codes. */
export function codesOf(engine: Engine, wide: boolean): Buffer<Int8Array> | Buffer<Int16Array> {
  return wide ? engine.int16 : engine.int8;
}

/** What cpp/embeddings/bindings.cpp exports. Addresses and sizes are in bytes where nothing else is said. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  /** From here on the memory is the caller's. */
  readonly __heap_base: WebAssembly.Global;
  // Staging buffers: 65,536 floats, as many bytes of codes, 4,096 scales and sums of squares, and 16,384 dimensions.
  vectors(): number;
  codes(): number;
  scales(): number;
  starts(): number;
  steps(): number;
  squares(): number;
  largest(size: number): number;
  encode(
    count: number,
    size: number,
    scaling: number,
    least: number,
    most: number,
    offset: number,
    floor: boolean,
    to: number,
    stride: number,
  ): void;
  packNibbles(size: number, to: number): void;
  packSigns(count: number, size: number, to: number, stride: number): void;
  startQuery(query: number, factor: number, bias: number, hits: number, room: number): void;
  finishQuery(query: number): number;
  /** Addresses of 0 stand for none. */
  search(
    kind: number,
    queryCount: number,
    queries: number,
    queryBytes: number,
    rows: number,
    stride: number,
    count: number,
    first: number,
    dimensions: number,
    factors: number,
    offsets: number,
    allowed: number,
  ): void;
}

/** These are what cpp/embeddings/bindings.cpp has. */
export const STAGED = 1 << 16;
export const MOST_DIMENSIONS = 1 << 14;
export const MOST_QUERIES = 64;
export const ROW_BYTES = 16;
export const HIT_BYTES = 16;
export const ownScales: readonly unknown[] = [undefined, "row", "group"];
export const kinds: readonly unknown[] = ["int8", "int4", "group", "binary"];

/** An instance with a memory of its own. Throws where the module is another. */
export function newKernels(module: WebAssembly.Module): Kernels {
  const { exports } = new WebAssembly.Instance(module);
  if (!("packNibbles" in exports)) {
    throw new Error("wasm is not that of this channelwise/embeddings");
  }
  return exports as unknown as Kernels;
}

import type { Kernels } from "./kernels.js";

const PAGE_BYTES = 1 << 16;
/** Arrays begin at multiples of a cache line. */
const LINE_BYTES = 64;

/** The memory of an instance after that of the kernels. It only grows, and is freed as a whole. */
export class Memory {
  readonly #memory: WebAssembly.Memory;
  #end: number;
  /** Memory that each call may use until it ends. */
  #scratch = { at: 0, bytes: 0 };

  constructor({ memory, __heap_base }: Kernels) {
    this.#memory = memory;
    this.#end = __heap_base.value as number;
  }

  /** Returns the address of `bytes` bytes, all 0. */
  allocate(bytes: number): number {
    const at = Math.ceil(this.#end / LINE_BYTES) * LINE_BYTES;
    const end = at + bytes;
    const missing = end - this.#memory.buffer.byteLength;
    if (missing > 0) {
      try {
        this.#memory.grow(Math.ceil(missing / PAGE_BYTES));
      } catch (cause) {
        throw new RangeError(`the index needs ${end} bytes, more than are available: use fewer bits`, {
          cause,
        });
      }
    }
    this.#end = end;
    return at;
  }

  /** Returns the address of `bytes` bytes that the caller may use until its next request. */
  scratch(bytes: number): number {
    if (bytes > this.#scratch.bytes) {
      const twice = Math.max(bytes, 2 * this.#scratch.bytes);
      this.#scratch = { at: this.allocate(twice), bytes: twice };
    }
    return this.#scratch.at;
  }

  // These views are valid until the memory grows.

  bytes(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer as ArrayBuffer, at, length);
  }

  floats(at: number, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#memory.buffer as ArrayBuffer, at, length);
  }

  doubles(at: number, length: number): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#memory.buffer as ArrayBuffer, at, length);
  }
}

import type { QuantizedTensor } from "../tensor/quantized-tensor.js";
import type { ModelTensor } from "../tensor/tensor.js";
import type { ByteSink, ByteSource, FilePlace } from "./bytes.js";

// Files of Node lend their bytes, so that workers can read and write them. The lender is not a property of a source or
// sink: a copy with another `read` or `write` would have it too.

/** Works with the place of the first byte. The file stays open until the work settles. */
export type Lend = <R>(work: (place: FilePlace) => Promise<R>) => Promise<R>;

/**
 * The owner of bytes that may be lent. A quantized tensor lends its codes, if they lie in the file as `readCodes`
 * returns them.
 */
type Owner = ByteSource | ModelTensor | QuantizedTensor | ByteSink;

const lenders = new WeakMap<Owner, Lend>();

/** The lender of the bytes of a source, a tensor or a sink, if they lie in a file. */
export function lenderOf(owner: Owner): Lend | undefined {
  return lenders.get(owner);
}

/** Sets the lender of the bytes of `owner`, and returns `owner`. */
export function lentBy<O extends Owner>(owner: O, lend: Lend | undefined): O {
  if (lend) lenders.set(owner, lend);
  return owner;
}

/** Lends the bytes from `offset` further on. */
export function lendFrom(lend: Lend | undefined, offset: number): Lend | undefined {
  return lend && ((work) => lend(({ position, ...file }) => work({ ...file, position: position + offset })));
}

/** Works with a lent place, or without one where nothing can be lent. */
export function lentOrNot<R>(lend: Lend | undefined, work: (place?: FilePlace) => Promise<R>): Promise<R> {
  return lend ? lend(work) : work();
}

/** Lends an open file until it is taken back. */
export class FileLender {
  readonly #place: FilePlace;
  readonly #working = new Set<Promise<unknown>>();
  #isOver = false;

  constructor(path: string, descriptor: number) {
    this.#place = { path, descriptor, position: 0 };
  }

  readonly lend: Lend = async (work) => {
    if (this.#isOver) throw Object.assign(new Error(`${this.#place.path} is closed`), { code: "EBADF" });
    const working = work(this.#place);
    this.#working.add(working);
    try {
      return await working;
    } finally {
      this.#working.delete(working);
    }
  };

  /** Resolves when nobody uses the file: its descriptor may then belong to another file. */
  async takeBack(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.#working);
  }
}

import type { QuantizedTensor } from "../tensor/quantized-tensor.js";
import type { ModelTensor } from "../tensor/tensor.js";
import type { ByteSink, ByteSource, FilePlace } from "./bytes.js";

// Files of Node that lend their bytes, so that workers may read and write them themselves. What lends is not a property of
// sources and sinks: a copy of one would have it too, although its `read` or `write` may do something else.

/** Does work with the place of the first byte. The file stays open until that settles. */
export type Lend = <R>(work: (place: FilePlace) => Promise<R>) => Promise<R>;

/** Of a quantized tensor its codes are lent, where they lie in the file as `readCodes` gives them. */
type Owner = ByteSource | ModelTensor | QuantizedTensor | ByteSink;

const lenders = new WeakMap<Owner, Lend>();

/** What lends the bytes of a source, a tensor or a sink, where these lie in a file. */
export function lenderOf(owner: Owner): Lend | undefined {
  return lenders.get(owner);
}

/** Lets the bytes of `owner` be lent; gives it back. */
export function lentBy<O extends Owner>(owner: O, lend: Lend | undefined): O {
  if (lend) lenders.set(owner, lend);
  return owner;
}

/** Lends what begins `offset` bytes further on. */
export function lendFrom(lend: Lend | undefined, offset: number): Lend | undefined {
  return lend && ((work) => lend(({ position, ...file }) => work({ ...file, position: position + offset })));
}

/** Does work with a place, or without where there is nothing to lend. */
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

  /** Resolves when nobody works on the file any more: its number may then be that of another. */
  async takeBack(): Promise<void> {
    this.#isOver = true;
    await Promise.allSettled(this.#working);
  }
}

import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";

/** The bytes of the first read. Each later one doubles what is held. */
const FIRST_BYTES = 2 ** 16;

/** A vocabulary of 256,000 tokens with its merges takes about 12 MB. */
const MAX_HEADER_BYTES = 2 ** 28;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Reads the header of a GGUF, whose length is not known beforehand. Every length is checked against the end of the file
 * first, so that a damaged one cannot take memory.
 */
export class Cursor {
  readonly #source: ByteSource;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();
  #view = new DataView(this.#bytes.buffer);
  #position = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The offset in the file, in bytes. */
  get position(): number {
    return this.#position;
  }

  /** The number of bytes from here to the end of the file. */
  get left(): number {
    return this.#source.size - this.#position;
  }

  /** The bytes from `start` to here. */
  since(start: number): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(start, this.#position);
  }

  /** @throws {FormatError} */
  fail(reason: string, { offset = this.#position, tensor }: { offset?: number; tensor?: string } = {}): never {
    throw new FormatError({ file: this.#source.name, offset, reason, tensor });
  }

  async u32(what: string): Promise<number> {
    await this.#take(4, what);
    return this.#view.getUint32(this.#position - 4, true);
  }

  /** A count or a length. It may be larger than any file: its user checks it. */
  async u64(what: string): Promise<bigint> {
    await this.#take(8, what);
    return this.#view.getBigUint64(this.#position - 8, true);
  }

  /** A count of things that take at least `least` bytes each and must fit into the rest of the file. */
  async count(what: string, least: number): Promise<number> {
    const offset = this.#position;
    const count = await this.u64(what);
    const most = Math.floor(this.left / least);
    if (count <= most) return Number(count);
    const limit = `the ${this.left} bytes that follow hold at most ${most}`;
    return this.fail(`${what} is ${count}; ${limit}: the file is damaged or cut short`, { offset });
  }

  async text(what: string, mostBytes: number): Promise<string> {
    const offset = this.#position;
    const length = await this.count(`the length of ${what}`, 1);
    if (length > mostBytes) {
      this.fail(`the length of ${what} is ${length} bytes; at most ${mostBytes} are allowed`, { offset });
    }
    await this.#take(length, what);
    try {
      return decoder.decode(this.#bytes.subarray(this.#position - length, this.#position));
    } catch {
      return this.fail(`${what} is not UTF-8`, { offset: this.#position - length });
    }
  }

  async skip(length: number, what: string): Promise<void> {
    await this.#take(length, what);
  }

  async bytes(length: number, what: string): Promise<Uint8Array<ArrayBuffer>> {
    await this.#take(length, what);
    return this.since(this.#position - length);
  }

  /** Skips strings: only their lengths are read. */
  async skipTexts(count: number, what: string): Promise<void> {
    for (let i = 0; i < count; i++) {
      // Most strings are held already. Awaiting each one of a vocabulary takes longer than everything else.
      if (this.#position + 8 <= this.#bytes.length) {
        const length = this.#view.getUint32(this.#position, true);
        const end = this.#position + 8 + length;
        if (this.#view.getUint32(this.#position + 4, true) === 0 && end <= this.#bytes.length) {
          this.#position = end;
          continue;
        }
      }
      const length = await this.count(`the length of string ${i} of ${what}`, 1);
      await this.#take(length, what);
    }
  }

  async #take(length: number, what: string): Promise<void> {
    const end = this.#position + length;
    const { size } = this.#source;
    if (end > size) {
      this.fail(`the file ends at byte ${size}, within ${what}: it is cut short`);
    }
    if (end > MAX_HEADER_BYTES) {
      this.fail(`the header takes more than ${MAX_HEADER_BYTES} bytes, the most that is read`);
    }
    if (end > this.#bytes.length) await this.#grow(end);
    this.#position = end;
  }

  async #grow(end: number): Promise<void> {
    const there = this.#bytes.length;
    const wanted = Math.min(this.#source.size, Math.max(end, FIRST_BYTES, 2 * there));
    const bytes = new Uint8Array(wanted);
    bytes.set(this.#bytes);
    bytes.set(await this.#source.read(there, wanted - there), there);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

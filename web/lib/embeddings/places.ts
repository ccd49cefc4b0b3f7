import { checkInteger, kindOf, shown } from "../core/arguments.js";

/** The places of an index that hold a vector. Freed places are reused before new ones. */
export class Places {
  /** A bit for each place, from the lowest bit on. */
  #taken: Uint8Array<ArrayBuffer>;
  /** The free places below the end, in order. */
  #free: number[];
  /** All places are below it. */
  #end: number;

  constructor(end = 0, taken: Uint8Array<ArrayBuffer> = new Uint8Array(0)) {
    this.#end = end;
    this.#taken = taken;
    this.#free = [];
    for (let place = 0; place < end; place++) if (!this.has(place)) this.#free.push(place);
  }

  get end(): number {
    return this.#end;
  }

  get count(): number {
    return this.#end - this.#free.length;
  }

  has(place: number): boolean {
    return place < this.#end && (((this.#taken[place >> 3] as number) >> (place & 7)) & 1) === 1;
  }

  /** Throws unless the place is taken. */
  check(place: number, index = "the index"): void {
    if (!this.has(checkInteger("id", place, 0, 2 ** 32 - 1))) throw new RangeError(`id ${place} is not in ${index}`);
  }

  /** The next places, in order, without taking them. */
  next(count: number): Uint32Array<ArrayBuffer> {
    const places = new Uint32Array(count);
    const reused = Math.min(count, this.#free.length);
    places.set(this.#free.slice(0, reused));
    for (let i = reused; i < count; i++) places[i] = this.#end + i - reused;
    return places;
  }

  /** Takes the places that next() returned. */
  take(places: Uint32Array): void {
    const reused = Math.min(places.length, this.#free.length);
    this.#free.splice(0, reused);
    this.#end += places.length - reused;
    const bytes = Math.ceil(this.#end / 8);
    if (bytes > this.#taken.length) {
      const larger = new Uint8Array(2 * bytes);
      larger.set(this.#taken);
      this.#taken = larger;
    }
    for (const place of places) (this.#taken[place >> 3] as number) |= 1 << (place & 7);
  }

  /** Frees places; frees none and throws if one of them is not taken, or is given twice. */
  free(ids: Iterable<number>): void {
    const places = new Set<number>();
    for (const id of ids) {
      this.check(id);
      if (places.has(id)) throw new RangeError(`id ${id} is given twice`);
      places.add(id);
    }
    for (const place of places) (this.#taken[place >> 3] as number) &= ~(1 << (place & 7));
    this.#free = [...this.#free, ...places].sort((a, b) => a - b);
  }

  /** A copy of the bits of all places. */
  bits(): Uint8Array<ArrayBuffer> {
    return this.#taken.slice(0, Math.ceil(this.#end / 8));
  }

  /** The bits of the places that may be found: those that are taken and allowed by the filter. Undefined if all may. */
  allowedBy(filter: Uint8Array | undefined): Uint8Array<ArrayBuffer> | undefined {
    if (filter === undefined) return this.#free.length === 0 ? undefined : this.bits();
    if (kindOf(filter) !== "Uint8Array") throw new TypeError(`filter must be a Uint8Array, not ${shown(filter)}`);
    const bits = this.bits();
    if (filter.length < bits.length) {
      throw new RangeError(
        `filter has ${filter.length} bytes; it must have a bit for each id below ${this.#end}, ${bits.length} bytes`,
      );
    }
    return bits.map((byte, i) => byte & (filter[i] as number));
  }
}

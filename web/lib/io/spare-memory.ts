/** Keeps memory that was read into and is no longer used, for the next read of as many bytes. */
export class SpareMemory {
  readonly #spares: ArrayBuffer[] = [];

  take(byteLength: number): ArrayBuffer | undefined {
    const last = this.#spares.pop();
    return last?.byteLength === byteLength ? last : undefined;
  }

  give(memory: ArrayBuffer): void {
    this.#spares.push(memory);
  }
}

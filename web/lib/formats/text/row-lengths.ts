/** Checks that rows of elements have one length. */
export class RowLengths {
  count = 0;
  /** The lengths of the row that is open, of the last one that ended, and of the first one. */
  length = 0;
  last = 0;
  first = 0;
  #areEven = true;

  /** Ends a row, unless it is empty. Returns whether all rows have one length. */
  end(): boolean {
    if (this.length > 0) {
      this.last = this.length;
      if (this.count++ === 0) this.first = this.last;
      this.#areEven &&= this.last === this.first;
      this.length = 0;
    }
    return this.#areEven;
  }
}

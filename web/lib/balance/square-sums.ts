import type { TotalErrors } from "../core/types.js";

// Error figures of weights and the values that stand for them, added one by one.

/**
 * A sum of squares of any magnitude: large and small numbers are scaled before they are squared, and have sums of their
 * own (J. L. Blue, "A portable Fortran program to find the Euclidean norm of a vector", 1978).
 */
class SquareSum {
  #large = 0;
  #usual = 0;
  #small = 0;

  add(x: number): void {
    const size = Math.abs(x);
    if (size > 2 ** 500) this.#large += (x * 2 ** -600) ** 2;
    else if (size > 2 ** -500) this.#usual += x * x;
    else this.#small += (x * 2 ** 600) ** 2;
  }

  /** The sum, as a number times 2^exponent. */
  total(): [value: number, exponent: number] {
    if (this.#large > 0) return [this.#large + this.#usual * 2 ** -600 * 2 ** -600, 1200];
    if (this.#usual > 0) return [this.#usual + this.#small * 2 ** -600 * 2 ** -600, 0];
    return [this.#small, -1200];
  }
}

/** The error figures of `quantize`, of weights that come one after another. */
export class Errors {
  readonly #weights = new SquareSum();
  readonly #errors = new SquareSum();
  #largest = 0;

  add(weight: number, error: number): void {
    this.#weights.add(weight);
    this.#errors.add(error);
    this.#largest = Math.max(this.#largest, Math.abs(error));
  }

  /** @param count how many weights there were */
  total(count: number): TotalErrors {
    const [signal, signalExponent] = this.#weights.total();
    const [noise, noiseExponent] = this.#errors.total();
    const exponents = 10 * Math.log10(2) * (signalExponent - noiseExponent);
    return {
      mse: (noise / count) * 2 ** (noiseExponent / 2) * 2 ** (noiseExponent / 2),
      maxError: this.#largest,
      sqnr: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise) + exponents,
    };
  }
}

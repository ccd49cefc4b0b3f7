import type { TotalErrors } from "../types.js";

type Floats = Float32Array | Float64Array;

/** Sums of squares at any magnitude: of numbers divided by a power of two, so that no square over- or underflows. */
class SquareSum {
  #unit = 2 ** -1022;
  #sum = 0;

  /** @param largest the largest magnitude among the values */
  add(values: Float64Array, largest: number) {
    if (largest === 0) return;
    const unit = 2 ** Math.max(-1022, Math.min(1023, Math.floor(Math.log2(largest))));
    if (unit > this.#unit) {
      this.#sum *= (this.#unit / unit) ** 2;
      this.#unit = unit;
    }
    let sum = 0;
    for (let i = 0; i < values.length; i++) sum += (values[i] / this.#unit) ** 2;
    this.#sum += sum;
  }

  /** Of `count` values. */
  mean(count: number): number {
    return (this.#sum / count) * this.#unit * this.#unit;
  }

  /** 10 log10 of this sum over another one, in dB. */
  decibelsOver(other: SquareSum): number {
    if (other.#sum === 0) return Number.POSITIVE_INFINITY;
    return (
      10 * Math.log10(this.#sum / other.#sum) + 20 * (Math.log2(this.#unit) - Math.log2(other.#unit)) * Math.log10(2)
    );
  }
}

/** The error figures of values against weights, given in stretches. */
export class ErrorSums {
  readonly #weights = new SquareSum();
  readonly #errors = new SquareSum();
  #count = 0;
  #maxError = 0;

  add(weights: Floats, values: Floats) {
    const widened = Float64Array.from(weights);
    const errors = widened.map((weight, i) => Math.abs(weight - values[i]));
    const maxError = largestOf(errors);
    this.#weights.add(widened, largestOf(widened));
    this.#errors.add(errors, maxError);
    this.#maxError = Math.max(this.#maxError, maxError);
    this.#count += weights.length;
  }

  figures(): TotalErrors {
    return {
      mse: this.#errors.mean(this.#count),
      maxError: this.#maxError,
      sqnr: this.#weights.decibelsOver(this.#errors),
    };
  }
}

function largestOf(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
}

import type { TotalErrors } from "../../core/types.js";

type Floats = Float32Array | Float64Array;

/** A sum of squares of any magnitude: in units of a power of two, so that no square over- or underflows. */
class SquareSum {
  unit = 2 ** -1022;
  sum = 0;

  /** Makes the unit large enough for values of up to `largest`. */
  reach(largest: number) {
    if (largest === 0) return;
    const unit = 2 ** Math.max(-1022, Math.min(1023, Math.floor(Math.log2(largest))));
    if (unit <= this.unit) return;
    this.sum *= (this.unit / unit) ** 2;
    this.unit = unit;
  }

  /** A sum of squares of float32, the largest of which is given. */
  addSquares(sum: number, largest: number) {
    this.reach(Math.min(largest, 2 ** 128));
    if (sum !== 0) this.sum += sum / this.unit ** 2;
  }
}

/** The error figures of values against weights, given in stretches. */
export class ErrorSums {
  readonly #weights = new SquareSum();
  readonly #errors = new SquareSum();
  #count = 0;
  #maxError = 0;

  add(weights: Floats, values: Floats) {
    if (weights instanceof Float32Array && values instanceof Float32Array) this.#addSingles(weights, values);
    else this.#addDoubles(weights, values);
    this.#count += weights.length;
  }

  /** Squares of float32 and their sums neither over- nor underflow in float64, so that one pass is enough. */
  #addSingles(weights: Float32Array, values: Float32Array) {
    let largest = 0;
    let maxError = 0;
    let weightSum = 0;
    let errorSum = 0;
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i];
      const error = weight - values[i];
      weightSum += weight * weight;
      errorSum += error * error;
      if (Math.abs(weight) > largest) largest = Math.abs(weight);
      if (Math.abs(error) > maxError) maxError = Math.abs(error);
    }
    this.#weights.addSquares(weightSum, largest);
    this.#errors.addSquares(errorSum, maxError);
    this.#maxError = Number.isNaN(errorSum) ? Number.NaN : Math.max(this.#maxError, maxError);
  }

  #addDoubles(weights: Floats, values: Floats) {
    let largest = 0;
    let maxError = 0;
    for (let i = 0; i < weights.length; i++) {
      largest = Math.max(largest, Math.abs(weights[i]));
      maxError = Math.max(maxError, Math.abs(weights[i] - values[i]));
    }
    this.#weights.reach(largest);
    this.#errors.reach(maxError);
    const [weightUnit, errorUnit] = [this.#weights.unit, this.#errors.unit];
    let [weightSum, errorSum] = [0, 0];
    for (let i = 0; i < weights.length; i++) {
      const weight = weights[i] / weightUnit;
      const error = (weights[i] - values[i]) / errorUnit;
      weightSum += weight * weight;
      errorSum += error * error;
    }
    this.#weights.sum += weightSum;
    this.#errors.sum += errorSum;
    this.#maxError = Math.max(this.#maxError, maxError);
  }

  figures(): TotalErrors {
    const { unit, sum } = this.#errors;
    return { mse: (sum / this.#count) * unit * unit, maxError: this.#maxError, sqnr: this.#decibels() };
  }

  /** 10 log10(sum of squared weights / sum of squared errors). */
  #decibels(): number {
    const [weights, errors] = [this.#weights, this.#errors];
    if (errors.sum === 0) return Number.POSITIVE_INFINITY;
    const units = Math.log2(weights.unit) - Math.log2(errors.unit);
    return 10 * Math.log10(weights.sum / errors.sum) + 20 * units * Math.log10(2);
  }
}

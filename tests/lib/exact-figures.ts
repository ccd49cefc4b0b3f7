// Error figures from exact sums. Every float64 is an integer times a power of two, so integers hold its square and any
// sum of squares without rounding, underflow or overflow. The library's sums are compared with these.

/** The unit of which the squares of subnormals, and so all squares, are multiples. */
const unitExponent = -2148;

const double = new Float64Array(1);
const words = new Uint32Array(double.buffer);

/** The exact sum of squares of mantissas. */
class SquareSum {
  /** Sums of products of thirds of mantissas, 18 bits each, by what they count: 1, 2^18, 2^36, 2^54 and 2^72. */
  readonly #parts = [0, 0, 0, 0, 0];
  #count = 0;
  #total = 0n;

  add(high: number, low: number): void {
    const [a, b, c] = [low & 0x3ffff, (low >>> 18) | ((high & 0xf) << 14), high >>> 4];
    const parts = this.#parts;
    parts[0] += a * a;
    parts[1] += 2 * a * b;
    parts[2] += 2 * a * c + b * b;
    parts[3] += 2 * b * c;
    parts[4] += c * c;
    if (++this.#count === 2 ** 14) this.total(); // a float64 holds no more without rounding
  }

  total(): bigint {
    this.#parts.forEach((part, i) => {
      this.#total += BigInt(part) << BigInt(18 * i);
    });
    this.#parts.fill(0);
    this.#count = 0;
    return this.#total;
  }
}

/** The exact sum of the squares, in units of 2^-2148. */
function sumOfSquares(numbers: ArrayLike<number>): bigint {
  const sums: (SquareSum | undefined)[] = []; // one for each exponent, so that the integers stay short
  for (let i = 0; i < numbers.length; i++) {
    double[0] = numbers[i];
    const biased = (words[1] >>> 20) & 0x7ff;
    const high = (words[1] & 0xfffff) | (biased === 0 ? 0 : 0x100000);
    const place = Math.max(biased, 1);
    sums[place] ??= new SquareSum();
    sums[place].add(high, words[0]);
  }
  // The mantissa is an integer times 2^(biased - 1075).
  return sums.reduce<bigint>((sum, each, place) => {
    return each === undefined ? sum : sum + (each.total() << BigInt(2 * (place - 1075) - unitExponent));
  }, 0n);
}

/** The 64 leading bits of a positive integer, and the number of bits after them. */
function leading(integer: bigint): { head: number; exponent: number } {
  const exponent = Math.max(0, integer.toString(16).length * 4 - 64);
  return { head: Number(integer >> BigInt(exponent)), exponent };
}

/** integer * 2^exponent as a float64, with underflow and overflow. */
function toNumber(integer: bigint, exponent: number): number {
  const { head, exponent: dropped } = leading(integer);
  let value = head;
  // 2^-2148 itself underflows, so it is multiplied in steps.
  for (let rest = exponent + dropped; rest !== 0; ) {
    const step = Math.max(-1000, Math.min(1000, rest));
    value *= 2 ** step;
    rest -= step;
  }
  return value;
}

/** log10(a / b) for positive integers. */
function log10OfRatio(a: bigint, b: bigint): number {
  const [above, below] = [leading(a), leading(b)];
  return Math.log10(above.head / below.head) + (above.exponent - below.exponent) * Math.log10(2);
}

export interface ExactFigures {
  readonly mse: number;
  readonly sqnr: number;
}

/** The figures of weights and their dequantized values. Differences are exact, since codes are the nearest. */
export function exactFigures(weights: ArrayLike<number>, dequantized: ArrayLike<number>): ExactFigures {
  const errorSum = sumOfSquares(Float64Array.from(weights, (weight, i) => weight - dequantized[i]));
  const weightSum = sumOfSquares(weights);
  const fractionBits = 128; // fraction bits of the mean, more than any tolerance needs
  const mean = (errorSum << BigInt(fractionBits)) / BigInt(weights.length);
  return {
    mse: toNumber(mean, unitExponent - fractionBits),
    sqnr: errorSum === 0n ? Infinity : 10 * log10OfRatio(weightSum, errorSum),
  };
}

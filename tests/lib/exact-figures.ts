// Error figures from exact sums. Every float64 is an integer times a power of two, so integers hold its square and any
// sum of squares without rounding, underflow or overflow. The library's sums are compared with these.

/** Splits a number into mantissa * 2^exponent, with an integer mantissa that a float64 holds. */
function decompose(x: number): { mantissa: bigint; exponent: number } {
  const bits = new BigUint64Array(Float64Array.of(x).buffer)[0];
  const biased = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  return biased === 0
    ? { mantissa: fraction, exponent: -1074 }
    : { mantissa: fraction | 0x10000000000000n, exponent: biased - 1075 };
}

/** The unit of which the squares of subnormals, and so all squares, are multiples. */
const unitExponent = -2148;

/** The exact sum of the squares, in units of 2^-2148. */
function sumOfSquares(numbers: Iterable<number>): bigint {
  const sums = new Map<number, bigint>(); // one sum for each exponent, so that the integers stay short
  for (const x of numbers) {
    const { mantissa, exponent } = decompose(x);
    sums.set(exponent, (sums.get(exponent) ?? 0n) + mantissa * mantissa);
  }
  let sum = 0n;
  for (const [exponent, squares] of sums) sum += squares << BigInt(2 * exponent - unitExponent);
  return sum;
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
  const errors = Array.from(weights, (weight, i) => weight - dequantized[i]);
  const errorSum = sumOfSquares(errors);
  const weightSum = sumOfSquares(Array.from(weights));
  const fractionBits = 128; // fraction bits of the mean, more than any tolerance needs
  const mean = (errorSum << BigInt(fractionBits)) / BigInt(weights.length);
  return {
    mse: toNumber(mean, unitExponent - fractionBits),
    sqnr: errorSum === 0n ? Infinity : 10 * log10OfRatio(weightSum, errorSum),
  };
}

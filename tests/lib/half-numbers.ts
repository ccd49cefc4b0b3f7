// Floats of 16 bits by their definition, and rounding to them by search. Stored scales are compared with these.

export type HalfType = "float16" | "bfloat16";

/** The number that bits represent. */
export function numberOf(half: number, type: HalfType): number {
  const fractionBits = type === "float16" ? 10 : 7;
  const exponentBits = 15 - fractionBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (half >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = half & (2 ** fractionBits - 1);
  if (exponent === 2 ** exponentBits - 1) return Number.POSITIVE_INFINITY;
  const magnitude =
    exponent === 0
      ? fraction * 2 ** (1 - bias - fractionBits)
      : (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias);
  return half & 0x8000 ? -magnitude : magnitude;
}

/** The bits of infinity. All smaller ones are numbers in increasing order. */
export const infinityOf: Readonly<Record<HalfType, number>> = { float16: 0x7c00, bfloat16: 0x7f80 };

/**
 * The bits of the nearest number to x >= 0, the even one for a tie, and infinity where the next number would be as
 * near.
 */
export function nearestHalf(x: number, type: HalfType): number {
  // The step beyond the largest number is taken as large as the one before it.
  const top = infinityOf[type];
  const numberAt = (half: number) =>
    half < top ? numberOf(half, type) : 2 * numberOf(top - 1, type) - numberOf(top - 2, type);
  let [low, high] = [0, top];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (numberAt(middle) <= x) low = middle;
    else high = middle;
  }
  const [below, above] = [x - numberAt(low), numberAt(high) - x];
  if (below === above) return low % 2 === 0 ? low : high;
  return below < above ? low : high;
}

export const roundToHalf = (x: number, type: HalfType): number => {
  const half = nearestHalf(x, type);
  return half === infinityOf[type] ? Number.POSITIVE_INFINITY : numberOf(half, type);
};

interface FloatArrays {
  float32: Float32Array<ArrayBuffer>;
  float64: Float64Array<ArrayBuffer>;
}

/** The types of weights, to which the arithmetic is rounded. */
export type FloatType = keyof FloatArrays;
export const floatTypes = ["float32", "float64"] as const;
export type Floats<T extends FloatType = FloatType> = FloatArrays[T];

/** The bits that a code may have. */
export const allBits = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] as const;

/**
 * Bits of narrow and of wide codes, for sweeps over sizes: kernels tell these two apart, and take the limits of codes as
 * numbers. The bits go round, each with sizes of all remainders by 8.
 */
export const codeWidths = [
  { width: "up to 8", bitsFor: (size: number) => 2 + (size % 7) },
  { width: "more than 8", bitsFor: (size: number) => 9 + ((size + (size >> 3)) % 8) },
] as const;

export const FLT_MAX = (2 - 2 ** -23) * 2 ** 127;
export const DBL_MAX = Number.MAX_VALUE;

export function newFloats<T extends FloatType>(type: T, length: number): Floats<T>;
export function newFloats(type: FloatType, length: number): Floats {
  return type === "float32" ? new Float32Array(length) : new Float64Array(length);
}

/** Weights made one by one, each rounded to the type. */
export function floatsFrom<T extends FloatType>(type: T, length: number, make: (index: number) => number): Floats<T> {
  const weights = newFloats(type, length);
  for (let i = 0; i < length; i++) weights[i] = make(i);
  return weights;
}

/** A reproducible source of 32 random bits a call (xorshift, G. Marsaglia 2003). */
export function randomBits(seed: number): () => number {
  // The state must not be 0, and neighbouring seeds should not start alike.
  let state = Math.imul(seed + 1, 0x9e3779b9) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** Uniform weights from -1 to 1. */
export function uniform<T extends FloatType>(type: T, length: number, seed: number): Floats<T> {
  const next = randomBits(seed);
  return floatsFrom(type, length, () => next() / 2 ** 31 - 1);
}

/**
 * Finite weights of random bits. Their exponents lie up to `spread` below a random largest one, which changes every
 * `run` weights: magnitudes cover the whole range of the type, but not all codes are zero.
 */
export function randomPatterns<T extends FloatType>(
  type: T,
  length: number,
  seed: number,
  run = 64,
  spread = 10,
): Floats<T> {
  const next = randomBits(seed);
  const weights = newFloats(type, length);
  const words = new Uint32Array(weights.buffer);
  const [wordsEach, mantissaBits, largestExponent] = type === "float32" ? [1, 23, 254] : [2, 20, 2046];
  let top = 0;
  for (let i = 0; i < length; i++) {
    if (i % run === 0) top = next() % (largestExponent + 1);
    const exponent = Math.max(0, top - (next() % (spread + 1)));
    const bits = next();
    const high = (i + 1) * wordsEach - 1; // little-endian, as WebAssembly and every machine that runs it
    words[high] = ((bits >>> 31) << 31) | (exponent << mantissaBits) | (bits & ((1 << mantissaBits) - 1));
    if (wordsEach === 2) words[high - 1] = next();
  }
  return weights;
}

/**
 * Weights that are n + 1/2 times a power of two, or within a last bit of it, in channels whose scale is that power:
 * every rounding is a tie or next to one.
 */
export function ties<T extends FloatType>(type: T, length: number, bits: number, seed: number, run = 16): Floats<T> {
  const next = randomBits(seed);
  const qmax = 2 ** (bits - 1) - 1;
  const lastBit = type === "float32" ? 2 ** -23 : 2 ** -52;
  let unit = 1;
  return floatsFrom(type, length, (i) => {
    if (i % run === 0) {
      unit = 2 ** ((next() % 40) - 20);
      return qmax * unit;
    }
    const magnitude = ((next() % qmax) + 0.5) * (1 + ((next() % 3) - 1) * lastBit);
    return (next() % 2 === 0 ? unit : -unit) * magnitude;
  });
}

const f = Math.fround;

/** How a weight becomes a code. */
export interface CodeOf {
  /** The code as a formula: w is the weight, s the scale, z the zero point. */
  readonly formula: string;
  /** The code of a weight, from `qmin` to `qmax`. */
  readonly of: (weight: number, scale: number, zeroPoint: number, qmin: number, qmax: number) => number;
}

/** Beyond every code, and below 2^51, to which halves are rounded rightly. */
const far = 2 ** 20;

/** Rounded to an integer, half to even; of large numbers, something as far from every code. */
export const halfToEven = (x: number) => clamped(x, -far, far) + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;

/** Rounded to an integer, half away from zero, as C's roundf does. */
export const halfAway = (x: number) => Math.sign(x) * Math.floor(Math.abs(x) + 0.5);

const clamped = (x: number, least: number, most: number) => (x < least ? least : x > most ? most : x);

/** A true quotient, rounded half to even before the zero point is added. */
export const divided: CodeOf = {
  formula: "half to even(w / s) + z",
  of: (weight, scale, zeroPoint, qmin, qmax) => clamped(halfToEven(f(weight / scale)) + zeroPoint, qmin, qmax),
};

/** A product with the reciprocal of the scale. */
export const multiplied: CodeOf = {
  formula: "half to even(w (1 / s)) + z",
  of: (weight, scale, zeroPoint, qmin, qmax) => clamped(halfToEven(f(weight * f(1 / scale))) + zeroPoint, qmin, qmax),
};

/** Such a product plus the zero point, which counts from the least code there, rounded half away from zero. */
export const awayFromZero: CodeOf = {
  formula: "half away from 0(w (1 / s) + z)",
  of: (weight, scale, zeroPoint, qmin, qmax) => {
    const reciprocal = scale === 0 ? 0 : f(1 / scale);
    return clamped(halfAway(f(f(weight * reciprocal) + (zeroPoint - qmin))), 0, qmax - qmin) + qmin;
  },
};

/**
 * How the range of some weights becomes their scale. "max": the largest |weight| gets the code qmax, or its negative.
 * "signed-max": the weight of the largest magnitude gets the code -2^(bits-1), and the scale has the sign for that.
 * "search": the best of sixteen scales around the signed maximum, by the sum of squared errors, if it is better than "max".
 * "positive-search": the same with positive scales alone.
 */
export type ScaleRule = "max" | "signed-max" | "search" | "positive-search";

/** The rules for scales, and whether the scales that they give may be negative. */
export const rules: Readonly<Record<ScaleRule, { readonly negative: boolean }>> = {
  max: { negative: false },
  "signed-max": { negative: true },
  search: { negative: true },
  "positive-search": { negative: false },
};

/** The names of the rules for scales, in the order of ScaleRule of cpp/core/scheme.h; the first is the default. */
export const scaleRules = Object.keys(rules) as readonly ScaleRule[];

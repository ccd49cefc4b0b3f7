import type { Bits } from "./types.js";
import type { Dtype } from "./weights.js";

/** How weights become codes. It passes whole to workers and to the kernels (Scheme of cpp/core/scheme.h). */
export interface Scheme {
  readonly bits: Bits;
  /** In which scales are stored: they are rounded to it before codes and error figures are made of them. */
  readonly scaleType?: Dtype | undefined;
}

/** The arrays in which codes lie by themselves. */
export const codeKind = ({ bits }: Scheme) => (bits > 8 ? "Int16Array" : "Int8Array");

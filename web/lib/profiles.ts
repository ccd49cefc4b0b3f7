export { NonFiniteError } from "./core/errors.js";
export type { Bits, Granularity, GranularityOption, TotalErrors } from "./core/types.js";
export type { CodeOf } from "./profiles/codes.js";
export { type Profile, type ProfileName, profiles, type ScaleAndZero, type WeightRange } from "./profiles/profiles.js";
export { type QuantizeAsOptions, type QuantizedAs, quantizeAs } from "./profiles/quantize-as.js";

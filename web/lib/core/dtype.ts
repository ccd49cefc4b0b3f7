/** The types of weights. All but float64 are computed in float32. */
export type Dtype = "float32" | "float64" | HalfType;
export type HalfType = "float16" | "bfloat16";

/** The numbers of the types in the module (Dtype of cpp/core/dtype.h). */
export const dtypeNumbers: Readonly<Record<Dtype, number>> = { float32: 0, float64: 1, float16: 2, bfloat16: 3 };

/** The types of arrays that hold them. */
export const arrayKinds = {
  float32: "Float32Array",
  float64: "Float64Array",
  float16: "Uint16Array",
  bfloat16: "Uint16Array",
} as const satisfies Record<Dtype, string>;

import type { Bits } from "../../core/types.js";
import { byteLengthOf, type Dtype } from "../../tensor/dtypes.js";
import type { Dialect, QuantizedTensorInfo, StoredTensor } from "./dialect.js";

const allBits: readonly Bits[] = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/** A tensor of the output, with its length in bytes from its dtype and shape. */
export function stored(
  name: string,
  dtype: Dtype,
  shape: readonly number[],
  content: StoredTensor["content"],
): StoredTensor {
  return { name, dtype, shape, byteLength: byteLengthOf(dtype, shape), content };
}

/**
 * Codes keep the tensor's own name as int8 or int16, with scales beside them as `<name>_scale`, and zero points, of the
 * type of the codes, as `<name>_zero_point`.
 */
export const plain: Dialect = {
  bits: allBits,
  refusal: () => undefined,
  stored: (quantized) => storedAs(quantized, "", "_scale", "_zero_point"),
};

/** The arrays of a .npz file: `<name>.quantized`, `<name>.scale` and `<name>.zero_point`. */
export const npz: Dialect = {
  bits: allBits,
  refusal: () => undefined,
  stored: (quantized) => storedAs(quantized, ".quantized", ".scale", ".zero_point"),
};

function storedAs(
  quantized: QuantizedTensorInfo,
  codesEnding: string,
  scalesEnding: string,
  zeroPointsEnding: string,
): StoredTensor[] {
  const { name, dtype, shape } = quantized.tensor;
  const { bits, zeroPoints } = quantized.scheme;
  const ofScales = broadcastShape(quantized);
  const tensors = [
    stored(`${name}${codesEnding}`, codesDtype(bits), shape, "codes"),
    stored(`${name}${scalesEnding}`, scalesDtype(dtype), ofScales, "scales"),
  ];
  return zeroPoints
    ? [...tensors, stored(`${name}${zeroPointsEnding}`, codesDtype(bits), ofScales, "zeroPoints")]
    : tensors;
}

function codesDtype(bits: Bits): Dtype {
  return bits > 8 ? "int16" : "int8";
}

/** The type of scales: that of the arithmetic. */
function scalesDtype(weights: Dtype): Dtype {
  return weights === "float64" ? "float64" : "float32";
}

/**
 * The shape of scales that codes can be multiplied with directly: [N, 1] for the rows of a matrix. Groups need a shape
 * of their own.
 */
function broadcastShape({ tensor, scheme, scaleShape }: QuantizedTensorInfo): readonly number[] {
  if (scheme.granularity !== "channel") return scaleShape;
  return tensor.shape.map((dimension, i) => (i === scheme.axis ? dimension : 1));
}

import type { FloatArray } from "../core/arguments.js";
import type { Engine } from "../core/memory/buffers.js";
import type { Bits } from "../core/types.js";
import { lenderOf, lentOrNot } from "../io/lent-files.js";
import type { CodeSource, WeightSource } from "../stream/ends.js";
import { rotated } from "../stream/rotated.js";
import { elementsOf } from "../tensor/dtypes.js";
import { type CentredCodes, type QuantizedTensor, scalePlaces } from "../tensor/quantized-tensor.js";

/**
 * The weights that a quantized tensor stands for: codes with scales, or floats where the kernels cannot
 * make them.
 */
export type Values = { readonly codes: CodeSource; readonly scales: FloatArray } | { readonly products: WeightSource };

/** Works with the weights that a quantized tensor stands for. */
export async function withValues<R>(
  engine: Engine,
  tensor: QuantizedTensor,
  work: (values: Values) => Promise<R>,
): Promise<R> {
  const read = (start: number, count: number) => tensor.readCodes(engine, start, count);
  const scales = await tensor.readScales();
  // A second rotation undoes the first.
  if (tensor.rotation !== undefined)
    return work({ products: rotated(productsOf(tensor, read, scales), tensor.rotation) });
  if (hasShortGroups(tensor) || takesMoreThan16Bits(tensor))
    return work({ products: productsOf(tensor, read, scales) });
  const lend = lenderOf(tensor);
  const wide = lend ? tensor.codes.dtype === "int16" : (await read(0, 1)).BYTES_PER_ELEMENT === 2;
  const codes = { wide, read: read as CodeSource["read"] };
  return lentOrNot(lend, (file) => work({ codes: { ...codes, file }, scales }));
}

/** Whether the last group of a row is shorter than the others. */
function hasShortGroups({ quantizedShape, scheme: { granularity } }: QuantizedTensor): boolean {
  return typeof granularity === "object" && (quantizedShape[granularity.along] as number) % granularity.group !== 0;
}

/** Whether codes minus their zero points can exceed an int16. */
function takesMoreThan16Bits({ scheme, signed, zeroPoints }: QuantizedTensor): boolean {
  return scheme.bits === (16 satisfies Bits) && (!signed || zeroPoints);
}

function productsOf(
  { quantizedShape, scheme }: QuantizedTensor,
  readCodes: (start: number, count: number) => Promise<CentredCodes>,
  scales: FloatArray,
): WeightSource {
  const places = scalePlaces(quantizedShape, scheme);
  const isFloat64 = scales.BYTES_PER_ELEMENT === 8;
  return {
    dtype: isFloat64 ? "float64" : "float32",
    length: elementsOf(quantizedShape),
    async read(start, count) {
      const codes = await readCodes(start, count);
      const values = isFloat64 ? new Float64Array(count) : new Float32Array(count);
      // The product is exact in float64 for float32 scales, so it is rounded once. Adding 0 turns the -0 of a negative
      // scale into +0.
      for (let i = 0; i < count; i++) {
        values[i] = (codes[i] as number) * (scales[places.at(start + i)] as number) + 0;
      }
      return values;
    },
  };
}

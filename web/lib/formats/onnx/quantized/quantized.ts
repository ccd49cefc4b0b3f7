import type { CodeArray } from "../../../core/arguments.js";
import type { Engine } from "../../../core/memory/buffers.js";
import { type QuantizedTensor, scalePlaces } from "../../../tensor/quantized-tensor.js";
import type { TensorInfo } from "../../../tensor/tensor.js";
import { dataType, type Tensor } from "../file/proto.js";
import { codeSource, type ExternalFiles, floatSource } from "../file/tensors.js";
import type { WireReader } from "../file/wire.js";
import type { WeightDtype } from "../weights.js";
import { type Found, type Place, product } from "./found.js";

// The weights of a model that is quantized already: their codes, scales and zero points, and how these become floats.

/** A weight that is stored as codes and scales. */
export interface QuantizedWeight extends QuantizedTensor {
  /** @internal */
  readonly place: Place;
}

export function quantizedWeight(found: Found, reader: WireReader, files: ExternalFiles): QuantizedWeight {
  const { name, shape, quantizedShape, axis, granularity, pattern, type, codes, scales, zeroPoints } = found;
  const { codeCount, zeroCount, zero, codeAt, zeroAt = same, scaleAt = same } = found;
  const codeData = codeSource(codes.tensor as Tensor, type, codeCount, reader, files);
  const scaleData = floatSource(scales.tensor as Tensor, reader, files);
  const zeroData = zeroPoints && codeSource(zeroPoints.tensor as Tensor, type, zeroCount, reader, files);
  const places = scalePlaces(quantizedShape, found);
  const length = product(shape);
  const NewCodes = type.bits < 16 || (type.signed && zeroData === undefined) ? Int16Array : Int32Array;
  // Unsigned codes and zero points are both read with half of their range subtracted.
  const readZero = type.signed ? zero : zero - 2 ** (type.bits - 1);
  /** Codes in another order are read whole, and released with the last of them. */
  let whole: Promise<CodeArray> | undefined;
  let zeros: Promise<CodeArray> | undefined;
  async function readCodes(engine: Engine, start: number, count: number) {
    if (codeAt) whole ??= codeData.read(engine, 0, codeCount);
    zeros ??= zeroData?.read(engine, 0, zeroCount);
    const [some, zeroValues] = [await (whole ?? codeData.read(engine, start, count)), await zeros];
    if (start + count === length) whole = zeros = undefined;
    if (!codeAt && !zeroValues && readZero === 0) return some;
    const centred = new NewCodes(count);
    for (let i = 0; i < count; i++) {
      const code = some[codeAt ? codeAt(start + i) : i] as number;
      centred[i] = code - (zeroValues ? (zeroValues[zeroAt(places.at(start + i))] as number) : readZero);
    }
    return centred;
  }
  async function readScales() {
    const stored = scaleData.floats(await scaleData.read(0, scaleData.length));
    return Float32Array.from({ length: places.count }, (_, place) => stored[scaleAt(place)] as number);
  }
  const dtype: WeightDtype = scales.tensor?.type === dataType.float16 ? "float16" : "float32";
  const codesInfo: TensorInfo = {
    name: codes.name,
    dtype: `${type.signed ? "" : "u"}int${Math.max(8, type.bits) as 8 | 16}`,
    shape: (codes.tensor as Tensor).shape,
    byteLength: codeData.byteLength,
  };
  const scalesInfo: TensorInfo = {
    ...{ name: scales.name, dtype, shape: (scales.tensor as Tensor).shape, byteLength: scaleData.byteLength },
  };
  return {
    ...{
      name,
      shape,
      quantizedShape,
      scheme: { bits: type.bits, axis, granularity, scaleType: dtype },
      signed: type.signed,
    },
    ...{ zeroPoints: zeroData !== undefined, codes: codesInfo, scales: scalesInfo, pattern },
    byteLength: codeData.byteLength + scaleData.byteLength + (zeroData?.byteLength ?? 0),
    ...{ readCodes, readScales, place: found },
  };
}

const same = (place: number) => place;

import type { CodeArray, FloatArray } from "../../core/arguments.js";
import type { Scheme } from "../../core/scheme.js";
import { isRecord, JsonProblem, parseJson } from "../../io/json.js";
import { lenderOf, lentBy } from "../../io/lent-files.js";
import { shownJson } from "../../io/shorten.js";
import { integers } from "../../storage/integers.js";
import { placeOf, type Storage } from "../../storage/storage.js";
import { words, zeroPointShape, zeroPointsOfWords } from "../../storage/words.js";
import { elementsOf, type FloatDtype, isFloatDtype } from "../../tensor/dtypes.js";
import { floatsOf } from "../../tensor/floats.js";
import { centred, type QuantizedTensor, scalePlaces } from "../../tensor/quantized-tensor.js";
import { isRotation } from "../../tensor/rotation.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { Inspection, Model, UnreadableTensor } from "../format.js";
import { type Int8Tensor, noiseInNames } from "../image-models/noise.js";
import { FORMAT, markedModule } from "./comfyui.js";
import { CONFIG } from "./compressed-tensors.js";
import type { DialectName } from "./index.js";
import { oddParts } from "./odd-parts.js";

/** A comfy_quant marker takes some 100 bytes. */
const MAX_MARKER_BYTES = 4096;

/**
 * Finds the quantized tensors of a model by names, types and shapes. Only markers and stored shapes are read of the
 * data. Tensors that belong together but do not fit are reported as unreadable.
 */
export async function inspectNames(model: Model): Promise<Inspection> {
  const byName = new Map(model.tensors.map((tensor) => [tensor.name, tensor]));
  const quantized: QuantizedTensor[] = [];
  const unreadable: UnreadableTensor[] = [];
  const owned = new Set<ModelTensor>();
  let dialect: DialectName | undefined;

  for (const codes of model.tensors) {
    const found = (await packedTensor(codes, byName)) ?? (await plainTensor(codes, byName, model));
    if (found === undefined) continue;
    if ("reason" in found) {
      unreadable.push({ tensor: codes.name, byteLength: codes.byteLength, reason: found.reason });
      continue;
    }
    dialect ??= found.dialect;
    for (const part of found.parts) owned.add(part);
    const byteLength = found.parts.reduce((sum, part) => sum + part.byteLength, 0);
    quantized.push(quantizedTensor(found, byteLength));
  }
  const kept = model.tensors.filter((tensor) => !owned.has(tensor));
  const unread = new Set(unreadable.map(({ tensor }) => tensor));
  const isQuantized = (tensor: ModelTensor) => owned.has(tensor) || unread.has(tensor.name);
  const warnings = [
    ...oddParts(model.parts ?? [], isQuantized, dialect),
    ...noiseInNames(model.tensors, int8In(model.tensors, byName)),
  ];
  return { dialect, quantized, kept, unreadable, ...(warnings.length > 0 && { warnings }) };
}

/** The matrices of int8 codes, as ComfyUI's names tell what belongs to them. */
function int8In(tensors: readonly ModelTensor[], byName: Names): Int8Tensor[] {
  const codes = tensors.filter(({ dtype, shape }) => dtype === "int8" && shape.length > 1);
  return codes.map(({ name, shape }) => ({
    ...{ name, shape, scaleShape: byName.get(`${name}_scale`)?.shape },
    isMarked: byName.has(`${name.replace(/\.weight$/, "")}.comfy_quant`),
  }));
}

type Names = ReadonlyMap<string, ModelTensor>;

interface FoundTensor {
  readonly dialect: DialectName;
  /** The name of the weight. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly scheme: Scheme;
  readonly codes: ModelTensor;
  readonly scales: ModelTensor;
  readonly storage: Storage;
  readonly signed: boolean;
  readonly rotation?: number | undefined;
  /** Reads all zero points in the order of the scales; undefined where there are none. */
  readonly readZeroPoints: (() => Promise<CodeArray>) | undefined;
  /** All tensors that together stand for the weight. */
  readonly parts: readonly ModelTensor[];
}

type Found = FoundTensor | { readonly reason: string };

function quantizedTensor(found: FoundTensor, byteLength: number): QuantizedTensor {
  const { name, shape, codes, scales, storage, signed, rotation, readZeroPoints } = found;
  const scaleType = scales.dtype as FloatDtype;
  const zeroPoints = readZeroPoints !== undefined;
  const scheme = { ...found.scheme, scaleType, ...(zeroPoints && { zeroPoints }) };
  const places = scalePlaces(shape, scheme);
  let known: Promise<CodeArray> | undefined;
  const quantized: QuantizedTensor = {
    ...{
      name,
      shape,
      quantizedShape: shape,
      scheme,
      signed,
      zeroPoints,
      codes,
      scales,
      byteLength,
      ...(rotation !== undefined && { rotation }),
    },
    async readCodes(engine, start, count) {
      const { first, length } = placeOf(storage, start, count);
      known ??= readZeroPoints?.();
      const [bytes, zeros] = await Promise.all([codes.read(first, length), known]);
      const stored = storage.unpack(engine, start, count, bytes);
      return zeros ? centred(stored, zeros, places, start) : stored;
    },
    readScales: async (): Promise<FloatArray> => floatsOf(await scales.read(0, scales.byteLength), scaleType),
  };
  // Words are unpacked first, and zero points subtracted, so workers cannot read such codes.
  return lentBy(quantized, codes.dtype === "int32" || zeroPoints ? undefined : lenderOf(codes));
}

/** A weight whose codes compressed-tensors packed into words. */
async function packedTensor(codes: ModelTensor, byName: Names): Promise<Found | undefined> {
  if (!codes.name.endsWith(".weight_packed") || codes.dtype !== "int32" || codes.shape.length !== 2) return undefined;
  const module = codes.name.slice(0, -".weight_packed".length);
  const scales = byName.get(`${module}.weight_scale`);
  const shapeTensor = byName.get(`${module}.weight_shape`);
  if (!scales || !shapeTensor || !isFloatDtype(scales.dtype)) return undefined;
  if (byName.has(`${module}.weight_g_idx`)) return { reason: "it has a weight_g_idx, which is not read" };
  const shape = await storedShape(shapeTensor, codes);
  if (typeof shape === "string") return { reason: shape };
  const [rows, columns] = shape;
  const fits = (bits: 4 | 8) => rows === codes.shape[0] && Math.ceil((columns * bits) / 32) === codes.shape[1];
  const packed = ([4, 8] as const).find(fits);
  if (packed === undefined)
    return { reason: `words of shape [${codes.shape.join(", ")}] do not hold 4 or 8 bits for each weight` };
  const layout = layoutOf(shape, scales);
  if (typeof layout === "string") return { reason: layout };
  const zeros = byName.get(`${module}.weight_zero_point`);
  const count = elementsOf(scales.shape);
  const wanted = zeroPointShape([rows, count / rows], packed);
  if (zeros && (zeros.dtype !== "int32" || zeros.shape.join() !== wanted.join())) {
    return {
      reason: `its zero points are ${zeros.dtype} [${zeros.shape.join(", ")}], not int32 [${wanted.join(", ")}]`,
    };
  }
  return {
    dialect: "compressed-tensors",
    ...{ name: `${module}.weight`, shape, scheme: { bits: packed, ...layout }, codes, scales },
    ...{ storage: words(packed, columns), signed: false },
    readZeroPoints:
      zeros &&
      (async () => {
        const { buffer } = await zeros.read(0, zeros.byteLength);
        return zeroPointsOfWords(new Int32Array(buffer), count, wanted[1], packed);
      }),
    parts: [codes, scales, shapeTensor, ...(zeros ? [zeros] : [])],
  };
}

/** The shape of packed weights that a tensor states, or a sentence why it is invalid. */
async function storedShape(tensor: ModelTensor, codes: ModelTensor): Promise<number[] | string> {
  const { name, dtype, byteLength } = tensor;
  if (dtype !== "int64" || byteLength !== 16) return `${name} must be two numbers of type int64`;
  const [rows, columns] = [...new BigInt64Array((await tensor.read(0, 16)).buffer)].map(Number);
  if (rows < 1 || columns < 1 || columns > 32 * codes.shape[1]) {
    return `${name} is [${rows}, ${columns}], which codes of shape [${codes.shape.join(", ")}] cannot hold`;
  }
  return [rows, columns];
}

/** A weight with a code for each element, and scales in a tensor beside it. */
async function plainTensor(codes: ModelTensor, byName: Names, model: Model): Promise<Found | undefined> {
  if (codes.dtype !== "int8" && codes.dtype !== "int16") return undefined;
  const isNpz = model.format === "npz";
  const name = isNpz ? codes.name.replace(/\.quantized$/, "") : codes.name;
  const scales = byName.get(isNpz ? `${name}.scale` : `${name}_scale`);
  if (!scales || !isFloatDtype(scales.dtype)) return undefined;
  const marker = byName.get(`${name.replace(/\.weight$/, "")}.comfy_quant`);
  const isComfy = marker !== undefined && markedModule(marker) !== undefined;
  const rotation = isComfy ? await rotationOf(marker, codes.shape) : undefined;
  if (typeof rotation === "string") return { reason: rotation };
  const layout = layoutOf(codes.shape, scales);
  if (typeof layout === "string") return { reason: layout };
  const { shape } = codes;
  const bits = codes.dtype === "int8" ? 8 : 16;
  const zeros = byName.get(isNpz ? `${name}.zero_point` : `${name}_zero_point`);
  const count = elementsOf(scales.shape);
  if (zeros && (zeros.dtype !== codes.dtype || elementsOf(zeros.shape) !== count)) {
    return { reason: `${zeros.name} must hold ${count} numbers of type ${codes.dtype}, one for each scale` };
  }
  const plainDialect = isNpz ? "npz" : CONFIG in model.metadata ? "compressed-tensors-w8a8" : "plain";
  return {
    dialect: isComfy ? "comfyui" : plainDialect,
    ...{ name, shape, scheme: { bits, ...layout }, codes, scales, storage: integers(bits), signed: true, rotation },
    readZeroPoints:
      zeros && (async () => integers(bits).unpack(undefined as never, 0, count, await zeros.read(0, zeros.byteLength))),
    parts: [codes, scales, ...(isComfy ? [marker] : []), ...(zeros ? [zeros] : [])],
  };
}

/** How many neighbours of a row a comfy_quant marker says were rotated together, if any; a sentence why it cannot be read. */
async function rotationOf(marker: ModelTensor, shape: readonly number[]): Promise<number | undefined | string> {
  const { name, byteLength } = marker;
  if (byteLength > MAX_MARKER_BYTES) {
    return `${name} has ${byteLength} bytes; at most ${MAX_MARKER_BYTES} are read`;
  }
  const bytes = await marker.read(0, byteLength);
  if (bytes.every((byte) => byte === 0)) return `${name} is empty, so it does not say how weights are stored`;
  try {
    const { value } = parseJson(new TextDecoder().decode(bytes), 8);
    const said = isRecord(value) ? value : {};
    if (said.format !== FORMAT) return `its format is ${shownJson(said.format)}; ${FORMAT} can be read`;
    const params = isRecord(said.params) ? { ...said.params, ...said } : said;
    if (params.convrot !== true) return undefined;
    const { convrot_groupsize: group = 256 } = params;
    if (!isRotation(group))
      return `its convrot_groupsize is ${shownJson(group)}; it must be a power of 4 from 4 to 65536`;
    const columns = shape.length === 2 ? (shape[1] as number) : 1;
    return columns % group === 0
      ? group
      : `its convrot_groupsize is ${group}, which does not divide ${columns} columns`;
  } catch (error) {
    if (error instanceof JsonProblem) return `${name} cannot be read: ${error.message}`;
    throw error;
  }
}

/** The axis and granularity that the shape of the scales implies; a sentence where it implies none. */
function layoutOf(shape: readonly number[], scales: ModelTensor): Pick<Scheme, "axis" | "granularity"> | string {
  const count = elementsOf(scales.shape);
  if (count === 0 || elementsOf(shape) === 0) return `${count === 0 ? scales.name : "it"} is empty`;
  if (count === 1) return { axis: undefined, granularity: "tensor" };
  // A single dimension is that of the rows.
  const scaleShape = scales.shape.length === 1 ? [count, ...shape.slice(1).map(() => 1)] : scales.shape;
  const mismatch = `scales of shape [${scales.shape.join(", ")}] do not fit weights of shape [${shape.join(", ")}]`;
  if (scaleShape.length !== shape.length) return mismatch;

  const long = scaleShape.flatMap((dimension, i) => (dimension === 1 ? [] : [i]));
  if (long.length === 1 && scaleShape[long[0]] === shape[long[0]]) return { axis: long[0], granularity: "channel" };
  const divided = shape.flatMap((dimension, i) => (dimension === scaleShape[i] ? [] : [i]));
  const [along] = divided;
  if (divided.length !== 1 || shape[along] % scaleShape[along] !== 0) return mismatch;
  return { axis: undefined, granularity: { group: shape[along] / scaleShape[along], along } };
}

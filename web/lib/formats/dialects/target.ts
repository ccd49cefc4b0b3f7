import { checkBalance } from "../../balance/balance-codes.js";
import { checkRule, checkZeroPoints, mayBeNegative, type Scheme } from "../../core/scheme.js";
import type { Bits } from "../../core/types.js";
import { elementsOf, type FloatDtype, isFloatDtype } from "../../tensor/dtypes.js";
import type { TensorInfo } from "../../tensor/tensor.js";
import type { Way } from "../decision.js";
import type { FormatName, Model, Target } from "../format.js";
import { architectureOf, type ImageModel, imageModelIn, whyArchitectureKeeps } from "../image-models/image-model.js";
import type { Settings, TargetOptions } from "../settings.js";
import { type Dialect, withScaleShape } from "./dialect.js";
import { type DialectName, dialectNamed } from "./index.js";
import { isBias, isDepthwiseKernel, isNorm, isPositionEmbedding } from "./modules.js";
import { layOut } from "./output.js";
import { quantizedAlready, type WhyQuantizedAlready } from "./quantized-already.js";

/** How the tensors of a model are stored in a dialect, by their names, types and shapes. */
export function dialectTarget(
  model: Pick<Model, "format" | "tensors"> & Partial<Model>,
  { dialect: name = "plain", opset, target, weightType, convInteger, float16, architecture, convrot }: TargetOptions,
): Target {
  const dialect = dialectNamed(name);
  for (const [option, value] of Object.entries({ opset, target, weightType, convInteger, float16 })) {
    if (value !== undefined) throw new TypeError(`${option} is an option for .onnx models, and this is another file`);
  }
  const { format } = model;
  const isOneArray = format === "npy" || format === "text";
  const { byName, whyQuantizedAlready } = surroundings(model);
  const given = architecture === undefined ? undefined : architectureOf(architecture);
  const image = dialect.runsImageModels ? imageModelIn(model.tensors, given) : undefined;
  return {
    dialect: name,
    opset: undefined,
    bits: dialect.bits,
    // A person chose a file of one array in order to quantize it.
    smallest: isOneArray ? 0 : 1024,
    checkRule(option, rule, zeroPoints) {
      const { positive } = dialect;
      if (positive === undefined || !mayBeNegative({ rule, zeroPoints })) return;
      const remedy = "choose another rule, or another dialect";
      throw new RangeError(`${option} is ${rule}, which may make scales negative; ${positive} takes none: ${remedy}`);
    },
    symmetric: dialect.symmetric,
    groupsAlong: true,
    channelAxis: ({ name, shape }) => {
      const axis = usualAxis(name, format);
      return axis < 0 ? axis + shape.length : axis;
    },
    whyImpossible: (tensor) => whyImpossible(tensor) ?? whyQuantizedAlready(tensor, !isOneArray),
    whyKept: (tensor) =>
      isOneArray ? undefined : (whyKept(tensor, dialect, byName) ?? (image && whyImageKeeps(tensor, image))),
    notes: () => (image ? [noteOf(image, given !== undefined)] : []),
    joined: () => ({ joiner: "vLLM", lists: dialect.joined?.(model.tensors) ?? [] }),
    wayOf(tensor, settings) {
      const scheme = schemeFor(tensor, settings, format);
      if (typeof scheme === "string") return scheme;
      const rotation = convrot ? rotationIn(dialect, tensor) : undefined;
      return dialect.refusal(tensor, scheme) ?? wayIn(name, tensor, scheme, byName, rotation);
    },
    layOut: (plan) => layOut(plan, name),
  };
}

interface Surroundings {
  readonly byName: ReadonlyMap<string, TensorInfo>;
  readonly whyQuantizedAlready: WhyQuantizedAlready;
}

const known = new WeakMap<readonly TensorInfo[], Surroundings>();

/** The neighbours by which tensors are judged, found once for a model. */
function surroundings({ tensors, tensorsBeside = [] }: Pick<Model, "tensors" | "tensorsBeside">): Surroundings {
  const all = [...tensorsBeside, ...tensors];
  const found = known.get(tensors) ?? {
    byName: new Map(all.map((info) => [info.name, info])),
    whyQuantizedAlready: quantizedAlready(all),
  };
  known.set(tensors, found);
  return found;
}

/** How many neighbours of a row are rotated together in a dialect; undefined where they do not fill rows. */
function rotationIn({ rotation }: Dialect, { shape }: TensorInfo): number | undefined {
  return rotation !== undefined && shape.length === 2 && shape[1] % rotation === 0 ? rotation : undefined;
}

function wayIn(
  name: DialectName,
  tensor: TensorInfo,
  scheme: Scheme,
  byName: Surroundings["byName"],
  rotation: number | undefined,
): Way | string {
  const stored = dialectNamed(name).stored(withScaleShape(tensor, scheme, rotation));
  const taken = stored.find((each) => each.name !== tensor.name && byName.has(each.name));
  if (taken) return `it needs the name ${taken.name}, which another tensor has`;
  const codes = stored.find(({ content }) => content === "codes");
  const scales = stored.find(({ content }) => content === "scales");
  const storedBits = codes?.packed ?? (codes?.dtype === "int16" ? 16 : 8);
  return {
    scheme: { ...scheme, scaleType: scales?.dtype as FloatDtype },
    quantizedShape: tensor.shape,
    ...(rotation !== undefined && { rotation }),
    storedBits,
    bytesAfter: stored.reduce((sum, { byteLength }) => sum + byteLength, 0),
    notes: storedBits > scheme.bits ? [storageNote(name, scheme.bits)] : [],
  };
}

/** A note that codes of fewer bits do not make the file smaller. */
function storageNote(dialect: DialectName, bits: Bits): string {
  const takes = bits < 8 ? "a byte" : "two bytes";
  const advice = bits <= 4 ? "; compressed-tensors packs 4 bits" : "";
  return `a code of ${bits} bits takes ${takes} in the file with the dialect ${dialect}${advice}`;
}

function whyImpossible({ dtype, shape }: TensorInfo): string | undefined {
  if (!isFloatDtype(dtype)) return `${dtype}; only floats are quantized`;
  if (shape.length === 0) return "a single number";
  return elementsOf(shape) === 0 ? "it is empty" : undefined;
}

function whyKept(tensor: TensorInfo, dialect: Dialect, byName: Surroundings["byName"]): string | undefined {
  const { name, shape } = tensor;
  if (shape.filter((dimension) => dimension > 1).length < 2) return "a vector";
  if (isBias(name)) return "a bias";
  if (isPositionEmbedding(name)) return "an embedding of positions";
  if (isNorm(name)) return "a normalization";
  return dialect.keeps?.(tensor, byName);
}

function whyImageKeeps({ name }: TensorInfo, { architecture, prefix }: ImageModel): string | undefined {
  if (!name.startsWith(prefix)) return `outside of ${prefix.slice(0, -1)}, the model of images`;
  return whyArchitectureKeeps(name.slice(prefix.length), architecture);
}

function noteOf({ architecture: { name } }: ImageModel, isGiven: boolean): string {
  const why = isGiven ? "is given" : "is told by its tensors";
  return `the architecture ${name} ${why}: what it needs as floats is kept`;
}

/** The scheme of a tensor by the settings, or a sentence why it cannot have one. */
function schemeFor({ name, shape }: TensorInfo, settings: Settings, format: FormatName): Scheme | string {
  const { granularity = "channel" } = settings;
  const bits = (settings.bits ?? 8) as Bits; // checked with the rules
  const rule = checkRule("scales", settings.scales);
  const { zeroPoints = false, balance = false } = settings;
  checkZeroPoints(zeroPoints, rule);
  checkBalance(balance, granularity);
  const made = { bits, rule, ...(zeroPoints && { zeroPoints }), ...(balance && { balance }) };
  if (typeof granularity === "object") {
    const { group, along: given = -1 } = granularity;
    const along = onAxis(given, shape.length);
    if (along === undefined) return `it has no axis ${given} for groups`;
    const dimension = shape[along];
    if (dimension % group !== 0) return `groups of ${group} do not divide ${dimension}`;
    return { ...made, axis: undefined, granularity: { group, along } };
  }
  // Otherwise each element of a vector would be a channel.
  if (granularity === "tensor" || shape.length === 1) return { ...made, axis: undefined, granularity: "tensor" };
  const axis = settings.axis ?? usualAxis(name, format);
  const counted = onAxis(axis, shape.length);
  return counted === undefined ? `it has no axis ${axis}` : { ...made, axis: counted, granularity };
}

/** The axis of the output channels: the first, and in TensorFlow the last. */
function usualAxis(name: string, format: FormatName): number {
  if (format !== "tfjs") return 0;
  return isDepthwiseKernel(name) ? -2 : -1;
}

/** The axis counted from 0; undefined where the tensor lacks it. */
function onAxis(axis: number, rank: number): number | undefined {
  return axis < -rank || axis >= rank ? undefined : (axis + rank) % rank;
}

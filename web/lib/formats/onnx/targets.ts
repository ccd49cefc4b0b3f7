import { checkBoolean, shown } from "../../core/arguments.js";
import type { OnnxContents } from "./contents.js";
import { named } from "./file/named.js";
import { microsoftDomain, type Node } from "./file/proto.js";
import { castAndMul } from "./forms/cast-and-mul.js";
import { dequantizeLinear } from "./forms/dequantize-linear.js";
import { dynamic } from "./forms/dynamic.js";
import { dynamicConv } from "./forms/dynamic-conv.js";
import type { Form } from "./forms/form.js";
import { gatherBlocks } from "./forms/gather-blocks.js";
import { gathered } from "./forms/gathered.js";
import { matMulNBits } from "./forms/matmul-nbits.js";
import type { OnnxTarget, OnnxWeightType } from "./target-name.js";
import type { Weight } from "./weights.js";

// The targets that a model can be written for, and the forms that are fastest there by `npm run bench:onnx`.

/** A form, and the reason to write it. */
export interface Preference {
  readonly form: Form;
  readonly why: string;
  /** Why a weight that the form can store is stored by a later one; undefined where it is not. */
  readonly whyNot?: (weight: Weight) => string | undefined;
}

const whyGathered = "only the rows that are gathered become floats";
const whyFolded = "it becomes float when ONNX Runtime loads the model, which then runs as it did before";
const whyDynamic = "ONNX Runtime multiplies int8 faster than floats; activations become int8 while the model runs";
const whyConvInteger = "it was asked for; activations become int8 while the model runs";

/**
 * In onnxruntime-web, the product of a matrix and fewer than 4 rows takes 1.0 to 2.7 times as long with codes as with
 * floats, and that of 4 rows 0.8 to 0.9 times (1024 x 1024 weights, in the caches and not, by `npm run bench:onnx`).
 */
function hasFewRows({ place: { rows } }: Weight): string | undefined {
  if (rows === undefined || rows >= 4) return undefined;
  return `MatMulInteger is slower than floats for ${rows === 1 ? "1 row" : `${rows} rows`} of activations`;
}

/** The first form that can store a weight is used. The last of each list can store every weight. */
const preferences: Readonly<Record<OnnxTarget, readonly Preference[]>> = {
  wasm: [
    { form: dynamic, why: whyDynamic, whyNot: hasFewRows },
    { form: dynamicConv, why: whyConvInteger },
    { form: gatherBlocks, why: whyGathered },
    { form: gathered, why: whyGathered },
    { form: castAndMul, why: whyFolded },
  ],
  native: [
    { form: dynamic, why: whyDynamic },
    { form: dynamicConv, why: whyConvInteger },
    {
      form: matMulNBits(4),
      why: "ONNX Runtime multiplies codes in groups; activations become int8 while the model runs",
    },
    { form: gatherBlocks, why: whyGathered },
    { form: gathered, why: whyGathered },
    { form: castAndMul, why: whyFolded },
  ],
  webgpu: [
    { form: matMulNBits(1), why: "ONNX Runtime's shaders take codes in groups, which stay small in the GPU's memory" },
    { form: gatherBlocks, why: whyGathered },
    { form: gathered, why: whyGathered },
    { form: castAndMul, why: whyFolded },
  ],
  portable: [
    { form: gathered, why: whyGathered },
    {
      form: dequantizeLinear,
      why: 'runtimes other than ONNX Runtime know it; onnxruntime-web runs MatMul after it slowly, unless the session has extra: { session: { disable_quant_qdq: "1" } }',
    },
    { form: castAndMul, why: "every opset has the operators" },
  ],
};

export const preferencesOf = (target: OnnxTarget) => preferences[target];

/** The form of a pattern in a target. */
export function preferenceFor(target: OnnxTarget, pattern: string | undefined): Preference {
  return preferences[target].find(({ form }) => form.pattern === pattern) as Preference;
}

/** The domains whose operators every build of ONNX Runtime has. */
const runtimeDomains = ["", "ai.onnx.ml", microsoftDomain];

/**
 * The target of a model: the one asked for, or by default wasm, and native for a model that onnxruntime-web cannot run.
 */
export function checkTarget(model: OnnxContents, target: OnnxTarget | undefined): OnnxTarget {
  if (target === undefined) return preventing(model, "wasm") === undefined ? "wasm" : "native";
  if (!Object.hasOwn(preferences, target)) {
    throw new TypeError(`target is ${shown(target)}; it must be one of ${Object.keys(preferences).join(", ")}`);
  }
  const node = preventing(model, target);
  if (node === undefined) return target;
  const has = target === "portable" ? "ONNX itself does not have" : "onnxruntime-web does not have";
  throw new TypeError(`target is ${shown(target)}, and ${named(node)} is an operator of ${node.domain}, which ${has}`);
}

/**
 * The type of the codes of MatMulInteger. Without VNNI, x86 processors multiply uint8 with int8 in pairs whose sums
 * saturate at 16 bits, in ONNX Runtime's native builds; they multiply uint8 with uint8 exactly.
 */
export function checkWeightType(target: OnnxTarget, type: OnnxWeightType | undefined): OnnxWeightType {
  if (type === undefined) return target === "native" ? "uint8" : "int8";
  if (type === "int8" || type === "uint8") return type;
  throw new TypeError(`weightType is ${shown(type)}; it must be "int8" or "uint8"`);
}

export function checkConvInteger(target: OnnxTarget, convInteger = false): boolean {
  checkBoolean("convInteger", convInteger);
  if (!convInteger || target === "wasm" || target === "native") return convInteger;
  const reason = "leaves activations as they are";
  throw new TypeError(`convInteger is true, and target ${shown(target)} ${reason}: choose "wasm" or "native"`);
}

/** The first node whose operator a target lacks. */
function preventing({ proto, scopes }: OnnxContents, target: OnnxTarget): Node | undefined {
  if (target === "native") return undefined; // a native build can have operators of any domain
  const domains = target === "portable" ? [""] : runtimeDomains;
  const own = new Set(proto.functions.map(({ name }) => name));
  const nodes = scopes.flatMap(({ graph }) => graph.nodes);
  return nodes.find(({ domain, operator }) => !domains.includes(domain) && !own.has(operator));
}

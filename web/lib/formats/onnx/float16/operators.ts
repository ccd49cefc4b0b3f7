import { dataType, microsoftDomain, type Node } from "../file/proto.js";
import { resolve, type Scope } from "../file/values.js";

// The operators that take or give float32 in a model of float16 (ONNX's operators: https://onnx.ai/onnx/operators).

/** The inputs that must be float32, by operator. */
const float32Inputs: Readonly<Record<string, readonly number[]>> = {
  NonMaxSuppression: [0, 1, 3, 4],
  Resize: [2],
  Upsample: [1],
};

/** The attribute that says which type an operator gives, and whether that is float32 where it is missing. */
const typeAttributes: Readonly<Record<string, readonly [attribute: string, isDefault: boolean]>> = {
  Bernoulli: ["dtype", false],
  BlackmanWindow: ["output_datatype", true],
  EyeLike: ["dtype", true],
  HammingWindow: ["output_datatype", true],
  HannWindow: ["output_datatype", true],
  MelWeightMatrix: ["output_datatype", true],
  RandomNormal: ["dtype", true],
  RandomNormalLike: ["dtype", false],
  RandomUniform: ["dtype", true],
  RandomUniformLike: ["dtype", false],
};

/** Whether an input of a node must be float32. Resize of opset 10 has its scales second. */
export function takesFloat32({ operator, domain, inputs }: Node, input: number): boolean {
  if (domain !== "" || !Object.hasOwn(float32Inputs, operator)) return false;
  if (operator === "Resize" && inputs.length === 2) return input === 1;
  return float32Inputs[operator].includes(input);
}

/** Whether a node gives float32, whatever it takes. */
export function givesFloat32({ operator, domain, attributes }: Node): boolean {
  if (domain !== "") return false;
  if (operator === "Constant") return attributes.has("value_float") || attributes.has("value_floats");
  if (operator === "TfIdfVectorizer") return true;
  if (!Object.hasOwn(typeAttributes, operator)) return false;
  const [attribute, isDefault] = typeAttributes[operator];
  return attributes.has(attribute) ? attributes.get(attribute)?.integer === dataType.float : isDefault;
}

/** Why a node cannot be part of a model of float16; undefined if it can. */
export function whyFloat32({ operator, domain, attributes, inputs }: Node, scope: Scope): string | undefined {
  if (domain !== "" && domain !== microsoftDomain) return `the types that operators of ${domain} take are not known`;
  if ([...attributes.values()].some(({ graphs }) => graphs.length > 0)) return "it has subgraphs, which stay float32";
  const isFloat = (name: string) => resolve(name, scope)?.tensor?.type === dataType.float;
  return operator === "Range" && inputs.some(isFloat) ? "it counts in float32" : undefined;
}

import { named } from "../file/named.js";
import type { Node, Tensor } from "../file/proto.js";
import { resolve, type Scope, type Value } from "../file/values.js";
import { codeTypes, endOf, type Found, inOrder, isFloat } from "./found.js";

/** Codes that become floats by Cast, with the nodes on the way to where they are multiplied with scales. */
interface CastCodes {
  readonly codes: Value;
  readonly zeroPoints: Value | undefined;
  readonly others: readonly Node[];
}

/** The codes of a Mul with scales, if that is what it is. */
export function codesOfMul(node: Node, scope: Scope): CastCodes | undefined {
  const found = node.inputs.map((name) => castOf(name, scope) ?? differenceOf(name, scope)).find((each) => each);
  const { type = 0, shape = [] } = found?.codes.tensor ?? {};
  // Unsigned integers without zero points may be a mask.
  const { signed = false } = codeTypes[type] ?? {};
  if (!(signed || (codeTypes[type] && found?.zeroPoints)) || shape.length < 2) return undefined;
  return scalesOfMul(node, scope) && found;
}

/** Cast of codes. */
function castOf(name: string, scope: Scope): CastCodes | undefined {
  const node = makerOf(name, scope, "Cast");
  const codes = resolve(node?.inputs[0] ?? "", scope);
  return node && codes?.tensor && { codes, zeroPoints: undefined, others: [node] };
}

/** Sub of codes and zero points, after a Cast of each. */
function differenceOf(name: string, scope: Scope): CastCodes | undefined {
  const node = makerOf(name, scope, "Sub");
  const [first = "", second = ""] = node?.inputs ?? [];
  const repeated = repeatedOf(second, scope);
  const codes = castOf(first, scope);
  const zeroPoints = castOf(repeated?.source ?? second, scope);
  if (node === undefined || codes === undefined || zeroPoints === undefined) return undefined;
  const others = [node, ...codes.others, ...zeroPoints.others, ...(repeated?.others ?? [])];
  return { codes: codes.codes, zeroPoints: zeroPoints.codes, others };
}

/** What Tile, Reshape and Slice repeat for the weights of each group, of which the last of a row is shorter. */
interface Repeated {
  readonly source: string;
  readonly group: number;
  readonly along: number;
  readonly others: readonly Node[];
  readonly constants: readonly Value[];
}

function repeatedOf(name: string, scope: Scope): Repeated | undefined {
  const slice = makerOf(name, scope, "Slice");
  const reshape = slice && makerOf(slice.inputs[0] ?? "", scope, "Reshape");
  const tile = reshape && makerOf(reshape.inputs[0] ?? "", scope, "Tile");
  if (slice === undefined || reshape === undefined || tile === undefined) return undefined;
  const constants = [tile, reshape, slice].flatMap(({ inputs }) =>
    inputs.slice(1).flatMap((input) => resolve(input, scope) ?? []),
  );
  const [repeats, , , , axes] = constants.map(({ tensor }) => tensor?.integers);
  // Up to opset 9, the axes of Slice are an attribute.
  const [along] = axes ?? slice.attributes.get("axes")?.integers ?? [];
  const group = along === undefined ? undefined : repeats?.[along + 1];
  if (along === undefined || group === undefined || along < 0 || group < 1) return undefined;
  return { source: tile.inputs[0] as string, group, along, others: [tile, reshape, slice], constants };
}

/** The node that makes a value, if it has this operator and one node uses the value. */
function makerOf(name: string, scope: Scope, operator: string): Node | undefined {
  const { node, uses = [] } = resolve(name, scope) ?? {};
  return node?.operator === operator && node.domain === "" && uses.length === 1 ? node : undefined;
}

/** The input of Mul that is a tensor of floats, or what repeats one. */
function scalesOfMul({ inputs }: Node, scope: Scope): { scales: Value; repeated?: Repeated } | undefined {
  for (const name of inputs) {
    const repeated = repeatedOf(name, scope);
    const scales = resolve(repeated?.source ?? name, scope);
    if (scales && isFloat(scales.tensor)) return { scales, ...(repeated && { repeated }) };
  }
  return undefined;
}

/** Mul repeats scales along dimensions of size 1. */
export function castAndMul(node: Node, scope: Scope): Found | string {
  const { codes, zeroPoints, others } = codesOfMul(node, scope) as CastCodes;
  const { shape } = codes.tensor as Tensor;
  const { scales, repeated } = scalesOfMul(node, scope) as { scales: Value; repeated?: Repeated };
  if (repeated) {
    const { group, along, constants } = repeated;
    if (along >= shape.length) return `${named(node)} has scales along an axis that its codes lack`;
    const parts = { node, scope, codes, scales, zeroPoints, others: [...others, ...repeated.others], constants };
    return inOrder("Cast, Mul", parts, { quantizedShape: shape, axis: undefined, granularity: { group, along } });
  }
  const { shape: given } = scales.tensor as Tensor;
  const scaleShape = [...Array(Math.max(0, shape.length - given.length)).fill(1), ...given];
  const differing = shape.flatMap((dimension, i) => (dimension === scaleShape[i] ? [] : [i]));
  const long = scaleShape.flatMap((dimension, i) => (dimension === 1 ? [] : [i]));
  const wrong = `scales of shape [${given.join(", ")}] do not fit codes of shape [${shape.join(", ")}]`;
  if (scaleShape.length !== shape.length || differing.some((i) => scaleShape[i] !== 1)) return wrong;
  const parts = { node, scope, codes, scales, zeroPoints, others };
  const [along] = differing;
  // Groups have a dimension of their own, which a Reshape joins again.
  if (differing.length === 1 && along !== undefined && along > 0 && shape.length > 2 && endOf(parts).reshaped) {
    const group = shape[along] as number;
    const joined = [...shape.slice(0, along - 1), (shape[along - 1] as number) * group, ...shape.slice(along + 1)];
    const granularity = { group, along: along - 1 };
    return inOrder("Cast, Mul", parts, { quantizedShape: joined, axis: undefined, granularity });
  }
  if (long.length > 1) return wrong;
  const [axis] = long;
  const granularity = axis === undefined ? "tensor" : "channel";
  return inOrder("Cast, Mul", parts, { quantizedShape: shape, axis, granularity });
}

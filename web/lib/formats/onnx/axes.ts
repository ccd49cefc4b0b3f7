import { dataType, type Node } from "./file/proto.js";
import { resolve, type Use, type Value } from "./file/values.js";

// The axes of a stored tensor that hold its output channels and that a channel is summed over, found from the nodes
// that use it.

/**
 * A tensor as a node sees it: its dimensions, and for each the axis of the stored tensor (undefined where several mix).
 */
interface View {
  readonly shape: readonly number[];
  readonly stored: readonly (number | undefined)[];
}

/** A node that uses a tensor, the nodes on the way that only move it, and the axis of its output channels. */
export type Consumer = { readonly use: Use; readonly via: readonly Node[] } & (
  | { readonly axis: number; readonly along: number | undefined }
  | { readonly reason: string }
);

/** The axis of the output channels, and an axis that each of them is summed over. */
type Axes = readonly [channels: number, along: number];

/** The weights of inputs and of recurrence are [directions, output channels of all gates, inputs]. */
const recurrent = (_: Node, input: number): Axes | undefined => (input === 1 || input === 2 ? [1, 2] : undefined);

/** The axes by operator and input; undefined for an input that does not hold weights. */
const axesOf: Readonly<Record<string, (node: Node, input: number, rank: number) => Axes | undefined>> = {
  Conv: (_, input) => (input === 1 ? [0, 1] : undefined),
  // [input channels, output channels of a group, ...]: channels at the same place in every group share a scale.
  ConvTranspose: (_, input) => (input === 1 ? [1, 0] : undefined),
  MatMul: (_, input, rank) => (input === 1 ? [rank - 1, rank - 2] : [rank - 2, rank - 1]),
  Gemm(node, input) {
    if (input > 1) return undefined;
    const transposed = (node.attributes.get(input === 0 ? "transA" : "transB")?.integer ?? 0) !== 0;
    return transposed === (input === 0) ? [1, 0] : [0, 1];
  },
  Gather(node, input, rank) {
    if (input !== 0) return undefined;
    const axis = node.attributes.get("axis")?.integer ?? 0;
    const channels = axis < 0 ? axis + rank : axis;
    return [channels, channels === 0 ? 1 : channels - 1];
  },
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

/** The float types, between which a Cast keeps a weight a weight. */
const floatTypes: readonly (number | undefined)[] = [
  dataType.float,
  dataType.float16,
  dataType.bfloat16,
  dataType.double,
];

/** No exporter writes as many nodes in a row that only move a tensor. Each one takes a place on the stack. */
const MAX_MOVES = 16;

/** Every node that uses a tensor, found through Identity, Cast, Transpose and Reshape. */
export function consumersOf(value: Value, shape: readonly number[]): Consumer[] {
  return follow(value, { shape, stored: shape.map((_, axis) => axis) }, []);
}

function follow(value: Value, view: View, via: readonly Node[]): Consumer[] {
  return value.uses.flatMap((use) => consume(use, view, via));
}

function consume(use: Use, view: View, via: readonly Node[]): Consumer[] {
  const { node, input, scope } = use;
  const refuse = (reason: string): Consumer[] => [{ use, via, reason }];
  const name = named(node);
  if (node.domain !== "") return refuse(`${node.domain}.${name} uses it, and weights of that operator stay floats`);
  const passed = passThrough(use, view);
  if (passed !== undefined) {
    if (typeof passed === "string") return refuse(passed);
    const output = scope.values.get(node.outputs[0] ?? "");
    if (output === undefined) return [];
    if (output.isOutput) return refuse(`it goes through ${name} to an output of the graph, which must stay exact`);
    if (via.length === MAX_MOVES) return refuse(`it goes through more than ${MAX_MOVES} nodes that only move it`);
    return follow(output, passed, [...via, node]);
  }
  const axesOfInput = Object.hasOwn(axesOf, node.operator) ? axesOf[node.operator] : undefined;
  if (axesOfInput === undefined) return refuse(`${name} uses it, and weights of that operator stay floats`);
  const axes = axesOfInput(node, input, view.shape.length);
  if (axes === undefined) return refuse(`${name} uses it, but not as weights`);
  if (axes.some((axis) => axis < 0 || axis >= view.shape.length)) {
    return refuse(`${name} uses it, and it has too few dimensions for weights of that operator`);
  }
  const [axis, along] = axes.map((each) => view.stored[each]);
  if (axis === undefined) return refuse(`the output channels of ${name} are reshaped out of more than one dimension`);
  return [{ use, via, axis, along }];
}

/** The operator and the name of a node, for messages. */
export function named({ operator, name, outputs }: Node): string {
  return `${operator} "${name || outputs[0]}"`;
}

/**
 * The tensor after a node that only moves it, or a sentence where that is not known; undefined for a node that does
 * more.
 */
function passThrough({ node, input, scope }: Use, view: View): View | string | undefined {
  if (input !== 0) return undefined;
  if (node.operator === "Identity") return view;
  if (node.operator === "Cast" && floatTypes.includes(node.attributes.get("to")?.integer)) return view;
  if (node.operator === "Transpose") return transpose(node, view);
  if (node.operator !== "Reshape") return undefined;
  const target = resolve(node.inputs[1] ?? "", scope)?.tensor;
  const shape = target?.type === dataType.int64 && target.shape.length === 1 ? target.integers : undefined;
  if (shape === undefined) return `${named(node)} reshapes it to a shape that is known only when the model runs`;
  return reshape(view, shape, node) ?? `${named(node)} reshapes it to a shape of another size`;
}

function transpose(node: Node, { shape, stored }: View): View | string {
  const order = node.attributes.get("perm")?.integers ?? [];
  const perm = order.length > 0 ? order : shape.map((_, axis) => shape.length - 1 - axis);
  if (perm.length !== shape.length || [...perm].sort((a, b) => a - b).some((axis, i) => axis !== i)) {
    return `${named(node)} has a perm that is not an order of its dimensions`;
  }
  return { shape: perm.map((axis) => shape[axis]), stored: perm.map((axis) => stored[axis]) };
}

/** A dimension stays the same one if it keeps its size and the number of elements before it. */
function reshape({ shape, stored }: View, target: readonly number[], node: Node): View | undefined {
  const keepsZeros = (node.attributes.get("allowzero")?.integer ?? 0) !== 0;
  const filled = target.map((dimension, i) => (dimension === 0 && !keepsZeros ? (shape[i] ?? 0) : dimension));
  const size = product(shape);
  const known = product(filled.filter((dimension) => dimension !== -1));
  const result = filled.map((dimension) => (dimension === -1 ? size / known : dimension));
  if (product(result) !== size || result.some((dimension) => !Number.isInteger(dimension) || dimension < 1)) {
    return undefined;
  }
  const axisWith = (dimension: number, before: number) =>
    shape.findIndex((each, axis) => each === dimension && product(shape.slice(0, axis)) === before);
  return {
    shape: result,
    stored: result.map((dimension, i) => stored[axisWith(dimension, product(result.slice(0, i)))]),
  };
}

function product(factors: readonly number[]): number {
  return factors.reduce((a, b) => a * b, 1);
}

import { microsoftDomain, type Node } from "../file/proto.js";

// The operators that have weights, and the axes of their output channels.

/** The axis of the output channels, and an axis that each of them is summed over. */
type Axes = readonly [channels: number, along: number];

/** An input of a node, with its dimensions. */
export interface Operand {
  readonly node: Node;
  readonly input: number;
  readonly shape: readonly number[];
}

/** Finds the axes; undefined for an input that does not hold weights. */
type AxesOf = (operand: Operand) => Axes | undefined;

/** The weights of inputs and of recurrence are [directions, output channels of all gates, inputs]. */
const recurrent: AxesOf = ({ input }) => (input === 1 || input === 2 ? [1, 2] : undefined);

const conv: AxesOf = ({ input }) => (input === 1 ? [0, 1] : undefined);

const isSet = ({ attributes }: Node, name: string) => (attributes.get(name)?.integer ?? 0) !== 0;

/** The axes of an operand of a product of matrices, which is the last two of its dimensions. */
const factor = ({ input, shape: { length: rank } }: Operand, isTransposed: boolean): Axes =>
  isTransposed === (input === 0) ? [rank - 1, rank - 2] : [rank - 2, rank - 1];

const gemm: AxesOf = ({ node, input, shape }) => {
  if (input > 1) return undefined;
  return factor({ node, input, shape }, isSet(node, input === 0 ? "transA" : "transB"));
};

/** The axes by operator. */
const own: Readonly<Record<string, AxesOf>> = {
  Conv: conv,
  // [input channels, output channels of a group, ...]: channels at the same place in every group share a scale.
  ConvTranspose: ({ input }) => (input === 1 ? [1, 0] : undefined),
  MatMul: (operand) => factor(operand, false),
  Gemm: gemm,
  Einsum: einsum,
  Gather({ node, input, shape }) {
    if (input !== 0) return undefined;
    const axis = node.attributes.get("axis")?.integer ?? 0;
    const channels = axis < 0 ? axis + shape.length : axis;
    return [channels, channels === 0 ? 1 : channels - 1];
  },
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

/** The same for operators of com.microsoft, which ONNX Runtime writes into the models that it optimizes. */
const microsofts: Readonly<Record<string, AxesOf>> = {
  FusedConv: conv,
  FusedGemm: gemm,
  FusedMatMul: (operand) =>
    isSet(operand.node, operand.input === 0 ? "transBatchA" : "transBatchB") ? undefined : gemm(operand),
  // The weights of queries, keys and values are one matrix.
  Attention: ({ input }) => (input === 1 ? [1, 0] : undefined),
  EmbedLayerNormalization: ({ input }) => (input >= 2 && input <= 4 ? [0, 1] : undefined),
};

/**
 * Output channels lie along a dimension that the output has and no other operand, the longest of these; a channel is
 * summed over one that the output lacks.
 */
function einsum({ node, input, shape }: Operand): Axes | undefined {
  const [left = "", output] = node.attributes.get("equation")?.text?.replaceAll(" ", "").split("->") ?? [];
  const terms = left.split(",");
  const term = terms[input] ?? "";
  if (term.includes(".") || term.length !== shape.length || new Set(term).size !== term.length) return undefined;
  // Without an arrow, the output has the letters that come once.
  const isInOutput = (letter = "") =>
    output === undefined ? left.split(letter).length === 2 : output.includes(letter);
  const others = terms.filter((_, place) => place !== input).join();
  const longest = (isMeant: (letter: string) => boolean) =>
    [...shape.keys()].filter((axis) => isMeant(term[axis] as string)).sort((a, b) => lengthOf(b) - lengthOf(a))[0];
  const lengthOf = (axis: number) => shape[axis] as number;
  const channels = longest((letter) => isInOutput(letter) && !others.includes(letter));
  const along = longest((letter) => !isInOutput(letter));
  return channels === undefined || along === undefined ? undefined : [channels, along];
}

/** The axes of an input that holds weights, or the end of a sentence why it holds none. */
export function axesOf({ node, input, shape }: Operand): Axes | string {
  const known = node.domain === "" ? own : node.domain === microsoftDomain ? microsofts : {};
  if (!Object.hasOwn(known, node.operator)) return "and weights of that operator stay floats";
  const axes = known[node.operator]?.({ node, input, shape });
  if (axes === undefined) return "but not as weights";
  if (axes.some((axis) => axis < 0 || axis >= shape.length))
    return "and it has too few dimensions for weights of that operator";
  return axes;
}

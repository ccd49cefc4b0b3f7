import type { Node } from "../file/proto.js";
import { resolve, type Scope } from "../file/values.js";
import { float32s, int64s, type NewInput, type Rewrite } from "./rewrite.js";

// The operators whose meaning changes when a model is raised to a higher opset, from version 7 to 25, and what to write
// in their place. Most new versions of an operator only add types of elements, or an attribute whose default keeps the
// old behaviour; the others are below (ONNX's changelog and version converter: https://github.com/onnx/onnx).

/** A node of a model that is raised. */
export interface Raised {
  readonly node: Node;
  readonly scope: Scope;
  /** Whether an opset is above the model's own, and at most the new one. */
  crosses(opset: number): boolean;
  /** The number of dimensions of a value, where the model says it. */
  rankOf(name: string): number | undefined;
  /** Whether a value, if it is of floats, is known to be float32. */
  isFloat32(name: string): boolean;
}

/**
 * What a node becomes, so that it means the same: undefined where it stays as it is, and the opset that changes it where
 * nothing else means the same.
 */
type Change = (raised: Raised) => Rewrite | number | undefined;

const isGiven = (input: string | undefined) => input !== undefined && input !== "";

/** Nodes that meet a condition change with an opset. */
const changesWith =
  (opset: number, isMeant: (node: Node) => boolean): Change =>
  ({ node, crosses }) =>
    crosses(opset) && isMeant(node) ? opset : undefined;

/** From an opset on, attributes that are lists of integers are inputs. */
const listsBecomeInputs =
  (opset: number, ...names: string[]): Change =>
  ({ node: { attributes, inputs }, crosses }) => {
    const given = names.map((name) => attributes.get(name));
    if (!crosses(opset) || given.every((each) => each === undefined)) return undefined;
    if (given.some((each) => each !== undefined && each.integers === undefined)) return opset;
    const lists = given.map((each): NewInput => (each?.integers ? int64s(each.integers) : ""));
    return { inputs: [...inputs.slice(0, 1), ...lists], without: names };
  };

/** Before, all dimensions from the axis on counted as one; from 13 on the sum is over one dimension. */
const softmax: Change = ({ node, crosses, rankOf }) => {
  const axis = node.attributes.get("axis")?.integer ?? 1;
  if (!crosses(13) || axis === -1) return undefined;
  const last = { without: ["axis"], integers: { axis: -1 } };
  return axis + 1 === rankOf(node.inputs[0] ?? "") ? last : { ...last, flattened: axis };
};

/** Windows that begin in the padding at the end no longer count. */
const pool = changesWith(22, ({ attributes }) => (attributes.get("ceil_mode")?.integer ?? 0) !== 0);

/** From opset 11 on, the place of an element of the input that an output is made of is counted in other ways. */
function scaled({ node, scope, crosses }: Raised, scales: NewInput): Rewrite | number {
  const mode = node.attributes.get("mode")?.text ?? "nearest";
  const [x = ""] = node.inputs;
  if (!crosses(11)) return { operator: "Resize", inputs: [x, scales], without: ["scales"] };
  const tensor = typeof scales === "string" ? resolve(scales, scope)?.tensor : undefined;
  const factors = typeof scales === "string" ? tensor?.fewFloats : node.attributes.get("scales")?.floats;
  // Runtimes do not agree on the nearest element where there are fewer than before.
  const isExact = mode === "linear" || (mode === "nearest" && (factors?.every((factor) => factor >= 1) ?? false));
  if (!isExact) return 11;
  return {
    operator: "Resize",
    inputs: [x, float32s([]), scales],
    without: ["scales"],
    texts: { coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
  };
}

/** The axes of a reduction became an input. */
const reduce = listsBecomeInputs(18, "axes");

/** By operator. */
export const changes: Readonly<Record<string, Change>> = {
  AveragePool: pool,
  BatchNormalization({ node: { attributes, outputs }, crosses }) {
    const isSpatial = attributes.get("spatial")?.integer === 1;
    if (crosses(9) && attributes.has("spatial") && !isSpatial) return 9;
    if (crosses(14) && outputs.slice(1).some(isGiven)) return 14;
    return crosses(9) && isSpatial ? { without: ["spatial"] } : undefined;
  },
  Clip({ node: { attributes, inputs }, crosses, isFloat32 }) {
    const [min, max] = ["min", "max"].map((name) => attributes.get(name)?.float);
    if (!crosses(11) || (min === undefined && max === undefined)) return undefined;
    const [x = ""] = inputs;
    if (!isFloat32(x)) return 11;
    const bounds = [min, max].map((bound): NewInput => (bound === undefined ? "" : float32s(bound)));
    return { inputs: [x, ...bounds], without: ["min", "max"] };
  },
  // The side of the output that loses one more element changed.
  ConvTranspose: changesWith(11, ({ attributes }) => attributes.has("auto_pad") || attributes.has("output_shape")),
  DFT: changesWith(20, () => true),
  Dropout({ node: { attributes, inputs, outputs }, crosses }) {
    // The mask became boolean.
    if (crosses(10) && isGiven(outputs[1])) return 10;
    const ratio = attributes.get("ratio")?.float;
    if (!crosses(12) || ratio === undefined) return undefined;
    return { inputs: [...inputs.slice(0, 1), float32s(ratio)], without: ["ratio"] };
  },
  GridSample({ node: { attributes }, crosses }) {
    const renamed: Readonly<Record<string, string>> = { bilinear: "linear", bicubic: "cubic" };
    const mode = renamed[attributes.get("mode")?.text ?? ""];
    return crosses(20) && mode !== undefined ? { without: ["mode"], texts: { mode } } : undefined;
  },
  GroupNormalization: changesWith(21, () => true),
  Hardmax: softmax,
  LogSoftmax: softmax,
  MaxPool: pool,
  // The meaning of negative indices changed.
  OneHot: changesWith(11, () => true),
  Pad({ node: { attributes, inputs }, crosses, isFloat32 }) {
    if (!crosses(11)) return undefined;
    const [x = ""] = inputs;
    const pads = attributes.get("pads")?.integers;
    const value = attributes.get("value")?.float ?? 0;
    if (pads === undefined || (value !== 0 && !isFloat32(x))) return 11;
    return { inputs: [x, int64s(pads), ...(value === 0 ? [] : [float32s(value)])], without: ["pads", "value"] };
  },
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: listsBecomeInputs(13, "axes"),
  ReduceSumSquare: reduce,
  Resize(raised) {
    const { node, scope, crosses } = raised;
    const { attributes, inputs } = node;
    // From opset 11 on, the region of interest comes second.
    if (crosses(11)) return scaled(raised, inputs[1] ?? "");
    if (!crosses(13)) return undefined;
    if (attributes.get("coordinate_transformation_mode")?.text === "tf_half_pixel_for_nn") return 13;
    const [x = "", region = "", scales = "", sizes = ""] = inputs;
    if (scales === "" || sizes === "") return undefined;
    // Up to opset 12, scales beside sizes were empty.
    return resolve(scales, scope)?.tensor?.shape[0] === 0 ? { inputs: [x, region, "", sizes] } : 13;
  },
  RoiAlign({ node: { attributes }, crosses }) {
    const name = "coordinate_transformation_mode";
    return crosses(16) && !attributes.has(name) ? { texts: { [name]: "output_half_pixel" } } : undefined;
  },
  Scan: changesWith(9, () => true),
  Scatter: ({ crosses }) => (crosses(11) ? { operator: "ScatterElements" } : undefined),
  Slice: listsBecomeInputs(10, "starts", "ends", "axes"),
  Softmax: softmax,
  Split(raised) {
    const { node, crosses } = raised;
    const lists = listsBecomeInputs(13, "split")(raised);
    if (lists !== undefined || !crosses(18) || isGiven(node.inputs[1]) || node.attributes.has("split")) return lists;
    return { integers: { num_outputs: node.outputs.length } };
  },
  Squeeze: listsBecomeInputs(13, "axes"),
  TopK({ node: { attributes, inputs }, crosses }) {
    const count = attributes.get("k")?.integer;
    if (!crosses(10)) return undefined;
    return count === undefined ? 10 : { inputs: [...inputs.slice(0, 1), int64s([count])], without: ["k"] };
  },
  Unsqueeze: listsBecomeInputs(13, "axes"),
  Upsample(raised) {
    const { node, crosses } = raised;
    const factors = node.attributes.get("scales");
    if (factors !== undefined && factors.floats === undefined && crosses(9)) return 9;
    const scales = factors?.floats ? float32s(factors.floats) : (node.inputs[1] ?? "");
    if (crosses(10)) return scaled(raised, scales);
    return crosses(9) ? { inputs: [node.inputs[0] ?? "", scales], without: ["scales"] } : undefined;
  },
};

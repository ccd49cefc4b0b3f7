import type { Node } from "../file/proto.js";
import { resolve, type Scope } from "../file/values.js";
import { type Computed, float32s, int64s, type NewInput, type Rewrite } from "./rewrite.js";
import { endsInside, isPaddedEvenly } from "./windows.js";

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
const pool = changesWith(22, ({ attributes }) => isRoundedUp(attributes) && !endsInside(attributes));

function isRoundedUp(attributes: Node["attributes"]): boolean {
  return (attributes.get("ceil_mode")?.integer ?? 0) !== 0;
}

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
  AveragePool(raised) {
    const { node, crosses } = raised;
    const countsPadding = (node.attributes.get("count_include_pad")?.integer ?? 0) !== 0;
    // What a window counts beyond the padding changed in ONNX Runtime: https://github.com/microsoft/onnxruntime/pull/16752.
    return crosses(19) && countsPadding && isRoundedUp(node.attributes) ? 19 : pool(raised);
  },
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
  ConvTranspose({ node: { attributes, inputs }, scope, crosses }) {
    const padding = attributes.get("auto_pad")?.text;
    const isExplicit = !attributes.has("auto_pad") || padding === "NOTSET" || padding === "VALID";
    if (!crosses(11) || (isExplicit && !attributes.has("output_shape"))) return undefined;
    // The side of the output that loses one more element changed.
    const kernel = attributes.get("kernel_shape")?.integers ?? resolve(inputs[1] ?? "", scope)?.tensor?.shape.slice(2);
    return !attributes.has("output_shape") && kernel && isPaddedEvenly(attributes, kernel) ? undefined : 11;
  },
  DFT({ node: { attributes, inputs }, crosses }) {
    if (!crosses(20)) return undefined;
    const axis = int64s(attributes.get("axis")?.integer ?? 1);
    return { inputs: [inputs[0] ?? "", inputs[1] ?? "", axis], without: ["axis"] };
  },
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
  // Scales and biases of groups became those of channels, and each is repeated for the channels of its group.
  GroupNormalization({ node: { attributes, inputs }, crosses }) {
    if (!crosses(21)) return undefined;
    const groups = attributes.get("num_groups")?.integer;
    const [x = "", scales = "", biases = ""] = inputs;
    if (groups === undefined) return 21;
    const channels: Computed = { operator: "Shape", inputs: [x], integers: { start: 1, end: 2 } };
    const count: Computed = { operator: "Div", inputs: [channels, int64s([groups])] };
    const repeated = (values: string): Computed => {
      const column: Computed = { operator: "Reshape", inputs: [values, int64s([-1, 1])] };
      return { operator: "Reshape", inputs: [{ operator: "Expand", inputs: [column, count] }, int64s([-1])] };
    };
    return { inputs: [x, repeated(scales), repeated(biases)] };
  },
  Hardmax: softmax,
  LogSoftmax: softmax,
  LpPool: pool,
  MaxPool: pool,
  // OneHot stays: from opset 11 on, negative indices count from the end. ONNX Runtime has always counted them so, and
  // ONNX's version converter leaves the node as it is.
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

import type { OnnxContents } from "./contents.js";
import { named } from "./file/named.js";
import type { Node } from "./file/proto.js";
import { oldestOpset } from "./weights.js";

// The operators whose meaning changes when a model is raised to a higher opset, from version 7 to 25. Most new versions
// of an operator only add types of elements, or an attribute whose default keeps the old behaviour; the others are
// below (ONNX's changelog and version converter: https://github.com/onnx/onnx).

/** Whether a node means something else from a version on. */
type Changed = (node: Node) => boolean;

const always: Changed = () => true;
const withAttribute =
  (...names: string[]): Changed =>
  ({ attributes }) =>
    names.some((name) => attributes.has(name));

const isGiven = (input: string | undefined) => input !== undefined && input !== "";

/** Windows that begin in the padding at the end no longer count. */
const roundedUp: Changed = ({ attributes }) => (attributes.get("ceil_mode")?.integer ?? 0) !== 0;

/** One way to transform coordinates was removed, and so were empty scales given beside sizes. */
const resizedOtherwise: Changed = ({ attributes, inputs }) =>
  attributes.get("coordinate_transformation_mode")?.text === "tf_half_pixel_for_nn" ||
  (isGiven(inputs[2]) && isGiven(inputs[3]));

/** Only over the last dimension is the result the same: before, all dimensions from the axis on were joined. */
const overMoreThanTheLast: Changed = ({ attributes }) => attributes.get("axis")?.integer !== -1;

const changes: Readonly<Record<string, Readonly<Record<number, Changed>>>> = {
  AveragePool: { 22: roundedUp },
  BatchNormalization: {
    9: withAttribute("spatial"),
    14: ({ outputs }) => outputs.slice(1).some(isGiven),
  },
  Clip: { 11: withAttribute("min", "max") },
  // The side of the output that loses one more element changed.
  ConvTranspose: { 11: withAttribute("auto_pad", "output_shape") },
  DFT: { 20: always },
  Dropout: { 12: withAttribute("ratio") },
  GridSample: { 20: withAttribute("mode") },
  GroupNormalization: { 21: always },
  Hardmax: { 13: overMoreThanTheLast },
  LogSoftmax: { 13: overMoreThanTheLast },
  MaxPool: { 22: roundedUp },
  // The meaning of negative indices changed.
  OneHot: { 11: always },
  Pad: { 11: always },
  ReduceL1: { 18: withAttribute("axes") },
  ReduceL2: { 18: withAttribute("axes") },
  ReduceLogSum: { 18: withAttribute("axes") },
  ReduceLogSumExp: { 18: withAttribute("axes") },
  ReduceMax: { 18: withAttribute("axes") },
  ReduceMean: { 18: withAttribute("axes") },
  ReduceMin: { 18: withAttribute("axes") },
  ReduceProd: { 18: withAttribute("axes") },
  ReduceSum: { 13: withAttribute("axes") },
  ReduceSumSquare: { 18: withAttribute("axes") },
  Resize: { 11: always, 13: resizedOtherwise },
  RoiAlign: { 16: ({ attributes }) => !attributes.has("coordinate_transformation_mode") },
  Scan: { 9: always },
  Scatter: { 11: always },
  Slice: { 10: always },
  Softmax: { 13: overMoreThanTheLast },
  Split: { 13: withAttribute("split"), 18: ({ inputs }) => !isGiven(inputs[1]) },
  Squeeze: { 13: withAttribute("axes") },
  TopK: { 10: always },
  Unsqueeze: { 13: withAttribute("axes") },
  Upsample: { 9: always, 10: always },
};

/** The last version that the table covers. */
export const newestOpset = 25;

/** The IR version that came with each operator set, the newest first. */
const irVersions: readonly (readonly [opset: number, irVersion: number])[] = [
  [25, 13],
  [24, 12],
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
  [12, 7],
  [11, 6],
  [10, 5],
  [9, 4],
];

/** The least IR version of a model with an operator set. */
export function irVersionOf(opset: number): number {
  return irVersions.find(([since]) => opset >= since)?.[1] ?? 3;
}

/**
 * The nodes that would mean something else if a model were raised to a higher opset.
 *
 * @param to the new opset, from the model's own to 25
 */
export function changesUpTo({ proto, scopes, opset }: OnnxContents, to: number): string[] {
  if (opset < oldestOpset) return [`changes before opset ${oldestOpset} are not known here`];
  if (proto.functions.length > 0) return ["the model has functions of its own, with operator sets of their own"];
  const found: string[] = [];
  for (const node of scopes.flatMap(({ graph }) => graph.nodes)) {
    if (node.domain !== "") continue;
    const versions = Object.entries(Object.hasOwn(changes, node.operator) ? changes[node.operator] : {});
    const version = versions.find(([at, changed]) => Number(at) > opset && Number(at) <= to && changed(node));
    if (version) found.push(`${named(node)} changes with opset ${version[0]}`);
  }
  return found;
}

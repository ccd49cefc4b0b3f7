import { bytesPerElement } from "../../tensor/dtypes.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import { dataType, type Proto, type Tensor } from "./file/proto.js";
import { type ExternalFiles, floatSource, sizeOf, wholeBytes } from "./file/tensors.js";
import type { Scope, Value } from "./file/values.js";
import { type Uses, usesOf } from "./uses/consumers.js";
import { mostOf, rowsIn } from "./uses/rows.js";
import { usingNodes } from "./uses/using-nodes.js";

// Finds the tensors of a model that are weights and can be quantized, and the reasons why others cannot.

/**
 * A tensor of float32 or float16 that only operators with weights use, as their weights: Conv, ConvTranspose, MatMul,
 * Gemm, Einsum, Gather, LSTM, GRU, RNN, and the fused operators of ONNX Runtime.
 */
export interface Weight extends ModelTensor {
  readonly dtype: WeightDtype;
  /** The axis of the output channels in the stored tensor; where the nodes that use it differ, that of the first. */
  readonly axis: number;
  /** The axis that a channel is summed over; undefined where a Reshape makes it of more than one dimension. */
  readonly along: number | undefined;
  /** The operators that use it, each once. */
  readonly operators: readonly string[];
  /** The names of the nodes that use it. */
  readonly nodes: readonly string[];
  /** Whether it is also an input of the graph, for which other values can be given. */
  readonly isInput: boolean;
  /** @internal */
  readonly place: WeightPlace;
}

/** Where a weight is in the model, and the nodes that use it. */
interface WeightPlace extends Uses {
  readonly value: Value;
  readonly tensor: Tensor;
  /** The most rows that the first input of a node that uses it has, where the file tells those of all. */
  readonly rows: number | undefined;
}

/** A float tensor that stays as it is. */
export interface KeptTensor extends ModelTensor {
  readonly dtype: WeightDtype | "bfloat16" | "float64";
  readonly reason: string;
}

/** The first opset whose operators turn codes into weights. */
export const oldestOpset = 7;

/** The types of weights that can be quantized. */
export type WeightDtype = "float32" | "float16";

/** Types by TensorProto.DataType. */
export const floatTypes: Readonly<Record<number, KeptTensor["dtype"]>> = {
  [dataType.float]: "float32",
  [dataType.float16]: "float16",
  [dataType.bfloat16]: "bfloat16",
  [dataType.double]: "float64",
};

/** @param taken values that stand for quantized weights */
export function findWeights(
  proto: Proto,
  scopes: readonly Scope[],
  files: ExternalFiles,
  taken: ReadonlySet<Value | undefined>,
) {
  const rows = rowsIn(scopes);
  const weights: Weight[] = [];
  const kept: KeptTensor[] = [];
  const keep = (value: Value, tensor: Tensor, reason: string) => {
    const dtype = floatTypes[tensor.type];
    if (dtype === undefined) return;
    const byteLength = bytesPerElement(dtype) * sizeOf(tensor, proto.reader);
    const read = (offset: number, length: number) => bytesOfFloats(tensor, dtype, proto, files)(offset, length);
    const usedBy = () => usingNodes(value);
    kept.push({ name: value.name, dtype, shape: tensor.shape, byteLength, usedBy, read, reason });
  };
  for (const scope of scopes) {
    for (const value of scope.values.values()) {
      const { tensor } = value;
      if (tensor === undefined || floatTypes[tensor.type] === undefined || taken.has(value)) continue;
      const found = weightOf(value, tensor, rows, proto, files);
      if (typeof found === "string") keep(value, tensor, found);
      else weights.push(found);
    }
  }
  return { weights, kept };
}

/** The weight that a tensor holds, or a sentence why it holds none. */
function weightOf(
  value: Value,
  tensor: Tensor,
  rows: ReturnType<typeof rowsIn>,
  proto: Proto,
  files: ExternalFiles,
): Weight | string {
  const { shape, type } = tensor;
  const size = sizeOf(tensor, proto.reader);
  if (shape.length < 2) return shape.length === 0 ? "a single number" : "a vector";
  if (size === 0) return "it is empty";
  const dtype = floatTypes[type];
  if (dtype !== "float32" && dtype !== "float16") return `${dtype}; weights of float32 and float16 are quantized`;
  if (tensor.segmented) return "stored in segments, an obsolete way";
  if (value.isOutput) return "also an output of the graph, which must stay exact";
  // The body of a Loop or Scan identifies its inputs by their place, so none may be removed.
  if (value.input && value.scope.outer) return "an input of a subgraph";
  const { consumers, moves } = usesOf(value, shape);
  const refused = consumers.find((consumer) => "reason" in consumer);
  if (refused !== undefined && "reason" in refused) return refused.reason;
  const [first] = consumers;
  if (first === undefined || !("axis" in first)) return "no node uses it";
  const { within } = value.scope;
  if (within !== undefined && (within.opset ?? 0) < oldestOpset)
    return `part of the function "${within.name}", whose opset has no operators to write it with`;
  const nodes = consumers.map(({ use }) => use.node);
  const { byteLength } = floatSource(tensor, proto.reader, files); // throws where some of them are missing
  return {
    name: value.name,
    dtype,
    shape,
    axis: first.axis,
    along: first.along,
    operators: [...new Set(nodes.map(({ operator }) => operator))],
    nodes: [...new Set(nodes.map(({ name, outputs }) => name || (outputs[0] ?? "")))],
    byteLength,
    // Before IR version 4 every initializer had to be an input. Since then, an input allows another value to be given.
    isInput: value.input !== undefined && proto.irVersion >= 4,
    usedBy: () => usingNodes(value, moves),
    read: bytesOfFloats(tensor, dtype, proto, files),
    place: {
      value,
      tensor,
      consumers,
      moves,
      rows: mostOf(consumers.map(({ use }) => rows(use.node.inputs[0] ?? "", use.scope))),
    },
  };
}

/** Reads the bytes of a float tensor; throws where they are stored in a way that cannot be read. */
function bytesOfFloats(
  tensor: Tensor,
  dtype: KeptTensor["dtype"],
  proto: Proto,
  files: ExternalFiles,
): ModelTensor["read"] {
  if (dtype === "float32" || dtype === "float16") {
    const { read } = floatSource(tensor, proto.reader, files);
    const size = bytesPerElement(dtype);
    return (offset, length) => read(offset / size, length / size);
  }
  const whole = wholeBytes(tensor, proto.reader, files);
  if (whole === undefined)
    return proto.reader.fail(tensor.message.at, `its ${dtype} are not stored as raw data`, tensor.name);
  return (offset, length) => whole.source.read(whole.start + offset, length);
}

import type { FormatContents, FormatInput, UnreadableTensor } from "../format.js";
import { type Node, type Proto, readProto } from "./file/proto.js";
import { type ExternalFiles, openExternalFiles } from "./file/tensors.js";
import { linkValues, type Scope } from "./file/values.js";
import { onnxKind } from "./kind.js";
import { findQuantized, type QuantizedWeight, quantizedNode, quantizedWeight } from "./quantized.js";
import { findWeights, type KeptTensor, type Weight } from "./weights.js";

/** A model whose structure is read. Its weights stay in the file until they are wanted. */
export interface OnnxContents {
  readonly name: string;
  readonly opset: number;
  readonly irVersion: number;
  /** What can be quantized, in the order of the graphs. */
  readonly weights: readonly Weight[];
  /** Other tensors of floats, and why they stay as they are. */
  readonly kept: readonly KeptTensor[];
  /** Weights that are quantized already. */
  readonly quantized: readonly QuantizedWeight[];
  /** Weights quantized in ways that are not read, and why. */
  readonly unreadable: readonly UnreadableTensor[];
  readonly proto: Proto;
  readonly scopes: readonly Scope[];
  readonly files: ExternalFiles;
  /** A node that says that the model is quantized already. */
  readonly quantizedBy: Node | undefined;
}

/**
 * Reads the structure of an ONNX model and finds its weights.
 *
 * @throws {FormatError} for what is no ONNX model, is damaged or lacks a file.
 */
export async function read({ files: [source], openNamed }: FormatInput): Promise<FormatContents> {
  const proto = await readProto(source);
  const opset = proto.operatorSets.find(({ domain }) => domain === "")?.version;
  if (opset === undefined) return proto.reader.fail(0, "the model imports no operators of ONNX: export it again");
  const scopes = linkValues(proto);
  const { found, unreadable } = findQuantized(scopes);
  const quantizedBy = quantizedNode(scopes, found);
  const files = await openExternalFiles(proto, (location) => openNamed(location, source));
  const quantized = found.map((each) => quantizedWeight(each, proto.reader, files));
  const taken = new Set(quantized.flatMap(({ place: { scales, zeroPoints } }) => [scales, zeroPoints]));
  const { weights, kept } = findWeights(proto, scopes, files, taken);
  const { name } = source;
  const { irVersion } = proto;
  const contents = { name, opset, irVersion, weights, kept, quantized, unreadable, proto, scopes, files, quantizedBy };
  return { opset, irVersion, tensors: [...weights, ...kept], kind: onnxKind(contents) };
}

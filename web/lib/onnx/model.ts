import type { ByteSource } from "../files/bytes.js";
import { type Proto, readProto } from "./proto.js";
import { type ExternalFiles, type ExternalResolver, openExternalFiles } from "./tensors.js";
import { linkValues, type Scope } from "./values.js";
import { findWeights, type KeptTensor, quantizedNode, type Weight } from "./weights.js";

export interface ReadOnnxOptions {
  /** Gives the files beside the model that its tensors lie in, by their path from the model's folder. */
  readonly external?: ExternalResolver;
}

/** A model whose structure is read. Its weights stay in the file until they are wanted. */
export interface OnnxModel {
  /** Of the file. */
  readonly name: string;
  /** Of the format: 3 and up. */
  readonly irVersion: number;
  /** Version of ONNX's own operators. */
  readonly opset: number;
  /** In the order of the file. */
  readonly weights: readonly Weight[];
  /** Float tensors that cannot be quantized. */
  readonly kept: readonly KeptTensor[];
  /** @internal */
  readonly content: { readonly proto: Proto; readonly scopes: readonly Scope[]; readonly files: ExternalFiles };
}

/**
 * Reads the structure of an ONNX model and finds its weights.
 *
 * @throws {FormatError} for what is no ONNX model, is damaged, or is quantized already.
 */
export async function readOnnx(source: ByteSource, { external }: ReadOnnxOptions = {}): Promise<OnnxModel> {
  const proto = await readProto(source);
  const opset = proto.operatorSets.find(({ domain }) => domain === "")?.version;
  if (opset === undefined) return proto.reader.fail(0, "the model imports no operators of ONNX: export it again");
  const scopes = linkValues(proto);
  const quantized = quantizedNode(scopes);
  if (quantized !== undefined) {
    const { node, what } = quantized;
    proto.reader.fail(
      node.message.at,
      `the model is quantized already (${what}): give the float model it was made from`,
    );
  }
  const files = await openExternalFiles(proto, external);
  const { weights, kept } = findWeights(proto, scopes, files);
  return { name: source.name, irVersion: proto.irVersion, opset, weights, kept, content: { proto, scopes, files } };
}

import type { FormatContents, FormatInput } from "../format.js";
import { readProto } from "./file/read-proto.js";
import { openExternalFiles } from "./file/tensors.js";
import { linkValues } from "./file/values.js";
import { onnxKind } from "./kind.js";
import { findQuantized, quantizedNode } from "./quantized/find.js";
import { quantizedWeight } from "./quantized/quantized.js";
import { findWeights } from "./weights.js";

/**
 * Reads the structure of an ONNX model and finds its weights.
 *
 * @throws {FormatError} for a file that is not an ONNX model or is damaged, and where a file beside it is missing.
 */
export async function read({ files: [source], openNamed }: FormatInput): Promise<FormatContents> {
  const proto = await readProto(source);
  const [own, ...others] = proto.operatorSets.filter(({ domain }) => domain === "");
  const opset = own?.version;
  if (opset === undefined) return proto.reader.fail(0, "the model imports no operators of ONNX: export it again");
  const other = others.find(({ version }) => version !== opset);
  if (other !== undefined) {
    const reason = `the model imports ONNX's operators twice, of opset ${opset} and of opset ${other.version}`;
    return proto.reader.fail(other.message.at, `${reason}: export it again`);
  }
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

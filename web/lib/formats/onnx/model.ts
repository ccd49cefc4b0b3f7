import { checkBoolean, checkNames } from "../../core/arguments.js";
import type { ByteSource } from "../../io/bytes.js";
import { besidePath } from "../../io/node-files.js";
import { refuseNotTheFile } from "../../io/not-the-file.js";
import { type OpenSource, openSource, type SourceInput } from "../../io/sources.js";
import { named } from "./axes.js";
import { type Proto, readProto } from "./file/proto.js";
import { type ExternalFiles, openExternalFiles } from "./file/tensors.js";
import { linkValues, type Scope } from "./file/values.js";
import {
  findQuantized,
  type QuantizedWeight,
  quantizedNode,
  quantizedWeight,
  type UnreadableWeight,
} from "./quantized.js";
import { findWeights, type KeptTensor, type Weight } from "./weights.js";

export interface ReadOnnxOptions {
  /** Name of a model that has none of its own, such as bytes in memory, for messages. */
  readonly name?: string;
  /** Whether a model that is quantized already is read too, to see or compare its weights; false when not given. */
  readonly quantized?: boolean;
}

/** A model whose structure is read. Its weights stay in the file until they are wanted. */
export interface OnnxModel {
  /** Of the file. */
  readonly name: string;
  /** Of the format. */
  readonly irVersion: number;
  /** Version of ONNX's own operators. */
  readonly opset: number;
  /** What can be quantized, in the order of the graphs. */
  readonly weights: readonly Weight[];
  /** Other tensors of floats, and why they stay as they are. */
  readonly kept: readonly KeptTensor[];
  /** Weights that are quantized already. */
  readonly quantized: readonly QuantizedWeight[];
  /** Weights quantized in ways that are not read, and why. */
  readonly unreadable: readonly UnreadableWeight[];
  /** Closes files that were opened. */
  close(): Promise<void>;
  /** @internal */
  readonly content: {
    readonly proto: Proto;
    readonly scopes: readonly Scope[];
    readonly files: ExternalFiles;
    /** Why it cannot be quantized: a node that says that it is. */
    readonly refusal: string | undefined;
  };
}

/**
 * Reads the structure of an ONNX model and finds its weights.
 *
 * @param files the model, or the model and the files beside it that its tensors lie in; in Node the model's path is enough.
 * @throws {FormatError} for what is no ONNX model, is damaged, lacks a file, or is quantized already, unless `quantized` allows that.
 */
export async function readOnnx(
  files: SourceInput | readonly SourceInput[],
  options: ReadOnnxOptions = {},
): Promise<OnnxModel> {
  checkNames("options", options, ["name", "quantized"] satisfies (keyof ReadOnnxOptions)[]);
  const { name = "the model", quantized = false } = options;
  checkBoolean("options.quantized", quantized);
  const inputs: readonly SourceInput[] = Array.isArray(files) ? files : [files as SourceInput];
  const opened: OpenSource[] = [];
  const open = async (input: SourceInput) => {
    const source = await openSource(input, name);
    opened.push(source);
    await refuseNotTheFile(source);
    return source;
  };
  const close = async () => {
    for (const source of opened) await source.close();
  };
  try {
    for (const input of inputs) await open(input);
    const at = Math.max(
      0,
      opened.findIndex((source) => /\.onnx$/i.test(source.name)),
    );
    const [input, model] = [inputs[at], opened[at]];
    if (input === undefined || model === undefined) throw new TypeError("files is empty; there must be at least one");
    const beside = async (location: string): Promise<ByteSource> => {
      const given = opened.find((source) => source !== model && source.name === location.split("/").at(-1));
      if (given) return given;
      if (typeof input === "string" || input instanceof URL) return open(besidePath(input, location));
      throw new TypeError("give it together with the model");
    };
    return { ...(await readFrom(model, beside, quantized)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readFrom(
  source: ByteSource,
  beside: (location: string) => Promise<ByteSource>,
  mayBeQuantized: boolean,
) {
  const proto = await readProto(source);
  const opset = proto.operatorSets.find(({ domain }) => domain === "")?.version;
  if (opset === undefined) return proto.reader.fail(0, "the model imports no operators of ONNX: export it again");
  const scopes = linkValues(proto);
  const { found, unreadable } = findQuantized(scopes);
  const node = quantizedNode(scopes, found);
  const refusal = node && `the model is quantized already (${named(node)}): give the float model it was made from`;
  if (node && refusal && !mayBeQuantized) proto.reader.fail(node.message.at, refusal);
  const files = await openExternalFiles(proto, beside);
  const quantized = found.map((each) => quantizedWeight(each, proto.reader, files));
  const taken = new Set(quantized.flatMap(({ place: { scales, zeroPoints } }) => [scales, zeroPoints]));
  const { weights, kept } = findWeights(proto, scopes, files, taken);
  const content = { proto, scopes, files, refusal };
  return { name: source.name, irVersion: proto.irVersion, opset, weights, kept, quantized, unreadable, content };
}

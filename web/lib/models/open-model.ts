import { FormatError } from "../core/errors.js";
import { readNpyTensor } from "../formats/npy/tensor.js";
import { readNpz } from "../formats/npz/npz.js";
import { readShards, weightMapOf } from "../formats/safetensors/sharded.js";
import { readTextTensor } from "../formats/text/tensor.js";
import { readTfjs, tfjsWeightFiles } from "../formats/tfjs/tfjs.js";
import type { ByteSource } from "../io/bytes.js";
import { JsonProblem, parseJson } from "../io/json.js";
import { besidePath } from "../io/node-files.js";
import { refuseNotTheFile } from "../io/not-the-file.js";
import { isBelow } from "../io/paths.js";
import { shownJson } from "../io/shorten.js";
import { type OpenSource, openSource, type SourceInput } from "../io/sources.js";
import type { Model } from "../tensor/model.js";
import { refuseOtherKind } from "./other-kinds.js";

/** An index of shards, or the model.json of TensorFlow.js, has names and a graph. */
const MAX_JSON_BYTES = 100_000_000;
const MAX_JSON_DEPTH = 100;

export interface OpenOptions {
  /** Name of a file that has none of its own, such as bytes in memory: its ending says the format. */
  readonly name?: string;
}

/**
 * Opens a model: its headers are read and checked, its weights when they are asked for.
 *
 * @param files a .safetensors, .npy, .npz, .csv, .tsv or .json file; or all files of a model of several: shards, with or
 * without their index, or a TensorFlow.js model.json with its .bin files. In Node the path of the index or of the
 * model.json is enough.
 * @throws {FormatError} for a malformed file.
 * @throws {TypeError} for what is no file, and where a file of the model is missing.
 */
export async function openModel(
  files: SourceInput | readonly SourceInput[],
  options: OpenOptions = {},
): Promise<Model> {
  const inputs: readonly SourceInput[] = Array.isArray(files) ? files : [files as SourceInput];
  if (inputs.length === 0) throw new TypeError("files is empty; there must be at least one");
  const opened: OpenSource[] = [];
  const close = async () => {
    for (const source of opened) await source.close();
  };
  const paths: string[] = [];
  const open = async (input: SourceInput, path?: string) => {
    const source = await openSource(input, options.name);
    opened.push(source);
    paths.push(path ?? source.name);
    await refuseNotTheFile(source);
    return source;
  };
  try {
    const sources: OpenSource[] = [];
    for (const input of inputs) sources.push(await open(input));
    const taken = new Map<ByteSource, string>();
    /** A file that another one names: one of those given, told by the last part of its path, or in Node one beside it. */
    const openNamed = async (path: string, by: ByteSource): Promise<ByteSource> => {
      const name = path.split("/").at(-1);
      const [given, ...others] = sources.filter((source) => source.name === name && source !== by);
      const isSure = given !== undefined && others.length === 0 && (taken.get(given) ?? path) === path;
      if (isSure) {
        taken.set(given, path);
        return given;
      }
      const input = inputs[sources.indexOf(by as OpenSource)];
      if (typeof input === "string" || input instanceof URL) return open(besidePath(input, path), path);
      if (given === undefined) throw new TypeError(`${by.name} needs ${path}; give it too`);
      const known = "files are known by the last part of their paths only";
      throw new TypeError(`${by.name} needs ${path}; there is more than one ${name}, and ${known}`);
    };
    return { ...(await readModel(sources, openNamed)), files: paths, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Contents = Omit<Model, "files" | "close">;

/** Gives a file that another one names. */
type OpenNamed = (name: string, by: ByteSource) => Promise<ByteSource>;

async function readModel(sources: readonly ByteSource[], openNamed: OpenNamed): Promise<Contents> {
  const kinds = await Promise.all(sources.map(kindOfFile));
  // A folder's other descriptions, such as config.json, are passed over.
  const descriptions = sources.filter((_, i) => kinds[i] === "description");
  const description = descriptions.find(({ name }) => /\.index\.json$|^model\.json$/i.test(name)) ?? descriptions[0];
  if (description) return readDescribed(description, openNamed);

  for (const [i, source] of sources.entries()) {
    if (kinds[i] !== "safetensors" && kinds[i] !== "npy") await refuseOtherKind(source);
  }
  const [source] = sources;
  const { name } = source;
  const stem = name.replace(/\.[^.]*$/, "") || "weights";
  if (kinds.every((kind) => kind === "safetensors")) {
    return { format: "safetensors", name, ...(await readShards(sources)) };
  }
  if (sources.length > 1) {
    const other = sources[kinds.findIndex((kind) => kind !== "safetensors")].name;
    throw new TypeError(`${other} cannot be read together with other files; only shards of .safetensors can`);
  }
  const metadata = {};
  if (kinds[0] === "npz") return { format: "npz", name, metadata, ...(await readNpz(source)) };
  const rest = { name, metadata };
  if (kinds[0] === "npy") return { format: "npy", ...rest, tensors: [await readNpyTensor(source, stem)] };
  return { format: "text", ...rest, tensors: [await readTextTensor(source, stem)] };
}

/** "description" is a JSON object that says which files hold what. */
type FileKind = "safetensors" | "npy" | "npz" | "description" | "text";

/** The kind of a file by its ending, otherwise by its first bytes. */
async function kindOfFile(source: ByteSource): Promise<FileKind> {
  const [, ending] = /\.(safetensors|npy|npz|csv|tsv)$/i.exec(source.name) ?? [];
  if (ending) return /csv|tsv/i.test(ending) ? "text" : (ending.toLowerCase() as FileKind);

  const start = await source.read(0, Math.min(source.size, 64));
  const text = new TextDecoder().decode(start);
  if (start[0] === 0x93 && text.startsWith("NUMPY", 1)) return "npy";
  // The length of the header, which begins with a brace; text has no zeros.
  if (start[7] === 0 && start[8] === 0x7b) return "safetensors";
  if (text.startsWith("PK")) return "npz";
  return text.trimStart().startsWith("{") ? "description" : "text";
}

async function readDescribed(source: ByteSource, openNamed: OpenNamed): Promise<Contents> {
  const { name } = source;
  const description = await readDescription(source);
  if ("weightsManifest" in description) {
    const files = new Map<string, ByteSource>();
    for (const path of tfjsWeightFiles(description, name)) {
      // It is opened on a disk, and who wrote the model may be anybody.
      if (!isBelow(path)) {
        const reason = `its weights are in ${shownJson(path)}, which is no path below the model's folder`;
        throw new FormatError({ file: name, offset: 0, reason });
      }
      files.set(path, await openNamed(path, source));
    }
    const weights = await readTfjs(description, name, (path) => files.get(path) as ByteSource);
    return { format: "tfjs", name, metadata: {}, ...weights };
  }
  if ("weight_map" in description) {
    const weightMap = weightMapOf(description, name);
    const shards: ByteSource[] = [];
    for (const shard of new Set(Object.values(weightMap))) shards.push(await openNamed(shard, source));
    return { format: "safetensors", name, ...(await readShards(shards, { file: name, weightMap })) };
  }
  const reason = "it is an object without a weight_map (an index of .safetensors) or weightsManifest (TensorFlow.js)";
  throw new FormatError({
    file: name,
    offset: 0,
    reason: `${reason}; a matrix must be an array, such as [[1, 2], [3, 4]]`,
  });
}

async function readDescription(source: ByteSource): Promise<Record<string, unknown>> {
  const file = source.name;
  if (source.size > MAX_JSON_BYTES) {
    const reason = `the file has ${source.size} bytes of JSON; at most ${MAX_JSON_BYTES} are read`;
    throw new FormatError({ file, offset: 0, reason });
  }
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await source.read(0, source.size));
  try {
    return parseJson(text, MAX_JSON_DEPTH).value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    const offset = new TextEncoder().encode(text.slice(0, error.at)).length;
    throw new FormatError({ file, offset, reason: error.message });
  }
}

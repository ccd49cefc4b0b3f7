import { checkNames } from "../core/arguments.js";
import { FormatError } from "../core/errors.js";
import type { Format, Model } from "../formats/format.js";
import { formats } from "../formats/registry.js";
import type { ByteSource, OpenSource } from "../io/bytes.js";
import { JsonProblem, parseJson } from "../io/json.js";
import { besidePath } from "../io/node-files.js";
import { refuseNotTheFile } from "../io/not-the-file.js";
import { openSource, type SourceInput } from "../io/sources.js";
import { refuseOtherKind } from "./other-kinds.js";

/** The size limit of a description of a model, which has names and a graph. */
const MAX_JSON_BYTES = 100_000_000;
const MAX_JSON_DEPTH = 100;

/** The options of `openModel`. */
export interface OpenOptions {
  /** The name of a file that has none of its own, such as bytes in memory. Its ending tells the format. */
  readonly name?: string;
}

/**
 * Opens a model. Its headers are read and checked now, its weights when they are needed. The code of a format is loaded
 * when its first file is opened.
 *
 * @param given a .safetensors, .gguf, .onnx, .npy, .npz, .csv, .tsv or .json file; or all files of a model of several:
 * shards, with or without their index, the parts of a GGUF, an .onnx model with its data files, or a TensorFlow.js
 * model.json with its .bin files. In Node the path of the index, one part of the GGUF, the .onnx file or the model.json
 * is enough.
 * @throws {FormatError} for a malformed file.
 * @throws {TypeError} for anything but files, and where a file of the model is missing.
 */
export async function openModel(
  given: SourceInput | readonly SourceInput[],
  options: OpenOptions = {},
): Promise<Model> {
  checkNames("options", options, ["name"] satisfies (keyof OpenOptions)[]);
  const inputs: readonly SourceInput[] = Array.isArray(given) ? given : [given as SourceInput];
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
    /** The files of the model, each with the path by which another one names it. */
    const used = new Map<ByteSource, string | undefined>();
    /** A file that was given is found by the last part of the path. */
    const openNamed = async (path: string, by: ByteSource): Promise<ByteSource> => {
      const name = path.split("/").at(-1);
      const [given, ...others] = sources.filter((source) => source !== by && source.name === name);
      const isSure = given !== undefined && others.length === 0 && (used.get(given) ?? path) === path;
      if (isSure) {
        used.set(given, path);
        return given;
      }
      const input = inputs[sources.indexOf(by as OpenSource)];
      if (typeof input === "string" || input instanceof URL) {
        const source = await open(besidePath(input, path), path);
        used.set(source, path);
        return source;
      }
      if (given === undefined) throw new TypeError(`${by.name} needs ${path}; give it too`);
      const told = "files are told apart by the last part of their paths only";
      throw new TypeError(`${by.name} needs ${path}; there is more than one ${name}, and ${told}`);
    };
    const openBeside = async (name: string, by: ByteSource): Promise<ByteSource | undefined> => {
      const input = inputs[sources.indexOf(by as OpenSource)];
      if (!(typeof input === "string" || input instanceof URL)) return undefined;
      const source = await openSource(besidePath(input, name)).catch(() => undefined);
      if (source) opened.push(source);
      return source;
    };
    const chosen = await chooseFormat(sources);
    for (const source of chosen.files) {
      used.set(source, undefined);
      if (source.size > 0) continue;
      throw new FormatError({ file: source.name, offset: 0, reason: "the file is empty: download or save it again" });
    }
    const { format, files, description } = chosen;
    const { read } = await format.load();
    const contents = await read({ files, description, openNamed, openBeside });
    const byteLength = [...used.keys()].reduce((sum, { size }) => sum + size, 0);
    const unused = sources.filter((source) => !used.has(source)).map(({ name }) => name);
    return {
      ...{ format: format.name, name: files[0].name, files: paths, unused, byteLength },
      ...{ metadata: {}, ...contents, close },
      checkUnchanged: async () => {
        for (const source of used.keys()) await (source as OpenSource).checkUnchanged?.();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What a file is: a format, or a JSON object that describes which files hold what. */
type Kind = Format | "description";

/** The ending of the name decides, or else the first bytes. */
async function kindOf(source: ByteSource): Promise<Kind> {
  const named = formats.find(({ endings }) => endings?.test(source.name));
  if (named) return named;
  const start = await source.read(0, Math.min(source.size, 64));
  const begun = formats.find(({ begins }) => begins?.(start)) as Format;
  return begun.name === "text" && new TextDecoder().decode(start).trimStart().startsWith("{") ? "description" : begun;
}

interface Chosen {
  readonly format: Format;
  readonly files: readonly [ByteSource, ...ByteSource[]];
  readonly description: Record<string, unknown> | undefined;
}

async function chooseFormat(sources: readonly ByteSource[]): Promise<Chosen> {
  const kinds = await Promise.all(sources.map(kindOf));
  // Other descriptions in the folder, such as config.json, are passed over.
  const descriptions = sources.filter((_, i) => kinds[i] === "description");
  const described = descriptions.find(({ name }) => /\.index\.json$|^model\.json$/i.test(name)) ?? descriptions[0];
  const ofFormats = sources.flatMap((source, i) => {
    const format = kinds[i];
    return format === "description" ? [] : [{ source, format: format as Format }];
  });
  // The other files are either named by it or do not belong to the model.
  const whole = ofFormats.find(({ format }) => format.takes === "named files");
  if (whole) return { format: whole.format, files: [whole.source], description: undefined };
  if (described) return { ...(await readDescribed(described, sources.length === 1)), files: [described] };

  for (const { source, format } of ofFormats) if (!format.endings?.test(source.name)) await refuseOtherKind(source);
  const [{ format }] = ofFormats;
  if (sources.length > 1 && ofFormats.some((each) => each.format !== format || format.takes !== "parts")) {
    const other = ofFormats.find((each) => each.format.takes !== "parts") ?? ofFormats[0];
    throw new TypeError(`${other.source.name} cannot be read together with other files; only parts of one model can`);
  }
  return { format, files: sources as Chosen["files"], description: undefined };
}

/** @param isAlone whether it is the only file: then it may also be an object with an array. */
async function readDescribed(source: ByteSource, isAlone: boolean): Promise<Pick<Chosen, "format" | "description">> {
  const file = source.name;
  if (source.size > MAX_JSON_BYTES) {
    const reason = `the file has ${source.size} bytes of JSON; at most ${MAX_JSON_BYTES} are read`;
    throw new FormatError({ file, offset: 0, reason });
  }
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(await source.read(0, source.size));
  const hasKey = ({ describedBy }: Format) => describedBy !== undefined && text.includes(`"${describedBy}"`);
  const isIndex = /\.index\.json$/i.test(file);
  if (isAlone && !isIndex && !formats.some(hasKey))
    return { format: formats[formats.length - 1], description: undefined };

  const description = parseDescription(text, file);
  const format = formats.find(
    ({ describedBy }) => describedBy !== undefined && Object.hasOwn(description, describedBy),
  );
  if (format) return { format, description };
  const reason = "it is an object without a weight_map (an index of .safetensors) or weightsManifest (TensorFlow.js)";
  throw new FormatError({ file, offset: 0, reason: `${reason}; a matrix must be an array, such as [[1, 2], [3, 4]]` });
}

function parseDescription(text: string, file: string): Record<string, unknown> {
  try {
    return parseJson(text, MAX_JSON_DEPTH).value as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof JsonProblem)) throw error;
    const offset = new TextEncoder().encode(text.slice(0, error.at)).length;
    throw new FormatError({ file, offset, reason: error.message });
  }
}

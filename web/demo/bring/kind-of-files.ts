import { counted } from "../format.js";
import type { Given } from "./dropped-files.js";

/** Larger arrays are not held in memory whole: they are opened as models, and read a part at a time. */
const MAX_MATRIX_BYTES = 500_000_000;

/** The endings of files that cannot be read, and what to do about them. */
const others: Readonly<Record<string, string>> = {
  pt: "save it from PyTorch with safetensors.torch.save_file",
  pth: "save it from PyTorch with safetensors.torch.save_file",
  ckpt: "save it from PyTorch with safetensors.torch.save_file",
  bin: "if it is a part of a TensorFlow.js model, open it together with its model.json; if it is PyTorch's, save it as .safetensors",
  h5: "convert it with tensorflowjs_converter, or save its weights with numpy.savez",
  keras: "convert it with tensorflowjs_converter, or save its weights with numpy.savez",
  tflite: "its weights cannot be extracted here; open the model it was converted from",
  data: "open it together with its .onnx file",
};

/**
 * Whether files are a model of named tensors, rather than one matrix, by their endings or their first bytes.
 *
 * @throws {Error} for a file of a kind that cannot be read.
 */
export async function isModel(files: readonly File[]): Promise<boolean> {
  if (files.length > 1) return true;
  const [file] = files;
  const name = file.name.toLowerCase();
  if (/\.(safetensors|npz|onnx|gguf)$/.test(name)) return true;
  if (name.endsWith(".npy")) return file.size > MAX_MATRIX_BYTES;
  if (/\.(csv|tsv|txt)$/.test(name)) return false;

  const start = new Uint8Array(await file.slice(0, 1024).arrayBuffer());
  const text = new TextDecoder("latin1").decode(start);
  if (text.startsWith("\x93NUMPY")) return file.size > MAX_MATRIX_BYTES;
  const advice = adviceFor(file);
  if (advice !== undefined) throw unknown(file, advice);
  // An archive of arrays, or a .safetensors header.
  if (text.startsWith("PK\x03\x04") || (text[7] === "\0" && text[8] === "{")) return true;
  if (text.trimStart().startsWith("{")) return describesModel(file);
  const isUtf16 = text.startsWith("\xff\xfe"); // "Unicode text" of spreadsheets
  if (text.includes("\0") && !isUtf16) throw unknown(file);
  return false;
}

/** Whether an object names the files of a model; otherwise it contains an array. */
async function describesModel(file: File): Promise<boolean> {
  return file.size > MAX_MATRIX_BYTES || /"(?:weight_map|weightsManifest)"/.test(await file.text());
}

/** The reasons for passing over files that were brought with others. */
export const reasons = {
  another: "Other weights, which can be opened separately",
  folder: "Folders, which can be dropped separately",
  twice: "Further files of the same name",
  hidden: "Hidden files",
  unused: "Not part of the open weights",
} as const;

export interface PassedOver {
  readonly name: string;
  readonly reason: keyof typeof reasons;
}

/** Files that were brought together. */
export interface Chosen {
  /** The files of the first model, or matrix. */
  readonly files: readonly File[];
  /** The files of each of the other models and matrices. */
  readonly others: readonly (readonly File[])[];
  readonly passedOver: readonly PassedOver[];
}

/**
 * Divides files into those of each model or matrix, and those that are passed over.
 *
 * @throws {Error} where nothing can be opened.
 */
export function chooseFiles({ files: all, folders }: Given): Chosen {
  const shown = all.filter(({ name }) => !HIDDEN.test(name));
  const visible = new Set(shown.length === 0 ? all : shown);
  const firstOf = new Map([...visible].reverse().map((file) => [file.name, file]));
  const isFirst = (file: File) => firstOf.get(file.name) === file;
  const candidates = [...visible].filter(isFirst);
  const files = new Set(partsOfOne(candidates));
  const others = modelsAmong(candidates.filter((file) => !files.has(file)));
  const inOthers = new Set(others.flat());
  if (files.size === 0) {
    const names = listed(all.map(({ name }) => name));
    const found = all.length === 0 ? "There are no files in the folder." : `None of these can be opened: ${names}.`;
    const deeper = folders.length === 0 ? "" : ` Drop one of the folders in it: ${listed(folders)}.`;
    throw new Error(`${found}${deeper} ${KINDS}`);
  }
  const passedOver = all.flatMap((file): PassedOver[] => {
    if (files.has(file) || inOthers.has(file)) return [];
    if (!visible.has(file)) return [{ name: file.name, reason: "hidden" }];
    return [isFirst(file) ? unused(file) : { name: file.name, reason: "twice" }];
  });
  return {
    files: [...files],
    others,
    passedOver: [...passedOver, ...folders.map((name) => ({ name, reason: "folder" }) as const)],
  };
}

/** A file that does not belong to the open ones. */
export function unused(file: File): PassedOver {
  const holdsWeights = WEIGHTS.test(file.name) || adviceFor(file) !== undefined;
  return { name: file.name, reason: holdsWeights ? "another" : "unused" };
}

const HIDDEN = /^\.|^(Thumbs\.db|desktop\.ini)$/i;

const WEIGHTS = /\.(safetensors|onnx|gguf|np[yz]|[ct]sv)$|^model\.json$/i;

/** One of several files of a model, by its number. */
const SHARD = /^(.*)-\d+-of-(\d+)\.(safetensors|gguf)$/i;

/** Files beside models that neither contain nor describe weights. */
const BESIDE =
  /^(.*config|.*tokeni[sz]er|.*\.bin\.index|special_tokens_map|added_tokens|vocab|merges|requirements|license|readme)(\.\w+)?\.(json|txt)$/i;

/** The files of each model or matrix that a file with weights is left of. */
function modelsAmong(files: readonly File[]): (readonly File[])[] {
  if (!files.some(({ name }) => WEIGHTS.test(name))) return [];
  const parts = partsOfOne(files);
  // Data that lie beside an .onnx file may be those of another one too.
  const onnx = parts.filter(({ name }) => /\.onnx$/i.test(name));
  const taken = new Set(onnx.length > 0 ? onnx : parts);
  return [parts, ...modelsAmong(files.filter((file) => !taken.has(file)))];
}

/** The files that are numbered like this one, which is among them. */
function shardsLike(first: File, files: readonly File[]): readonly File[] {
  const keyOf = ({ name }: File) => SHARD.exec(name)?.slice(1).join(" ");
  return keyOf(first) === undefined ? [first] : files.filter((file) => keyOf(file) === keyOf(first));
}

/** The files of one model, or one matrix, among all visible files. */
function partsOfOne(files: readonly File[]): readonly File[] {
  if (files.length <= 1) return files;
  const named = (pattern: RegExp) => files.filter(({ name }) => pattern.test(name));
  const [safetensors] = named(/\.safetensors$/i);
  // An index says which files belong together.
  const isIndexed = named(/\.safetensors\.index\.json$/i).length > 0;
  if (safetensors) return isIndexed ? named(/\.safetensors(\.index\.json)?$/i) : shardsLike(safetensors, files);
  // Of several variants, the one named model is opened. It names its data files itself.
  const [onnx] = [...named(/^model\.onnx$/i), ...named(/\.onnx$/i)];
  const isData = ({ name }: File) => !WEIGHTS.test(name) && !/\.(json|txt|md|py)$/i.test(name);
  if (onnx) return files.filter((file) => file === onnx || isData(file));
  const descriptions = [...named(/^model\.json$/i), ...named(/\.json$/i).filter(({ name }) => !BESIDE.test(name))];
  const parts = named(/\.bin$/i);
  if (descriptions.length > 0 && parts.length > 0) return [descriptions[0], ...parts];
  const [gguf] = named(/\.gguf$/i);
  if (gguf) return shardsLike(gguf, files);
  const matrices = [/\.npz$/i, /\.npy$/i, /\.[ct]sv$/i].flatMap(named);
  const texts = [...descriptions, ...named(/\.txt$/i).filter(({ name }) => !BESIDE.test(name))];
  const [one] = [...matrices, ...texts];
  if (one) return [one];
  const unreadable = files.find((file) => adviceFor(file) !== undefined);
  if (unreadable) throw unknown(unreadable, adviceFor(unreadable));
  // Their first bytes tell what they are.
  return named(/^[^.]+$/);
}

/** Advice for a file that cannot be read; undefined for others. */
function adviceFor({ name }: File): string | undefined {
  const [, ending = ""] = /\.([^.]*)$/.exec(name.toLowerCase()) ?? [];
  return Object.hasOwn(others, ending) ? others[ending] : undefined;
}

/** A list such as "a, b, c and 12 others". */
function listed(names: readonly string[]): string {
  const most = 8;
  const rest = names.length - most;
  return names.slice(0, most).join(", ") + (rest > 0 ? ` and ${counted(rest, "other")}` : "");
}

const KINDS =
  "The page opens matrices as .npy, .csv, .tsv and .json, and models as .safetensors, .npz, .onnx, .gguf, and TensorFlow.js’ model.json with its .bin files.";

function unknown({ name }: File, advice?: string): Error {
  return new Error(`${name} cannot be opened${advice === undefined ? "" : `: ${advice}`}. ${KINDS}`);
}

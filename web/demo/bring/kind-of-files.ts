/** Larger arrays are not held in memory whole: they are opened as models, which are read a part at a time. */
const MAX_MATRIX_BYTES = 500_000_000;

/** Endings of what cannot be read, and what to do about it. */
const others: Readonly<Record<string, string>> = {
  gguf: "its weights are quantized already; open the float model it was made from",
  pt: "save it from PyTorch with safetensors.torch.save_file",
  pth: "save it from PyTorch with safetensors.torch.save_file",
  ckpt: "save it from PyTorch with safetensors.torch.save_file",
  bin: "if it is a part of a TensorFlow.js model, open it together with its model.json; if it is of PyTorch, save it as .safetensors",
  h5: "convert it with tensorflowjs_converter, or save its weights with numpy.savez",
  keras: "convert it with tensorflowjs_converter, or save its weights with numpy.savez",
  tflite: "its weights cannot be taken out here; open the model it was converted from",
  data: "open it together with its .onnx file",
};

/**
 * Whether files are a model of named tensors, rather than one matrix: by their endings, otherwise by the first bytes.
 *
 * @throws {Error} for a file of a kind that cannot be read.
 */
export async function isModel(files: readonly File[]): Promise<boolean> {
  if (files.length > 1) return true;
  const [file] = files;
  const name = file.name.toLowerCase();
  if (/\.(safetensors|npz|onnx)$/.test(name)) return true;
  if (name.endsWith(".npy")) return file.size > MAX_MATRIX_BYTES;
  if (/\.(csv|tsv|txt)$/.test(name)) return false;

  const start = new Uint8Array(await file.slice(0, 1024).arrayBuffer());
  const text = new TextDecoder("latin1").decode(start);
  if (text.startsWith("\x93NUMPY")) return file.size > MAX_MATRIX_BYTES;
  const [, ending] = /\.([^.]*)$/.exec(name) ?? [];
  if (ending !== undefined && Object.hasOwn(others, ending)) throw unknown(file, others[ending]);
  // An archive of arrays, a .safetensors header, or an object that names the files of a model.
  if (text.startsWith("PK\x03\x04") || (text[7] === "\0" && text[8] === "{") || text.trimStart().startsWith("{")) {
    return true;
  }
  const isUtf16 = text.startsWith("\xff\xfe"); // spreadsheets' "Unicode text"
  if (text.includes("\0") && !isUtf16) throw unknown(file);
  return false;
}

/** Of the files of a folder those that are the model; others, such as of its tokenizer, lie beside them. */
export function filesOfModel(all: readonly File[]): readonly File[] {
  if (all.length === 1) return all;
  const visible = all.filter(({ name }) => !name.startsWith("."));
  const files = visible.length === 0 ? all : visible;
  const named = (pattern: RegExp) => files.filter(({ name }) => pattern.test(name));
  if (named(/\.safetensors$/i).length > 0) return named(/\.safetensors(\.index\.json)?$/i);
  // Of several variants the one that is called model; it says itself what the files with its data are called.
  const [onnx] = [...named(/^model\.onnx$/i), ...named(/\.onnx$/i)];
  if (onnx) return files.filter((file) => file === onnx || !/\.(onnx|json|txt|md|py)$/i.test(file.name));
  if (named(/^model\.json$/i).length > 0) return named(/(^model\.json|\.bin)$/i);
  return files;
}

const KINDS =
  "The page opens matrices as .npy, .csv, .tsv and .json, and models as .safetensors, .npz, .onnx, and TensorFlow.js’ model.json with its .bin files.";

function unknown({ name }: File, advice?: string): Error {
  return new Error(`${name} cannot be opened${advice === undefined ? "" : `: ${advice}`}. ${KINDS}`);
}

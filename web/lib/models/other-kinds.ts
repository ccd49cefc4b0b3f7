import { FormatError } from "../core/errors.js";
import type { ByteSource } from "../io/bytes.js";

const ofPyTorch = "save it from PyTorch with safetensors.torch.save_file";
const ofKeras = "save its weights with numpy.savez, or convert it with tensorflowjs_converter";

/** The endings of files of weights that cannot be read, with what to do about them. */
const endings: Readonly<Record<string, string>> = {
  pt: ofPyTorch,
  pth: ofPyTorch,
  ckpt: ofPyTorch,
  bin: "give the model.json of a TensorFlow.js model with it, or if it is of PyTorch save it with safetensors.torch.save_file",
  h5: ofKeras,
  hdf5: ofKeras,
  keras: ofKeras,
  tflite: "give the model it was converted from",
};

/** The first bytes of such files, in Latin-1, for names with other endings. */
const beginnings: Readonly<Record<string, string>> = {
  "\x89HDF": ofKeras,
  "\x80\x02": ofPyTorch,
};

/** @throws {FormatError} for a file of weights of a kind that cannot be read. */
export async function refuseOtherKind(source: ByteSource): Promise<void> {
  const { name: file, size } = source;
  const bytes = await source.read(0, Math.min(size, 4));
  const start = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  const [, ending = ""] = /\.([^.]*)$/.exec(file.toLowerCase()) ?? [];
  const begun = Object.keys(beginnings).find((bytes) => start.startsWith(bytes));
  const advice = Object.hasOwn(endings, ending) ? endings[ending] : begun && beginnings[begun];
  if (advice === undefined) return;
  const kind = Object.hasOwn(endings, ending) ? `.${ending} files are` : "files that begin like this are";
  throw new FormatError({ file, offset: 0, reason: `${kind} not read: ${advice}` });
}

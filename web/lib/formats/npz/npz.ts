import type { ByteSink, ByteSource } from "../../io/bytes.js";
import { readZip } from "../../io/zip.js";
import { zipWriter } from "../../io/zip-writer.js";
import type { ModelTensor, TensorInfo } from "../../tensor/tensor.js";
import type { FormatContents, PassedOver } from "../format.js";
import { npyHeader, UnreadTypeError } from "../npy/header.js";
import { descrOf, readNpyTensor } from "../npy/tensor.js";
import type { TensorWriter } from "../tensor-writer.js";

const ENDING = ".npy";

/**
 * Reads the arrays of a .npz file. What is no array of numbers is passed over.
 *
 * @throws {FormatError} for a malformed file.
 */
export async function readNpz(source: ByteSource): Promise<FormatContents> {
  const tensors: ModelTensor[] = [];
  const passedOver: PassedOver[] = [];
  for (const { name, contents } of await readZip(source)) {
    if (name.endsWith("/")) continue; // a folder
    const reason = whyNoArray(name);
    if (reason !== undefined) {
      passedOver.push({ name, reason });
      continue;
    }
    try {
      tensors.push(await readNpyTensor(contents, name.slice(0, -ENDING.length)));
    } catch (error) {
      if (!(error instanceof UnreadTypeError)) throw error;
      passedOver.push({ name, reason: error.reason });
    }
  }
  return { tensors, passedOver };
}

function whyNoArray(name: string): string | undefined {
  if (/(^|\/)(__MACOSX\/|\._)/.test(name)) return "it is macOS's note on another file";
  return name.endsWith(ENDING) ? undefined : "it is no .npy file";
}

/**
 * Writes an uncompressed .npz file.
 *
 * @throws {RangeError} for tensors of types that numpy does not have.
 */
export function npzWriter(sink: ByteSink, tensors: readonly TensorInfo[]): TensorWriter {
  const headers = tensors.map(({ name, dtype, shape }) => {
    const descr = descrOf(dtype);
    if (descr === undefined)
      throw new RangeError(`tensor ${name} is ${dtype}, which .npz files cannot hold: write .safetensors`);
    return npyHeader(descr, shape);
  });
  const zip = zipWriter(
    sink,
    tensors.map(({ name, byteLength }, i) => ({ name: name + ENDING, byteLength: headers[i].length + byteLength })),
  );
  return {
    byteLength: zip.byteLength,
    async begin() {
      await zip.begin();
      for (const [i, header] of headers.entries()) await zip.write(i, 0, header);
    },
    write: (tensor, offset, bytes) => zip.write(tensor, headers[tensor].length + offset, bytes),
    end: zip.end,
  };
}

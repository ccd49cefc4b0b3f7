import { shownName } from "../../core/printable.js";
import type { ByteSink, ByteSource } from "../../io/bytes.js";
import { readZip } from "../../io/zip/read-zip.js";
import { zipWriter } from "../../io/zip/zip-writer.js";
import type { ModelTensor, TensorInfo } from "../../tensor/tensor.js";
import type { FormatContents, PassedOver } from "../format.js";
import { npyHeader, UnreadTypeError } from "../npy/header.js";
import { descrOf, readNpyTensor } from "../npy/tensor.js";
import type { TensorWriter } from "../tensor-writer.js";

const ENDING = ".npy";

/**
 * Reads the arrays of a .npz file, and passes over everything that is not an array of numbers.
 *
 * @throws {FormatError} for a malformed file.
 */
export async function readNpz(source: ByteSource): Promise<FormatContents> {
  const tensors: ModelTensor[] = [];
  const passedOver: PassedOver[] = [];
  for (const { name, contents } of await readZip(source)) {
    if (name.endsWith("/")) continue; // a folder
    const reason = whyNoArray(name);
    if (reason !== undefined || typeof contents === "string" || contents.size === 0) {
      passedOver.push({ name, reason: reason ?? (typeof contents === "string" ? contents : "it is empty") });
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
  if (/(^|\/)(__MACOSX\/|\._)/.test(name)) return "it is macOS's metadata of another file";
  return name.endsWith(ENDING) ? undefined : "it is not a .npy file";
}

const MAX_NAME_BYTES = 0xffff;

/**
 * The reason why a file in an archive cannot have a name. Arrays are named like files, which people unpack into
 * folders.
 */
function whyNoFileName(name: string): string | undefined {
  if (/\p{Surrogate}/u.test(name)) return "its name has half of a surrogate pair, which UTF-8 cannot hold";
  if (name.includes("\0")) return "its name has a zero character, at which other programs end it";
  if (/^[/\\]|^[a-z]:/i.test(name) || name.split(/[/\\]/).includes("..")) {
    return "its name leads out of the folder into which the archive is unpacked";
  }
  const length = new TextEncoder().encode(name).length;
  return length > MAX_NAME_BYTES ? `its name takes ${length} bytes; an archive can hold ${MAX_NAME_BYTES}` : undefined;
}

/**
 * Writes an uncompressed .npz file.
 *
 * @throws {RangeError} for types that numpy does not have, and for names that a file in an archive cannot have.
 */
export function npzWriter(sink: ByteSink, tensors: readonly TensorInfo[]): TensorWriter {
  const headers = tensors.map(({ name, dtype, shape }) => {
    const descr = descrOf(dtype);
    if (descr === undefined) {
      throw new RangeError(`tensor ${shownName(name)} is ${dtype}, which .npz files cannot hold: write .safetensors`);
    }
    const refusal = whyNoFileName(name + ENDING);
    if (refusal) throw new RangeError(`tensor ${shownName(name)}: ${refusal}: write .safetensors`);
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

import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import type { ModelTensor } from "../../tensor/tensor.js";
import type { FormatContents } from "../format.js";
import { parseMatrix } from "./parse-matrix.js";
import { TextError } from "./text-error.js";

/** Some engines have no longer strings. */
const MAX_TEXT_BYTES = 500_000_000;

/**
 * Reads a matrix from text, which must be held whole to find numbers in it.
 *
 * @param name the name of the tensor.
 * @throws {FormatError} for text that is not a matrix.
 */
export async function readText(source: ByteSource, name: string): Promise<FormatContents> {
  const file = source.name;
  if (source.size > MAX_TEXT_BYTES) {
    const reason = `the file has ${source.size} bytes of text; at most ${MAX_TEXT_BYTES} can be read: save it as .npy`;
    throw new FormatError({ file, offset: 0, reason });
  }
  const bytes = await source.read(0, source.size);
  const encoding = encodingOf(bytes);
  const text = new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
  const binary = text.indexOf("\0");
  const byteAt = (character: number) =>
    encoding === "utf-8" ? new TextEncoder().encode(text.slice(0, character)).length : 2 * character;
  if (isWorkbook(bytes)) {
    throw new FormatError({
      file,
      offset: 0,
      reason: "this is an Excel workbook: save it as .csv from the spreadsheet",
    });
  }
  if (binary !== -1) throw new FormatError({ file, offset: byteAt(binary), reason: "the file is not text" });

  try {
    const { values, shape, layout, notes } = parseMatrix(text);
    const data = new Uint8Array(values.buffer);
    const tensor: ModelTensor = {
      name,
      dtype: "float64",
      shape,
      byteLength: data.length,
      read: async (offset, length) => data.slice(offset, offset + length),
    };
    return { tensors: [tensor], notes: [`It is read as ${shape.join(" × ")}, ${layout}.`, ...notes] };
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    // The text may be meant as the description of a model of several files.
    const keys = "a weight_map (an index of .safetensors) or weightsManifest (TensorFlow.js)";
    const also = text.trimStart().startsWith("{") ? ` It is an object without ${keys}, too.` : "";
    throw new FormatError({ file, offset: byteAt(error.range[0]), reason: `${error.message}${also}` });
  }
}

/** The encoding that the first bytes tell. "Unicode text" of spreadsheets is UTF-16, of either byte order. */
function encodingOf([first, second]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

/** Whether it is an .xls, which is an OLE file, or an .xlsx, a ZIP archive with the folder xl. */
function isWorkbook(bytes: Uint8Array): boolean {
  const [a, b, c, d] = bytes;
  if (a === 0xd0 && b === 0xcf && c === 0x11 && d === 0xe0) return true;
  const isZip = a === 0x50 && b === 0x4b && c === 3 && d === 4;
  return isZip && new TextDecoder("latin1").decode(bytes).includes("xl/workbook");
}

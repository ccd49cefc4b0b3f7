import type { FormatContents, FormatInput } from "../format.js";
import { stemOf } from "../npy/read.js";
import { readText } from "./tensor.js";

/** Reads a matrix as text: one tensor, named after the file. */
export async function read({ files: [source] }: FormatInput): Promise<FormatContents> {
  return readText(source, stemOf(source.name));
}

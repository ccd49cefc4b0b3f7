import type { FormatContents, FormatInput } from "../format.js";
import { readNpz } from "./npz.js";

/** Reads a .npz file, with a tensor for each array. */
export async function read({ files: [source] }: FormatInput): Promise<FormatContents> {
  return readNpz(source);
}

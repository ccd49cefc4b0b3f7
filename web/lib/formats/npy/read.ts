import type { FormatContents, FormatInput } from "../format.js";
import { readNpyTensor } from "./tensor.js";

/** Reads a .npy file: one tensor, named after the file. */
export async function read({ files: [source] }: FormatInput): Promise<FormatContents> {
  return { tensors: [await readNpyTensor(source, stemOf(source.name))] };
}

/** The name of a file without its ending: "weights" for weights.npy. */
export function stemOf(fileName: string): string {
  return fileName.replace(/\.[^.]*$/, "") || "weights";
}

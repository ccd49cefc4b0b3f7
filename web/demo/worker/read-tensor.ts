import { example, exampleMatrix } from "../bring/example.js";
import type { Source } from "../protocol.js";
import type { Tensor } from "./tensor.js";

/** Reads weights. The readers of text and files are loaded for other weights than the example's. */
export async function readTensor(source: Source): Promise<Tensor> {
  if (source.kind === "text") {
    const { text } = source;
    const matrix = text === example ? exampleMatrix() : (await import("./read-source.js")).parseMatrix(text);
    return { ...matrix, stored: undefined, name: "weights" };
  }
  const { readSource } = await import("./read-source.js");
  return readSource(source);
}

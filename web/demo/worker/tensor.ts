import type { TextMatrix } from "channelwise/models";
import { example, exampleMatrix } from "../bring/example.js";
import type { Arithmetic, Source } from "../protocol.js";

/** Numbers as they were read, before the arithmetic is chosen. */
export interface Tensor extends Omit<TextMatrix, "values"> {
  values: Float32Array | Float64Array;
  stored: Arithmetic | undefined;
  /** What files made from it are called. */
  name: string;
}

/** Reads weights; the readers of text and files are loaded when there are other weights than the example's. */
export async function readTensor(source: Source): Promise<Tensor> {
  if (source.kind === "text") {
    const { text } = source;
    const matrix = text === example ? exampleMatrix() : (await import("./read-source.js")).parseMatrix(text);
    return { ...matrix, stored: undefined, name: "weights" };
  }
  const { readSource } = await import("./read-source.js");
  return readSource(source);
}

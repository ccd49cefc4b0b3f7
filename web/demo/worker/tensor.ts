import type { TextMatrix } from "channelwise/text";
import type { Arithmetic } from "../protocol.js";

/** Numbers as they were read, before the arithmetic is chosen. */
export interface Tensor extends Omit<TextMatrix, "values"> {
  values: Float32Array | Float64Array;
  stored: Arithmetic | undefined;
  /** The base name of files made from it. */
  name: string;
}

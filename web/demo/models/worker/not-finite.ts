import type { NonFiniteError } from "channelwise";
import { elementName } from "../../matrix.js";

/** The error as text: "element [1, 13] is NaN; weights must be finite". */
export function notFinite({ index, value }: NonFiniteError, shape: readonly number[]): string {
  return `element ${elementName(index, shape)} is ${value}; weights must be finite`;
}

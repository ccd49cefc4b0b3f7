export { parseMatrix } from "./formats/text/parse-matrix.js";
export { TextError } from "./formats/text/text-error.js";
export type { TextMatrix } from "./formats/text/text-matrix.js";

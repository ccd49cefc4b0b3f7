export { FormatError } from "./core/errors.js";
export { type NpyWeights, readNpy, writeNpy } from "./formats/npy/array-file.js";

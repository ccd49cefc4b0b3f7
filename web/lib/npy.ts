export { FormatError } from "./core/errors.js";
export { type NpyElements, type NpyWeights, readNpy, writeNpy } from "./formats/npy/array-file.js";

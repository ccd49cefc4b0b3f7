import { FormatError, readNpy } from "channelwise/npy";
import { InputError } from "./problems.js";
import { wholeFile } from "./whole-file.js";

/** Vectors of a .npy file, one after the other. */
export interface Vectors {
  readonly vectors: Float32Array<ArrayBuffer>;
  readonly count: number;
  readonly dimensions: number;
}

/** @throws {FormatError | InputError} where it has no rows of floats that are finite. */
export function readVectors(path: string): Vectors {
  const bytes = wholeFile(path);
  const { weights, shape } = readNpy(bytes, path);
  const [count, dimensions] = shape;
  const wrong = (reason: string) => new FormatError({ file: path, offset: 0, reason });
  if (shape.length === 2 && count * dimensions === 0) {
    throw wrong(`its shape is (${shape.join(", ")}): it is empty; give vectors of at least one number`);
  }
  if (shape.length !== 2) {
    throw wrong(`its shape is (${shape.join(", ")}); embeddings are rows of an array of two dimensions`);
  }
  if (weights instanceof Int8Array || weights instanceof Int16Array) {
    throw wrong("it holds integers; give the vectors as floats");
  }
  // A copy, where the file's bytes are not aligned or wider.
  const vectors = Float32Array.from(weights);
  const at = vectors.findIndex((x) => !Number.isFinite(x));
  if (at !== -1) {
    const where = `vector ${Math.floor(at / dimensions)}, dimension ${at % dimensions}`;
    throw new InputError(path, new RangeError(`${where} is ${weights[at]}; vectors must be finite float32 numbers`));
  }
  return { vectors, count, dimensions };
}

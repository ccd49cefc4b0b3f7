import type { Format } from "./format.js";

/** The formats, in the order in which a file is compared with them. */
export const formats: readonly Format[] = [
  {
    name: "safetensors",
    endings: /\.safetensors$/i,
    // A header that begins with a brace follows its length. Text has no zeros.
    begins: (bytes) => bytes[7] === 0 && bytes[8] === 0x7b,
    describedBy: "weight_map",
    takes: "parts",
    load: () => import("./safetensors/read.js"),
  },
  { name: "npy", endings: /\.npy$/i, begins: startsWith("\x93NUMPY"), load: () => import("./npy/read.js") },
  { name: "npz", endings: /\.npz$/i, begins: startsWith("PK"), load: () => import("./npz/read.js") },
  // A protocol buffer that begins with the version of the format.
  {
    name: "onnx",
    endings: /\.onnx$/i,
    begins: ([first]) => first === 0x08,
    takes: "named files",
    load: () => import("./onnx/model.js"),
  },
  {
    name: "gguf",
    endings: /\.gguf$/i,
    begins: startsWith("GGUF"),
    takes: "parts",
    load: () => import("./gguf/read.js"),
  },
  {
    name: "tfjs",
    describedBy: "weightsManifest",
    takes: "named files",
    load: () => import("./tfjs/read.js"),
  },
  { name: "text", endings: /\.(csv|tsv)$/i, begins: () => true, load: () => import("./text/read.js") },
];

function startsWith(text: string): (bytes: Uint8Array) => boolean {
  return (bytes) => [...text].every((character, i) => bytes[i] === character.charCodeAt(0));
}

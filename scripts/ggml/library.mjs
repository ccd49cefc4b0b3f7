// ggml's own library, from the npm package @node-llama-cpp/linux-x64 (llama.cpp v0.4.0): the oracle of the tests of
// blocks, and their peer in the benchmark. It is for x86-64 Linux with glibc, and has no fused multiply-add.

import { join } from "node:path";
import koffi from "koffi";
import { fetchTarball } from "../data.mjs";

/** @type {import("../data.mjs").NpmTarball} */
const llama = {
  name: "@node-llama-cpp/linux-x64",
  version: "3.21.1",
  integrity: "Totj6RTDMGo3FoK2yNUaz/oGmZD0olAqTrRluFUWmu0kW2i9TOzHSW0OWCAiGkzRCVX0WsU2CyUQo/W2NYtdPA==",
  folder: "bins/linux-x64",
  wants: (path) => !/libggml-cpu-(?!x64)|llama-addon/.test(path),
};

/** Whether this machine can run it. */
export const runsHere = process.platform === "linux" && process.arch === "x64" && isGlibc();

function isGlibc() {
  const { header } = /** @type {{ header: { glibcVersionRuntime?: string } }} */ (process.report.getReport());
  return header.glibcVersionRuntime !== undefined;
}

/**
 * Fetches it, once.
 * @returns {Promise<string>} the folder with libggml-base.so and libllama.v0.4.0.so
 */
export function fetchLlama() {
  return fetchTarball(llama);
}

/** @returns the functions of ggml's blocks; a type is its number in GGUF */
export async function loadGgml() {
  const library = koffi.load(join(await fetchLlama(), "libggml-base.so"));
  const initialize = library.func("void ggml_quantize_init(int)");
  const chunk = library.func(
    "size_t ggml_quantize_chunk(int, const float *, void *, int64_t, int64_t, int64_t, void *)",
  );
  const lengthOf = library.func("int64_t ggml_blck_size(int)");
  const bytesOf = library.func("size_t ggml_type_size(int)");
  const nameOf = library.func("const char *ggml_type_name(int)");
  const rows = (/** @type {string} */ name) =>
    library.func(`void dequantize_row_${name}(const void *, void *, int64_t)`);
  const rowOf = (/** @type {string} */ name) => library.func(`void ggml_${name}_row(const void *, void *, int64_t)`);
  const [widenF16, widenBF16] = [rowOf("fp16_to_fp32"), rowOf("bf16_to_fp32")];
  const [narrowF16, narrowBF16] = [rowOf("fp32_to_fp16"), rowOf("fp32_to_bf16")];

  return {
    /** @param {"F16" | "BF16"} type @param {Uint16Array} halves */
    widen(type, halves) {
      const floats = new Float32Array(halves.length);
      (type === "F16" ? widenF16 : widenBF16)(halves, floats, halves.length);
      return floats;
    },
    /** @param {"F16" | "BF16"} type @param {Float32Array} floats */
    narrow(type, floats) {
      const halves = new Uint16Array(floats.length);
      (type === "F16" ? narrowF16 : narrowBF16)(floats, halves, floats.length);
      return halves;
    },
    /** @param {number} type */
    blockLength: (type) => Number(lengthOf(type)),
    /** @param {number} type */
    blockBytes: (type) => Number(bytesOf(type)),
    /**
     * @param {number} type
     * @param {Float32Array} weights
     * @param {Uint8Array} bytes are filled with the blocks
     */
    encode(type, weights, bytes) {
      initialize(type);
      const written = Number(chunk(type, weights, bytes, 0, 1, weights.length, null));
      if (written !== bytes.length) throw new Error(`ggml wrote ${written} bytes, not ${bytes.length}`);
    },
    /**
     * @param {number} type
     * @param {Uint8Array} bytes
     * @param {Float32Array} weights are filled with the decoded blocks
     */
    decode(type, bytes, weights) {
      // In C, K is a capital in the function of a type, and everything else is small: dequantize_row_q4_K,
      // dequantize_row_iq4_nl.
      rows(nameOf(type).replace(/k$/i, "K"))(bytes, weights, weights.length);
    },
  };
}

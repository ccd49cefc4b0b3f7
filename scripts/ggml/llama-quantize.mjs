// node scripts/ggml/llama-quantize.mjs IN FOLDER FILE_TYPE... [requantize]: runs llama-quantize from llama.cpp's own
// library. Each FILE_TYPE is a number, and its file is FOLDER/NUMBER.gguf. This is a program of its own, since that
// library ends the process for some files.

import { join } from "node:path";
import { argv, exit } from "node:process";
import koffi from "koffi";
import { fetchLlama } from "./library.mjs";

const folder = await fetchLlama();
for (const name of ["libggml-base.so", "libggml.v0.4.0.so"]) koffi.load(join(folder, name), { global: true });
const library = koffi.load(join(folder, "libllama.v0.4.0.so"));

koffi.struct("QuantizeParams", {
  ...{ nthread: "int32_t", ftype: "int32_t", output_tensor_type: "int32_t", token_embedding_type: "int32_t" },
  ...{ allow_requantize: "bool", quantize_output_tensor: "bool", only_copy: "bool", pure: "bool" },
  ...{ keep_split: "bool", dry_run: "bool" },
  ...{ imatrix: "void *", kv_overrides: "void *", tensor_types: "void *", prune_layers: "void *" },
});
const defaults = library.func("QuantizeParams llama_model_quantize_default_params()");
const quantize = library.func("uint32_t llama_model_quantize(const char *, const char *, const QuantizeParams *)");

const [input, output, ...options] = argv.slice(2);
const allow = options.includes("requantize");
for (const fileType of options.filter((option) => option !== "requantize")) {
  const params = { ...defaults(), ftype: Number(fileType), nthread: 1, allow_requantize: allow };
  if (quantize(input, join(output, `${fileType}.gguf`), params) !== 0) exit(1);
}

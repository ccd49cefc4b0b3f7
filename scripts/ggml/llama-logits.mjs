// node scripts/ggml/llama-logits.mjs TOKEN,... MODEL...: prints, as JSON, what each model answers after each token: a
// logit for each token of its vocabulary, computed by llama.cpp's own library on the CPU. This is a program of its own,
// since that library ends the process for some files.

import { join } from "node:path";
import { argv, exit, stdout } from "node:process";
import koffi from "koffi";
import { fetchLlama } from "./library.mjs";

const folder = await fetchLlama();
const ggml = ["libggml-base.so", "libggml.v0.4.0.so"].map((name) => koffi.load(join(folder, name), { global: true }));
const library = koffi.load(join(folder, "libllama.v0.4.0.so"));

// The parameters are passed on as they are made by default, so their members need no names. They take less room than
// this: what is too much lies behind them on the stack, where nothing is read.
const parameters = { members: koffi.array("uint64_t", 64) };
koffi.struct("ModelParams", parameters);
koffi.struct("ContextParams", parameters);
koffi.struct("Batch", {
  ...{ n_tokens: "int32_t", token: "void *", embd: "void *", pos: "void *", n_seq_id: "void *" },
  ...{ seq_id: "void *", logits: "void *" },
});
const loadBackends = ggml[1].func("void ggml_backend_load_all_from_path(const char *)");
const modelDefaults = library.func("ModelParams llama_model_default_params()");
const contextDefaults = library.func("ContextParams llama_context_default_params()");
const loadModel = library.func("void *llama_model_load_from_file(const char *, ModelParams)");
const makeContext = library.func("void *llama_init_from_model(void *, ContextParams)");
const vocabularyOf = library.func("void *llama_model_get_vocab(void *)");
const tokenCount = library.func("int32_t llama_vocab_n_tokens(void *)");
const batchOf = library.func("Batch llama_batch_get_one(int32_t *, int32_t)");
const setThreads = library.func("void llama_set_n_threads(void *, int32_t, int32_t)");
const decode = library.func("int32_t llama_decode(void *, Batch)");
const logitsOf = library.func("float *llama_get_logits_ith(void *, int32_t)");

const [tokens, ...paths] = argv.slice(2);
loadBackends(folder);
stdout.write(JSON.stringify(paths.map(answersOf)));

/** @param {string} path */
function answersOf(path) {
  const model = loadModel(path, modelDefaults());
  const context = model && makeContext(model, contextDefaults());
  if (!context) exit(1);
  setThreads(context, 1, 1); // threads without a core of their own wait for each other in loops
  const count = tokenCount(vocabularyOf(model));
  return tokens.split(",").map((token) => {
    if (decode(context, batchOf(Int32Array.of(Number(token)), 1)) !== 0) exit(1);
    return [...koffi.decode(logitsOf(context, -1), koffi.array("float", count))];
  });
}

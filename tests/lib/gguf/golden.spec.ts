import { load } from "channelwise";
import { blobSink, type FileTypeName, openModel, planModel, quantizeModel } from "channelwise/models";
import { expect, it } from "vitest";
import { ggufFile } from "./gguf-file.js";
import { golden } from "./golden.js";
import { tinyModel } from "./tiny-models.js";

// The hashes of files that equal those of llama-quantize, where that runs. They are the same on every engine and
// machine.

const channelwise = await load();

it.each(Object.entries(golden))("a GGUF of %s has the bytes that it has elsewhere", async (type, hash) => {
  const file = ggufFile(tinyModel({ architecture: "llama", layers: 2, columns: 256, hidden: 160 }));
  const model = await openModel(file, { name: "model.gguf" });
  const sink = blobSink();
  await quantizeModel(channelwise, planModel(model, { type: type as FileTypeName }), sink);
  const digest = await crypto.subtle.digest("SHA-256", await (await sink.blob()).arrayBuffer());
  const text = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  expect(text).toBe(hash);
});

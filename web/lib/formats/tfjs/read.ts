import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import type { FormatContents, FormatInput } from "../format.js";
import { isFileName } from "../safetensors/sharded.js";
import { readTfjs, tfjsWeightFiles } from "./tfjs.js";

/** Reads the model.json of TensorFlow.js with its weight files. */
export async function read({ files: [source], description = {}, openNamed }: FormatInput): Promise<FormatContents> {
  const { name } = source;
  const files = new Map<string, ByteSource>();
  for (const path of tfjsWeightFiles(description, name)) {
    if (!isFileName(path)) {
      const reason = `its weights are in ${JSON.stringify(path)}; only files beside it are read`;
      throw new FormatError({ file: name, offset: 0, reason });
    }
    files.set(path, await openNamed(path, source));
  }
  return { tensors: readTfjs(description, name, (path) => files.get(path) as ByteSource) };
}

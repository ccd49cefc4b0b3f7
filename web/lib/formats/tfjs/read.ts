import { FormatError } from "../../core/errors.js";
import type { ByteSource } from "../../io/bytes.js";
import { isBelow } from "../../io/paths.js";
import { shownJson } from "../../io/shorten.js";
import type { FormatContents, FormatInput } from "../format.js";
import { readTfjs, tfjsWeightFiles } from "./tfjs.js";

/** Reads the model.json of TensorFlow.js with its weight files. */
export async function read({ files: [source], description = {}, openNamed }: FormatInput): Promise<FormatContents> {
  const { name } = source;
  const files = new Map<string, ByteSource>();
  for (const path of tfjsWeightFiles(description, name)) {
    // The path is opened on a disk, and anybody may have written the model.
    if (!isBelow(path)) {
      const reason = `its weights are in ${shownJson(path)}, which is not a path below the model's folder`;
      throw new FormatError({ file: name, offset: 0, reason });
    }
    files.set(path, await openNamed(path, source));
  }
  return readTfjs(description, name, (path) => files.get(path) as ByteSource);
}

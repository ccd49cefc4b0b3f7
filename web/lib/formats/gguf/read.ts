import type { FormatContents, FormatInput } from "../format.js";
import { type GgufKey, keyText } from "./keys.js";
import { ggufKind } from "./kind.js";
import { readParts } from "./parts.js";
import { elementTensors } from "./tensors.js";

/**
 * Reads a GGUF of version 2 or 3, in one file or in parts.
 *
 * @throws {FormatError} for a malformed file, and where parts are missing or belong to different models.
 */
export async function read(input: FormatInput): Promise<FormatContents> {
  const contents = await readParts(input);
  const { keys } = contents;
  return { tensors: elementTensors(contents), metadata: metadataOf(keys), keys, kind: ggufKind(contents) };
}

/** The keys as texts; long arrays are shortened. */
function metadataOf(keys: readonly GgufKey[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key.name, keyText(key)])) as Record<string, string>;
}

import type { FormatContents, FormatInput } from "../format.js";
import { type GgufKey, keyText } from "./keys.js";
import { ggufKind } from "./kind.js";
import { readParts } from "./parts.js";
import { elementTensors } from "./tensors.js";

/**
 * Reads a GGUF of version 2 or 3, or one in parts.
 *
 * @throws {FormatError} for a malformed file, and where parts are missing or not of one model.
 */
export async function read(input: FormatInput): Promise<FormatContents> {
  const contents = await readParts(input);
  const { keys } = contents;
  return { tensors: elementTensors(contents), metadata: metadataOf(keys), keys, kind: ggufKind(contents) };
}

/** The keys as texts: of a long array its beginning. */
function metadataOf(keys: readonly GgufKey[]): Record<string, string> {
  return Object.fromEntries(keys.map((key) => [key.name, keyText(key)])) as Record<string, string>;
}

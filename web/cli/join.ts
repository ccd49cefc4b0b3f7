import { existsSync } from "node:fs";
import { printable } from "channelwise/models";
import type { Context, Outcome } from "./context.js";
import { findParts, indexPath, writeIndex } from "./index-file.js";
import type { Values } from "./options.js";

/** `channelwise join` */
export async function join(
  [folder]: readonly string[],
  { force, json }: Values,
  { stdout }: Context,
): Promise<Outcome> {
  const found = findParts(folder);
  if (found.length === 0) {
    throw new Error(`${folder} has no parts, which have names like model-00003-of-00016.safetensors`);
  }
  for (const { stem, n, missing } of found) {
    if (missing.length > 0) {
      throw new Error(`${folder}: of the ${n} parts of ${stem}, these are missing: ${missing.join(", ")}`);
    }
  }
  const existing = force ? undefined : found.map(indexPath).find((path) => existsSync(path));
  if (existing !== undefined) throw new Error(`${existing} exists; --force replaces it`);
  const indexes: string[] = [];
  for (const parts of found) indexes.push(await writeIndex(parts, force === true));
  if (!json) stdout.write(indexes.map((index) => `${printable(index)}\n`).join(""));
  return { exitCode: 0, json: { indexes } };
}

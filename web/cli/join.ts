import { existsSync } from "node:fs";
import { printable } from "channelwise/models";
import type { Context, Outcome } from "./context.js";
import { findParts, indexPath, type WrittenIndex, writeIndex } from "./index-file.js";
import type { Values } from "./options.js";
import { tellWarnings } from "./told.js";

/** `channelwise join` */
export async function join(
  [folder]: readonly string[],
  { force, json }: Values,
  { stdout, stderr }: Context,
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
  const [twice] = found.filter(({ stem }, i) => found.findIndex((other) => other.stem === stem) < i);
  if (twice) {
    const counts = found.flatMap(({ stem, n }) => (stem === twice.stem ? [n] : []));
    throw new Error(`${folder} has ${twice.stem} in ${counts.join(" and in ")} parts; remove those of one`);
  }
  const existing = force ? undefined : found.map(indexPath).find((path) => existsSync(path));
  if (existing !== undefined) throw new Error(`${existing} exists; --force replaces it`);
  const written: WrittenIndex[] = [];
  for (const parts of found) written.push(await writeIndex(parts, force === true));
  const indexes = written.map(({ path }) => path);
  const warnings = written.flatMap((each) => each.warnings);
  tellWarnings(stderr, warnings);
  if (!json) stdout.write(indexes.map((index) => `${printable(index)}\n`).join(""));
  return { exitCode: 0, json: { indexes, ...(warnings.length > 0 && { warnings }) } };
}

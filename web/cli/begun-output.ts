import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { printable, removePartialFiles } from "channelwise/models";
import type { BegunOutput, Context } from "./context.js";

/**
 * Makes the folders of an output and writes it. On failure, removes them again and says so.
 *
 * @param others what happened to the outputs before it, if there were any
 */
export async function writingOutput<R>(
  path: string,
  { begin, written, stderr }: Context,
  write: () => Promise<R>,
  others = "",
): Promise<R> {
  const madeFolder = outermostMissing(dirname(path));
  const output = { path, madeFolder, failed: `${printable(path)} is not written${others}\n` };
  begin(output);
  try {
    makeFolders(dirname(path), madeFolder);
    const result = await write();
    written();
    return result;
  } catch (error) {
    removeMadeFolders(output);
    stderr.write(output.failed);
    throw error;
  }
}

/** Removes an output that this process no longer writes: a thread that was ended could not do so itself. */
export async function takeBack(output: BegunOutput): Promise<void> {
  for (const path of [output.path, dataPath(output.path)]) await removePartialFiles(path, { own: true });
  removeMadeFolders(output);
}

/** The file beside an .onnx model, if it has one. */
export function dataPath(output: string): string {
  return `${output}.data`;
}

/** @param outermost the outermost of them that is missing, if one is */
function makeFolders(folder: string, outermost: string | undefined): void {
  try {
    // Node makes several at once for ever below /proc, and says "no such folder" where a disk is read-only.
    if (outermost !== undefined) mkdirSync(outermost);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // another run may have made it
  }
  mkdirSync(folder, { recursive: true });
}

function outermostMissing(folder: string): string | undefined {
  let missing: string | undefined;
  for (let each = folder; each !== missing && !existsSync(each); each = dirname(each)) missing = each;
  return missing;
}

/** Removes the folders that are empty: complete outputs stay. */
function removeMadeFolders({ path, madeFolder }: BegunOutput): void {
  for (let folder = dirname(path); madeFolder !== undefined; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return; // something else is in the folder
    }
    if (folder === madeFolder) return;
  }
}

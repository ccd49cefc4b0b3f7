import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { dirname } from "node:path";
import { printable, removePartialFiles } from "channelwise/models";
import type { BegunOutput, Context } from "./context.js";

/**
 * Makes the folders of an output, writes it, and where that fails says so and removes them again.
 *
 * @param others what became of those before it, if there were any
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
    mkdirSync(dirname(path), { recursive: true });
    const result = await write();
    written();
    return result;
  } catch (error) {
    removeMadeFolders(output);
    stderr.write(output.failed);
    throw error;
  }
}

/** Takes an output back of which this process writes no more: a thread that was ended could not do so itself. */
export async function takeBack(output: BegunOutput): Promise<void> {
  for (const path of [output.path, dataPath(output.path)]) await removePartialFiles(path, { own: true });
  removeMadeFolders(output);
}

/** The file beside an .onnx model, if it has one. */
export function dataPath(output: string): string {
  return `${output}.data`;
}

function outermostMissing(folder: string): string | undefined {
  let missing: string | undefined;
  for (let each = folder; each !== missing && !existsSync(each); each = dirname(each)) missing = each;
  return missing;
}

/** Those that are empty: what was complete before stays. */
function removeMadeFolders({ path, madeFolder }: BegunOutput): void {
  for (let folder = dirname(path); madeFolder !== undefined; folder = dirname(folder)) {
    try {
      rmdirSync(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") return; // something else is in it
    }
    if (folder === madeFolder) return;
  }
}

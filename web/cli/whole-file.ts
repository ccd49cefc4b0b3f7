import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { CommandError } from "./command-error.js";

/**
 * Reads a file whole.
 *
 * @throws {CommandError} for a pipe or a device, whose end may never come.
 */
export function wholeFile(path: string): Buffer<ArrayBuffer> {
  // Opening a named pipe to which nobody writes would otherwise block the thread for ever.
  const file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) {
      const [what, remedy] = stat.isDirectory()
        ? ["a folder", "give a file in it"]
        : [stat.isFIFO() ? "a pipe" : "a device", "save its output, and give that file"];
      throw new CommandError(`${path} is not a file: it is ${what}; ${remedy}`);
    }
    return readFileSync(file) as Buffer<ArrayBuffer>;
  } finally {
    closeSync(file);
  }
}

import { FormatError, NonFiniteError, printable, StoppedError, shownName } from "channelwise/models";
import { CommandError, OutputError } from "./command-error.js";
import { oneLine } from "./format.js";

/** The meanings of the file system's error codes. */
const meanings: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EISDIR: "is a folder, not a file",
  ENOTDIR: "a part of the path is not a folder",
  ELOOP: "its symbolic links lead in a circle",
  EIO: "the disk or the network fails",
  ESTALE: "the network's file is gone",
  EBUSY: "another program uses it",
  ENFILE: "too many open files",
  ENXIO: "is not a file, but a socket or a device",
  ENAMETOOLONG: "the name is longer than the file system allows",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EMFILE: "too many open files",
  EROFS: "the file system is read-only",
  EFBIG: "the file is too large for the file system",
};

/** An error of the work on one of several inputs. */
export class InputError extends Error {
  /** The path that was given. */
  readonly input: string;
  override readonly cause: unknown;

  constructor(input: string, cause: unknown) {
    super(`${input}: ${cause instanceof Error ? cause.message : String(cause)}`);
    this.input = input;
    this.cause = cause;
  }
}

/** The sentence for an error. Errors of the file system are put into words, and names are made printable. */
export function sentenceOf(error: unknown): string {
  if (error instanceof InputError) {
    if (error.cause instanceof OutputError) return sentenceOf(error.cause);
    const sentence = sentenceOf(error.cause);
    // Most sentences name the file themselves.
    return sentence.startsWith(printable(error.input)) ? sentence : `${printable(error.input)}: ${sentence}`;
  }
  if (error instanceof StoppedError) return `stopped at tensor ${shownName(error.tensor)}: ${sentenceOf(error.cause)}`;
  if (error instanceof CommandError) return [error.message, ...error.details].map(oneLine).join("\n");
  if (!(error instanceof Error)) return oneLine(String(error));
  const { code, path } = error as NodeJS.ErrnoException;
  const meaning = code === undefined ? undefined : meanings[code];
  if (meaning === undefined) return oneLine(error.message);
  return path === undefined ? meaning : `${printable(path)}: ${meaning}`;
}

/** An error for --json: its name, its sentence, and its place. */
export function problemJson(error: unknown): object {
  if (error instanceof InputError)
    return { ...problemJson(error.cause), message: sentenceOf(error), input: error.input };
  const name = error instanceof Error ? error.name : "Error";
  const message = sentenceOf(error);
  if (error instanceof FormatError) {
    const { file, tensor, offset, reason } = error;
    return { name, message, file, tensor, offset, reason };
  }
  if (error instanceof NonFiniteError) {
    const { tensor, index, channel, value } = error;
    return { name, message, tensor, index, channel, value: String(value) };
  }
  return error instanceof StoppedError ? { name, message, tensor: error.tensor } : { name, message };
}

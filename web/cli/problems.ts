import { FormatError, NonFiniteError, StoppedError } from "channelwise/models";

/** What an error of the file system means, by its code. */
const meanings: Readonly<Record<string, string>> = {
  ENOENT: "no such file or folder",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EISDIR: "is a folder, not a file",
  ENOTDIR: "a part of the path is not a folder",
  ENOSPC: "no space left on the disk",
  EDQUOT: "the disk quota is used up",
  EMFILE: "too many open files",
  EROFS: "the file system is read-only",
  EFBIG: "the file is too large for the file system",
};

/** The sentence for an error, in words where it is one of the file system. */
export function sentenceOf(error: unknown): string {
  if (error instanceof StoppedError) return `stopped at tensor ${error.tensor}: ${sentenceOf(error.cause)}`;
  if (!(error instanceof Error)) return String(error);
  const { code, path } = error as NodeJS.ErrnoException;
  const meaning = code === undefined ? undefined : meanings[code];
  if (meaning === undefined) return error.message;
  return path === undefined ? meaning : `${path}: ${meaning}`;
}

/** An error for --json: its name, its sentence, and what it says of the place. */
export function problemJson(error: unknown): object {
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

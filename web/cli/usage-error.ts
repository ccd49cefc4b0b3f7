/** A command line that is wrong, by itself or for this file: nothing was written. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

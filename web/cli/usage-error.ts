/** A command line that is wrong: nothing was read or written. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

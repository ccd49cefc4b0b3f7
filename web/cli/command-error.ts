/** A command that cannot be carried out. */
export class CommandError extends Error {
  /** Lines after the message. */
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[] = []) {
    super(message);
    this.details = details;
  }
}

/** A command line that is wrong, by itself or for this file. Nothing was written. */
export class UsageError extends CommandError {
  override readonly name = "UsageError";
}

/** A command that cannot be carried out. */
export class CommandError extends Error {
  /** Lines after the message. */
  readonly details: readonly string[];

  constructor(message: string, details: readonly string[] = []) {
    super(message);
    this.details = details;
  }
}

/** What a file to come cannot hold. It names that file and not the input, of which nothing is wrong. */
export class OutputError extends CommandError {
  override readonly name = "OutputError";
}

/** A command line that is wrong, by itself or for this file. Nothing was written. */
export class UsageError extends CommandError {
  override readonly name = "UsageError";
}

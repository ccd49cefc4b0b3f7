import { type CommandName, commandNames } from "./commands.js";

/** The command line as far as it can be read, even if it is wrong. */
export interface Asked {
  readonly command: CommandName | undefined;
  readonly json: boolean;
}

export function askedBy(args: readonly string[]): Asked {
  return { command: commandNames.find((name) => args.includes(name)), json: args.includes("--json") };
}

import { type CommandName, commandNames } from "./commands.js";

/** What a command line asks for, as far as it can be told of one that may be wrong. */
export interface Asked {
  readonly command: CommandName | undefined;
  readonly json: boolean;
}

export function askedBy(args: readonly string[]): Asked {
  return { command: commandNames.find((name) => args.includes(name)), json: args.includes("--json") };
}

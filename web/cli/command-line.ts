import { parseArgs } from "node:util";
import { UsageError } from "./command-error.js";
import { type Command, type CommandName, commandNames, commands } from "./commands.js";
import { didYouMean } from "./nearest.js";
import { type Option, type OptionName, options, type Values } from "./options.js";

export interface CommandLine {
  /** The command; undefined where none is given. */
  readonly command: CommandName | undefined;
  readonly operands: readonly string[];
  readonly values: Values;
}

/** @throws {UsageError} for a command or an option that does not exist, and for an option without its value. */
export function parseCommandLine(args: readonly string[]): CommandLine {
  // Parsing is not strict, because errors are reported below, with the nearest name.
  const { tokens } = parseArgs({ args: [...args], options: parserOptions(), strict: false, tokens: true });
  const [name, ...operands] = tokens.flatMap((token) => (token.kind === "positional" ? [token.value] : []));
  if (name !== undefined && !isCommand(name)) {
    throw new UsageError(`there is no command ${name}${didYouMean(name, commandNames)}`, [
      `The commands are ${commandNames.join(", ")}.`,
    ]);
  }

  const values: Record<string, string | string[] | true> = {};
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const option = optionOf(token.name, token.rawName, name);
    if (option.value === undefined) {
      if (token.value !== undefined)
        throw new UsageError(`${token.rawName} takes no value, and ${token.value} is given`);
      values[token.name] = true;
      continue;
    }
    const { value } = token;
    // A negative number is a value; another option is not.
    if (value === undefined || (token.inlineValue === false && /^-\D/.test(value))) {
      throw new UsageError(`${token.rawName} needs a value: ${option.help}`);
    }
    values[token.name] = option.multiple ? [...((values[token.name] as string[]) ?? []), value] : value;
  }
  if (name !== undefined && values.help === undefined) {
    checkOperands(name, operands);
    checkPaths(operands, values.output);
  }
  return { command: name, operands, values: values as Values };
}

function parserOptions() {
  return Object.fromEntries(
    Object.entries<Option>(options).map(([name, { value, short, multiple }]) => [
      name,
      {
        type: value === undefined ? ("boolean" as const) : ("string" as const),
        ...(short !== undefined && { short }),
        ...(multiple !== undefined && { multiple }),
      },
    ]),
  );
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commands, name);
}

function optionOf(name: string, rawName: string, command: CommandName | undefined): Option {
  const allowed: readonly string[] = command === undefined ? ["help", "version"] : commands[command].options;
  if (allowed.includes(name)) return options[name as OptionName];
  // A misspelt option with one dash is parsed as letters, so its name is taken whole.
  const guess = didYouMean(rawName.replace(/^-+/, ""), allowed, "--");
  const known = allowed.map((option) => `--${option}`).join(", ");
  if (command === undefined) throw new UsageError(`without a command there is no option ${rawName}${guess}`);
  throw new UsageError(`${command} has no option ${rawName}${guess}`, [`Its options are ${known}.`]);
}

/** Inputs are read, and outputs written, at more than one place. */
function checkPaths(operands: readonly string[], output: unknown): void {
  if (operands.includes("-")) throw new UsageError("- is given, but standard input is not read; save it to a file");
  if (operands.includes("")) throw new UsageError("an input is empty text; give the path of a file");
  if (output === "-") throw new UsageError("-o is -, but nothing is written to standard output; give a file or ./-");
  if (output === "") throw new UsageError("-o is empty text; give a file or a folder");
}

function checkOperands(name: CommandName, { length }: readonly string[]): void {
  const { least, most, operands }: Command = commands[name];
  if (length >= least && length <= most) return;
  const wanted = least === most ? `${least}` : `at least ${least}`;
  const given = length === 0 ? "none is" : length === 1 ? "1 is" : `${length} are`;
  throw new UsageError(`${name} takes ${wanted} (${operands}), and ${given} given`);
}

import { readFileSync } from "node:fs";
import { type Command, type CommandName, commandNames, commands } from "./commands.js";
import { wrapped } from "./format.js";
import { type Option, type OptionName, options } from "./options.js";

/** The version in package.json. */
export function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

const exitCodes = `\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an error is above a given limit,
130 interrupted (143 by SIGTERM, 129 by SIGHUP). An output appears under its
name when it is complete, so a run that failed or was interrupted leaves no
file.`;

/** The help for one command, or for all. */
export function helpText(name: CommandName | undefined): string {
  if (name === undefined) {
    const list = commandNames.map((each) => [each, commands[each].summary] as const);
    return `\
channelwise ${version()}: post-training quantization with one scale per channel

Usage: channelwise COMMAND ...

${columns(list)}

channelwise COMMAND --help shows the options of a command; --version the version.

${exitCodes}`;
  }
  const { operands, description, options: names, examples }: Command = commands[name];
  return `\
Usage: channelwise ${name} ${operands} [OPTION...]

${description}

${columns(names.map(optionLine))}

${examples.map((example) => `  ${example}`).join("\n")}

${exitCodes}`;
}

function optionLine(name: OptionName): readonly [string, string] {
  const { short, value, help }: Option = options[name];
  const names = short === undefined ? `    --${name}` : `-${short}, --${name}`;
  return [value === undefined ? names : `${names} ${value}`, help];
}

const WIDTH = 80;

/** Names, with their texts beside them in lines that fit. */
function columns(rows: readonly (readonly [string, string])[]): string {
  const indent = 2 + rows.reduce((most, [name]) => Math.max(most, name.length), 0) + 2;
  return rows
    .flatMap(([name, text]) =>
      wrapped(text, WIDTH - indent).map((line, i) => (i === 0 ? `  ${name}` : "").padEnd(indent) + line),
    )
    .join("\n");
}

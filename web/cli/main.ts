#!/usr/bin/env node
import { parseCommandLine } from "./command-line.js";
import { type CommandName, commandNames } from "./commands.js";
import { compare } from "./compare.js";
import type { Context, Outcome } from "./context.js";
import { dequantize } from "./dequantize.js";
import { helpText, version } from "./help.js";
import { inspect } from "./inspect.js";
import { Interruption, interruptionSignal } from "./interruption.js";
import { join } from "./join.js";
import type { Values } from "./options.js";
import { problemJson, sentenceOf } from "./problems.js";
import { quantize } from "./quantize.js";
import { styled } from "./terminal.js";
import { UsageError } from "./usage-error.js";

type Run = (operands: readonly string[], values: Values, context: Context) => Promise<Outcome>;
const runs: Record<CommandName, Run> = { quantize, inspect, compare, dequantize, join };

const { stdout, stderr } = process;

/** Gives the exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const { command, operands, values } = parseCommandLine(args);
    if (values.version) stdout.write(`${version()}\n`);
    else if (values.help) stdout.write(`${helpText(command)}\n`);
    else if (command === undefined) stderr.write(`${helpText(undefined)}\n`);
    if (values.version || values.help) return 0;
    if (command === undefined) return 2;

    const context: Context = { stdout, stderr, signal: interruptionSignal() };
    const { exitCode, json } = await runs[command](operands, values, context);
    if (values.json) printJson({ command, ...json });
    return exitCode;
  } catch (error) {
    // Of a command line that is wrong, what can be told.
    const command = commandNames.find((name) => args.includes(name));
    return fail(error, command, args.includes("--json"));
  }
}

function fail(error: unknown, command: CommandName | undefined, json: boolean): number {
  const interruption = [error, (error as Error).cause].find((each) => each instanceof Interruption);
  if (json) printJson({ ...(command && { command }), error: problemJson(interruption ?? error) });
  stderr.write(`${styled(stderr, "red", "channelwise:")} ${sentenceOf(interruption ?? error)}\n`);
  if (interruption) return interruption.exitCode;
  if (!(error instanceof UsageError)) return 1;
  stderr.write(`See channelwise ${command ? `${command} ` : ""}--help.\n`);
  return 2;
}

/** JSON has no infinity: an SQNR that is infinite, since every error is 0, is null. */
function printJson(value: object): void {
  stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

// Who reads the output may stop before its end, as head does.
stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  stderr.write(`${styled(stderr, "red", "channelwise:")} standard output: ${sentenceOf(error)}\n`);
  process.exit(1);
});

process.exitCode = await main(process.argv.slice(2));

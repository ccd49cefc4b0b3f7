import { askedBy } from "./asked.js";
import { parseCommandLine } from "./command-line.js";
import type { CommandName } from "./commands.js";
import { compare } from "./compare.js";
import type { Context, Outcome } from "./context.js";
import { dequantize } from "./dequantize.js";
import { embeddings } from "./embeddings.js";
import { helpText, version } from "./help.js";
import { inspect } from "./inspect.js";
import { join } from "./join.js";
import type { Values } from "./options.js";
import { page } from "./page.js";
import { quantize } from "./quantize.js";
import { reportFailure } from "./report.js";
import { split } from "./split.js";
import { printJson } from "./terminal.js";

type Command = (operands: readonly string[], values: Values, context: Context) => Promise<Outcome>;
const runs: Record<CommandName, Command> = { quantize, inspect, compare, dequantize, embeddings, split, join, page };

/** Runs the command that the arguments name, and returns the exit code. */
export async function run(args: readonly string[], context: Context): Promise<number> {
  const { stdout, stderr } = context;
  try {
    const { command, operands, values } = parseCommandLine(args);
    if (values.version) stdout.write(`${version()}\n`);
    else if (values.help) stdout.write(`${helpText(command)}\n`);
    else if (command === undefined) stderr.write(`${helpText(undefined)}\n`);
    if (values.version || values.help) return 0;
    if (command === undefined) return 2;

    const { exitCode, json } = await runs[command](operands, values, context);
    if (values.json) printJson(stdout, { command, ...json });
    return exitCode;
  } catch (error) {
    return reportFailure(error, askedBy(args), context);
  }
}

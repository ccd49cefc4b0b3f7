import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { askedBy } from "./asked.js";
import { parseCommandLine } from "./command-line.js";
import type { CommandName } from "./commands.js";
import { compare } from "./compare.js";
import type { Context, Outcome } from "./context.js";
import { dequantize } from "./dequantize.js";
import { embeddings } from "./embeddings.js";
import { helpText, version } from "./help.js";
import { inspect } from "./inspect.js";
import { Interruption } from "./interruption.js";
import { join } from "./join.js";
import type { Values } from "./options.js";
import { page } from "./page.js";
import { quantize } from "./quantize.js";
import { printJson, reportFailure } from "./report.js";
import { split } from "./split.js";
import type { Stream } from "./terminal.js";
import type { FromThread, StreamName, ThreadData, ToThread } from "./thread-messages.js";

// The thread in which a command runs. The main thread stays free to end it.

type Run = (operands: readonly string[], values: Values, context: Context) => Promise<Outcome>;
const runs: Record<CommandName, Run> = { quantize, inspect, compare, dequantize, embeddings, split, join, page };

const { args, streams } = workerData as ThreadData;
const port = parentPort as MessagePort;
const say = (message: FromThread) => port.postMessage(message);

const columns = { stdout: streams.stdout.columns, stderr: streams.stderr.columns };
const interruption = new AbortController();
port.on("message", (message: ToThread) => {
  if ("columns" in message) columns[message.stream] = message.columns;
  else interruption.abort(new Interruption(message.interrupt));
});
port.unref(); // the thread must not stay alive to wait for messages

function streamOf(name: StreamName): Stream {
  return {
    ...streams[name],
    get columns() {
      return columns[name];
    },
    write: (text) => say({ stream: name, text }),
  };
}

const context: Context = {
  stdout: streamOf("stdout"),
  stderr: streamOf("stderr"),
  signal: interruption.signal,
  begin: (begun) => say({ begun }),
  written: () => say({ written: true }),
};

/** Returns the exit code. */
async function main(): Promise<number> {
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

say({ exitCode: await main() });

import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import type { Context } from "./context.js";
import { Interruption } from "./interruption.js";
import { run } from "./run.js";
import type { Stream } from "./terminal.js";
import type { FromThread, StreamName, ThreadData, ToThread } from "./thread-messages.js";

// The thread in which a command runs. The main thread stays free to end it.

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

say({ exitCode: await run(args, context) });

#!/usr/bin/env node
import { setTimeout } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { askedBy } from "./asked.js";
import type { BegunOutput } from "./context.js";
import { type InterruptingSignal, Interruption, interruptingSignals, reportInterruption } from "./interruption.js";
import { clearedLine, factsOf, type Stream } from "./terminal.js";
import type { FromThread, ThreadData, ToThread } from "./thread-messages.js";

// The main thread only prints what the command's thread sends. So it gets signals at any time, and can end the command
// within a second, whatever that is doing.

/** The time that a command gets to end by itself, and that its thread gets to be ended. */
const [GRACE_MS, ENDING_MS] = [200, 300];

const args = process.argv.slice(2);
const facts = { stdout: factsOf(process.stdout), stderr: factsOf(process.stderr) };
const thread = new Worker(new URL("./thread.js", import.meta.url), {
  workerData: { args, streams: facts } satisfies ThreadData,
});
const ended = new Promise<true>((resolve) => thread.once("exit", () => resolve(true)));
/** The output that the thread is writing, with its size so far. */
let begun: BegunOutput | undefined;
let written = 0;
/** The error for which standard output could not take what was printed. */
let unsaid: Error | undefined;

thread.on("message", (message: FromThread) => {
  if ("text" in message) process[message.stream].write(message.text);
  else if ("begun" in message) begun = message.begun;
  else if ("written" in message) {
    begun = undefined;
    written++;
  } else process.exitCode = message.exitCode;
});
thread.on("error", async (error) => fail(error));

let isInterrupted = false;
for (const signal of interruptingSignals) {
  process.on(signal, () => {
    if (!isInterrupted) interrupt(signal);
    isInterrupted = true;
  });
}

for (const name of ["stdout", "stderr"] as const) {
  process[name].on("resize", () => tell({ stream: name, columns: factsOf(process[name]).columns }));
}

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // The reader of the output may stop before its end, as head does.
  if (error.code !== "EPIPE") unsaid ??= error;
});
process.stderr.on("error", () => {}); // nobody can be told

ended.then(async () => {
  if (unsaid === undefined) return;
  const { sentenceOf } = await import("./problems.js");
  const complete = written > 0 ? "; the output is" : "";
  process.stderr.write(`channelwise: standard output: ${sentenceOf(unsaid)}${complete}\n`);
  process.exitCode ||= 1;
});

function tell(message: ToThread): void {
  thread.postMessage(message);
}

async function interrupt(signal: InterruptingSignal): Promise<void> {
  tell({ interrupt: signal });
  if (begun) loadTakingBack(); // while the thread may still end by itself
  await within(GRACE_MS, ended);
  const isOver = await within(ENDING_MS, thread.terminate());
  if (process.exitCode !== undefined) return; // the command has reported its end itself
  await fail(new Interruption(signal));
  if (isOver) process.exit();
  // The thread is inside the engine or the system, and an exit would wait for it.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
}

/** Whether something happens within a time. */
function within(milliseconds: number, event: Promise<unknown>): Promise<boolean> {
  return Promise.race([event.then(() => true), setTimeout(milliseconds, false, { ref: false })]);
}

/** Removes what a thread was writing when it had to be ended, and says why. */
async function fail(error: unknown): Promise<void> {
  if (begun) await (await loadTakingBack()).takeBack(begun);
  if (facts.stderr.isTerminal) process.stderr.write(clearedLine);
  if (begun) process.stderr.write(begun.failed);
  const streams = { stdout: streamOf("stdout"), stderr: streamOf("stderr") };
  if (error instanceof Interruption) process.exitCode = reportInterruption(error, askedBy(args), streams);
  else process.exitCode = (await import("./report.js")).reportFailure(error, askedBy(args), streams);
}

/** It loads much of the library, which most commands do without in this thread. */
function loadTakingBack() {
  return import("./begun-output.js");
}

function streamOf(name: "stdout" | "stderr"): Stream {
  return { ...facts[name], write: (text) => process[name].write(text) };
}

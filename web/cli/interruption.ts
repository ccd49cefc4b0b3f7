import { constants } from "node:os";
import type { Asked } from "./asked.js";
import { printJson, type Streams, styled } from "./terminal.js";

/** The signals that end a command: Ctrl-C, the system, a terminal that is closed. */
export const interruptingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export type InterruptingSignal = (typeof interruptingSignals)[number];

/** The reason why an interrupted run ended. */
export class Interruption extends Error {
  override readonly name = "Interruption";
  /** The exit code of shells: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
  readonly exitCode: number;

  constructor(signal: InterruptingSignal) {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Says that a command was interrupted, and returns the exit code. This needs no code of the library: to load that takes
 * a second on a busy machine.
 */
export function reportInterruption(
  { name, message, exitCode }: Interruption,
  { command, json }: Asked,
  { stdout, stderr }: Streams,
): number {
  if (json) printJson(stdout, { ...(command && { command }), error: { name, message } });
  stderr.write(`${styled(stderr, "red", "channelwise:")} ${message}\n`);
  return exitCode;
}

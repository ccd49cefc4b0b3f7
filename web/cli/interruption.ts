import { constants } from "node:os";

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

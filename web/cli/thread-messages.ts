import type { BegunOutput } from "./begun-output.js";
import type { InterruptingSignal } from "./interruption.js";

// What the main thread and that of the command say to each other.

/** A stream of the process as it is when the command begins. */
export interface StreamFacts {
  /** Whether a person looks at it, on a terminal that can go back in a line. */
  readonly isTerminal: boolean;
  readonly columns: number;
  readonly hasColors: boolean;
}

export type StreamName = "stdout" | "stderr";

/** What the command's thread is given. */
export interface ThreadData {
  readonly args: readonly string[];
  readonly streams: Readonly<Record<StreamName, StreamFacts>>;
}

export type ToThread =
  | { readonly interrupt: InterruptingSignal }
  | { readonly stream: StreamName; readonly columns: number };

export type FromThread =
  | { readonly stream: StreamName; readonly text: string }
  | { readonly begun: BegunOutput }
  | { readonly written: true }
  | { readonly exitCode: number };

import type { BegunOutput } from "./context.js";
import type { InterruptingSignal } from "./interruption.js";
import type { StreamFacts } from "./terminal.js";

// The messages between the main thread and that of the command.

export type StreamName = "stdout" | "stderr";

/** The data that the command's thread gets. */
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

import type { ComparedNode } from "channelwise/models";
import type { Rules } from "../protocol.js";

/** The messages between the page and the worker with ONNX Runtime. */

/** An input of a model, as the model describes it. */
export interface Input {
  readonly name: string;
  /** ONNX Runtime's name for the type, e.g. "float32". */
  readonly type: string;
  /** The sizes, or names of those that are left open. */
  readonly shape: readonly (number | string)[];
}

/** The contents of an input: random numbers, one value, or the numbers of a .npy file, which has a shape of its own. */
export type Filling = { readonly kind: "random" | "ones"; readonly shape: readonly number[] } | { readonly file: File };

/** A model with the files beside it. */
export interface ModelFiles {
  readonly model: Blob;
  readonly external: readonly { readonly path: string; readonly data: Blob }[];
}

/** The comparison of an output of the quantized model with that of the float model. */
export interface ComparedOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: string;
  /** The cosine of both outputs as vectors, for floats; NaN if one of them is all zeros. */
  readonly cosine: number;
  /** 10 log10(sum of squared float values / sum of squared differences), in dB. */
  readonly sqnr: number;
  readonly maxDifference: number;
  /** The largest |value| of the float model. */
  readonly largest: number;
  /** The share of the values that are equal. */
  readonly equal: number;
}

export interface Comparison {
  readonly outputs: readonly ComparedOutput[];
  /** The median times of a few runs, in milliseconds, and their number. */
  readonly times: { readonly float: number; readonly quantized: number; readonly runs: number };
}

/** Nodes that stay float, so that the outputs keep to a bound. */
export interface FoundNodes {
  /** Whether every output has the SQNR that was asked for. If not, this is the best that was reached. */
  readonly isMet: boolean;
  /** The places of their weights in the model. */
  readonly kept: readonly number[];
  /** The least SQNR of the outputs with all weights quantized, and with those float, in dB. */
  readonly before: number;
  readonly after: number;
}

export interface RunQuestions {
  /** Loads the float model. */
  load: { given: ModelFiles; answer: readonly Input[] };
  /** Loads the quantized model, in place of the one before. */
  loadQuantized: { given: ModelFiles; answer: undefined };
  /** Runs both with the same inputs. */
  run: { given: Readonly<Record<string, Filling>>; answer: Comparison };
  /** What each node with quantized weights computes, on the inputs of the last run. */
  nodes: { given: undefined; answer: readonly ComparedNode[] };
  /** Searches nodes that stay float. Progress tells how far it is at most. */
  search: { given: { readonly rules: Rules; readonly minOutputSqnr: number }; answer: FoundNodes };
}

/** The share of the work that is done. */
export interface RunProgress {
  readonly done: number;
}

export type RunQuestion = keyof RunQuestions;

export type RunRequest = {
  [T in RunQuestion]: { readonly id: number; readonly question: T; readonly given: RunQuestions[T]["given"] };
}[RunQuestion];

export type RunReply =
  | { readonly id: number; readonly progress: RunProgress }
  | { readonly id: number; readonly answer: RunQuestions[RunQuestion]["answer"] }
  | { readonly id: number; readonly failure: string };

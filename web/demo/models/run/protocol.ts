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

export interface RunQuestions {
  /** Loads the float model. */
  load: { given: ModelFiles; answer: readonly Input[] };
  /** Loads the quantized model, in place of the one before. */
  loadQuantized: { given: ModelFiles; answer: undefined };
  /** Runs both with the same inputs. */
  run: { given: Readonly<Record<string, Filling>>; answer: Comparison };
}

export type RunQuestion = keyof RunQuestions;

export type RunRequest = {
  [T in RunQuestion]: { readonly id: number; readonly question: T; readonly given: RunQuestions[T]["given"] };
}[RunQuestion];

export type RunReply =
  | { readonly id: number; readonly answer: RunQuestions[RunQuestion]["answer"] }
  | { readonly id: number; readonly failure: string };

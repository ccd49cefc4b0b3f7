/** What the page and the worker with ONNX Runtime say to each other. */

/** An input of a model, as the model describes it. */
export interface Input {
  readonly name: string;
  /** As ONNX Runtime calls it, e.g. "float32". */
  readonly type: string;
  /** The names of those that are left open. */
  readonly shape: readonly (number | string)[];
}

/** How an input is filled: at random, with one value, or with the numbers of a .npy file, which has a shape of its own. */
export type Filling = { readonly kind: "random" | "ones"; readonly shape: readonly number[] } | { readonly file: File };

/** A model with the files beside it. */
export interface ModelFiles {
  readonly model: Blob;
  readonly external: readonly { readonly path: string; readonly data: Blob }[];
}

/** How one output of the quantized model compares with that of the float model. */
export interface ComparedOutput {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: string;
  /** The cosine of both outputs as vectors, for numbers with a fraction; NaN if one of them is all zeros. */
  readonly cosine: number;
  /** 10 log10(sum of squared float values / sum of squared differences), in dB. */
  readonly sqnr: number;
  readonly maxDifference: number;
  /** Largest |value| of the float model. */
  readonly largest: number;
  /** Share of the values that are the same. */
  readonly equal: number;
}

export interface Comparison {
  readonly outputs: readonly ComparedOutput[];
  /** Median of a few runs, in milliseconds, and how many there were. */
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

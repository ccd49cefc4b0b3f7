import type { Decision, PassedOver, TensorSummary } from "channelwise/files";
import type { ParallelChannelwise } from "channelwise/parallel";
import type { Input } from "./inputs.js";

/** A tensor and what is to happen to it. */
export interface PlannedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly byteLength: number;
  readonly decision: Decision;
  /** How a format of several ways stores it: the operators of an ONNX model. */
  readonly pattern?: string;
  /** What is not as it was asked for, and why. */
  readonly notes?: readonly string[];
}

/** What is to be done with a model, known before anything is done. */
export interface Plan {
  /** Paths of the files that it was read from. */
  readonly reads: readonly string[];
  readonly format: string;
  readonly tensors: readonly PlannedTensor[];
  /** Of all tensors. */
  readonly bytesBefore: number;
  /** Of the file to be written. */
  readonly bytesAfter: number;
  /** Patterns of the rules that no name matches. */
  readonly unmatched: readonly string[];
  /** What will be refused of the file to be written, and by whom. */
  readonly warnings: readonly string[];
  /** What else is in the files, and will not be in the one to be written. */
  readonly passedOver: readonly PassedOver[];
}

export interface RunOptions {
  /** Where there is none, the errors are found and nothing is written. */
  readonly output: string | undefined;
  readonly signal: AbortSignal;
  readonly overwrite: boolean;
  /** @param done bytes of the model */
  readonly onProgress: (done: number, tensor: string) => void;
}

export interface RunResult {
  /** In the order of the plan. */
  readonly tensors: readonly TensorSummary[];
  /** Of the file, or of what it would be. */
  readonly byteLength: number;
}

/** A model, open for reading. */
export interface OpenJob {
  readonly plan: Plan;
  /** Quantizes it; the output appears when it is complete. */
  run(channelwise: ParallelChannelwise, options: RunOptions): Promise<RunResult>;
  close(): Promise<void>;
}

/** A model that is to be written to a file. */
export interface Task {
  readonly input: Input;
  readonly output: string;
  readonly plan: Plan;
}

export interface DoneTask extends Task {
  readonly result: RunResult;
}

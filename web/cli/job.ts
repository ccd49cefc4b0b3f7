import type { ChooseRules, Decision, TensorInfo, TensorSummary } from "channelwise/files";
import type { ParallelChannelwise } from "channelwise/parallel";
import type { Input } from "./inputs.js";

/** What a model's quantization takes and gives, known before anything is done. */
export interface Plan {
  readonly format: string;
  readonly tensors: readonly { readonly info: TensorInfo; readonly decision: Decision }[];
  /** Of all tensors. */
  readonly bytesBefore: number;
  /** Of the file to be written; undefined where it is not known beforehand. */
  readonly bytesAfter: number | undefined;
  /** Patterns of the rules that no name matches. */
  readonly unmatched: readonly string[];
}

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly overwrite: boolean;
  /** @param done bytes of the model */
  readonly onProgress: (done: number, tensor: string) => void;
}

export interface RunResult {
  readonly tensors: readonly TensorSummary[];
  readonly byteLength: number;
  readonly metadata: Readonly<Record<string, string>>;
}

/** A model open for reading. */
export interface OpenJob {
  readonly input: Input;
  readonly plan: Plan;
  /** Writes the output, which appears when it is complete. */
  run(channelwise: ParallelChannelwise, output: string, options: RunOptions): Promise<RunResult>;
  close(): Promise<void>;
}

export type OpenJobOf = (input: Input, rules: ChooseRules) => Promise<OpenJob>;

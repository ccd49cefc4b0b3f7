/** What the page and the worker that holds a model say to each other. The weights stay in the worker. */

import type {
  DialectName,
  FormatName,
  KeptFloats,
  OnnxTarget,
  PassedOver,
  ScaleRule,
  Scheme,
} from "channelwise/models";
import type { TensorOfModel } from "../protocol.js";

/** How weights are quantized, whatever their shape. */
export interface Setting {
  readonly bits: number;
  /** The rule for scales. */
  readonly rule: ScaleRule;
  /** "channel", "tensor", or the size of groups along what a channel sums over. */
  readonly granularity: "channel" | "tensor" | number;
  /**
   * The channel axis, negative from the end; with groups the axis they lie along, but in ONNX the channel axis there too.
   * That of the format or operator where it is undefined.
   */
  readonly axis?: number | undefined;
}

/** What is written: a dialect of .safetensors or .npz, or of a model of ONNX one for a runtime. */
export type Target = DialectName | OnnxTarget;

/** What is written, and how new it may be. */
export interface Form {
  readonly target: Target;
  /** Version of ONNX's operators to which the model is raised; undefined where it stays as it is. */
  readonly opset?: number | undefined;
}

/** What is to be done with all weights, and with some of them by their places in the file. */
export interface Rules extends Form {
  readonly all: Setting;
  readonly own: ReadonlyMap<number, Setting | "keep">;
}

export interface TensorDescription {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Otherwise it is kept whatever the rules say. */
  readonly canQuantize: boolean;
  /** The channel axis that it has unless another is chosen. */
  readonly channelAxis: number;
}

export interface Description {
  readonly format: FormatName;
  /** Name of the file that was opened. */
  readonly name: string;
  /** How many files it came in. */
  readonly files: number;
  /** Names of files that were opened with it and are no part of it. */
  readonly unused: readonly string[];
  /** Version of ONNX's operators; undefined in other formats. */
  readonly opset?: number;
  readonly tensors: readonly TensorDescription[];
  /** What else is in the files, and will not be in the one to come. */
  readonly passedOver: readonly PassedOver[];
  /** Bytes of all its files. */
  readonly byteLength: number;
  /** What it can be written as, the usual one first. */
  readonly targets: readonly Target[];
}

/** What is done with a tensor, and the bytes it takes in the file to come. */
export type Planned = { readonly bytesAfter: number } & (
  | ({
      readonly quantize: true;
      /** What is not as it was asked for, and why. */
      readonly notes: readonly string[];
    } & Scheme)
  | { readonly quantize: false; readonly reason: string }
);

/** What the page shows of a plan. */
export interface ShownPlan {
  /** One for each tensor. */
  readonly tensors: readonly Planned[];
  /** Bytes of the file, or files, to come. */
  readonly byteLength: number;
  /** What the files to come are called. */
  readonly fileNames: readonly string[];
  /** The numbers of bits that the target holds. */
  readonly bits: readonly number[];
  /** Tensors that the target's readers join: those of each list are to be quantized in one way. */
  readonly joined: readonly (readonly number[])[];
  /** What readers will refuse of the file to come. */
  readonly warnings: readonly string[];
  /** In what form the operators of an .onnx model get their weights, and why, a sentence each. */
  readonly notes: readonly string[];
  /** Which share of the bytes stays floats, and why. */
  readonly keptFloats: KeptFloats;
}

/** A tensor, by its place, and a setting for it. */
export interface Measurement {
  readonly tensor: number;
  readonly setting: Setting;
}

/** What a setting costs a tensor. */
export interface Errors {
  readonly mse: number;
  readonly maxError: number;
  readonly sqnr: number;
}

/** Why it cannot be measured, such as a NaN among the weights. */
export interface Unmeasurable {
  readonly reason: string;
}

export interface Measured extends Measurement {
  readonly errors: Errors | Unmeasurable;
}

/** A tensor as a matrix to look at: a .npy file, of its first channels only where the whole is too large. */
export interface TensorFile {
  readonly file: File;
  readonly of: TensorOfModel;
}

/** What was written. */
export interface Written {
  readonly byteLength: number;
  /** The files to download, in order; empty where they are in the person's own folder already. */
  readonly files: readonly { readonly name: string; readonly blob: Blob }[];
  /** What goes into the model's config.json; undefined for most dialects. */
  readonly config: string | undefined;
}

/** How far the work is. */
export type Progress =
  | { readonly measured: readonly Measured[]; readonly done: number; readonly total: number }
  /** In bytes of the model, and the tensor that is being worked on. */
  | { readonly tensor: string; readonly done: number; readonly total: number };

/** Every question to the worker: what it is given and what it answers. */
export interface ModelQuestions {
  open: { given: { files: readonly File[] }; answer: Description };
  plan: { given: Rules; answer: ShownPlan };
  /** What the tensors would become with each of the settings. */
  alternatives: {
    given: { form: Form; tensors: readonly number[]; settings: readonly Setting[] };
    answer: Planned[][];
  };
  /** Tells of each in its progress. */
  measure: { given: { form: Form; wanted: readonly Measurement[] }; answer: undefined };
  look: { given: { tensor: number }; answer: TensorFile };
  /** Into the file that the person has chosen, otherwise to be downloaded. */
  write: { given: { rules: Rules; handle: FileSystemFileHandle | undefined }; answer: Written };
}

export type ModelQuestion = keyof ModelQuestions;

export type ModelRequest =
  | {
      [T in ModelQuestion]: { readonly id: number; readonly question: T; readonly given: ModelQuestions[T]["given"] };
    }[ModelQuestion]
  /** Gives up a question, whose answer is then an error. */
  | { readonly cancel: number };

export type ModelReply =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly answer: ModelQuestions[ModelQuestion]["answer"] }
  | { readonly id: number; readonly failure: string };

/** The messages between the page and the worker that holds a model. The weights stay in the worker. */

import type {
  Comparison,
  DialectName,
  FormatName,
  KeptFloats,
  OnnxTarget,
  PassedOver,
  ScaleRule,
  Scheme,
  UsingNode,
} from "channelwise/models";
import type { TensorOfModel } from "../protocol.js";
import type { GgufChoice, GgufEncoder, MeasuredTypes, ShownGgufMix, ShownType } from "./gguf/protocol.js";

/** A way to quantize weights of any shape. */
export interface Setting {
  readonly bits: number;
  /** The rule for scales. */
  readonly rule: ScaleRule;
  /** Left out where there are no zero points. */
  readonly zeroPoints?: true;
  /** "channel", "tensor", or the size of groups along the dimension that a channel sums over. */
  readonly granularity: "channel" | "tensor" | number;
  /**
   * The channel axis, negative from the end. With groups it is the axis they lie along, except in ONNX, where it stays
   * the channel axis. If undefined, that of the format or operator.
   */
  readonly axis?: number | undefined;
}

/** The kind of output: a dialect of .safetensors or .npz, or for an ONNX model a runtime. */
export type Target = DialectName | OnnxTarget;

/** The kind of output, and its version. */
export interface Form {
  readonly target: Target;
  /** The version of ONNX's operators to which the model is raised; undefined where it stays as it is. */
  readonly opset?: number | undefined;
}

/** The choices for all weights, and for single ones by their index in the file. */
export interface Rules extends Form {
  readonly all: Setting;
  readonly own: ReadonlyMap<number, Setting | "keep">;
}

export interface TensorDescription {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly byteLength: number;
  /** Whether it can be quantized. Otherwise it is kept whatever the rules say. */
  readonly canQuantize: boolean;
  /** The channel axis that it has by default. */
  readonly channelAxis: number;
}

export interface Description {
  readonly format: FormatName;
  /** The name of the file that was opened. */
  readonly name: string;
  /** The number of its files. */
  readonly files: number;
  /** The names of files that were opened with it but do not belong to it. */
  readonly unused: readonly string[];
  /** The version of ONNX's operators; undefined in other formats. */
  readonly opset?: number;
  readonly tensors: readonly TensorDescription[];
  /** What the output will lack, in sentences without their end, such as of shards that are not there. */
  readonly warnings: readonly string[];
  /** The parts of the files that are not read, and will not be in the output. */
  readonly passedOver: readonly PassedOver[];
  /** The size of all its files in bytes. */
  readonly byteLength: number;
  /** The kinds of output that are possible, the default first. */
  readonly targets: readonly Target[];
  /**
   * Whether it can become a GGUF, for which types are chosen in place of settings: a GGUF of floats, or an image model.
   */
  readonly hasTypes?: boolean;
  /** What the GGUF of an image model does not have, and why. */
  readonly leftOut?: readonly PassedOver[];
  /** The tensors that are quantized already; undefined for a model of floats. */
  readonly quantized?: readonly StoredTensor[];
}

/** A tensor that is stored as codes. */
export interface StoredTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** The scheme, or the type of ggml's blocks. */
  readonly stored: Scheme | string;
  /** The size of all that stands for the weights, in bytes. */
  readonly byteLength: number;
}

/** A block of a tensor of a GGUF. */
export interface ShownBlock {
  /** The type of the block, such as Q4_K. */
  readonly type: string;
  readonly bytes: Uint8Array;
  /** Its index in the tensor; the last one where a later one was asked for. */
  readonly block: number;
  /** The number of blocks of the tensor. */
  readonly count: number;
}

/** A file that was written and not yet downloaded. */
export interface WrittenFile {
  readonly name: string;
  readonly blob: Blob;
}

/** The comparison of a model with its original. */
export interface ComparedModels extends Comparison {
  readonly original: string;
  readonly other: string;
}

/** The decision for a tensor, and its size in the output in bytes. */
export type Planned = { readonly bytesAfter: number } & (
  | ({
      readonly quantize: true;
      /** What differs from the choices, and why. */
      readonly notes: readonly string[];
    } & Scheme)
  | { readonly quantize: false; readonly reason: string }
);

/** The parts of a plan that the page shows. */
export interface ShownPlan {
  /** A decision for each tensor. */
  readonly tensors: readonly Planned[];
  /** The size of the output files in bytes. */
  readonly byteLength: number;
  /** The names of the output files. */
  readonly fileNames: readonly string[];
  /** The bits of a code that the target holds. */
  readonly bits: readonly number[];
  /** The tensors that the target's readers join. Those of each list must be quantized in one way. */
  readonly joined: readonly (readonly number[])[];
  /** What readers of the output will refuse. */
  readonly warnings: readonly string[];
  /** A sentence for each form of weights in an .onnx model: which operators get it, and why. */
  readonly notes: readonly string[];
  /** The share of the bytes that stays floats, and why. */
  readonly keptFloats: KeptFloats;
}

/** A tensor, by its index, and a setting for it. */
export interface Measurement {
  readonly tensor: number;
  readonly setting: Setting;
}

/** The errors of a tensor with a setting. */
export interface Errors {
  readonly mse: number;
  readonly maxError: number;
  readonly sqnr: number;
}

/** The reason why a tensor cannot be measured, such as a NaN among the weights. */
export interface Unmeasurable {
  readonly reason: string;
}

export interface Measured extends Measurement {
  readonly errors: Errors | Unmeasurable;
}

/** A choice of a setting for each weight. */
export interface ShownMix {
  /** How many there are. */
  readonly count: number;
  /** Which of them this is, from the smallest on. */
  readonly place: number;
  /** The index of the setting for each weight that has a choice, by the index of the weight. */
  readonly choices: ReadonlyMap<number, number>;
  readonly byteLength: number;
  /** The mean of the weights in dB. */
  readonly sqnr: number;
  readonly worst: { readonly tensor: string; readonly sqnr: number };
}

/** A tensor as a matrix to look at: a .npy file, only of its first channels if the whole is too large. */
export interface TensorFile {
  readonly file: File;
  readonly of: TensorOfModel;
  /** The nodes of an ONNX model that use it. */
  readonly usedBy: readonly UsingNode[];
}

/** The output that was written. */
export interface Written {
  readonly byteLength: number;
  /** The files to download, in order; empty if they are in the person's folder already. */
  readonly files: readonly WrittenFile[];
  /** The entry for the model's config.json; undefined for most dialects. */
  readonly config: string | undefined;
}

/** The progress of the work. */
export type Progress =
  | { readonly measured: readonly Measured[]; readonly done: number; readonly total: number }
  /** The bytes of the model that are done, and the tensor that is being worked on. */
  | { readonly tensor: string; readonly done: number; readonly total: number };

/** The questions to the worker, with their arguments and answers. */
export interface ModelQuestions {
  open: { given: { files: readonly File[] }; answer: Description };
  plan: { given: Rules; answer: ShownPlan };
  /** The decisions for tensors with each of the settings. */
  alternatives: {
    given: { form: Form; tensors: readonly number[]; settings: readonly Setting[] };
    answer: Planned[][];
  };
  /** Reports the result of each in its progress. */
  measure: { given: { form: Form; wanted: readonly Measurement[] }; answer: undefined };
  /** The mix of settings at a place between the smallest and the best, or the best of no more bytes. */
  mix: {
    given: {
      rules: Rules;
      settings: readonly Setting[];
      measured: readonly Measured[];
      place: number | { readonly bytes: number };
    };
    answer: ShownMix;
  };
  look: { given: { tensor: number }; answer: TensorFile };
  /**
   * Writes into the file that the person has chosen, or for downloading. Files of earlier downloads are removed unless
   * they are to be kept.
   */
  write: {
    given: { rules: Rules; handle: FileSystemFileHandle | undefined; keepsEarlier?: boolean };
    answer: Written;
  };
  /** A block of a tensor that is stored as blocks. */
  block: { given: { tensor: string; block: number }; answer: ShownBlock };
  /** The types that the GGUF can be written as, the smallest file first. */
  types: { given: undefined; answer: readonly ShownType[] };
  /** Measures all types. A large model is measured by a sample, unless all weights are asked for. */
  measureTypes: { given: { encoder: GgufEncoder; all: boolean }; answer: MeasuredTypes };
  /** The mix at a place, or the best one that is no larger than Q4_K_M. */
  mixTypes: { given: { place: number | undefined }; answer: ShownGgufMix };
  nameGguf: { given: { choice: GgufChoice }; answer: string };
  /** Writes a GGUF as `write` does. */
  writeGguf: {
    given: {
      choice: GgufChoice;
      encoder: GgufEncoder;
      handle: FileSystemFileHandle | undefined;
      keepsEarlier?: boolean;
    };
    answer: Written;
  };
  /** Writes the floats that a quantized model stands for, for downloading. */
  dequantize: { given: undefined; answer: WrittenFile };
  /** Puts files into an archive, for downloading. Needs no open model. */
  zip: { given: { name: string; files: readonly WrittenFile[] }; answer: WrittenFile };
  /** Compares two models, of which one is the original. Needs no open model. */
  compare: { given: { pair: readonly [readonly File[], readonly File[]] }; answer: ComparedModels };
}

export type ModelQuestion = keyof ModelQuestions;

export type ModelRequest =
  | {
      [T in ModelQuestion]: { readonly id: number; readonly question: T; readonly given: ModelQuestions[T]["given"] };
    }[ModelQuestion]
  /** Gives up a question, which is then answered with an error. */
  | { readonly cancel: number };

export type ModelReply =
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly answer: ModelQuestions[ModelQuestion]["answer"] }
  | { readonly id: number; readonly failure: string };

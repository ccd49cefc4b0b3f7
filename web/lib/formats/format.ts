import type { ScaleRule } from "../core/scale-rules.js";
import type { TotalErrors } from "../core/types.js";
import type { ByteSource } from "../io/bytes.js";
import type { Runner } from "../stream/runner.js";
import type { BlockTensor } from "../tensor/block-tensor.js";
import type { TensorCourse } from "../tensor/course.js";
import type { QuantizedTensor } from "../tensor/quantized-tensor.js";
import type { ModelTensor, TensorInfo } from "../tensor/tensor.js";
import type { Decision, Way } from "./decision.js";
import type { DialectName } from "./dialects/index.js";
import type { BlockTypeName } from "./gguf/file-types.js";
import type { GgufKey } from "./gguf/keys.js";
import type { Output, WriteBytes } from "./output.js";
import type { Settings, TargetOptions } from "./settings.js";

// The interface between the models layer and a format. A format is a folder beside this file and a line in registry.ts.

/** The file format that a model was read from. "text" is a matrix as .csv, .tsv or .json. */
export type FormatName = "safetensors" | "npy" | "npz" | "tfjs" | "text" | "onnx" | "gguf";

/** A part of a file that cannot be read as a tensor, and why. */
export interface PassedOver {
  /** The part's name, such as a file in an archive or a tensor. */
  readonly name: string;
  /** Why the part cannot be read. */
  readonly reason: string;
}

/** One of the files of a model. */
export type ModelPart = Pick<Model, "name" | "metadata" | "tensors">;

/** Named tensors, of one file or of several. */
export interface Model {
  /** The format of its files. */
  readonly format: FormatName;
  /** The name of the file that was opened; of several, the one that names the others. */
  readonly name: string;
  /** The names of all files that were opened, as paths relative to the one that names them. */
  readonly files: readonly string[];
  /** The names of files that were given but do not belong to the model, such as shards that its index does not name. */
  readonly unused?: readonly string[];
  /** The size of all its files in bytes. */
  readonly byteLength: number;
  /** The metadata of the header: `__metadata__` of safetensors, the keys of a GGUF as texts; empty in other formats. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The keys of a GGUF with their types and values, in order; undefined in other formats. */
  readonly keys?: readonly GgufKey[] | undefined;
  /**
   * The tensors in the order of their data. Those of an .onnx model are its float tensors: weights first, then those
   * that stay as they are.
   */
  readonly tensors: readonly ModelTensor[];
  /** The parts of the files that are not read, and will not be in the output. */
  readonly passedOver?: readonly PassedOver[] | undefined;
  /** How a text was understood, in sentences: what separates its numbers, and what was taken for names and comments. */
  readonly notes?: readonly string[] | undefined;
  /** The version of ONNX's own operators; undefined in other formats. */
  readonly opset?: number | undefined;
  /** The version of the .onnx format; undefined in other formats. */
  readonly irVersion?: number | undefined;
  /** Closes the files that `openModel` opened by their paths, once workers no longer use them. */
  close(): Promise<void>;
  /** @internal Rejects where one of its files is not as it was when it was opened. */
  checkUnchanged?(): Promise<void>;
  /** @internal The files that its tensors come from, where shards were read. */
  readonly parts?: readonly ModelPart[] | undefined;
  /** @internal The tensors of other parts of the model that lie beside this one. They tell what tensors belong to. */
  readonly tensorsBeside?: readonly TensorInfo[] | undefined;
  /** @internal How it is inspected and stored, unless by the names of its tensors. */
  readonly kind?: ModelKind | undefined;
}

/** A way in which models lie in files. */
export interface Format {
  readonly name: FormatName;
  /** The endings of file names in this format. */
  readonly endings?: RegExp;
  /** Whether a file begins as this format does. Asked if its name's ending is not known. */
  begins?(bytes: Uint8Array): boolean;
  /** The key that identifies a JSON object that describes a model of several files. */
  readonly describedBy?: string;
  /** The further files that may be given with one: other parts of the model, or those that it names. */
  readonly takes?: "parts" | "named files";
  /** Loads the reader when it is needed. */
  load(): Promise<FormatReader>;
}

export interface FormatReader {
  /**
   * Reads and checks everything before the weights.
   *
   * @throws {FormatError} for a malformed file, and where a file is missing.
   */
  read(input: FormatInput): Promise<FormatContents>;
}

export interface FormatInput {
  /** The file, or all parts of the model. */
  readonly files: readonly [ByteSource, ...ByteSource[]];
  /** The JSON object that describes the model, if there is one; `files` then has the file that contains it. */
  readonly description: Readonly<Record<string, unknown>> | undefined;
  /** Opens a file that another one names: a file that was given, or in Node one below the other's folder. */
  openNamed(path: string, by: ByteSource): Promise<ByteSource>;
  /**
   * Opens a file of Node in the folder of another one, which is no part of the model. It is undefined where there is
   * none.
   */
  openBeside(name: string, by: ByteSource): Promise<ByteSource | undefined>;
}

/** A model as its format reads it. */
export type FormatContents = Pick<Model, "tensors"> &
  Partial<Omit<Model, "tensors" | "format" | "name" | "files" | "unused" | "byteLength" | "close" | "checkUnchanged">>;

/** How models of one kind are inspected and stored. */
export interface ModelKind {
  inspect(model: Model): Promise<Inspection>;
  /**
   * @throws {TypeError | RangeError} for options that do not fit the model, and for a model that is quantized already.
   */
  target(model: Pick<Model, "format" | "tensors"> & Partial<Model>, options: TargetOptions): Target;
  /** Whether its output of floats has another format, and so is of use also where nothing is quantized. */
  readonly convertsFloats?: boolean;
  /** The parts of a GGUF of at most `maxBytes` each, or its one file. */
  readonly ggufFiles?: { split(maxBytes: number): Output[]; joined(): Output };
  /** Whether it can become a GGUF, which a type asks for. */
  readonly writesGguf?: boolean;
  /** The model with the tensors of its GGUF, where those differ from its own. */
  asGguf?(model: Model, options: TargetOptions): Model;
  /** The model with decoded weights in place of its blocks, for a model that may have blocks. */
  asFloats?(model: Model): Model;
  /**
   * The output in which every quantized tensor is floats again.
   *
   * @param float16 whether these have 16 bits.
   * @throws {TypeError} where it has no way to hold them.
   */
  floats(model: Model, inspection: Inspection, float16: boolean): Output;
  /** The nodes of an .onnx model for which an opset has nothing that means the same. */
  opsetChanges?(opset: number): string[];
  /** What an .onnx model computes. */
  activations?(): Activations;
}

/** What an .onnx model computes. */
export interface Activations {
  /** The nodes that compute with weights, and the first output of each. */
  readonly nodes: readonly {
    readonly node: string;
    readonly operator: string;
    readonly tensor: string;
    readonly output: string;
  }[];
  /** The names of the model's outputs. */
  readonly outputs: readonly string[];
  /** Whether a node computes a value. */
  has(value: string): boolean;
  /** The file of a model that has these values as outputs too. */
  withOutputs(names: readonly string[]): Promise<Uint8Array<ArrayBuffer>>;
}

/** A quantized tensor that cannot be read, and why. */
export interface UnreadableTensor {
  /** The name of the tensor. */
  readonly tensor: string;
  /** The size of its codes in bytes. */
  readonly byteLength: number;
  /** Why its codes cannot be read. */
  readonly reason: string;
}

/** The quantized and other tensors of a model. */
export interface Inspection {
  /** The dialect of the quantized tensors; undefined in .onnx models, and where none of them can be read. */
  readonly dialect: DialectName | undefined;
  /** The tensors that are stored as codes and scales. */
  readonly quantized: readonly QuantizedTensor[];
  /** The tensors of a GGUF that are stored as blocks; undefined in other formats. */
  readonly blocks?: readonly BlockTensor[] | undefined;
  /** All other tensors, except for those that belong to quantized ones. */
  readonly kept: readonly ModelTensor[];
  /** The quantized tensors that cannot be read, and why. */
  readonly unreadable: readonly UnreadableTensor[];
  /** What of an image model usually gives noise instead of images, in sentences. */
  readonly warnings?: readonly string[] | undefined;
}

/** What the tensors of a model can become. */
export interface Target {
  /** The dialect of the output; undefined for .onnx models. */
  readonly dialect: DialectName | undefined;
  /** The opset of the output; undefined for other formats than .onnx. */
  readonly opset: number | undefined;
  /** The types of blocks that it writes, the largest first; undefined for other files than GGUFs. */
  readonly blockTypes?: readonly BlockTypeName[];
  /** The bits of a code that it can hold. */
  readonly bits: readonly number[];
  /** The least number of elements of a tensor that is quantized by default. */
  readonly smallest: number;
  /** @throws {RangeError} for a rule that gives scales it cannot hold. */
  checkRule(name: string, rule: ScaleRule, zeroPoints?: boolean): void;
  /** The reader that takes no zero points; undefined where all readers take them. */
  readonly symmetric?: string | undefined;
  /** The bytes of a tensor that is not quantized; its own if undefined. */
  keptBytes?(tensor: ModelTensor): number;
  /** Whether tensors are converted even if they do not become smaller. */
  readonly grows?: boolean;
  /** Whether the axis of groups can be chosen. Otherwise they lie along the one that an operator sums over. */
  readonly groupsAlong: boolean;
  /** The default axis of a tensor's output channels. */
  channelAxis(tensor: ModelTensor): number;
  /** The reason why a tensor cannot be quantized at all. */
  whyImpossible(tensor: ModelTensor): string | undefined;
  /** The reason why a tensor stays as it is by default. */
  whyKept(tensor: ModelTensor): string | undefined;
  /**
   * The tensors that readers join into one layer, as vLLM joins the projections of queries, keys and values. All of a
   * list must be quantized in one way, or kept.
   */
  joined?(): {
    /** The reader that joins them. */
    readonly joiner: string;
    /** The indices of tensors, a list for each layer. */
    readonly lists: readonly (readonly number[])[];
  };
  /** What operators decided instead of settings, and why, in sentences. */
  notes?(plan: Pick<Plan, "model" | "decisions">): readonly string[];
  /** How settings quantize a tensor; a sentence where they cannot. */
  wayOf(tensor: ModelTensor, settings: Settings): Way | string;
  /** @internal Encodes one tensor, where its bytes are not codes and scales of the engine. */
  encode?(runner: Runner, tensor: ModelTensor, way: Way, write: WriteBytes, course: TensorCourse): Promise<TotalErrors>;
  /**
   * @internal Lays out the output, and writes nothing yet.
   *
   * @param location the path of the file for data beside the model, relative to its folder.
   */
  layOut(plan: Plan, location: string | undefined): Output;
}

/** A decision for each tensor of a model. */
export interface Plan {
  /** The model that the plan is for. */
  readonly model: Model;
  /** What its tensors can become. */
  readonly target: Target;
  /** A decision for each tensor, in the order of the model. */
  readonly decisions: readonly Decision[];
  /** The patterns of rules that match no tensor. They may be misspelt. */
  readonly unmatched: readonly string[];
  /** For .onnx models, a sentence for each form of weights that is written: which operators get it, and why. */
  readonly notes: readonly string[];
  /** What readers of the output will refuse, in sentences. */
  readonly warnings: readonly string[];
}

import type { Engine } from "../core/engine.js";
import type { ScaleRule } from "../core/scale-rules.js";
import type { Scheme, SchemeOptions } from "../core/scheme.js";
import type { GranularityOption, TotalErrors } from "../core/types.js";
import type { ByteSink, ByteSource } from "../io/bytes.js";
import type { Lend } from "../io/lent-files.js";
import type { BlockEncoder } from "../storage/ggml/blocks.js";
import type { CodesPlace, ResultSink } from "../stream/ends.js";
import type { BlockTensor } from "../tensor/block-tensor.js";
import type { QuantizedTensor } from "../tensor/quantized-tensor.js";
import type { ModelTensor, TensorInfo } from "../tensor/tensor.js";
import type { DialectName } from "./dialects/index.js";
import type { FileTypeName } from "./gguf/file-types.js";
import type { GgufKey } from "./gguf/keys.js";
import type { OnnxTarget } from "./onnx/target-name.js";

// What the models layer asks of a format. A format is a folder beside this file and a line in registry.ts.

/** The file format that a model was read from. "text" is a matrix as .csv, .tsv or .json. */
export type FormatName = "safetensors" | "npy" | "npz" | "tfjs" | "text" | "onnx" | "gguf";

/** A part of a file that is no tensor which can be read, and why. */
export interface PassedOver {
  /** The part's name, such as a file in an archive or a tensor. */
  readonly name: string;
  /** Why the part cannot be read. */
  readonly reason: string;
}

/** Named tensors, of one file or of several. */
export interface Model {
  /** The format of its files. */
  readonly format: FormatName;
  /** Name of the file that was opened; of several, of the one that names the others. */
  readonly name: string;
  /** Names of all files that were opened, with their paths from the one that names them. */
  readonly files: readonly string[];
  /** Names of those that were given and are no part of the model, such as shards that its index does not name. */
  readonly unused?: readonly string[];
  /** Bytes of its files, together. */
  readonly byteLength: number;
  /** What the header says besides the tensors: `__metadata__` of safetensors, the keys of a GGUF as texts; empty in other formats. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The keys of a GGUF with their types and values, in order; undefined in other formats. */
  readonly keys?: readonly GgufKey[] | undefined;
  /** In the order of their data; of an .onnx model the tensors of floats: weights first, then those that stay as they are. */
  readonly tensors: readonly ModelTensor[];
  /** What else is in the files, and will not be in what is written. */
  readonly passedOver?: readonly PassedOver[] | undefined;
  /** How a text was understood, in sentences: what separates its numbers, what was taken for names and comments. */
  readonly notes?: readonly string[] | undefined;
  /** Version of ONNX's own operators; undefined in other formats. */
  readonly opset?: number | undefined;
  /** Version of the .onnx format. */
  readonly irVersion?: number | undefined;
  /** Closes the files that `openModel` opened by their paths, when workers have done with them. */
  close(): Promise<void>;
  /** @internal How it is inspected and stored, where that is not by the names of its tensors. */
  readonly kind?: ModelKind | undefined;
}

/** A way in which models lie in files. */
export interface Format {
  readonly name: FormatName;
  /** The endings of its files' names. */
  readonly endings?: RegExp;
  /** Whether a file whose ending says nothing is one of these, by its first bytes. */
  begins?(bytes: Uint8Array): boolean;
  /** The key by which a JSON object is known that describes a model of several files. */
  readonly describedBy?: string;
  /** What files may be given with one: other parts of the model, or those that it names. */
  readonly takes?: "parts" | "named files";
  /** Its code, which is loaded when it is needed. */
  load(): Promise<FormatReader>;
}

export interface FormatReader {
  /**
   * Reads and checks what stands before the weights.
   *
   * @throws {FormatError} for a malformed file, and where a file is missing.
   */
  read(input: FormatInput): Promise<FormatContents>;
}

export interface FormatInput {
  /** The file, or all parts of the model. */
  readonly files: readonly [ByteSource, ...ByteSource[]];
  /** The JSON object that describes the model, where there is one; `files` is then the file it stands in. */
  readonly description: Readonly<Record<string, unknown>> | undefined;
  /** Gives a file that another one names: one that was given, or in Node one below that file's folder. */
  openNamed(path: string, by: ByteSource): Promise<ByteSource>;
}

/** A model as its format gives it. */
export type FormatContents = Pick<Model, "tensors"> &
  Partial<Omit<Model, "tensors" | "format" | "name" | "files" | "unused" | "byteLength" | "close">>;

/** How models of a kind are inspected and stored. */
export interface ModelKind {
  inspect(model: Model): Promise<Inspection>;
  /** @throws {TypeError | RangeError} for options that the model cannot have, and for a model that is quantized already. */
  target(model: Pick<Model, "format" | "tensors"> & Partial<Model>, options: TargetOptions): Target;
  /** A GGUF in parts, and in one file. */
  readonly ggufFiles?: { split(maxBytes: number): Output[]; joined(): Output };
  /** Whether it becomes a GGUF where a type is given. */
  readonly writesGguf?: boolean;
  /** The model with the weights that its blocks stand for among its tensors, where it has blocks. */
  asFloats?(model: Model): Model;
  /** The output in which everything that is quantized is floats again. */
  floats(model: Model, inspection: Inspection): Output;
  /** The nodes of an .onnx model that would mean something else if it were raised to an opset. */
  opsetChanges?(opset: number): string[];
}

/** A tensor that is quantized in a way that is not read, and why. */
export interface UnreadableTensor {
  /** Name of the tensor. */
  readonly tensor: string;
  /** Bytes of its codes. */
  readonly byteLength: number;
  /** Why its codes cannot be read. */
  readonly reason: string;
}

/** What a model's quantized tensors are. */
export interface Inspection {
  /** The dialect of what is quantized; undefined in .onnx models, and where nothing is quantized in a way that can be read. */
  readonly dialect: DialectName | undefined;
  /** The tensors that are stored as codes and scales. */
  readonly quantized: readonly QuantizedTensor[];
  /** Those of a GGUF that are stored as blocks; undefined in other formats. */
  readonly blocks?: readonly BlockTensor[] | undefined;
  /** All others, but for what belongs to those that are quantized. */
  readonly kept: readonly ModelTensor[];
  /** Tensors quantized in ways that cannot be read, and why. */
  readonly unreadable: readonly UnreadableTensor[];
}

/** How tensors are to be quantized, as far as that is said. */
export interface Settings extends Omit<SchemeOptions, "granularity" | "scaleType"> {
  /**
   * As in `quantize`. Groups without `along` lie along the last axis, and in .onnx models along what an operator sums over,
   * where no other can be given.
   */
  readonly granularity?: GranularityOption | undefined;
}

/** What is to be written. */
export interface TargetOptions {
  /** How quantized tensors are stored; "plain" when not given. Not for .onnx models, which have a way of their own. */
  readonly dialect?: DialectName | undefined;
  /**
   * Raises an .onnx model to this version of ONNX's operators, up to 25. Refused where a node would mean something else
   * (see `opsetChanges`). 13 brings DequantizeLinear with a channel axis, 21 codes of 4 bits and groups, 25 codes of 2 bits.
   */
  readonly opset?: number | undefined;
  /**
   * Where an .onnx model is to run, which says in what form weights are stored: "wasm" is onnxruntime-web on the CPU, "webgpu"
   * the same on the GPU, "native" ONNX Runtime elsewhere, and "portable" any runtime, by operators of ONNX alone. "wasm" when
   * not given, and "native" for a model that onnxruntime-web has not all operators for. Refused where the model has a node
   * whose operator the target lacks.
   */
  readonly target?: OnnxTarget | undefined;
  /** Writes a GGUF of this type, such as Q4_K_M: which types its tensors get is what llama-quantize gives them. */
  readonly type?: FileTypeName | undefined;
  /** Who chooses the codes of a GGUF's blocks: "ggml", to the last byte, when not given. */
  readonly encoder?: BlockEncoder | undefined;
  /** Takes a GGUF that is quantized already, whose errors are then added to; refused when not given. */
  readonly requantize?: boolean | undefined;
}

/** What tensors of a model become. */
export interface Target {
  /** The dialect of what is written; undefined for .onnx models. */
  readonly dialect: DialectName | undefined;
  /** The opset of what is written; undefined where it is no .onnx model. */
  readonly opset: number | undefined;
  /** Bits that it can hold. */
  readonly bits: readonly number[];
  /** Weights of fewer elements are not worth the trouble unless they are asked for. */
  readonly smallest: number;
  /** @throws {RangeError} for a rule for scales that give what it cannot hold. */
  checkRule(name: string, rule: ScaleRule): void;
  /** Whether tensors are converted that do not become smaller. */
  readonly grows?: boolean;
  /** Whether groups may lie along an axis that is said, and not along what an operator sums over. */
  readonly groupsAlong: boolean;
  /** The axis of a tensor's output channels where no other is said. */
  channelAxis(tensor: ModelTensor): number;
  /** Why a tensor can in no way be quantized. */
  whyImpossible(tensor: ModelTensor): string | undefined;
  /** Why a tensor stays as it is unless it is asked for. */
  whyKept(tensor: ModelTensor): string | undefined;
  /**
   * Tensors, by their places, that readers join into one layer, such as vLLM the projections of queries, keys and values: each
   * list is to be quantized in one way, or kept.
   */
  joined?(): {
    /** Who joins them. */
    readonly joiner: string;
    /** Places of tensors, a list for each layer. */
    readonly lists: readonly (readonly number[])[];
  };
  /** What was decided by operators and not by settings, and why: a sentence each. */
  notes?(plan: Pick<Plan, "model" | "decisions">): readonly string[];
  /** How settings quantize a tensor; a sentence where they cannot. */
  wayOf(tensor: ModelTensor, settings: Settings): Way | string;
  /** @internal Encodes one tensor, where the bytes of what is written are not codes and scales of the engine's. */
  encode?(tensor: ModelTensor, way: Way, write: WriteBytes, course: EncodeCourse): Promise<TotalErrors>;
  /**
   * @internal Lays the output out; nothing is written yet.
   *
   * @param location of the file for data beside the model, from its folder.
   */
  layOut(plan: Plan, location: string | undefined): Output;
}

/** How a tensor is quantized and stored. */
export interface Way {
  /** How its weights become codes. */
  readonly scheme: Scheme;
  /** Its dimensions as they are quantized: some targets join some, or fill them up with zeros. */
  readonly quantizedShape: readonly number[];
  /** Bits that a code takes in the file. */
  readonly storedBits: number;
  /** The operators with which an .onnx model gets from codes back to weights. */
  readonly pattern?: string | undefined;
  /** The type of the tensor in a GGUF, such as Q4_K; the scheme then says bits and groups of its codes alone. */
  readonly blockType?: string | undefined;
  /** Bytes of all that stands for it in the file. */
  readonly bytesAfter: number;
  /** What is not as it was asked for, and why. */
  readonly notes: readonly string[];
}

/** What happens to a tensor: it is quantized in a way, or kept byte for byte for a reason. */
export type Decision = QuantizeDecision | KeepDecision;

/** A decision to quantize a tensor. */
export interface QuantizeDecision extends Way {
  /** Name of the tensor. */
  readonly tensor: string;
  /** Bytes of the tensor in the model. */
  readonly bytesBefore: number;
  /** Tells this decision from the other one. */
  readonly quantize: true;
}

/** A decision to keep a tensor byte for byte. */
export interface KeepDecision {
  /** Name of the tensor. */
  readonly tensor: string;
  /** Bytes of the tensor in the model. */
  readonly bytesBefore: number;
  /** Tells this decision from the other one. */
  readonly quantize: false;
  /** Bytes of the tensor in the file to come: the same. */
  readonly bytesAfter: number;
  /** Why the tensor is kept. */
  readonly reason: string;
}

/** What is to be done with a model. */
export interface Plan {
  /** The model that the plan is for. */
  readonly model: Model;
  /** What its tensors become. */
  readonly target: Target;
  /** One for each tensor, in the order of the model. */
  readonly decisions: readonly Decision[];
  /** Patterns of the rules that match no tensor: they may be misspelt. */
  readonly unmatched: readonly string[];
  /** Of .onnx models: which operators get their weights in which form, and why, a sentence for each form. */
  readonly notes: readonly string[];
  /** What readers will refuse of the file to come, a sentence each. */
  readonly warnings: readonly string[];
}

/** What is to be written: every length is known before a weight is read. */
export interface Output {
  /** Bytes of all files together. */
  readonly byteLength: number;
  /** What the file says besides its tensors. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What is to be done to write it, in order. */
  work(sink: ByteSink, external: ByteSink | undefined): OutputWork;
}

export interface OutputWork {
  begin(): Promise<void>;
  readonly steps: readonly OutputStep[];
  end(): Promise<void>;
}

export type WriteBytes = (offset: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/** How work on one tensor goes on. */
export interface EncodeCourse {
  readonly signal: AbortSignal | undefined;
  /** Told which share is done. */
  readonly progress: (share: number) => void;
}

/** One thing after the other: bytes are copied, a tensor is quantized, or one is dequantized. */
export type OutputStep = {
  /** What is worked on, for progress and errors. */
  readonly tensor: string;
  /** Bytes of the model that the step works on. */
  readonly byteLength: number;
} & (
  | { readonly copy: CopySource; readonly write: WriteBytes }
  | {
      /** The place of the decision. */
      readonly quantize: number;
      /** What takes its results, of which the engine packs codes. */
      readonly results: (engine: Engine) => CodeSink;
      /** What lends the place of the codes for workers to write. */
      readonly lendCodes?: ((work: (place: CodesPlace) => Promise<unknown>) => Promise<unknown>) | undefined;
    }
  /** The place of the decision, for the target to encode. */
  | { readonly encode: number; readonly write: WriteBytes }
  | {
      readonly dequantize: QuantizedTensor;
      /** Of the floats. */
      readonly info: TensorInfo;
      readonly write: WriteBytes;
      /** What lends the place of the first float for workers to write, where floats have the type of the arithmetic. */
      readonly lendValues?: Lend | undefined;
    }
);

export interface CopySource {
  readonly byteLength: number;
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Takes the results of a weight and stores them: `begin` before them, `finish` when there are no more. */
export interface CodeSink extends ResultSink {
  begin?(): Promise<void>;
  finish?(): Promise<void>;
}

import type { Engine } from "../core/memory/buffers.js";
import type { ByteSink } from "../io/bytes.js";
import type { Lend } from "../io/lent-files.js";
import type { CodesPlace, ResultSink } from "../stream/ends.js";
import type { QuantizedTensor } from "../tensor/quantized-tensor.js";
import type { TensorInfo } from "../tensor/tensor.js";

// The files that a plan becomes, and the steps that write them.

/** The output of a plan. Every length is known before a weight is read. */
export interface Output {
  /** The size of all files in bytes. */
  readonly byteLength: number;
  /** The metadata of the file. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The steps that write it, in order. */
  work(sink: ByteSink, external: ByteSink | undefined): OutputWork;
}

export interface OutputWork {
  begin(): Promise<void>;
  readonly steps: readonly OutputStep[];
  end(): Promise<void>;
}

export type WriteBytes = (offset: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>;

/** A step that copies bytes, or quantizes, dequantizes or encodes a tensor. */
export type OutputStep = {
  /** The name of what is worked on, for progress and errors. */
  readonly tensor: string;
  /** The bytes of the model that the step works on. */
  readonly byteLength: number;
} & (
  | { readonly copy: CopySource; readonly write: WriteBytes }
  | {
      /** The index of the decision. */
      readonly quantize: number;
      /** Returns the sink for its results. The engine packs codes for it. */
      readonly results: (engine: Engine) => CodeSink;
      /** Lends the place of the codes, so that workers can write them. */
      readonly lendCodes?: ((work: (place: CodesPlace) => Promise<unknown>) => Promise<unknown>) | undefined;
    }
  /** The index of the decision, by which the target encodes the tensor. */
  | { readonly encode: number; readonly write: WriteBytes }
  | {
      readonly dequantize: QuantizedTensor;
      /** The tensor of floats. */
      readonly info: TensorInfo;
      readonly write: WriteBytes;
      /**
       * Lends the place of the first float, so that workers can write them, where floats have the type of the
       * arithmetic.
       */
      readonly lendValues?: Lend | undefined;
    }
);

export interface CopySource {
  readonly byteLength: number;
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Stores the results of a weight. `begin` is called before them, and `finish` after them. */
export interface CodeSink extends ResultSink {
  begin?(isRotated?: boolean): Promise<void>;
  finish?(): Promise<void>;
}

import type { Scheme } from "../core/scheme.js";

// What is decided for each tensor.

/** How a tensor is quantized and stored. */
export interface Way {
  /** How its weights become codes. */
  readonly scheme: Scheme;
  /** The dimensions that are quantized: some targets join dimensions, or pad them with zeros. */
  readonly quantizedShape: readonly number[];
  /** How many neighbours of a row are rotated together if that measures better; undefined where it is not tried. */
  readonly rotation?: number | undefined;
  /** The number of bits that a code takes in the file. */
  readonly storedBits: number;
  /** The operators that turn codes into weights in an .onnx model. */
  readonly pattern?: string | undefined;
  /** The type of the tensor in a GGUF, such as Q4_K. The scheme then gives only the bits and groups of its codes. */
  readonly blockType?: string | undefined;
  /** The bytes that its replacement takes in the file. */
  readonly bytesAfter: number;
  /** What differs from the settings, and why. */
  readonly notes: readonly string[];
}

/** The decision for a tensor: it is quantized in some way, or kept byte for byte for a reason. */
export type Decision = QuantizeDecision | KeepDecision;

/** A decision to quantize a tensor. */
export interface QuantizeDecision extends Way {
  /** The name of the tensor. */
  readonly tensor: string;
  /** The size of the tensor in the model, in bytes. */
  readonly bytesBefore: number;
  /** The mark that tells this decision from the other kind. */
  readonly quantize: true;
}

/** A decision not to quantize a tensor, which is kept byte for byte unless floats become float16. */
export interface KeepDecision {
  /** The name of the tensor. */
  readonly tensor: string;
  /** The size of the tensor in the model, in bytes. */
  readonly bytesBefore: number;
  /** The mark that tells this decision from the other kind. */
  readonly quantize: false;
  /** The size of the tensor in the output, in bytes: the same, or half of it where floats become float16. */
  readonly bytesAfter: number;
  /** Why the tensor is kept. */
  readonly reason: string;
}

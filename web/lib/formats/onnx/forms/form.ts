import { extentsOf } from "../../../core/memory/extents.js";
import type { Scheme } from "../../../core/scheme.js";
import type { Bits, Granularity } from "../../../core/types.js";
import type { Way } from "../../decision.js";
import type { NewNode, NewTensor } from "../file/encode.js";
import { dataType, type Node } from "../file/proto.js";
import type { Edit, Later } from "../file/splice.js";
import type { Scope } from "../file/values.js";
import type { OnnxWeightType } from "../target-name.js";
import type { Weight, WeightDtype } from "../weights.js";

// A form is a way to store a weight inside a model: its codes and scales, and the nodes that compute with them. Each is
// a file beside this one and a line in index.ts.

/** The operators that identify a form. */
export type Pattern =
  | "DequantizeLinear"
  | "Cast, Mul"
  | "MatMulNBits"
  | "MatMulInteger"
  | "ConvInteger"
  | "Gather"
  | "GatherBlockQuantized";

export interface Form {
  readonly pattern: Pattern;
  /** How the form stores a weight, or a sentence why it cannot. */
  wayOf(weight: Weight, wish: Wish): FormWay | string;
  replacementOf(choice: OnnxChoice, parts: Parts, names: Names): Replacement;
}

/** The settings for a weight. */
export interface Wish {
  readonly bits: Bits;
  /** The axis of the channels, counted from 0. */
  readonly axis: number;
  /** Groups lie along the dimension that a channel sums over. */
  readonly granularity: "channel" | "tensor" | { readonly group: number };
  readonly zeroPoints: boolean;
  /** The type of codes that nodes compute with. */
  readonly weightType: OnnxWeightType;
  /** Whether Conv may become ConvInteger. */
  readonly convInteger: boolean;
  /** The version of ONNX's own operators. */
  readonly opset: number;
}

/** How a form stores a weight. */
export interface FormWay extends Pick<Way, "quantizedShape" | "notes"> {
  readonly scheme: {
    readonly bits: Bits;
    readonly axis: number | undefined;
    readonly granularity: Granularity;
    readonly scaleType: WeightDtype;
  };
  readonly storedBits: 2 | 4 | 8 | 16;
  /** The dimensions of the codes in the file, where those lack the zeros that pad `quantizedShape`. */
  readonly storedShape?: readonly number[] | undefined;
  /** Whether 2^(bits - 1) is added to codes and zero points, and they are unsigned; false by default. */
  readonly unsigned?: boolean;
  /** The bytes of zero points, if not one for each scale of a scheme that has them, stored as codes are. */
  readonly zeroPointBytes?: number;
}

export interface OnnxWay extends Way, FormWay {
  readonly scheme: FormWay["scheme"] & Pick<Scheme, "rule" | "zeroPoints" | "balance">;
  readonly storedBits: FormWay["storedBits"];
  readonly pattern: Pattern;
}

/** A weight that is to be quantized, and how. */
export interface OnnxChoice extends OnnxWay {
  readonly weight: Weight;
  readonly form: Form;
  /** The version of ONNX's own operators. */
  readonly opset: number;
}

/** The bytes of codes, scales and zero points, to be made while writing. A symmetric scheme has no zero points. */
export interface Parts {
  readonly codes: Later;
  readonly scales: Later;
  readonly zeroPoints: Later;
  readonly scaleShape: readonly number[];
}

/** The replacement of a weight. Names are those that ONNX Runtime's tools give. */
export interface Replacement {
  /** The new tensors, with codes and scales among them. */
  readonly tensors: readonly NewTensor[];
  /** The new nodes. The last gives the weight under its own name, so that the nodes that use it stay as they are. */
  readonly nodes: readonly NewNode[];
  /** Changes of the nodes that use the weight, where it no longer exists. */
  readonly edits: readonly Edit[];
}

/** Names for new nodes and values of a model. */
export interface Names {
  /** Returns a name that the model does not have yet, similar to `wanted`. */
  unused(wanted: string): string;
  /** Returns the names of the first input of a node after it is quantized while the model runs. */
  activations(node: Node, scope: Scope): QuantizedActivations;
}

/** The outputs of DynamicQuantizeLinear. */
export interface QuantizedActivations {
  readonly codes: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

/** The first opset that has each of these features. */
export const since = { integers: 10, slice: 10, dynamic: 11, axis: 13, float16: 19, int4: 21, int2: 25 } as const;

/** Whether a form has operators of com.microsoft, which keep codes in bytes. */
export function isMicrosofts({ pattern }: Pick<OnnxWay, "pattern">): boolean {
  return pattern === "MatMulNBits" || pattern === "GatherBlockQuantized";
}

export const floatTypes = { float32: dataType.float, float16: dataType.float16 } as const;

export const codeTypes = { 2: dataType.int2, 4: dataType.int4, 8: dataType.int8, 16: dataType.int16 } as const;

/** The type of the codes of a weight in the file. */
export function codeTypeOf({ storedBits, unsigned }: FormWay): number {
  return unsigned ? dataType.uint8 : codeTypes[storedBits];
}

/** Zero points for symmetric codes. */
export function symmetricZeros({ unsigned }: FormWay, length: number): Uint8Array {
  return new Uint8Array(length).fill(unsigned ? 128 : 0);
}

/** The shape of the scales of a weight. */
export function scaleShapeOf({ quantizedShape, scheme: { axis, granularity } }: FormWay): readonly number[] {
  return extentsOf(quantizedShape, axis, granularity).scaleShape;
}

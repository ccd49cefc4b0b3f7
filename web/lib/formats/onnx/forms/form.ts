import { extentsOf } from "../../../core/extents.js";
import type { Scheme } from "../../../core/scheme.js";
import type { Bits, Granularity } from "../../../core/types.js";
import type { Way } from "../../format.js";
import type { NewNode, NewTensor } from "../file/encode.js";
import { dataType, type Node } from "../file/proto.js";
import type { Edit, Later } from "../file/splice.js";
import type { Scope } from "../file/values.js";
import type { Weight, WeightDtype } from "../weights.js";

// A form is a way to store a weight inside a model: its codes and scales, and the nodes that compute with them. Each is a
// file beside this one and a line in index.ts.

/** The operators by which a form is known. */
export type Pattern = "DequantizeLinear" | "Cast, Mul" | "MatMulNBits" | "MatMulInteger" | "Gather";

export interface Form {
  readonly pattern: Pattern;
  /** How it stores a weight, or why it cannot. */
  wayOf(weight: Weight, wish: Wish): (FormWay & { readonly zeroPointBytes?: number }) | string;
  replacementOf(choice: OnnxChoice, parts: Parts, names: Names): Replacement;
}

/** What is asked for. */
export interface Wish {
  readonly bits: Bits;
  /** Of the weight, counted from 0. */
  readonly axis: number;
  /** Groups lie along what a channel sums over. */
  readonly granularity: "channel" | "tensor" | { readonly group: number };
  /** Version of ONNX's own operators. */
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
}

export interface OnnxWay extends Way, FormWay {
  readonly scheme: FormWay["scheme"] & Pick<Scheme, "rule">;
  readonly storedBits: FormWay["storedBits"];
  readonly pattern: Pattern;
}

/** A weight that is to be quantized, and how. */
export interface OnnxChoice extends OnnxWay {
  readonly weight: Weight;
  readonly form: Form;
}

/** Bytes of a weight, to be made while writing. */
export interface Parts {
  readonly codes: Later;
  readonly scales: Later;
  readonly scaleShape: readonly number[];
}

/** What stands in a weight's place. The names are those of ONNX Runtime's tools. */
export interface Replacement {
  /** Those of codes and scales are among them. */
  readonly tensors: readonly NewTensor[];
  /** The last gives the weight under its own name, so that what takes it stays as it is. */
  readonly nodes: readonly NewNode[];
  /** Changes of the nodes that take it, where it is no longer there. */
  readonly edits: readonly Edit[];
}

/** Names for what is new in a model. */
export interface Names {
  /** Gives a name that the model does not have, like the one wanted. */
  unused(wanted: string): string;
  /** The names of the activations that a node takes first, once they are quantized while the model runs. */
  activations(node: Node, scope: Scope): QuantizedActivations;
}

/** What DynamicQuantizeLinear gives. */
export interface QuantizedActivations {
  readonly codes: string;
  readonly scale: string;
  readonly zeroPoint: string;
}

/** Versions of ONNX's operators that brought what is written. */
export const since = { integers: 10, dynamic: 11, axis: 13, float16: 19, int4: 21, int2: 25 } as const;

export const microsoftDomain = "com.microsoft";

export const floatTypes = { float32: dataType.float, float16: dataType.float16 } as const;

export const codeTypes = { 2: dataType.int2, 4: dataType.int4, 8: dataType.int8, 16: dataType.int16 } as const;

/** The shape of the scales of a weight. */
export function scaleShapeOf({ quantizedShape, scheme: { axis, granularity } }: FormWay): readonly number[] {
  return extentsOf(quantizedShape, axis, granularity).scaleShape;
}

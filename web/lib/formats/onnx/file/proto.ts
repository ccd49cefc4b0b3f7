import type { Halves } from "./halves.js";
import type { Field, Message, Span, WireReader } from "./wire.js";

// The messages of onnx.proto that matter to weights: every graph, node and tensor with its place in the file.

/** TensorProto.DataType. */
export const dataType = {
  float: 1,
  int8: 3,
  uint8: 2,
  uint16: 4,
  int16: 5,
  int64: 7,
  float16: 10,
  double: 11,
  bfloat16: 16,
  uint4: 21,
  int4: 22,
  uint2: 25,
  int2: 26,
} as const;

/** The domain of the operators of ONNX Runtime. */
export const microsoftDomain = "com.microsoft";

/** Floats in the file, each `stride` bytes after the one before. */
export interface Run {
  readonly start: number;
  readonly count: number;
  readonly stride: number;
}

/** The place of external data. The file has its numbers as decimal text. */
export interface ExternalData {
  readonly location: string | undefined;
  readonly offset: string | undefined;
  readonly length: string | undefined;
  /** All entries of the field, to be replaced or copied. */
  readonly entries: readonly { readonly key: string; readonly field: Field }[];
}

export interface Tensor {
  readonly message: Message;
  /** The name, or for a tensor without one a description of its place. */
  readonly name: string;
  /** A value of TensorProto.DataType. */
  readonly type: number;
  readonly shape: readonly number[];
  /** The bytes of the data, little-endian and row-major. */
  readonly raw: Span | undefined;
  /** The runs of float32, where those are fields of their own. */
  readonly floats: readonly Run[];
  /** The integers of a short list of int64, such as a shape; undefined for anything else. */
  readonly integers: readonly number[] | undefined;
  /** The numbers of a list of some float32, such as the factors of a Resize; undefined for anything else. */
  readonly fewFloats: readonly number[] | undefined;
  /** The float16 that are stored as integers in fields. */
  readonly halves: Halves | undefined;
  /** The fields of integers of up to 32 bits. Elements of fewer than 8 bits have a field for each byte. */
  readonly integerFields: readonly Field[];
  readonly external: ExternalData | undefined;
  /** Whether the tensor is stored in segments, an obsolete way. */
  readonly segmented: boolean;
}

export interface Attribute {
  readonly name: string;
  readonly message: Message;
  readonly float: number | undefined;
  readonly integer: number | undefined;
  /** The text; undefined where it is too long to matter. */
  readonly text: string | undefined;
  /** The integers; undefined where there are too many to matter. */
  readonly integers: readonly number[] | undefined;
  /** The floats; undefined where there are none, or too many to matter. */
  readonly floats: readonly number[] | undefined;
  readonly tensor: Tensor | undefined;
  readonly graphs: readonly Graph[];
  /** Whether a call of the function that has the node gives the value. */
  readonly isGiven: boolean;
}

export interface Node {
  readonly message: Message;
  readonly name: string;
  readonly operator: string;
  /** The domain; "" for ONNX's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The fields of the inputs, the outputs, the operator and the domain, which can be replaced. */
  readonly fields: {
    readonly inputs: readonly Field[];
    readonly outputs: readonly Field[];
    readonly operator: Field;
    readonly domain: Field | undefined;
  };
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export interface Graph {
  readonly message: Message;
  /** The number of the field that holds a node: a function of the model has another. */
  readonly nodeField: 1 | 7;
  readonly nodes: readonly Node[];
  readonly initializers: readonly Tensor[];
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  /** What the file says of other values. */
  readonly valueInfos: readonly ValueInfo[];
}

/** The name and the type of a value. */
export interface ValueInfo {
  readonly name: string;
  readonly message: Message;
  /** A value of TensorProto.DataType; undefined where it is not given, and for what is no tensor. */
  readonly type: number | undefined;
  /** Its dimensions, where it is given how many there are; those that the file leaves open are undefined. */
  readonly shape: readonly (number | undefined)[] | undefined;
}

export interface OperatorSet {
  /** The domain; "" for ONNX's own operators. */
  readonly domain: string;
  readonly version: number;
  readonly message: Message;
  /** The field of the version, which can be replaced. */
  readonly versionField: Field | undefined;
}

export interface Proto {
  readonly reader: WireReader;
  readonly message: Message;
  readonly irVersion: number;
  /** The field of the IR version, which can be replaced. */
  readonly irField: Field;
  readonly operatorSets: readonly OperatorSet[];
  readonly graph: Graph;
  readonly functions: readonly ModelFunction[];
}

/** A function of the model: an operator made of other operators. */
export interface ModelFunction {
  readonly name: string;
  readonly domain: string;
  readonly operatorSets: readonly OperatorSet[];
  /** The version of ONNX's own operators in it; undefined where it names none. */
  readonly opset: number | undefined;
  readonly graph: Graph;
}

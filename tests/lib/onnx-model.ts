// The ONNX messages of a model with one or two nodes, written as protocol buffers: a field is its number and wire type,
// followed by a varint, or by a length and as many bytes (https://protobuf.dev/programming-guides/encoding).

function varint(value: number): number[] {
  const bytes = [];
  for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value % 128) | 0x80);
  bytes.push(value);
  return bytes;
}

const number = (field: number, value: number) => [...varint(field << 3), ...varint(value)];

/** A string or a message. */
function bytes(field: number, content: string | readonly number[]): number[] {
  const encoded = typeof content === "string" ? [...new TextEncoder().encode(content)] : content;
  return [...varint((field << 3) | 2), ...varint(encoded.length), ...encoded];
}

/** TensorProto.DataType. */
export const onnxType = { float32: 1, int8: 3, int16: 5 } as const;

export interface Value {
  readonly name: string;
  readonly type: number;
  /** The number of dimensions, whose sizes are left open. */
  readonly rank: number;
}

function valueInfo({ name, type, rank }: Value): number[] {
  const dimensions = Array.from({ length: rank }, (_, i) => bytes(1, bytes(2, `${name}${i}`))).flat();
  const tensor = [...number(1, type), ...bytes(2, dimensions)];
  return [...bytes(1, name), ...bytes(2, bytes(1, tensor))];
}

export interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly integers: Readonly<Record<string, number>>;
}

const integerAttribute = 2; // AttributeProto.INT

function node({ operator, inputs, output, integers }: Node): number[] {
  const attributes = Object.entries(integers).map(([name, value]) =>
    bytes(5, [...bytes(1, name), ...number(3, value), ...number(20, integerAttribute)]),
  );
  return [
    ...inputs.flatMap((input) => bytes(1, input)),
    ...bytes(2, output),
    ...bytes(4, operator),
    ...attributes.flat(),
  ];
}

export interface Model {
  readonly opset: number;
  readonly nodes: readonly Node[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** The bytes of a model file. */
export function onnxModel({ opset, nodes, inputs, outputs }: Model): Uint8Array {
  const graph = [
    ...nodes.flatMap((each) => bytes(1, node(each))),
    ...bytes(2, "graph"),
    ...inputs.flatMap((input) => bytes(11, valueInfo(input))),
    ...outputs.flatMap((output) => bytes(12, valueInfo(output))),
  ];
  const irVersion = 10;
  return Uint8Array.from([...number(1, irVersion), ...bytes(7, graph), ...bytes(8, number(2, opset))]);
}

import type { ByteSource } from "../../../io/bytes.js";
import { findHalves, type Halves } from "./halves.js";
import { type Field, type Message, type Span, type WireReader, wireReader, wireType } from "./wire.js";

// Reads the messages of onnx.proto that matter to weights: every graph, node and tensor with its place in the file.
// Their contents are read here, and judged elsewhere. Field numbers are those of
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

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
  /** The number of dimensions, where it is given. */
  readonly rank: number | undefined;
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
  /** The version of ONNX's own operators in it; undefined where it names none. */
  readonly opset: number | undefined;
  readonly graph: Graph;
}

/** Exporters nest subgraphs a few levels deep. Each level takes a place on the stack. */
const MAX_DEPTH = 32;

/** No shape and no permutation has more integers. */
const MAX_INTEGERS = 64;

/** No tensor has more dimensions to resize. */
const MAX_FEW_FLOATS = 8;

/** No word that controls an operator takes more bytes. */
const MAX_WORD_BYTES = 64;

/** Reads the structure of a model, without its weights. */
export async function readProto(source: ByteSource): Promise<Proto> {
  const reader = wireReader(source);
  const message: Message = { id: 0, at: 0, start: 0, end: source.size, parent: undefined };
  const operatorSets: OperatorSet[] = [];
  let irVersion = 0;
  let irField: Field | undefined;
  let graph: Graph | undefined;
  const functions: ModelFunction[] = [];
  for (const field of await reader.fields(message, "the model")) {
    if (field.id === 1) {
      irVersion = reader.integer(field, "ir_version");
      irField = field;
    } else if (field.id === 7) {
      if (graph) reader.fail(field.at, "the model has two graphs: the file is damaged, export it again");
      graph = await readGraph(reader, reader.message(field, message, "the graph"), "the graph", 0);
    } else if (field.id === 8) {
      operatorSets.push(await readOperatorSet(reader, reader.message(field, message, "an operator set")));
    } else if (field.id === 25) {
      const what = `function ${functions.length}`;
      functions.push(await readFunction(reader, reader.message(field, message, what), what));
    }
  }
  if (irField === undefined || graph === undefined) {
    const missing = graph === undefined ? "graph" : "ir_version";
    return reader.fail(0, `the file has no ${missing}, which every ONNX model has: it is another format, or cut short`);
  }
  return { reader, message, irVersion, irField, operatorSets, graph, functions };
}

async function readOperatorSet(reader: WireReader, message: Message): Promise<OperatorSet> {
  let [domain, version] = ["", 0];
  let versionField: Field | undefined;
  for (const field of await reader.fields(message, "an operator set")) {
    if (field.id === 1) domain = plainDomain(await reader.text(field, "the domain of an operator set"));
    else if (field.id === 2) {
      version = reader.integer(field, "the version of an operator set");
      versionField = field;
    }
  }
  return { domain, version, message, versionField };
}

/** ONNX's own domain has two names. */
function plainDomain(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

async function readFunction(reader: WireReader, message: Message, what: string): Promise<ModelFunction> {
  let [name, domain] = ["", ""];
  const nodes: Node[] = [];
  const operatorSets: OperatorSet[] = [];
  const [inputs, outputs]: [ValueInfo[], ValueInfo[]] = [[], []];
  for (const field of await reader.fields(message, what)) {
    if (field.id === 1) name = await reader.text(field, `the name of ${what}`);
    else if (field.id === 4 || field.id === 5) {
      const list = field.id === 4 ? inputs : outputs;
      const unknown = { type: undefined, rank: undefined }; // those of the values that it is called with
      list.push({ name: await reader.text(field, `an input or output of ${what}`), message, ...unknown });
    } else if (field.id === 7) {
      const node = `node ${nodes.length} of ${what}`;
      nodes.push(await readNode(reader, reader.message(field, message, node), node, 0));
    } else if (field.id === 9) {
      operatorSets.push(await readOperatorSet(reader, reader.message(field, message, `an operator set of ${what}`)));
    } else if (field.id === 10) domain = plainDomain(await reader.text(field, `the domain of ${what}`));
  }
  const opset = operatorSets.find((each) => each.domain === "")?.version;
  const graph: Graph = { message, nodeField: 7, nodes, initializers: [], inputs, outputs, valueInfos: [] };
  return { name, domain, opset, graph };
}

/**
 * @param what names the graph in messages. The functions below do the same; nodes and tensors go by number until they
 * have a name.
 */
async function readGraph(reader: WireReader, message: Message, what: string, depth: number): Promise<Graph> {
  if (depth > MAX_DEPTH) reader.fail(message.at, `graphs are nested more than ${MAX_DEPTH} deep, which is the limit`);
  const nodes: Node[] = [];
  const initializers: Tensor[] = [];
  const inputs: ValueInfo[] = [];
  const outputs: ValueInfo[] = [];
  const valueInfos: ValueInfo[] = [];
  for (const field of await reader.fields(message, what)) {
    if (field.id === 1) {
      const node = `node ${nodes.length} of ${what}`;
      nodes.push(await readNode(reader, reader.message(field, message, node), node, depth));
    } else if (field.id === 5) {
      const tensor = `initializer ${initializers.length} of ${what}`;
      initializers.push(await readTensor(reader, reader.message(field, message, tensor), tensor));
    } else if (field.id === 11) {
      const named = `input ${inputs.length} of ${what}`;
      inputs.push(await readValueInfo(reader, reader.message(field, message, named), named));
    } else if (field.id === 12) {
      const named = `output ${outputs.length} of ${what}`;
      outputs.push(await readValueInfo(reader, reader.message(field, message, named), named));
    } else if (field.id === 13) {
      const named = `value ${valueInfos.length} of ${what}`;
      valueInfos.push(await readValueInfo(reader, reader.message(field, message, named), named));
    }
  }
  return { message, nodeField: 1, nodes, initializers, inputs, outputs, valueInfos };
}

async function readValueInfo(reader: WireReader, message: Message, what: string): Promise<ValueInfo> {
  let name = "";
  let type: TensorType | undefined;
  for (const field of await reader.fields(message, what)) {
    if (field.id === 1) name = await reader.text(field, `the name of ${what}`);
    else if (field.id === 2) type = await readTensorType(reader, reader.message(field, message, what), what);
  }
  return { name, message, type: type?.type, rank: type?.rank };
}

type TensorType = Pick<ValueInfo, "type" | "rank">;

/** The content of a TypeProto, if it is that of a tensor. */
async function readTensorType(reader: WireReader, message: Message, what: string): Promise<TensorType | undefined> {
  const field = (await reader.fields(message, what)).find(({ id }) => id === 1);
  if (field === undefined) return undefined;
  let [type, rank]: [number | undefined, number | undefined] = [undefined, undefined];
  const tensor = reader.message(field, message, what);
  for (const inner of await reader.fields(tensor, what)) {
    if (inner.id === 1) type = reader.integer(inner, `the type of ${what}`);
    else if (inner.id === 2) {
      const dimensions = await reader.fields(reader.message(inner, tensor, what), what);
      rank = dimensions.filter(({ id }) => id === 1).length;
    }
  }
  return { type, rank };
}

async function readNode(reader: WireReader, message: Message, what: string, depth: number): Promise<Node> {
  let domain = "";
  let operator: { name: string; field: Field } | undefined;
  let domainField: Field | undefined;
  const inputs: string[] = [];
  const inputFields: Field[] = [];
  const outputs: string[] = [];
  const outputFields: Field[] = [];
  const attributes = new Map<string, Attribute>();
  const allFields = await reader.fields(message, what);
  const name = await nameAmong(reader, allFields, 3, what);
  const node = name === "" ? what : `node "${name}"`;
  for (const field of allFields) {
    if (field.id === 1) {
      inputs.push(await reader.text(field, `an input of ${node}`));
      inputFields.push(field);
    } else if (field.id === 2) {
      outputs.push(await reader.text(field, `an output of ${node}`));
      outputFields.push(field);
    } else if (field.id === 4) operator = { name: await reader.text(field, `the operator of ${node}`), field };
    else if (field.id === 5) {
      const what = `attribute ${attributes.size} of ${node}`;
      const attribute = await readAttribute(reader, reader.message(field, message, what), what, node, depth);
      attributes.set(attribute.name, attribute);
    } else if (field.id === 7) {
      domain = plainDomain(await reader.text(field, `the domain of ${node}`));
      domainField = field;
    }
  }
  if (operator === undefined) {
    return reader.fail(message.at, `${node} has no operator: the file is damaged, export it again`);
  }
  const fields = { inputs: inputFields, outputs: outputFields, operator: operator.field, domain: domainField };
  return { message, name, operator: operator.name, domain, inputs, outputs, fields, attributes };
}

/** Finds the name of a message among its fields. */
async function nameAmong(reader: WireReader, fields: readonly Field[], id: number, what: string): Promise<string> {
  const field = fields.filter((each) => each.id === id).at(-1);
  return field === undefined ? "" : reader.text(field, `the name of ${what}`);
}

async function readAttribute(
  reader: WireReader,
  message: Message,
  what: string,
  node: string,
  depth: number,
): Promise<Attribute> {
  let float: number | undefined;
  let integer: number | undefined;
  let text: string | undefined;
  let integers: number[] | undefined = [];
  let tensor: Tensor | undefined;
  const runs: Run[] = [];
  const graphs: Graph[] = [];
  const fields = await reader.fields(message, what);
  const name = await nameAmong(reader, fields, 1, what);
  const value = `${name} of ${node}`;
  for (const field of fields) {
    // Integers that are not looked at may exceed 2^53, such as an index that means "to the end".
    if (field.id === 2) float = await reader.float(field, value);
    else if (field.id === 3) integer = field.value;
    else if (field.id === 4 && field.end - field.start <= MAX_WORD_BYTES) text = await reader.text(field, value);
    else if (field.id === 5) tensor = await readTensor(reader, reader.message(field, message, value), value);
    else if (field.id === 6 || field.id === 11) {
      graphs.push(await readGraph(reader, reader.message(field, message, value), value, depth + 1));
    } else if (field.id === 7) addRun(reader, runs, field, `floats of ${value}`);
    else if (field.id === 8 && integers) {
      integers = await shortList(reader, field, integers, value);
    }
  }
  const floats = await fewFloatsOf(reader, runs);
  return { name, message, float, integer, text, integers, floats, tensor, graphs };
}

/** Adds to the list until it is too long to matter. */
async function shortList(
  reader: WireReader,
  field: Field,
  list: number[],
  what: string,
): Promise<number[] | undefined> {
  if (field.type === wireType.bytes && field.end - field.start > 10 * MAX_INTEGERS) return undefined;
  await reader.integers(field, list, `an integer of ${what}`);
  return list.length > MAX_INTEGERS ? undefined : list;
}

async function readTensor(reader: WireReader, message: Message, what: string): Promise<Tensor> {
  let type = 0;
  const shape: number[] = [];
  const runs: Run[] = [];
  const integerFields: Field[] = [];
  let integers: number[] | undefined = [];
  let raw: Span | undefined;
  let isExternal = false;
  let segmented = false;
  let typed: string | undefined;
  const entries: { key: string; value: string; field: Field }[] = [];
  const fields = await reader.fields(message, what);
  const name = await nameAmong(reader, fields, 8, what);
  const tensor = name === "" ? what : `tensor "${name}"`;
  for (const field of fields) {
    const isEmpty = field.type === wireType.bytes && field.start === field.end;
    if (!isEmpty) typed ??= typedData[field.id];
    if (field.id === 1) {
      if ((await shortList(reader, field, shape, tensor)) === undefined) {
        reader.fail(
          field.at,
          `${tensor} has more than ${MAX_INTEGERS} dimensions, which is the limit: export it again`,
        );
      }
    } else if (field.id === 2) type = reader.integer(field, `the type of ${tensor}`);
    else if (field.id === 3) segmented = true;
    else if (field.id === 4) addRun(reader, runs, field, `float_data of ${tensor}`);
    else if (field.id === 5) integerFields.push(field);
    else if (field.id === 7 && integers) integers = await shortList(reader, field, integers, tensor);
    else if (field.id === 9) raw = reader.message(field, message, `raw_data of ${tensor}`);
    else if (field.id === 13) {
      const what = `external_data of ${tensor}`;
      const entry = await readEntry(reader, reader.message(field, message, what), what);
      entries.push({ ...entry, field });
    } else if (field.id === 14) isExternal = reader.integer(field, `data_location of ${tensor}`) === 1;
  }
  if (typed !== undefined && raw && raw.end > raw.start) {
    reader.fail(message.at, `${tensor} has both raw_data and ${typed}: export it again`);
  }
  if (type !== dataType.int64) integers = undefined;
  else if (raw) integers = await rawIntegers(reader, raw);
  const entryOf = (key: string) => entries.find((entry) => entry.key === key)?.value;
  const external = isExternal
    ? { location: entryOf("location"), offset: entryOf("offset"), length: entryOf("length"), entries }
    : undefined;
  const ofRaw =
    raw && (raw.end - raw.start) % 4 === 0 ? [{ start: raw.start, count: (raw.end - raw.start) / 4, stride: 4 }] : runs;
  const fewFloats =
    type === dataType.float && shape.length === 1 && !isExternal ? await fewFloatsOf(reader, ofRaw) : undefined;
  const isInFields = type === dataType.float16 && raw === undefined && !isExternal;
  const halves = isInFields ? await findHalves(reader, integerFields, tensor) : undefined;
  return {
    ...{ message, name: name || what, type, shape, raw, floats: runs, halves },
    ...{ integers, fewFloats, integerFields, external, segmented },
  };
}

/** The fields of a tensor that have data by type, in place of raw_data. */
const typedData: Readonly<Record<number, string>> = {
  ...{ 4: "float_data", 5: "int32_data", 6: "string_data", 7: "int64_data", 10: "double_data", 11: "uint64_data" },
};

async function rawIntegers(reader: WireReader, raw: Span): Promise<number[] | undefined> {
  const length = raw.end - raw.start;
  if (length % 8 !== 0 || length > 8 * MAX_INTEGERS) return undefined;
  const { buffer, byteOffset } = await reader.bytes(raw);
  const view = new DataView(buffer, byteOffset, length);
  return Array.from({ length: length / 8 }, (_, i) => Number(view.getBigInt64(8 * i, true)));
}

/** Reads floats; undefined where there are none, or too many to matter. */
async function fewFloatsOf(reader: WireReader, runs: readonly Run[]): Promise<number[] | undefined> {
  const count = runs.reduce((sum, run) => sum + run.count, 0);
  if (count === 0 || count > MAX_FEW_FLOATS) return undefined;
  const floats: number[] = [];
  for (const { start, count, stride } of runs) {
    for (let i = 0; i < count; i++) {
      const at = start + i * stride;
      const { buffer, byteOffset } = await reader.bytes({ start: at, end: at + 4 });
      floats.push(new DataView(buffer, byteOffset, 4).getFloat32(0, true));
    }
  }
  return floats;
}

function addRun(reader: WireReader, runs: Run[], field: Field, what: string): void {
  if (field.type === wireType.bytes) {
    const length = field.end - field.start;
    if (length % 4 !== 0) {
      reader.fail(field.at, `${what} takes ${length} bytes, which is not a multiple of 4`);
    }
    runs.push({ start: field.start, count: length / 4, stride: 4 });
    return;
  }
  if (field.type !== wireType.fixed32)
    reader.fail(field.at, `${what} has the wire type ${field.type}; it must be 2 or 5`);
  // Consecutive floats become one run: an object for each float of a tensor would take too much memory.
  const stride = field.end - field.at;
  const last = runs.at(-1);
  if (last !== undefined && last.start + last.count * last.stride === field.start) {
    runs[runs.length - 1] = { ...last, count: last.count + 1 };
  } else {
    runs.push({ start: field.start, count: 1, stride });
  }
}

async function readEntry(reader: WireReader, message: Message, what: string): Promise<{ key: string; value: string }> {
  let [key, value] = ["", ""];
  for (const field of await reader.fields(message, what)) {
    if (field.id === 1) key = await reader.text(field, `a key of ${what}`);
    else if (field.id === 2) value = await reader.text(field, `a value of ${what}`);
  }
  return { key, value };
}

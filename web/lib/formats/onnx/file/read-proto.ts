import type { ByteSource } from "../../../io/bytes.js";
import type { Attribute, Graph, ModelFunction, Node, OperatorSet, Proto, Run, Tensor, ValueInfo } from "./proto.js";
import { addRun, fewFloatsOf, shortList } from "./read-numbers.js";
import { nameAmong, readTensor } from "./read-tensor.js";
import { type Field, type Message, type WireReader, wireReader, wireType } from "./wire.js";

// Reads the structure of a model. The contents of messages are read here, and judged elsewhere. Field numbers are those
// of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.

/** Exporters nest subgraphs a few levels deep. Each level takes a place on the stack. */
const MAX_DEPTH = 32;

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
      const unknown = { type: undefined, shape: undefined }; // those of the values that it is called with
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
  return { name, domain, operatorSets, opset, graph };
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
  return { name, message, type: type?.type, shape: type?.shape };
}

type TensorType = Pick<ValueInfo, "type" | "shape">;

/** The content of a TypeProto, if it is that of a tensor. */
async function readTensorType(reader: WireReader, message: Message, what: string): Promise<TensorType | undefined> {
  const field = (await reader.fields(message, what)).find(({ id }) => id === 1);
  if (field === undefined) return undefined;
  let type: number | undefined;
  let shape: (number | undefined)[] | undefined;
  const tensor = reader.message(field, message, what);
  for (const inner of await reader.fields(tensor, what)) {
    if (inner.id === 1) type = reader.integer(inner, `the type of ${what}`);
    else if (inner.id === 2) {
      const dimensions = reader.message(inner, tensor, what);
      shape = [];
      for (const dimension of await reader.fields(dimensions, what))
        if (dimension.id === 1)
          shape.push(await readDimension(reader, reader.message(dimension, dimensions, what), what));
    }
  }
  return { type, shape };
}

/** A dimension that is given as a number. Some exporters write one that is open as -1. */
async function readDimension(reader: WireReader, message: Message, what: string): Promise<number | undefined> {
  const value = (await reader.fields(message, what)).find(
    ({ id, type }) => id === 1 && type === wireType.varint,
  )?.value;
  return value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
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
  let isGiven = false;
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
    } else if (field.id === 21) isGiven = true;
  }
  const floats = await fewFloatsOf(reader, runs);
  return { name, message, float, integer, text, integers, floats, tensor, graphs, isGiven };
}

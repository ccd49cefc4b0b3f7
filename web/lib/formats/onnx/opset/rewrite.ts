import { constantNodeIn, integerAttributes, type NewTensor, nodeIn, textAttributes } from "../file/encode.js";
import { dataType, type Graph, type Node } from "../file/proto.js";
import type { Edit, Part } from "../file/splice.js";
import { bytesField, type Message } from "../file/wire.js";
import type { Names } from "../forms/form.js";

// Writes a node in another way.

/** An input of a node: the name of a value of the model, "" for none, a constant, or what a new node computes. */
export type NewInput = string | Omit<NewTensor, "name"> | Computed;

/** The output of a new node. The same object stands for the same node, wherever it is an input. */
export interface Computed {
  readonly operator: string;
  readonly inputs: readonly NewInput[];
  readonly integers?: Readonly<Record<string, number>>;
}

/** How a node is written. What is undefined stays as it is. */
export interface Rewrite {
  readonly operator?: string;
  readonly inputs?: readonly NewInput[];
  /** The attributes that go. */
  readonly without?: readonly string[];
  /** New attributes. */
  readonly integers?: Readonly<Record<string, number>>;
  readonly texts?: Readonly<Record<string, string>>;
  /** The axis from which on all dimensions become one for the node, and have their sizes again after it. */
  readonly flattened?: number;
}

/** A list of integers, or a single one without a dimension. */
export function int64s(values: readonly number[] | number): Omit<NewTensor, "name"> {
  const list = typeof values === "number" ? [values] : values;
  // A number from 2^53 on is an end beyond every end, and 2^63 is what its rounding gives.
  const data = new Uint8Array(
    BigInt64Array.from(list, (value) => (value >= 2 ** 63 ? 2n ** 63n - 1n : BigInt(value))).buffer,
  );
  return { type: dataType.int64, shape: typeof values === "number" ? [] : [list.length], data };
}

/** A list of floats, or a single one without a dimension. */
export function float32s(values: readonly number[] | number): Omit<NewTensor, "name"> {
  const list = typeof values === "number" ? [values] : values;
  const data = new Uint8Array(Float32Array.from(list).buffer);
  return { type: dataType.float, shape: typeof values === "number" ? [] : [list.length], data };
}

/**
 * The changes of a node, with the nodes for its new inputs before it.
 *
 * @param graph the graph that has the node
 */
export function editsOf(node: Node, rewrite: Rewrite, graph: Graph, { unused }: Pick<Names, "unused">): Edit[] {
  const { message, fields, attributes } = node;
  const { operator, inputs = node.inputs, without = [], integers = {}, texts = {}, flattened } = rewrite;
  const [output = ""] = node.outputs;
  const edits: Edit[] = [];
  const before: Part[] = [];
  const known = new Map<NewInput, string>();
  const nameOf = (input: NewInput, wanted: string): string => {
    const made = typeof input === "string" ? input : known.get(input);
    if (typeof input === "string" || made !== undefined) return made as string;
    const name = unused(wanted);
    known.set(input, name);
    if ("operator" in input) {
      const inner = input.inputs.map((each, i) => nameOf(each, `${wanted}_${i}`));
      const computing = { ...input, name: unused(`${name}_${input.operator}`), inputs: inner, outputs: [name] };
      for (const part of nodeIn(graph, computing)) before.push(part);
    } else for (const part of constantNodeIn(graph, { ...input, name })) before.push(part);
    return name;
  };
  const names = inputs.map((input, i) => nameOf(input, `${output}_input_${i}`));
  while (names.at(-1) === "") names.pop();
  const changed = names.findIndex((name, i) => name !== node.inputs[i]);
  const kept = changed === -1 ? names.length : changed;
  for (const field of fields.inputs.slice(kept)) edits.push({ message, start: field.at, end: field.end, parts: [] });
  const added = names.slice(kept).flatMap((name) => bytesField(1, name));
  const end = [...added, ...integerAttributes(integers), ...textAttributes(texts)];
  if (end.length > 0) edits.push({ message, start: message.end, end: message.end, parts: [Uint8Array.from(end)] });
  for (const name of without) {
    const attribute = attributes.get(name)?.message;
    if (attribute) edits.push({ message, start: attribute.at, end: attribute.end, parts: [] });
  }
  if (operator !== undefined) edits.push(text(node, fields.operator, 4, operator));
  const around = message.parent as Message;
  if (flattened !== undefined) {
    const [x = ""] = node.inputs;
    const [shape, flat, result] = ["shape", "flat", "flat_output"].map((each) => unused(`${output}_${each}`)) as [
      string,
      string,
      string,
    ];
    const named = (name: string, inputs: string[], outputs: string[]) => {
      return { name: unused(`${output}_${name}`), operator: name, inputs, outputs };
    };
    const integers = { axis: flattened };
    const nodes = [named("Shape", [x], [shape]), { ...named("Flatten", [x], [flat]), integers }];
    for (const part of nodes.flatMap((each) => nodeIn(graph, each))) before.push(part);
    edits.push(text(node, fields.inputs[0] as Field, 1, flat), text(node, fields.outputs[0] as Field, 2, result));
    const after = nodeIn(graph, named("Reshape", [result, shape], [output]));
    edits.push({ message: around, start: message.end, end: message.end, parts: after });
  }
  if (before.length > 0) edits.unshift({ message: around, start: message.at, end: message.at, parts: before });
  return edits;
}

type Field = Node["fields"]["operator"];

/** Replaces a field of text. */
function text({ message }: Node, { at, end }: Field, id: number, value: string): Edit {
  return { message, start: at, end, parts: [Uint8Array.from(bytesField(id, value))] };
}

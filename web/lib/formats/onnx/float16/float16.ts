import type { OnnxContents } from "../contents.js";
import { integerAttributes, type NewNode, type NewTensor, node as newNode, tensorAttribute } from "../file/encode.js";
import { named } from "../file/named.js";
import { dataType, type Graph, type Node, type Tensor } from "../file/proto.js";
import type { Edit, Later } from "../file/splice.js";
import { sizeOf } from "../file/tensors.js";
import type { Scope, Use, Value } from "../file/values.js";
import { bytesField, type Field, type Message } from "../file/wire.js";
import type { Names } from "../forms/form.js";
import { givesFloat32, takesFloat32, whyFloat32 } from "./operators.js";

// Makes a model compute in float16. Its inputs and outputs stay float32, with a Cast after and before them.

/** A float32 tensor that becomes float16 while the model is written. */
export interface Narrowed {
  readonly tensor: Tensor;
  readonly data: Later;
}

export interface Float16Changes {
  readonly edits: readonly Edit[];
  readonly narrowed: readonly Narrowed[];
}

/** Puts a new tensor in place of that of a value. */
type Replace = (value: Value, tensor: NewTensor) => void;

/** @throws {RangeError} for a model that cannot compute in float16, with the node or the value that prevents it. */
export function checkFloat16({ proto, scopes: [scope, ...others] }: OnnxContents): void {
  const refuse = (what: string, why: string): never => {
    throw new RangeError(`float16 is true, and ${what} prevents it: ${why}`);
  };
  const { graph } = scope as Scope;
  for (const node of graph.nodes) {
    const why = whyFloat32(node, scope as Scope);
    if (why !== undefined) refuse(named(node), why);
  }
  if (others.length > 0 || proto.functions.length > 0) refuse("a function of the model", "functions stay float32");
  const untyped = [...graph.inputs, ...graph.outputs].find(({ type }) => type === undefined);
  if (untyped) refuse(`"${untyped.name}"`, "the file does not say which type it has");
}

/** @param replaced the tensors of weights that are quantized */
export function float16Changes(
  { proto, scopes }: OnnxContents,
  { replaced, names, replace }: { replaced: ReadonlySet<Tensor>; names: Names; replace: Replace },
): Float16Changes {
  const scope = scopes[0] as Scope;
  const { graph } = scope;
  const edits: Edit[] = [];
  const narrowed: Narrowed[] = [];
  const typeOf = new Map([...graph.inputs, ...graph.outputs].map(({ name, type }) => [name, type]));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const ends = endsOf(graph);

  /** Lets uses take a value that a Cast gives. */
  const castFor = (name: string, uses: readonly Use[], to: number, at: Edit["start"]) => {
    if (uses.length === 0) return;
    const output = names.unused(`${name}_${to === dataType.float16 ? "float16" : "float32"}`);
    edits.push(insert(graph, at, castNode(name, output, to, names)));
    for (const { node, input } of uses) edits.push(text(node, node.fields.inputs[input] as Field, 1, output));
  };
  const isWide = ({ node, input }: Use) => takesFloat32(node, input);

  for (const value of scope.values.values()) {
    const { name, tensor, node, uses } = value;
    if (tensor && replaced.has(tensor)) continue;
    const wide = uses.filter(isWide);
    const narrow = uses.filter((use) => !isWide(use));
    // Up to IR version 3, every initializer must be an input too.
    const isFixed = value.input === undefined || proto.irVersion < 4;
    if (tensor?.type === dataType.float && isFixed && !value.isOutput) {
      if (narrow.length === 0) continue;
      const data = { length: 2 * sizeOf(tensor, proto.reader) };
      narrowed.push({ tensor, data });
      replace(value, { name, type: dataType.float16, shape: tensor.shape, data });
      for (const use of wide) castFor(name, [use], dataType.float, use.node.message.at);
    } else if (tensor?.type === dataType.float || (node === undefined && typeOf.get(name) === dataType.float)) {
      castFor(name, narrow, dataType.float16, node?.message.end ?? ends.first);
    } else if (node !== undefined && tensor === undefined) {
      const isFloatOutput = outputs.has(name) && typeOf.get(name) === dataType.float;
      if (givesFloat32(node)) castFor(name, narrow, dataType.float16, node.message.end);
      else if (isFloatOutput) {
        // The output keeps its name, and everything in the graph takes the value before its Cast.
        const half = names.unused(`${name}_float16`);
        const place = node.outputs.indexOf(name);
        edits.push(text(node, node.fields.outputs[place] as Field, 2, half));
        edits.push(insert(graph, ends.last, castNode(half, name, dataType.float, names)));
        for (const { node: user, input } of narrow) {
          edits.push(text(user, user.fields.inputs[input] as Field, 1, half));
        }
        for (const use of wide) castFor(half, [use], dataType.float, use.node.message.at);
      } else for (const use of wide) castFor(name, [use], dataType.float, use.node.message.at);
    }
  }
  for (const node of graph.nodes) {
    if (node.domain !== "") continue;
    if (node.operator === "Cast") for (const edit of castEdits(node)) edits.push(edit);
    if (node.operator !== "ConstantOfShape") continue;
    const { message, attributes } = node;
    const { message: given, tensor } = attributes.get("value") ?? {};
    if (tensor && tensor.type !== dataType.float) continue;
    const data = tensor ? { length: 2 } : new Uint8Array(2);
    if (tensor) narrowed.push({ tensor, data });
    const parts = tensorAttribute({ name: "value", type: dataType.float16, shape: [1], data });
    edits.push(given ? { ...spanOf(given), parts } : { message, start: message.end, end: message.end, parts });
  }
  for (const { message, type } of graph.valueInfos) {
    if (type === dataType.float) edits.push({ ...spanOf(message), parts: [] });
  }
  return { edits, narrowed };
}

/** The places before the first node of a graph and after the last. */
function endsOf({ nodes, message }: Graph): { first: number; last: number } {
  return { first: nodes[0]?.message.at ?? message.end, last: nodes.at(-1)?.message.end ?? message.end };
}

function castNode(input: string, output: string, to: number, { unused }: Names): NewNode {
  return { name: unused(`${output}_Cast`), operator: "Cast", inputs: [input], outputs: [output], integers: { to } };
}

/** Cast to float32 becomes Cast to float16. */
function castEdits({ attributes }: Node): Edit[] {
  const to = attributes.get("to");
  if (to?.integer !== dataType.float) return [];
  return [{ ...spanOf(to.message), parts: [Uint8Array.from(integerAttributes({ to: dataType.float16 }))] }];
}

function insert({ message }: Graph, at: number, node: NewNode): Edit {
  return { message, start: at, end: at, parts: newNode(node) };
}

/** Replaces a field of text. */
function text({ message }: Node, { at, end }: Field, id: number, value: string): Edit {
  return { message, start: at, end, parts: [Uint8Array.from(bytesField(id, value))] };
}

function spanOf({ parent, at, end }: Message): Omit<Edit, "parts"> {
  return { message: parent as Message, start: at, end };
}

import type { Graph, ModelFunction, Node, Proto, Tensor } from "./proto.js";
import type { Message } from "./wire.js";

// Links the values of every graph with the nodes that use them.

export interface Use {
  readonly node: Node;
  /** The index of the input of the node. */
  readonly input: number;
  readonly scope: Scope;
}

export interface Value {
  readonly name: string;
  readonly scope: Scope;
  /** The tensor of an initializer or a Constant node. */
  readonly tensor: Tensor | undefined;
  /** The node that makes the value; for a constant, the Constant node. */
  readonly node: Node | undefined;
  /** The message that makes it an input of the graph, where it is one. */
  readonly input: Message | undefined;
  readonly uses: Use[];
  isOutput: boolean;
}

/** A graph and those around it: a name means what the nearest of them defines. */
export interface Scope {
  readonly graph: Graph;
  readonly outer: Scope | undefined;
  readonly values: Map<string, Value>;
  /** The function that the graph is part of. */
  readonly within: ModelFunction | undefined;
  /** The graphs of the model's functions, by domain and name. */
  readonly functions: Functions;
}

type Functions = ReadonlyMap<string, Scope>;

/** The graph of the model's function that a node calls, if it calls one. */
export function calledBy({ domain, operator }: Pick<Node, "domain" | "operator">, { functions }: Scope) {
  return functions.get(`${domain}:${operator}`);
}

/** The values of every graph of a model, outer graphs first, and those of its functions last. */
export function linkValues(proto: Proto): Scope[] {
  const functions = new Map<string, Scope>();
  const scopes = scopesOf(proto, proto.graph, { outer: undefined, within: undefined, functions });
  for (const within of proto.functions) {
    const own = scopesOf(proto, within.graph, { outer: undefined, within, functions });
    functions.set(`${within.domain}:${within.name}`, own[0] as Scope);
    for (const scope of own) scopes.push(scope);
  }
  for (const scope of scopes) {
    for (const node of scope.graph.nodes) {
      node.inputs.forEach((name, input) => {
        resolve(name, scope)?.uses.push({ node, input, scope });
      });
    }
    for (const { name } of scope.graph.outputs) {
      const value = resolve(name, scope);
      if (value) value.isOutput = true;
    }
  }
  return scopes;
}

export function resolve(name: string, scope: Scope | undefined): Value | undefined {
  for (; scope; scope = scope.outer) {
    const value = scope.values.get(name);
    if (value) return value;
  }
  return undefined;
}

type Around = Pick<Scope, "outer" | "within" | "functions">;

function scopesOf(proto: Proto, graph: Graph, { outer, within, functions }: Around): Scope[] {
  const scope: Scope = { graph, outer, values: new Map(), within, functions };
  const inputs = new Map(graph.inputs.map(({ name, message }) => [name, message]));
  const define = (name: string, { at }: Message, tensor: Tensor | undefined, node?: Node) => {
    if (name === "") return; // an optional output that is not wanted
    if (scope.values.has(name))
      proto.reader.fail(at, `"${name}" is defined twice in one graph: export the model again`);
    scope.values.set(name, { name, scope, tensor, node, input: inputs.get(name), uses: [], isOutput: false });
  };
  for (const tensor of graph.initializers) define(tensor.name, tensor.message, tensor);
  // An initializer is the default of the input with the same name.
  for (const { name, message } of graph.inputs) if (!scope.values.has(name)) define(name, message, undefined);
  for (const node of graph.nodes) {
    const isConstant = node.operator === "Constant" && node.domain === "";
    const tensor = isConstant ? node.attributes.get("value")?.tensor : undefined;
    for (const output of node.outputs) define(output, node.message, tensor, node);
  }
  const inner = graph.nodes.flatMap(({ attributes }) => [...attributes.values()].flatMap(({ graphs }) => graphs));
  return [scope, ...inner.flatMap((subgraph) => scopesOf(proto, subgraph, { outer: scope, within, functions }))];
}

import type { NewNode } from "./file/encode.js";
import type { Node } from "./file/proto.js";
import type { Scope } from "./file/values.js";
import type { Names, QuantizedActivations } from "./forms/form.js";

// Names for what is new in a model, and the activations that are quantized while it runs.

/** Activations that are quantized, and the first of the nodes that use their codes. */
interface Wanted {
  readonly names: QuantizedActivations;
  readonly float: string;
  readonly name: string;
  first: Node;
}

export interface NewNames extends Names {
  /** The nodes that quantize the activations asked for, each with the node that it must precede. */
  quantizers(): readonly { readonly node: NewNode; readonly before: Node }[];
}

export function newNames(scopes: readonly Scope[]): NewNames {
  const taken = new Set<string>();
  for (const { graph, values } of scopes) {
    for (const name of values.keys()) taken.add(name);
    for (const { name } of graph.nodes) taken.add(name);
  }
  const unused = (wanted: string) => {
    let name = wanted;
    for (let i = 1; taken.has(name); i++) name = `${wanted}_${i}`;
    taken.add(name);
    return name;
  };
  const wanted = new Map<Scope, Map<string, Wanted>>();
  return {
    unused,
    activations(node, scope) {
      const [float = ""] = node.inputs;
      const ofScope = wanted.get(scope) ?? new Map<string, Wanted>();
      wanted.set(scope, ofScope);
      const known = ofScope.get(float);
      if (known !== undefined) {
        if (node.message.at < known.first.message.at) known.first = node;
        return known.names;
      }
      const names = {
        codes: unused(`${float}_quantized`),
        scale: unused(`${float}_scale`),
        zeroPoint: unused(`${float}_zero_point`),
      };
      ofScope.set(float, { names, float, name: unused(`${float}_QuantizeLinear`), first: node });
      return names;
    },
    quantizers: () =>
      [...wanted.values()].flatMap((ofScope) =>
        [...ofScope.values()].map(({ names: { codes, scale, zeroPoint }, float, name, first }) => ({
          node: { name, operator: "DynamicQuantizeLinear", inputs: [float], outputs: [codes, scale, zeroPoint] },
          before: first,
        })),
      ),
  };
}

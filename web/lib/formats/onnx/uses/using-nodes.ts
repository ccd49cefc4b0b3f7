import type { UsingNode } from "../../../tensor/tensor.js";
import type { Node } from "../file/proto.js";
import { resolve, type Scope, type Value } from "../file/values.js";

/** @param moves the nodes that only move the tensor, whose outputs are followed */
export function usingNodes(value: Value, moves: readonly Node[] = []): UsingNode[] {
  const using: UsingNode[] = [];
  const seen = new Set<Value>([value]);
  const follow = (from: Value, after: number | undefined) => {
    for (const { node, input, scope } of from.uses) {
      const place = using.push(usingNode(node, input, scope, after)) - 1;
      if (!moves.includes(node)) continue;
      for (const name of node.outputs) {
        const moved = scope.values.get(name);
        if (moved === undefined || seen.has(moved)) continue;
        seen.add(moved);
        follow(moved, place);
      }
    }
  };
  follow(value, undefined);
  return using;
}

function usingNode(node: Node, input: number, scope: Scope, after: number | undefined): UsingNode {
  const operatorOf = ({ domain, operator }: Node) => (domain === "" ? operator : `${domain}.${operator}`);
  const others = node.inputs.filter((name, i) => i !== input && name !== "");
  const made = node.outputs.flatMap((name) => scope.values.get(name) ?? []);
  return {
    name: node.name || (node.outputs[0] ?? ""),
    operator: operatorOf(node),
    after,
    inputs: others.map((name) => {
      const { node: maker, tensor } = resolve(name, scope) ?? {};
      return { name, operator: maker === undefined || tensor !== undefined ? undefined : operatorOf(maker) };
    }),
    next: [...new Set(made.flatMap(({ uses }) => uses.map((use) => operatorOf(use.node))))],
    isLast: made.some(({ isOutput }) => isOutput),
  };
}

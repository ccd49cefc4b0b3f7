import { named } from "../file/named.js";
import type { Node } from "../file/proto.js";
import { calledBy, type Use, type Value } from "../file/values.js";
import { MAX_MOVES, movedBy, type View } from "./moves.js";
import { axesOf } from "./operators.js";

// The axes of a stored tensor that hold its output channels and that a channel is summed over, found from the nodes
// that use it.

/** A node that uses a tensor, the nodes on the way that only move it, and the axis of its output channels. */
export type Consumer = { readonly use: Use; readonly via: readonly Node[] } & (
  | { readonly axis: number; readonly along: number | undefined }
  | { readonly reason: string }
);

/** What becomes of a tensor. */
export interface Uses {
  /** Every node that uses it, found through functions of the model and the nodes that only move it. */
  readonly consumers: readonly Consumer[];
  /** The nodes that only move it. */
  readonly moves: readonly Node[];
}

export function usesOf(value: Value, shape: readonly number[]): Uses {
  const seen = new Set<Value>();
  const consumers = follow(value, { shape, stored: shape.map((_, axis) => axis) }, { via: [], seen });
  return { consumers, moves: [...seen].flatMap(({ node }) => node ?? []) };
}

/** The nodes on the way to a value, and all values that have been reached: parts of a tensor may meet again in one. */
interface Way {
  readonly via: readonly Node[];
  readonly seen: Set<Value>;
}

function follow(value: Value, view: View, way: Way): Consumer[] {
  return value.uses.flatMap((use) => consume(use, view, way));
}

function consume(use: Use, view: View, { via, seen }: Way): Consumer[] {
  const { node, input, scope } = use;
  const refuse = (reason: string): Consumer[] => [{ use, via, reason }];
  const called = calledBy(node, scope);
  const moved = called === undefined ? movedBy(use, view) : [view];
  if (typeof moved === "string") return refuse(moved);
  if (moved !== undefined) {
    const names = called === undefined ? node.outputs : [called.graph.inputs[input]?.name];
    return moved.flatMap((each, i) => {
      const output = (called ?? scope).values.get(names[i] ?? "");
      if (output === undefined || seen.has(output)) return [];
      seen.add(output);
      if (output.isOutput)
        return refuse(`it goes through ${named(node)} to an output of the graph, which must stay exact`);
      if (via.length === MAX_MOVES) return refuse(`it goes through more than ${MAX_MOVES} nodes that only move it`);
      return follow(output, each, { via: [...via, node], seen });
    });
  }
  const operator = node.domain === "" ? named(node) : `${node.domain}.${named(node)}`;
  const axes = axesOf({ node, input, shape: view.shape });
  if (typeof axes === "string") return refuse(`${operator} uses it, ${axes}`);
  const [axis, along] = axes.map((each) => view.stored[each]);
  if (axis === undefined)
    return refuse(`the output channels of ${operator} are reshaped out of more than one dimension`);
  return [{ use, via, axis, along }];
}

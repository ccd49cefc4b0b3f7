import type { Node } from "./proto.js";

/** The operator and the name of a node, for messages. */
export function named({ operator, name, outputs }: Node): string {
  return `${operator} "${name || outputs[0]}"`;
}

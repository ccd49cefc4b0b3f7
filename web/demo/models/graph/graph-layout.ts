import type { UsingNode } from "channelwise/models";

/** A box of the graph. */
export interface Box {
  readonly kind: "weight" | "operator" | "neighbour";
  /** What stands in it, the more important line first. */
  readonly lines: readonly string[];
  /** Counted from the left and from the top. */
  readonly column: number;
  readonly row: number;
}

/** The graph of a weight: boxes, and the lines from one to another by their places among them. */
export interface Layout {
  readonly boxes: readonly Box[];
  readonly lines: readonly (readonly [from: number, to: number])[];
  readonly columns: number;
  readonly rows: number;
}

/**
 * Places the nodes that use a weight, each to the right of what it takes, with what else it takes to its left, and what
 * uses its output to its right.
 */
export function layoutOf(weight: string, nodes: readonly UsingNode[]): Layout {
  const boxes: Box[] = [{ kind: "weight", lines: [weight], column: 0, row: 0 }];
  const lines: [number, number][] = [];
  /** The first row that is free in each column. */
  const free: number[] = [1];
  const place = (kind: Box["kind"], column: number, atLeast: number, ...texts: string[]) => {
    const row = Math.max(atLeast, free[column] ?? 0);
    free[column] = row + 1;
    return boxes.push({ kind, lines: texts, column, row }) - 1;
  };
  const boxOf: number[] = [];
  for (const { name, operator, after, inputs, next, isLast } of nodes) {
    const from = after === undefined ? 0 : boxOf[after];
    const column = boxes[from].column + 1;
    const box = place("operator", column, boxes[from].row, operator, name);
    boxOf.push(box);
    lines.push([from, box]);
    const { row } = boxes[box];
    for (const input of inputs) {
      const texts = input.operator === undefined ? [input.name] : [input.operator, input.name];
      lines.push([place("neighbour", column - 1, row, ...texts), box]);
    }
    const isMoved = nodes.some((other) => other.after === boxOf.length - 1);
    const users = isMoved ? [] : [...next, ...(isLast ? ["output of the graph"] : [])];
    for (const user of users) lines.push([box, place("neighbour", column + 1, row, user)]);
  }
  const columns = 1 + Math.max(...boxes.map(({ column }) => column));
  const rows = 1 + Math.max(...boxes.map(({ row }) => row));
  return { boxes, lines, columns, rows };
}

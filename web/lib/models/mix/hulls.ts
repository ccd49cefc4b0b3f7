// Spends a budget over things that each have several ways: a way takes bytes and costs an error. Of each thing only the
// ways on the lower convex hull of (bytes, cost) are worth while; the steps from each to the next are taken in falling
// order of what they save a byte (Shoham and Gersho, "Efficient bit allocation for an arbitrary set of quantizers", 1988).

/** What one way takes and costs. */
export interface Point {
  readonly bytes: number;
  readonly cost: number;
}

/** A step of one thing to its next way on the hull. */
export interface HullStep {
  /** The index of the thing. */
  readonly thing: number;
  /** The index of the way after the step. */
  readonly way: number;
  /** The bytes that the step adds. */
  readonly bytes: number;
}

/**
 * The lower convex hull of points, as their indices from the fewest bytes to the lowest cost. Of equal points it has the
 * first.
 */
export function lowerHull(points: readonly Point[]): number[] {
  const order = points.map((_, i) => i);
  order.sort((a, b) => points[a].bytes - points[b].bytes || points[a].cost - points[b].cost || a - b);
  const hull: number[] = [];
  for (const i of order) {
    const last = hull[hull.length - 1];
    if (last !== undefined && points[i].cost >= points[last].cost) continue;
    while (hull.length > 1 && !isBelow(points[hull[hull.length - 2]], points[hull[hull.length - 1]], points[i]))
      hull.pop();
    hull.push(i);
  }
  return hull;
}

/** Whether the middle point lies below the line from the left to the right one. */
function isBelow(left: Point, middle: Point, right: Point): boolean {
  const { bytes, cost } = left;
  return (cost - middle.cost) * (right.bytes - bytes) > (cost - right.cost) * (middle.bytes - bytes);
}

/** The steps of all things, in the order in which they are worth their bytes; equal ones in the order of the things. */
export function stepsInOrder(things: readonly (readonly Point[])[], hulls: readonly (readonly number[])[]): HullStep[] {
  const steps = things.flatMap((points, thing) =>
    hulls[thing].slice(1).map((way, i) => {
      const before = points[hulls[thing][i]];
      const bytes = points[way].bytes - before.bytes;
      return { thing, way, bytes, worth: (before.cost - points[way].cost) / bytes };
    }),
  );
  return steps.sort((a, b) => b.worth - a.worth); // a stable order
}

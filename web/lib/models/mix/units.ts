import { elementsOf } from "../../tensor/dtypes.js";
import type { Point } from "./hulls.js";
import type { MeasuredWays } from "./measure-ways.js";

/** Tensors that are quantized in one way, since readers join them: their places in the model. */
export type Unit = readonly number[];

/** What ways make of a unit: the index of the way, bytes, and errors. */
export interface Candidate extends Point {
  readonly way: number;
  /** The sum of (squared errors / squared weights) of its tensors. */
  readonly loss: number;
  /** The lowest SQNR of its tensors, in dB. */
  readonly sqnr: number;
}

/** Tensors with at least one measured way, those together that readers join. */
export function unitsOf(ways: MeasuredWays): Unit[] {
  const { model, plans, measured } = ways;
  const places = model.tensors.map((_, place) => place);
  const left = new Set(places.filter((place) => measured.some((each) => each[place] !== undefined)));
  const joined = plans[0]?.target.joined?.().lists ?? [];
  const units = joined.map((list) => list.filter((place) => left.delete(place))).filter(({ length }) => length > 0);
  /** Rules can ask for tensors whose neighbours have none of their ways. The plan then has a warning. */
  const divided = units.flatMap((unit) =>
    candidatesOf(unit, ways).length > 0 ? [unit] : unit.map((place) => [place]),
  );
  // In the order of the model, which decides between steps that are worth the same.
  return [...divided, ...Array.from(left, (place) => [place])].sort(([a], [b]) => a - b);
}

/** The ways that quantize all tensors of a unit. Loops, since a large model has tens of thousands of them. */
export function candidatesOf(unit: Unit, { model, measured }: MeasuredWays): Candidate[] {
  const roots = unit.map((place) => Math.sqrt(elementsOf(model.tensors[place].shape)));
  const candidates: Candidate[] = [];
  for (let way = 0; way < measured.length; way++) {
    const sums = { way, bytes: 0, cost: 0, loss: 0, sqnr: Infinity };
    let all = true;
    for (let i = 0; i < unit.length && all; i++) {
      const tensor = measured[way][unit[i]];
      all = tensor !== undefined;
      if (tensor === undefined) continue;
      const loss = 10 ** (-tensor.sqnr / 10);
      sums.bytes += tensor.bytesAfter;
      sums.cost += roots[i] * loss;
      sums.loss += loss;
      sums.sqnr = Math.min(sums.sqnr, tensor.sqnr);
    }
    if (all) candidates.push(sums);
  }
  return candidates;
}

/** The fewest bytes with so many dB, or the most dB there are. */
export function smallestReaching(candidates: readonly Candidate[], sqnr: number): Candidate {
  const enough = candidates.filter((each) => each.sqnr >= sqnr);
  if (enough.length === 0) return candidates.reduce((best, each) => (each.sqnr > best.sqnr ? each : best));
  return enough.reduce((best, each) =>
    each.bytes < best.bytes || (each.bytes === best.bytes && each.cost < best.cost) ? each : best,
  );
}

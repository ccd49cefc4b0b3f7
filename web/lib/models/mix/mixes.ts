import { checkNames, shown } from "../../core/arguments.js";
import { elementsOf } from "../../tensor/dtypes.js";
import { type Override, overrideOf, type Rules } from "../plan.js";
import { outputBytes } from "../quantize.js";
import { lowerHull, stepsInOrder } from "./hulls.js";
import type { MeasuredDecision, MeasuredWays } from "./measure-ways.js";
import { type Candidate, candidatesOf, smallestReaching, unitsOf } from "./units.js";

/** A way for every tensor, and what comes of it. */
export interface Mix {
  /** The rules by which `planModel` plans it. */
  readonly rules: Rules;
  /** The size of the files in bytes. */
  readonly byteLength: number;
  /** The bits that a quantized weight takes on average, with its share of the scales. */
  readonly bitsPerWeight: number;
  /**
   * The mean of the quantized tensors: -10 log10 of the mean of (sum of squared errors / sum of squared weights), in dB.
   * It is what a chain of layers adds up, if each layer passes on the errors of those before.
   */
  readonly sqnr: number;
  /** The quantized tensor with the lowest SQNR, and that in dB. */
  readonly worst: {
    /** The name of the tensor. */
    readonly tensor: string;
    /** Its SQNR in dB. */
    readonly sqnr: number;
  };
}

/** Mixes from the smallest to the best one. */
export interface Mixes {
  /** How many there are. */
  readonly count: number;
  /** A mix by its place, from 0 to count - 1. */
  at(place: number): Mix;
  /**
   * The best mix within a budget.
   *
   * @throws {RangeError} where no mix meets it, with what the smallest or the best one has.
   */
  within(budget: Budget): Mix;
}

/** What a mix has to meet: one of these. */
export type Budget =
  | {
      /** The most bytes that the files take. */
      readonly bytes: number;
    }
  | {
      /** The most bits that a quantized weight takes on average, with its share of the scales. */
      readonly bitsPerWeight: number;
    }
  | {
      /** The least mean SQNR of the tensors, in dB, which the smallest such mix reaches. */
      readonly sqnr: number;
    }
  | {
      /** The least SQNR of each tensor, in dB. A tensor that no way brings so far gets its best one. */
      readonly sqnrEach: number;
    };

/**
 * The mixes of measured ways that are worth their bytes. They minimise the sum over tensors of sqrt(number of weights) x
 * (squared errors / squared weights): of the objectives that were tried, outputs of real models kept most by this one.
 * Tensors that readers join, such as q, k and v, get one way.
 *
 * @throws {TypeError} where no tensor is quantized.
 */
export function mixesOf(ways: MeasuredWays): Mixes {
  const units = unitsOf(ways);
  if (units.length === 0) throw new TypeError(`${ways.model.name} has no tensor that any of the ways quantizes`);
  const candidates = units.map((unit) => candidatesOf(unit, ways));
  const hulls = candidates.map(lowerHull);
  const steps = stepsInOrder(candidates, hulls);
  /** The way with the fewest bytes for each unit. */
  const smallest = candidates.map((each, unit) => each[hulls[unit][0]]);
  const tensorCount = units.flat().length;
  const weights = units.flat().reduce((sum, place) => sum + elementsOf(ways.model.tensors[place].shape), 0);
  const bytesOf = (chosen: readonly Candidate[]) => chosen.reduce((sum, { bytes }) => sum + bytes, 0);

  const costOf = (chosen: readonly Candidate[]) => chosen.reduce((sum, { cost }) => sum + cost, 0);

  /** The mean of the tensors. */
  function sqnrOf(chosen: readonly Candidate[]): number {
    return -10 * Math.log10(chosen.reduce((sum, { loss }) => sum + loss, 0) / tensorCount);
  }

  function rulesOf(chosen: readonly Candidate[]): Rules {
    const { model, rules } = ways;
    const tensors = new Map<number, Override>(rules.tensors);
    for (const [unit, { way }] of chosen.entries()) {
      for (const place of units[unit]) {
        const own = rules.tensors?.get(place);
        tensors.set(place, { ...ways.ways[way], ...overrideOf(model.tensors[place], rules.overrides), ...own });
      }
    }
    return { ...rules, ...ways.ways[0], tensors };
  }

  /** What is known of `fileBytes`: laying out a file takes most of the time of a choice. */
  const sizes = new WeakMap<readonly Candidate[], number>();

  /** The size of the files, by the decisions that the ways were measured with. */
  function fileBytes(chosen: readonly Candidate[]): number {
    const known = sizes.get(chosen);
    if (known !== undefined) return known;
    const [plan] = ways.plans;
    const decisions = [...plan.decisions];
    for (const [unit, { way }] of chosen.entries()) {
      for (const place of units[unit]) decisions[place] = ways.plans[way].decisions[place];
    }
    const size = outputBytes({ ...plan, decisions });
    sizes.set(chosen, size);
    return size;
  }

  function mixOf(chosen: readonly Candidate[]): Mix {
    const tensors = chosen.flatMap(({ way }, unit) => units[unit].map((place) => measuredAt(ways, way, place)));
    const worst = tensors.reduce((least, each) => (each.sqnr < least.sqnr ? each : least));
    return {
      rules: rulesOf(chosen),
      byteLength: fileBytes(chosen),
      bitsPerWeight: (bytesOf(chosen) * 8) / weights,
      sqnr: sqnrOf(chosen),
      worst: { tensor: worst.tensor, sqnr: worst.sqnr },
    };
  }

  /** The ways after some steps. */
  function after(count: number): Candidate[] {
    const chosen = [...smallest];
    for (const { thing, way } of steps.slice(0, count)) chosen[thing] = candidates[thing][way];
    return chosen;
  }

  /**
   * Takes every step that fits. A unit whose step does not fit stays where it is.
   *
   * @param most no fewer bytes than the smallest mix takes
   */
  function withinBytes(most: number): Candidate[] {
    const chosen = [...smallest];
    const ended = new Set<number>();
    let left = most - bytesOf(smallest);
    for (const { thing, way, bytes } of steps) {
      if (ended.has(thing)) continue;
      if (bytes > left) {
        ended.add(thing);
        continue;
      }
      chosen[thing] = candidates[thing][way];
      left -= bytes;
    }
    return chosen;
  }

  /**
   * The file has more than what the ways take, such as a header, and not the same for all mixes: what a mix has too much
   * is what the next one gets less. The place of the steps that fits is the answer unless more of it can be filled.
   */
  function withinFile(most: number): Candidate[] | undefined {
    let limit = most - (fileBytes(smallest) - bytesOf(smallest));
    if (limit < bytesOf(smallest)) return undefined;
    let whole = stepsWithin(limit);
    for (let excess = fileBytes(whole) - most; excess > 0; excess = fileBytes(whole) - most) {
      limit = Math.max(bytesOf(whole) - excess, bytesOf(smallest));
      whole = stepsWithin(limit);
    }
    const filled = withinBytes(limit);
    return costOf(filled) < costOf(whole) && fileBytes(filled) <= most ? filled : whole;
  }

  /** The last place of the steps that takes no more bytes. */
  function stepsWithin(most: number): Candidate[] {
    let [place, left] = [0, most - bytesOf(smallest)];
    while (place < steps.length && steps[place].bytes <= left) left -= steps[place++].bytes;
    return after(place);
  }

  /** Each step is tried in turn, since a step of joined tensors may make one of them worse. */
  function reaching(sqnr: number): Candidate[] | undefined {
    const chosen = [...smallest];
    if (sqnrOf(chosen) >= sqnr) return chosen;
    for (const { thing, way } of steps) {
      chosen[thing] = candidates[thing][way];
      if (sqnrOf(chosen) >= sqnr) return chosen;
    }
    return undefined;
  }

  const found = (chosen: Candidate[] | undefined, name: string, value: number, nearest: () => string): Mix => {
    if (chosen) return mixOf(chosen);
    throw new RangeError(`${name} is ${value}, which no mix meets: ${nearest()}`);
  };
  const best = () => mixOf(after(steps.length));

  return {
    count: steps.length + 1,
    at(place) {
      if (!Number.isInteger(place) || place < 0 || place > steps.length) {
        throw new RangeError(`place is ${shown(place)}; it must be an integer from 0 to ${steps.length}`);
      }
      return mixOf(after(place));
    },
    within(budget) {
      const [name, value] = checkBudget(budget);
      const least = () => mixOf(smallest);
      if (name === "bytes") {
        return found(withinFile(value), name, value, () => `the smallest takes ${fileBytes(smallest)} bytes`);
      }
      if (name === "bitsPerWeight") {
        const most = Math.floor((value * weights) / 8);
        const chosen = most < bytesOf(smallest) ? undefined : withinBytes(most);
        return found(chosen, name, value, () => `the smallest takes ${least().bitsPerWeight.toFixed(3)}`);
      }
      if (name === "sqnr")
        return found(reaching(value), name, value, () => `the best has ${best().sqnr.toFixed(2)} dB`);
      return mixOf(candidates.map((each) => smallestReaching(each, value)));
    },
  };
}

const budgetNames = ["bytes", "bitsPerWeight", "sqnr", "sqnrEach"] as const;

function checkBudget(budget: Budget): readonly [(typeof budgetNames)[number], number] {
  checkNames("budget", budget, budgetNames);
  const given = Object.entries(budget) as [(typeof budgetNames)[number], unknown][];
  const [first] = given;
  if (given.length !== 1 || first === undefined) {
    throw new TypeError(`budget must have one of ${budgetNames.join(", ")}, not ${given.length} of them`);
  }
  const [name, value] = first;
  if (typeof value !== "number" || Number.isNaN(value)) {
    throw new TypeError(`budget.${name} is ${shown(value)}; it must be a number`);
  }
  return [name, value];
}

function measuredAt({ measured }: MeasuredWays, way: number, place: number): MeasuredDecision {
  return measured[way][place] as MeasuredDecision;
}

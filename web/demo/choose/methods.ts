import type { ScaleRule } from "channelwise";
import { product } from "../matrix.js";
import type { Cost, Settings, Summary } from "../protocol.js";

/** A way to find scales. */
export interface Method {
  readonly name: string;
  readonly rule: ScaleRule;
  readonly zeroPoints: boolean;
  /** The class that gives its colour. */
  readonly style: string;
}

/** The first is the one with which the others are compared. */
export const methods: readonly Method[] = [
  { name: "max", rule: "max", zeroPoints: false, style: "plain" },
  { name: "signed-max", rule: "signed-max", zeroPoints: false, style: "all" },
  { name: "search", rule: "search", zeroPoints: false, style: "own" },
  { name: "zero points", rule: "max", zeroPoints: true, style: "group" },
  { name: "zero points, search", rule: "search", zeroPoints: true, style: "group" },
];

/** There is no search with more. */
const BITS = [2, 3, 4, 5, 6, 7, 8];

/** What a method costs with a number of bits. */
export interface MethodPoint {
  readonly method: Method;
  readonly settings: Settings;
  readonly cost: Cost;
  /** All bytes, with integers and zero points packed, in bits a weight. */
  readonly bitsPerWeight: number;
  /** The dB that the maximum would have to gain at as many bytes; undefined where it has no such size. */
  readonly gain: number | undefined;
  readonly isChosen: boolean;
}

/** The settings of every method with every number of bits, and the granularity that is chosen. */
export function methodSettings({ settings }: Summary): Settings[] {
  return methods.flatMap(({ rule, zeroPoints }) => BITS.map((bits) => ({ ...settings, rule, zeroPoints, bits })));
}

export type Costs = (settings: Settings) => Cost | undefined;

/** What is known of the methods so far. */
export function methodPoints(summary: Summary, costOf: Costs): MethodPoint[] {
  const weights = product(summary.shape);
  const sizeOf = ({ packedBytes, packedScaleBytes }: Cost) => (8 * (packedBytes + packedScaleBytes)) / weights;
  const measured = methodSettings(summary).flatMap((settings) => {
    const cost = costOf(settings);
    const method = methods.find(({ rule, zeroPoints }) => rule === settings.rule && zeroPoints === settings.zeroPoints);
    return cost === undefined || method === undefined ? [] : [{ settings, cost, method, bitsPerWeight: sizeOf(cost) }];
  });
  const line = measured.filter(({ method }) => method === methods[0]);
  return measured.map((point) => {
    const { settings, cost, bitsPerWeight } = point;
    const { bits, rule, zeroPoints } = summary.settings;
    const isChosen = settings.bits === bits && settings.rule === rule && settings.zeroPoints === zeroPoints;
    const other = between(
      line.map((each) => [each.bitsPerWeight, each.cost.sqnr]),
      bitsPerWeight,
    );
    const gain = other === undefined ? undefined : cost.sqnr - other;
    return { ...point, isChosen, gain: Number.isFinite(gain) ? gain : undefined };
  });
}

/** The value at a place of a line through points, on which it is continued at either end. */
function between(line: readonly (readonly [place: number, value: number])[], at: number): number | undefined {
  if (line.length < 2) return undefined;
  const next = line.findIndex(([place]) => place >= at);
  const end = next === -1 ? line.length - 1 : Math.max(1, next);
  const [[x0, y0], [x1, y1]] = [line[end - 1], line[end]];
  return at === x1 ? y1 : y0 + ((at - x0) / (x1 - x0)) * (y1 - y0);
}

import { bytes, decibels, digits } from "../../format.js";
import type { ModelState } from "../model-state.js";
import { bounds } from "./evidence.js";
import { errorsOfAll, type Loss } from "./totals.js";

/** Decibels that are worth a word of advice: what is less, nobody would see. */
const WORTH_SAYING = 0.5;

/** Share of the weights' energy, the sum of their squares, that the squared errors come to. */
export function energyLost(sqnr: number): number {
  return 10 ** (-sqnr / 10);
}

/** "0.014 %", "less than 0.0001 %". Its space does not break. */
export function percent(share: number): string {
  if (share === 0) return "0\u00a0%";
  return share < 1e-6 ? "less than 0.0001\u00a0%" : `${digits(100 * share, 2)}\u00a0%`;
}

/** The loss in a few words: "0.014 % of the energy lost". */
export function lossInShort(state: ModelState): string {
  const { measured, missing, sqnr } = errorsOfAll(state);
  if (measured === 0) return missing === 0 ? "nothing is quantized" : "";
  return sqnr === Infinity ? "nothing lost" : `${percent(energyLost(sqnr))} of the energy lost`;
}

/** The verdict: a sentence that names it, and one that says what it is worth. */
export interface Verdict {
  readonly told: string;
  readonly worth: string;
}

export function verdict(state: ModelState): Verdict {
  const { measured, missing, sqnr } = errorsOfAll(state);
  if (measured === 0 && missing === 0) return { told: "No weight is quantized.", worth: "" };
  if (measured === 0) return { told: "The loss is not measured yet.", worth: "" };
  const soFar = missing === 0 ? "" : " so far";
  if (sqnr === Infinity) return { told: `Nothing is lost${soFar}: every weight comes back as it was.`, worth: "" };
  const lost = `the weights lose ${percent(energyLost(sqnr))} of their energy${soFar}.`;
  return { told: `${sizeOf(sqnr)}: ${lost}`, worth: worthOf(sqnr) };
}

function sizeOf(sqnr: number): string {
  if (sqnr >= bounds.one) return "A small loss";
  return sqnr > bounds.none ? "A noticeable loss" : "A large loss";
}

/** A sentence on what such a loss did to other models. */
function worthOf(sqnr: number): string {
  const [all, one, none] = [bounds.all, bounds.one, bounds.none].map((least) => percent(energyLost(least)));
  if (sqnr >= bounds.all)
    return `Three other models gave nearly the same answers at ${all}. Only the outputs tell whether yours does.`;
  if (sqnr >= bounds.one)
    return `One other model read text as well at ${one}. Only the outputs tell whether yours does.`;
  const lost = `at ${none}, one kept 71 % of its answers`;
  return sqnr > bounds.none
    ? `One other model read text as well at ${one}; ${lost}. Compare outputs before you rely on it.`
    : `Two of three other models lost many answers, or all: ${lost}. Choose more bits or smaller groups.`;
}

/** The weight that suffers most, and what it would bring to keep it. */
export interface Advice {
  readonly told: string;
  /** The text of a button that keeps them; undefined where it would not be worth it. */
  readonly offer: string | undefined;
  /** The weight, with those that are to be quantized in the same way. */
  readonly tensors: readonly number[];
}

/** Undefined as long as something is not measured, and where nothing is lost. */
export function advice(state: ModelState): Advice | undefined {
  const { losses, missing, sqnr, worst } = errorsOfAll(state);
  if (missing > 0 || worst === undefined || worst.sqnr === Infinity) return undefined;
  const { tensors: described } = state.description;
  const tensors = state.plan.joined.find((list) => list.includes(worst.tensor)) ?? [worst.tensor];
  const rest = losses.filter(({ tensor }) => !tensors.includes(tensor));
  const name = described[worst.tensor].name;
  const told = `${name} suffers most: it loses ${percent(energyLost(worst.sqnr))} of its energy (${decibels(worst.sqnr)}).`;
  if (losses.length === 1) return { told, offer: undefined, tensors };

  const gainOfWorst = Math.min(...rest.map((loss) => loss.sqnr)) - worst.sqnr;
  const gainOfAll = sqnrOf(losses, rest) - sqnr;
  const more = tensors.reduce(
    (sum, tensor) => sum + described[tensor].byteLength - state.plan.tensors[tensor].bytesAfter,
    0,
  );
  if (Math.max(gainOfWorst, gainOfAll) < WORTH_SAYING)
    return {
      told: `${told} No weight stands out, so more bits help more than exceptions.`,
      offer: undefined,
      tensors,
    };
  const gain = (decibels: number) => (decibels === Infinity ? "nothing lost" : `+${decibels.toFixed(1)} dB`);
  const what = tensors.length === 1 ? "Keep it float" : `Keep it and ${tensors.length - 1} joined with it float`;
  return {
    told,
    offer: `${what}: ${gain(gainOfWorst)} in the worst weight, ${gain(gainOfAll)} in all, for ${bytes(more)}`,
    tensors,
  };
}

/** SQNR of all weights, in dB, where only some are quantized. */
function sqnrOf(all: readonly Loss[], quantized: readonly Loss[]): number {
  const noise = quantized.reduce((sum, loss) => sum + loss.noise, 0);
  return noise === 0 ? Infinity : 10 * Math.log10(all.reduce((sum, loss) => sum + loss.signal, 0) / noise);
}

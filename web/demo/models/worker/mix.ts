import {
  type MeasuredDecision,
  type Mixes,
  type Model,
  mixesOf,
  planModel,
  type Rules,
  type Settings,
} from "channelwise/models";
import type { Measured, ShownMix } from "../protocol.js";
import { settingKey } from "../settings.js";

/** The ways that are tried, and what is known of them. */
export interface Trials {
  /** The rules that all ways follow. */
  readonly rules: Rules;
  /** A key for each way, and its settings. */
  readonly ways: ReadonlyMap<string, Settings>;
  readonly measured: readonly Measured[];
}

/**
 * The mix at a place.
 *
 * @param place its number, or the bytes that the best mix may take
 */
export function mixAt(
  model: Model,
  { rules, ways, measured }: Trials,
  place: number | { readonly bytes: number },
): ShownMix {
  const keys = [...ways.keys()];
  const settings = [...ways.values()];
  const plans = settings.map((way) => planModel(model, { ...rules, ...way }));
  const decisions: (MeasuredDecision | undefined)[][] = plans.map(() => []);
  for (const { tensor, setting, errors } of measured) {
    const way = keys.indexOf(settingKey(setting));
    const decision = plans[way].decisions[tensor];
    if (decision.quantize && "sqnr" in errors) decisions[way][tensor] = { ...decision, ...errors };
  }
  const mixes = mixesOf({ model, rules, ways: settings, plans, measured: decisions });
  const found = typeof place === "number" ? place : lastWithin(mixes, place.bytes);
  const { byteLength, sqnr, worst, rules: chosen } = mixes.at(found);
  const choices = new Map<number, number>();
  for (const [tensor, own] of chosen.tensors ?? []) {
    const way = settings.findIndex((each) => JSON.stringify(each) === JSON.stringify(own));
    if (!rules.tensors?.has(tensor)) choices.set(tensor, way);
  }
  return { count: mixes.count, place: found, choices, byteLength, sqnr, worst };
}

/** The last place of no more bytes, or the first one. */
function lastWithin(mixes: Mixes, bytes: number): number {
  let [least, most] = [0, mixes.count];
  while (most - least > 1) {
    const middle = (least + most) >> 1;
    if (mixes.at(middle).byteLength <= bytes) least = middle;
    else most = middle;
  }
  return least;
}

import { html } from "../../dom.js";
import { count, counted, decibels } from "../../format.js";
import { product } from "../../matrix.js";
import { term } from "../../terms.js";
import { brokenTensors, chosenErrors, chosenSetting, type ModelState, obstacle } from "../model-state.js";

/** Tiles that tell how many weights are quantized, and their errors. */
export function totals(state: ModelState): HTMLElement[] {
  const { description, plan } = state;
  const { measured, missing, sqnr, worst } = errorsOfAll(state);
  const chosen = plan.tensors.filter((planned) => planned.quantize).length;
  const kept = plan.tensors.length - chosen;
  const broken = brokenTensors(state).length;
  const impossible = broken === 0 ? "" : `, ${count(broken)} cannot be`;
  const known = missing === 0 ? "" : `, ${count(missing)} not measured yet`;
  const tile = (name: string | HTMLElement, value: string, note: string) =>
    html("div", {}, html("dt", {}, name), html("dd", {}, value), html("dd", { class: "note" }, note));
  return [
    tile(
      "Quantized",
      count(chosen - broken),
      `of ${counted(plan.tensors.length, "tensor")}; ${count(kept)} kept${impossible}`,
    ),
    tile(term("sqnr", "SQNR"), measured === 0 ? "–" : decibels(sqnr), `of all quantized weights together${known}`),
    tile(
      "Worst weight",
      worst === undefined ? "–" : decibels(worst.sqnr),
      worst === undefined ? "" : description.tensors[worst.tensor].name,
    ),
  ];
}

/** The loss of a quantized tensor: sums of squares where something is lost. */
export interface Loss {
  readonly tensor: number;
  readonly signal: number;
  readonly noise: number;
  readonly sqnr: number;
}

/** The measured losses of the quantized tensors, their total, and the one with the lowest SQNR. */
export function errorsOfAll(state: ModelState) {
  const losses: Loss[] = [];
  let missing = 0;
  for (const [tensor, { shape }] of state.description.tensors.entries()) {
    if (chosenSetting(state, tensor) === undefined) continue;
    const errors = chosenErrors(state, tensor);
    if (errors === undefined) {
      if (obstacle(state, tensor) === undefined) missing++;
      continue;
    }
    const { mse, sqnr } = errors;
    const noise = mse * product(shape);
    // The signal is unknown where nothing is lost.
    losses.push({ tensor, noise, signal: noise === 0 ? 0 : noise * 10 ** (sqnr / 10), sqnr });
  }
  const [signal, noise] = losses.reduce(([s, n], loss) => [s + loss.signal, n + loss.noise], [0, 0]);
  const worst = losses.reduce<Loss | undefined>((a, b) => (a === undefined || b.sqnr < a.sqnr ? b : a), undefined);
  return {
    losses,
    measured: losses.length,
    missing,
    sqnr: noise === 0 ? Infinity : 10 * Math.log10(signal / noise),
    worst,
  };
}

/** The bytes and losses of the choices; undefined until everything is measured. */
export function figuresOf(state: ModelState): string | undefined {
  const { losses, missing } = errorsOfAll(state);
  if (missing > 0) return undefined;
  return JSON.stringify([state.plan.byteLength, losses.map(({ tensor, noise }) => [tensor, noise])]);
}

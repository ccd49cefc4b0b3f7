import { html } from "../dom.js";
import { bytes, count, counted, decibels } from "../format.js";
import { product } from "../matrix.js";
import { term } from "../terms.js";
import { brokenTensors, chosenErrors, chosenSetting, type ModelState, obstacle } from "./model-state.js";

/** What the choices come to: sizes and errors of the whole model. */
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
    tile("Size before", bytes(description.byteLength), "of the file"),
    tile("Size after", bytes(plan.byteLength), `${(description.byteLength / plan.byteLength).toFixed(2)} : 1`),
    tile(term("sqnr", "SQNR"), measured === 0 ? "–" : decibels(sqnr), `of all quantized weights together${known}`),
    tile(
      "Worst weight",
      worst === undefined ? "–" : decibels(worst.sqnr),
      worst === undefined ? "" : description.tensors[worst.tensor].name,
    ),
  ];
}

/** Signal and noise of all tensors added up, and the tensor with the lowest SQNR. */
export function errorsOfAll(state: ModelState) {
  let [signal, noise, measured, missing] = [0, 0, 0, 0];
  let worst: { tensor: number; sqnr: number } | undefined;
  for (const [tensor, { shape }] of state.description.tensors.entries()) {
    if (chosenSetting(state, tensor) === undefined) continue;
    const errors = chosenErrors(state, tensor);
    if (errors === undefined) {
      if (obstacle(state, tensor) === undefined) missing++;
      continue;
    }
    measured++;
    if (worst === undefined || errors.sqnr < worst.sqnr) worst = { tensor, sqnr: errors.sqnr };
    if (errors.mse === 0) continue; // nothing is lost, and how much there was is not known
    const own = errors.mse * product(shape);
    noise += own;
    signal += own * 10 ** (errors.sqnr / 10);
  }
  return { measured, missing, sqnr: noise === 0 ? Infinity : 10 * Math.log10(signal / noise), worst };
}

import { byId, html } from "../dom.js";
import { bytes, decibels, shapeText, typeset } from "../format.js";
import { tableOf } from "../see/figure.js";
import { reportFile } from "../take-away/report.js";
import { chosenErrors, type ModelState, obstacle } from "./model-state.js";
import { plannedText, targetNames } from "./settings.js";

/** The verdict, the settings, every tensor, the pictures that are shown, and what gives the same elsewhere. */
export function modelReport(state: ModelState): Blob {
  const shown = (selector: string) => [...byId("model", HTMLElement).querySelectorAll(selector)];
  const { all, target, own } = state.rules;
  const settings = [
    ["written as", targetNames[target]],
    ["bits", String(all.bits)],
    ["one scale for each", typeof all.granularity === "number" ? `group of ${all.granularity}` : all.granularity],
    ["rule for scales", all.rule],
    ["zero points", all.zeroPoints ? "yes" : "no"],
    ["weights with their own settings", String(own.size)],
  ];
  const cards = [...byId("outcome", HTMLElement).children].filter((each) => !(each as HTMLElement).hidden);
  return reportFile(`${state.description.name}, quantized`, [
    ...cards,
    card(tableOf("Settings", ["setting", "value"], settings)),
    card(tensorsTable(state)),
    ...shown("figure:not([hidden]), .run-result table").map((part) => part),
    ...shown(".recipe"),
  ]);
}

function card(table: HTMLTableElement): HTMLElement {
  return html("section", { class: "card" }, html("div", { class: "scroll" }, table));
}

/** All tensors, in the order of the file. */
function tensorsTable(state: ModelState): HTMLTableElement {
  const rows = state.description.tensors.map(({ name, dtype, shape, byteLength }, i) => {
    const planned = state.plan.tensors[i];
    const errors = chosenErrors(state, i);
    return [
      name,
      `${shape.length === 0 ? "one number" : shapeText(shape)} ${dtype}`,
      bytes(byteLength),
      planned.quantize ? bytes(planned.bytesAfter) : "",
      obstacle(state, i) ?? (planned.quantize ? plannedText(planned) : planned.reason),
      errors === undefined ? "" : decibels(errors.sqnr),
      errors === undefined ? "" : typeset(errors.maxError, 3),
    ];
  });
  return tableOf("Every tensor", ["tensor", "shape", "before", "after", "what is done", "SQNR", "max error"], rows);
}

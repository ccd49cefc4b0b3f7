import { html, scrollRegion } from "../../dom.js";
import { bytes, counted, decibels, typeset } from "../../format.js";
import type { ComparedModels } from "../protocol.js";

/** More rows would be slow to lay out, and nobody reads them. */
const MAX_ROWS = 200;

/** A table of two models, tensor by tensor, the worst first. */
export function comparisonTable({ original, other, tensors, missing, added }: ComparedModels): HTMLElement {
  const rank = (each: ComparedModels["tensors"][number]) =>
    each.result === "other" ? -Infinity : each.result === "near" ? each.sqnr : Infinity;
  const worstFirst = [...tensors].sort((a, b) => rank(a) - rank(b));
  const rows = worstFirst.slice(0, MAX_ROWS).map((each) => {
    const sizes = `${bytes(each.bytesBefore)} → ${bytes(each.bytesAfter)}`;
    const [sqnr, maxError] =
      each.result === "near"
        ? [decibels(each.sqnr), typeset(each.maxError, 3)]
        : [each.result === "same" ? "the same bytes" : each.reason, ""];
    const told = each.result === "near" ? {} : { class: "told-in-words" };
    const cells = [html("td", told, sqnr), html("td", {}, maxError), html("td", {}, sizes)];
    return html("tr", {}, html("th", { scope: "row" }, each.tensor), ...cells);
  });
  const heads = ["Tensor", "SQNR", "Max error", "Size"].map((text) => html("th", { scope: "col" }, text));
  const more = tensors.length - rows.length;
  const told = [
    ...(more > 0 ? [`${counted(more, "tensor")} with smaller errors are not listed.`] : []),
    ...(missing.length > 0 ? [`Only ${original} has ${listed(missing)}.`] : []),
    ...(added.length > 0 ? [`Only ${other} has ${listed(added)}.`] : []),
  ];
  const table = html(
    "table",
    { class: "compared" },
    html("caption", {}, html("span", {}, `${other} compared with ${original}, the worst tensor first`)),
    html("thead", {}, html("tr", {}, ...heads)),
    html("tbody", {}, ...rows),
  );
  return html(
    "div",
    { class: "comparison-of-models" },
    scrollRegion("Comparison of the models", table),
    ...told.map((text) => html("p", { class: "hint" }, text)),
  );
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

import type { ComparedNode } from "channelwise/models";
import { html, scrollRegion } from "../../dom.js";
import { counted, decibels } from "../../format.js";
import { someOf } from "../some-of.js";

/** More rows would be slow to lay out, and nobody reads them. */
const MAX_ROWS = 50;

export interface NodesActions {
  /** Keeps the weights of a node float. */
  keep(node: ComparedNode): void;
  /** Searches nodes that stay float, so that all outputs have this SQNR, in dB. */
  search(minOutputSqnr: number): void;
}

/** What each node with quantized weights computes beside the float model, the worst first. */
export function nodesView(nodes: readonly ComparedNode[], actions: NodesActions): HTMLElement {
  const rows = nodes.slice(0, MAX_ROWS).map((each) => {
    const { node, operator, tensors, sqnr } = each;
    const name = html("th", { scope: "row" }, node, html("p", { class: "hint" }, `${operator} of ${someOf(tensors)}`));
    const button = html("button", { type: "button" }, "Keep this one float");
    button.setAttribute("aria-label", `Keep this one float: ${node}`);
    button.addEventListener("click", () => actions.keep(each));
    return html("tr", {}, name, ...[decibels(sqnr), button].map((cell) => html("td", {}, cell)));
  });
  const heads = ["Node", "SQNR", "What to do"].map((text) => html("th", { scope: "col" }, text));
  const table = html(
    "table",
    { class: "compared" },
    html("caption", {}, html("span", {}, "What each node with quantized weights computes, the worst first")),
    html("thead", {}, html("tr", {}, ...heads)),
    html("tbody", {}, ...rows),
  );
  const more = nodes.length - rows.length;
  const others = more > 0 ? ` ${counted(more, "node")} with a higher SQNR are not listed.` : "";
  const hint = `The errors of a node contain those of the nodes before it.${others}`;
  return html(
    "div",
    { class: "compared-nodes" },
    scrollRegion("Nodes", table),
    html("p", { class: "hint" }, hint),
    searchForm(actions),
  );
}

function searchForm({ search }: NodesActions): HTMLElement {
  const least = html("input", {
    type: "number",
    id: "least-output-sqnr",
    min: "0",
    step: "1",
    inputmode: "numeric",
    value: "30",
  });
  const button = html("button", { type: "button" }, "Keep nodes float until then");
  button.addEventListener("click", () => {
    if (Number.isFinite(least.valueAsNumber)) search(least.valueAsNumber);
  });
  return html(
    "div",
    { class: "model-input" },
    html("label", { for: least.id }, "Least SQNR of each output, in dB"),
    html("div", { class: "run-buttons" }, least, button),
    html("p", { class: "hint" }, "Each weight is quantized alone once, to see what it costs the outputs."),
  );
}

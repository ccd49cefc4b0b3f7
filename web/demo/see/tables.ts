import { html, scrollRegion } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import { count, decibels, digits } from "../format.js";
import { matrixOf } from "../matrix.js";
import type { Cells, ChannelOrder, ScaleRows, Summary, Table } from "../protocol.js";
import { grid } from "./figure.js";
import { Pager } from "./pager.js";
import { chosenOf } from "./result-view.js";

const ROWS = 50;
const COLUMNS = 20;

const tabs = ["Scales", "Integers", "Dequantized", "Errors", "Weights"] as const;
type Tab = (typeof tabs)[number];

const tableOf: Record<Exclude<Tab, "Scales">, Table> = {
  Integers: "quantized",
  Dequantized: "dequantized",
  Errors: "errors",
  Weights: "weights",
};

/** The result as tables, one at a time and a window of it. */
export class Tables {
  readonly #engine: Engine;
  readonly #panel = html("div", { id: "panel", role: "tabpanel" });
  readonly #buttons: Record<Tab, HTMLButtonElement>;
  readonly #rowPager = new Pager("Rows", ROWS, () => this.#redraw(), 0);
  readonly #columnPager = new Pager("Columns", COLUMNS, () => this.#redraw(), 0);
  readonly #scalePager = new Pager("Scales", ROWS, () => this.#redraw());
  readonly #region = scrollRegion("Table");
  #tab: Tab = "Scales";
  #order: ChannelOrder;
  #summary: Summary | undefined;

  constructor(root: HTMLElement, engine: Engine, order: ChannelOrder) {
    this.#engine = engine;
    this.#order = order;
    const tablist = html("div", { class: "tabs", role: "tablist", "aria-label": "Tables" });
    this.#panel.append(this.#scalePager.element, this.#rowPager.element, this.#columnPager.element, this.#region);
    root.append(tablist, this.#panel);
    this.#buttons = Object.fromEntries(tabs.map((tab) => [tab, this.#tabButton(tab)])) as Record<
      Tab,
      HTMLButtonElement
    >;
    tablist.append(...Object.values(this.#buttons));
    tablist.addEventListener("keydown", (event) => this.#moveTab(event));
    this.#mark();
  }

  async show(summary: Summary) {
    this.#summary = summary;
    const { rows, columns } = matrixOf(summary.shape, summary.settings.axis);
    this.#rowPager.setTotal(rows);
    this.#columnPager.setTotal(columns);
    this.#scalePager.setTotal(chosenOf(summary).scales);
    await this.#draw();
  }

  /** Puts the scales in another order. */
  setOrder(order: ChannelOrder) {
    this.#order = order;
    this.#redraw();
  }

  #tabButton(tab: Tab): HTMLButtonElement {
    const button = html(
      "button",
      { type: "button", role: "tab", id: `tab-${tab}`, "aria-controls": this.#panel.id },
      tab,
    );
    button.addEventListener("click", () => this.#select(tab));
    return button;
  }

  #moveTab(event: KeyboardEvent) {
    const at = tabs.indexOf(this.#tab);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const tab = tabs[(to + tabs.length) % tabs.length];
    this.#select(tab);
    this.#buttons[tab].focus();
  }

  #select(tab: Tab) {
    this.#tab = tab;
    this.#mark();
    this.#redraw();
  }

  #mark() {
    for (const tab of tabs) {
      const selected = tab === this.#tab;
      this.#buttons[tab].setAttribute("aria-selected", String(selected));
      this.#buttons[tab].tabIndex = selected ? 0 : -1;
    }
    this.#panel.setAttribute("aria-labelledby", `tab-${this.#tab}`);
    this.#scalePager.element.classList.toggle("off", this.#tab !== "Scales");
    this.#rowPager.element.classList.toggle("off", this.#tab === "Scales");
    this.#columnPager.element.classList.toggle("off", this.#tab === "Scales");
  }

  async #draw() {
    const [tab, summary] = [this.#tab, this.#summary];
    if (summary === undefined) return;
    const [rows, columns] = [this.#rowPager.window, this.#columnPager.window];
    const window = { row: rows.first, rows: rows.count, column: columns.first, columns: columns.count };
    const table =
      tab === "Scales"
        ? scalesTable(await this.#engine.ask("scales", { ...this.#scalePager.window, order: this.#order }), summary)
        : cellsTable(await this.#engine.ask("cells", { table: tableOf[tab], window }), tab, summary);
    // Answers come in the order of the questions, so that a later one is never overwritten.
    this.#region.replaceChildren(table);
  }

  #redraw() {
    unlessInterrupted(this.#draw());
  }
}

function scalesTable(rows: ScaleRows, { settings }: Summary): HTMLTableElement {
  const shared = rows.perTensorSqnr;
  const zeros = rows.zeroPoints;
  const headers = [
    "Scale",
    ...(zeros ? ["Zero point"] : []),
    "MSE",
    "Max error",
    "SQNR",
    ...(shared === undefined ? [] : ["SQNR, one scale for all"]),
  ];
  const lines = rows.names.map((name, i) => {
    const figures = [
      digits(rows.scales[i], 6),
      ...(zeros ? [String(zeros[i])] : []),
      digits(rows.mse[i], 4),
      digits(rows.maxError[i], 4),
      decibels(rows.sqnr[i]),
    ];
    if (shared !== undefined) figures.push(decibels(shared[i]));
    return html("tr", {}, html("th", { scope: "row" }, name), ...figures.map((figure) => html("td", {}, figure)));
  });
  const shares = { channel: "channel", tensor: "weight together", group: "group" }[settings.granularity];
  return grid(
    `Scale and errors of ${settings.granularity === "tensor" ? "all weights" : `each ${shares}`}`,
    [settings.granularity, ...headers],
    lines,
  );
}

function cellsTable(
  cells: Cells,
  tab: Exclude<Tab, "Scales">,
  { shape, settings, arithmetic }: Summary,
): HTMLTableElement {
  const limit = 2 ** (settings.bits - 1);
  const caption = {
    Integers: `Integers: weight / scale${settings.zeroPoints ? " + zero point" : ""}, rounded, from −${count(limit)} to ${count(limit - 1)}`,
    Dequantized: `Dequantized: ${settings.zeroPoints ? "(integer − zero point)" : "integer"} × scale`,
    Errors: "Errors: weight − dequantized",
    Weights: `Weights, as ${arithmetic}`,
  }[tab];
  const text = {
    Integers: String,
    Dequantized: (value: number) => digits(value, 6),
    Errors: (value: number) => digits(value, 4),
    Weights: (value: number) => digits(value, 6),
  }[tab];
  const columns = cells.columnNames.length;
  const lines = cells.rowNames.map((name, row) => {
    const values = cells.values.subarray(row * columns, (row + 1) * columns);
    return html(
      "tr",
      {},
      html("th", { scope: "row" }, name),
      ...Array.from(values, (value) => html("td", {}, text(value))),
    );
  });
  const { rowShape } = matrixOf(shape, settings.axis);
  const corner =
    shape.length < 3
      ? "row"
      : `${rowShape.length === 1 ? "axis" : "axes"} ${rowShape.map((_, axis) => axis).join(", ")}`;
  return grid(caption, [corner, ...cells.columnNames], lines);
}

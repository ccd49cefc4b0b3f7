import { html, scrollRegion } from "../../dom.js";
import { bytes } from "../../format.js";
import { chosenSetting, type ModelState } from "../model-state.js";
import type { Errors, Planned, Setting, Unmeasurable } from "../protocol.js";
import { granularityText, settingKey, settingText } from "../settings.js";

export interface GridActions {
  choose(tensor: number, setting: Setting): void;
  chooseForAll(setting: Setting): void;
}

/** A table of the cost of every number of bits for every weight. A cell chooses its setting. */
export class SettingsTable {
  readonly element: HTMLElement;
  readonly #actions: GridActions;
  readonly #table = html("table", { class: "settings-table" });
  /** Cells of the table, row by row; a new table is made only where other tensors or settings are shown. */
  #cells: Cell[] = [];
  #shown = "";

  constructor(actions: GridActions) {
    this.#actions = actions;
    this.element = scrollRegion("Every setting", this.#table);
  }

  /** @param alternatives what each of the tensors would become with each of the settings, which differ in their bits. */
  show(
    state: ModelState,
    tensors: readonly number[],
    settings: readonly Setting[],
    alternatives: readonly (readonly Planned[])[],
  ) {
    const { target, opset } = state.rules;
    const shown = JSON.stringify([target, opset, tensors, settings]);
    if (shown !== this.#shown) this.#build(state, tensors, settings, alternatives);
    this.#shown = shown;
    this.update(state);
  }

  /** Shows what was chosen and measured meanwhile. */
  update(state: ModelState) {
    for (const cell of this.#cells) updateCell(cell, state);
  }

  /** Forgets the tensors of another model. */
  reset() {
    this.#shown = "";
    this.#cells = [];
    this.#table.replaceChildren();
  }

  #build(
    { description }: ModelState,
    tensors: readonly number[],
    settings: readonly Setting[],
    alternatives: readonly (readonly Planned[])[],
  ) {
    const heads = settings.map((setting) => {
      const button = html(
        "button",
        { type: "button", "aria-label": `${settingText(setting)}, for all` },
        `${setting.bits} bits`,
      );
      button.addEventListener("click", () => this.#actions.chooseForAll(setting));
      return html("th", { scope: "col" }, button);
    });
    this.#cells = tensors.flatMap((tensor, row) =>
      settings.map((setting, column) => {
        const cell: Cell = {
          button: html("button", { type: "button" }),
          tensor,
          setting,
          planned: alternatives[row][column],
        };
        cell.button.addEventListener("click", () => {
          if (cell.planned.quantize) this.#actions.choose(tensor, cell.setting);
        });
        return cell;
      }),
    );
    const rows = tensors.map((tensor, row) => {
      const cells = this.#cells.slice(row * settings.length, (row + 1) * settings.length);
      const name = html("th", { scope: "row" }, description.tensors[tensor].name);
      return html("tr", {}, name, ...cells.map(({ button }) => html("td", {}, button)));
    });
    const kind = granularityText(settings[0].granularity);
    this.#table.replaceChildren(
      html(
        "caption",
        {},
        html(
          "span",
          {},
          `These are SQNR in dB and bytes, ${kind}. Choose a cell for one weight, or a number of bits for all.`,
        ),
      ),
      html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "Weight"), ...heads)),
      html("tbody", {}, ...rows),
    );
  }
}

interface Cell {
  readonly button: HTMLButtonElement;
  readonly tensor: number;
  readonly setting: Setting;
  readonly planned: Planned;
}

function updateCell({ button, tensor, setting, planned }: Cell, state: ModelState) {
  const errors = state.costs.get(tensor, setting);
  const chosen = chosenSetting(state, tensor);
  const isChosen = chosen !== undefined && settingKey(chosen) === settingKey(setting);
  button.setAttribute("aria-pressed", String(isChosen));
  const { figure, reason } = figureOf(planned, errors);
  const size = planned.quantize ? bytes(planned.bytesAfter) : "";
  const spoken = `${state.description.tensors[tensor].name}, ${settingText(setting)}: ${reason ?? "SQNR"} `;
  if (button.textContent === `${spoken}${figure} ${size}`) return;
  button.replaceChildren(
    html("span", { class: "visually-hidden" }, spoken),
    `${figure} `,
    html("span", { class: "note" }, size),
  );
  button.setAttribute("aria-disabled", String(!planned.quantize));
  button.title = reason ?? "";
}

/** The SQNR, or a sign with the reason why there is none. */
function figureOf(planned: Planned, errors: Errors | Unmeasurable | undefined): { figure: string; reason?: string } {
  if (!planned.quantize) return { figure: "–", reason: planned.reason };
  if (errors === undefined) return { figure: "…" };
  if ("reason" in errors) return { figure: "!", reason: errors.reason };
  return { figure: errors.sqnr === Infinity ? "exact" : errors.sqnr.toFixed(1) };
}

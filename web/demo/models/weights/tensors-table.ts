import { html, scrollRegion, setText } from "../../dom.js";
import { bytes, decibels, shapeText, typeset } from "../../format.js";
import { chosenErrors, type ModelState, obstacle } from "../model-state.js";
import { comparedBits, plannedText, settingKey, settingText, wayOf, withAxis } from "../settings.js";

export interface TableActions {
  /** Opens a tensor as a matrix. */
  look(tensor: number): void;
  /** Chooses for one tensor: the key of a setting, "keep", or "" for what is chosen for all. */
  choose(tensor: number, choice: string): void;
}

/** A table of the tensors and the decision for each. */
export class TensorsTable {
  readonly element: HTMLElement;
  readonly #actions: TableActions;
  readonly #body = html("tbody");
  readonly #rows = new Map<number, Row>();
  #options: readonly Option[] = [];

  constructor(actions: TableActions) {
    this.#actions = actions;
    const heads = ["Tensor", "Shape", "Size", "What is done", "SQNR", "Max error"];
    const table = html(
      "table",
      { class: "tensors" },
      html("caption", {}, "Choose a name to see its weights."),
      html("thead", {}, html("tr", {}, ...heads.map((text) => html("th", { scope: "col" }, text)))),
      this.#body,
    );
    this.element = scrollRegion("Tensors", table);
  }

  /** Forgets the rows of another model. */
  reset() {
    this.#rows.clear();
    this.#body.replaceChildren();
  }

  show(state: ModelState, tensors: readonly number[], group: number) {
    const options = optionsFor(state, group);
    if (JSON.stringify(options) !== JSON.stringify(this.#options)) this.#rows.clear();
    this.#options = options;
    for (const tensor of this.#rows.keys()) if (!tensors.includes(tensor)) this.#rows.delete(tensor);
    const rows = tensors.map((tensor) => {
      const row = this.#rows.get(tensor) ?? new Row(state, tensor, options, this.#actions);
      this.#rows.set(tensor, row);
      row.update(state);
      return row.element;
    });
    if (rows.length === this.#body.children.length && rows.every((row, i) => row === this.#body.children[i])) return;
    // A row that is put elsewhere loses the focus.
    const focused = document.activeElement;
    this.#body.replaceChildren(...rows);
    if (focused instanceof HTMLElement && this.#body.contains(focused)) focused.focus({ preventScroll: true });
  }
}

interface Option {
  readonly key: string;
  readonly text: string;
}

/** The choices for one tensor that can be written. */
function optionsFor({ rules, plan, description }: ModelState, group: number): Option[] {
  const bits = [...comparedBits].reverse().filter((bits) => plan.bits.includes(bits));
  return (["channel", group, "tensor"] as const).flatMap((granularity) =>
    bits.map((bits) => {
      const setting = withAxis({ bits, ...wayOf(rules.all), granularity }, rules.all, description.format);
      return { key: settingKey(setting), text: settingText(setting) };
    }),
  );
}

class Row {
  readonly element: HTMLTableRowElement;
  readonly #tensor: number;
  readonly #usual = html("option", { value: "" });
  readonly #choice: HTMLSelectElement | undefined;
  readonly #note = html("p", { class: "note" });
  readonly #after = html("span", { class: "note" });
  readonly #sqnr = html("td", { "data-head": "SQNR" });
  readonly #maxError = html("td", { "data-head": "Max error" });

  constructor({ description }: ModelState, tensor: number, options: readonly Option[], actions: TableActions) {
    this.#tensor = tensor;
    const { name, dtype, shape, byteLength, canQuantize } = description.tensors[tensor];
    const title = canQuantize ? html("button", { type: "button", class: "link" }, name) : html("span", {}, name);
    title.addEventListener("click", () => actions.look(tensor));
    if (canQuantize) {
      const choice = html(
        "select",
        { "aria-label": `What is done with ${name}` },
        this.#usual,
        html("option", { value: "keep" }, "keep as it is"),
        ...options.map(({ key, text }) => html("option", { value: key }, text)),
      );
      choice.addEventListener("change", () => actions.choose(tensor, choice.value));
      this.#choice = choice;
    }
    const dimensions = shape.length === 0 ? "one number" : shapeText(shape);
    this.element = html(
      "tr",
      {},
      html("th", { scope: "row" }, title),
      html("td", { "data-head": "Shape" }, dimensions, html("span", { class: "note" }, dtype)),
      html("td", { "data-head": "Size" }, bytes(byteLength), this.#after),
      html("td", { class: "what" }, ...(this.#choice ? [this.#choice] : []), this.#note),
      this.#sqnr,
      this.#maxError,
    );
  }

  update(state: ModelState) {
    const planned = state.plan.tensors[this.#tensor];
    const own = state.rules.own.get(this.#tensor);
    const problem = obstacle(state, this.#tensor);
    if (own === undefined) setText(this.#usual, planned.quantize ? plannedText(planned) : "kept");
    else setText(this.#usual, "as all");
    if (own === undefined || own === "keep") this.#select(own ?? "", "");
    else this.#select(settingKey(own), settingText(own));
    setText(this.#note, problem ?? (planned.quantize ? planned.notes.join("; ") : planned.reason));
    this.#note.classList.toggle("wrong", problem !== undefined);
    setText(this.#after, planned.quantize ? `→ ${bytes(planned.bytesAfter)}` : "");
    const errors = chosenErrors(state, this.#tensor);
    const missing = planned.quantize && problem === undefined ? "…" : "";
    setText(this.#sqnr, errors ? decibels(errors.sqnr) : missing);
    setText(this.#maxError, errors ? typeset(errors.maxError, 3) : missing);
    this.element.classList.toggle("kept", !planned.quantize);
  }

  /** A setting chosen elsewhere may be one that the list does not have. */
  #select(key: string, text: string) {
    const choice = this.#choice;
    if (choice === undefined || choice.value === key) return;
    choice.value = key;
    if (choice.value === key) return;
    choice.append(html("option", { value: key }, text));
    choice.value = key;
  }
}

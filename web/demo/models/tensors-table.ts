import { html, scrollRegion } from "../dom.js";
import { bytes, decibels, digits, shapeText } from "../format.js";
import { chosenErrors, type ModelState, obstacle } from "./model-state.js";
import { comparedBits, granularityText, plannedText, settingKey, settingText } from "./settings.js";

export interface TableActions {
  /** Opens a tensor as a matrix. */
  look(tensor: number): void;
  /** Chooses for one tensor: the key of a setting, "keep", or "" for what is chosen for all. */
  choose(tensor: number, choice: string): void;
}

/** What is in the file and what is done with it: a row for each tensor. */
export class TensorsTable {
  readonly element: HTMLElement;
  readonly #actions: TableActions;
  readonly #body = html("tbody");
  readonly #rows = new Map<number, Row>();
  #options: { key: string; text: string }[] = [];

  constructor(actions: TableActions) {
    this.#actions = actions;
    const heads = ["Tensor", "Type", "Shape", "Size", "What is done", "Becomes", "SQNR", "Max error"];
    const table = html(
      "table",
      { class: "tensors" },
      html("caption", {}, "Choose a name to see its weights"),
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
    const options = optionsFor(group);
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

function optionsFor(group: number) {
  return (["channel", group, "tensor"] as const).flatMap((granularity) =>
    [...comparedBits].reverse().map((bits) => ({
      key: settingKey({ bits, granularity }),
      text: settingText({ bits, granularity }),
      group: granularityText(granularity),
    })),
  );
}

class Row {
  readonly element: HTMLTableRowElement;
  readonly #tensor: number;
  readonly #choice: HTMLSelectElement | undefined;
  readonly #done = html("p", { class: "note" });
  readonly #becomes = html("td");
  readonly #sqnr = html("td");
  readonly #maxError = html("td");

  constructor(
    { description }: ModelState,
    tensor: number,
    options: readonly { key: string; text: string }[],
    actions: TableActions,
  ) {
    this.#tensor = tensor;
    const { name, dtype, shape, byteLength, canQuantize } = description.tensors[tensor];
    const title = canQuantize ? html("button", { type: "button", class: "link" }, name) : html("span", {}, name);
    title.addEventListener("click", () => actions.look(tensor));
    const what = html("td", { class: "what" });
    if (canQuantize) {
      const choice = html(
        "select",
        { "aria-label": `What is done with ${name}` },
        html("option", { value: "" }, "as all"),
        html("option", { value: "keep" }, "keep as it is"),
        ...options.map(({ key, text }) => html("option", { value: key }, text)),
      );
      choice.addEventListener("change", () => actions.choose(tensor, choice.value));
      what.append(choice);
      this.#choice = choice;
    }
    what.append(this.#done);
    this.element = html(
      "tr",
      {},
      html("th", { scope: "row" }, title),
      html("td", { "data-head": "Type" }, dtype),
      html("td", { "data-head": "Shape" }, shape.length === 0 ? "one number" : shapeText(shape)),
      html("td", { "data-head": "Size" }, bytes(byteLength)),
      what,
      this.#becomes,
      this.#sqnr,
      this.#maxError,
    );
    this.#becomes.dataset.head = "Becomes";
    this.#sqnr.dataset.head = "SQNR";
    this.#maxError.dataset.head = "Max error";
  }

  update(state: ModelState) {
    const planned = state.plan.tensors[this.#tensor];
    const own = state.rules.own.get(this.#tensor);
    const problem = obstacle(state, this.#tensor);
    if (this.#choice) {
      const key = own === undefined || own === "keep" ? (own ?? "") : settingKey(own);
      if (key !== this.#choice.value) this.#select(key, own === undefined || own === "keep" ? "" : settingText(own));
    }
    this.#done.textContent = problem ?? plannedText(planned);
    this.#done.classList.toggle("wrong", problem !== undefined);
    this.#becomes.textContent = planned.quantize ? bytes(planned.bytesAfter) : "as before";
    const errors = chosenErrors(state, this.#tensor);
    const missing = planned.quantize && problem === undefined ? "…" : "";
    this.#sqnr.textContent = errors ? decibels(errors.sqnr) : missing;
    this.#maxError.textContent = errors ? digits(errors.maxError, 3) : missing;
    this.element.classList.toggle("kept", !planned.quantize);
  }

  /** A setting chosen elsewhere may be one that the list does not have. */
  #select(key: string, text: string) {
    const choice = this.#choice as HTMLSelectElement;
    choice.value = key;
    if (choice.value === key) return;
    choice.append(html("option", { value: key }, text));
    choice.value = key;
  }
}

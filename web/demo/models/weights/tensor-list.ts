import { html } from "../../dom.js";
import { counted } from "../../format.js";
import { Pager } from "../../see/pager.js";
import { chosenErrors, type ModelState, obstacle } from "../model-state.js";

/** Rows that stand on the page at a time. */
const ROWS = 50;

const orders = {
  worst: "worst first",
  size: "largest first",
  name: "by name",
  file: "as in the file",
} as const;
type Order = keyof typeof orders;

const filters = { all: "all tensors", quantized: "quantized", kept: "kept" } as const;
type Filter = keyof typeof filters;

/** The list of tensors: its filter, its order, and the page of it that is shown. */
export class TensorList {
  readonly element: HTMLElement;
  readonly pager = new Pager("Tensors", ROWS, () => this.#changed());
  readonly #name = html("input", { type: "search", id: "tensor-name", placeholder: "part of a name" });
  readonly #filter = html("select", { id: "tensor-filter" }, ...options(filters));
  readonly #order = html("select", { id: "tensor-order" }, ...options(orders));
  readonly #count = html("p", { class: "hint", role: "status" });
  readonly #changed: () => void;
  #state: ModelState | undefined;
  #tensors: number[] = [];

  /**
   * @param columns a control that stands before those of the list
   * @param changed called when other tensors are to be shown
   */
  constructor(columns: HTMLSelectElement, changed: () => void) {
    this.#changed = changed;
    this.element = html(
      "div",
      { class: "tensor-list" },
      labelled("Columns", columns),
      labelled("Find", this.#name),
      labelled("Show", this.#filter),
      labelled("Order", this.#order),
      this.#count,
    );
    for (const control of [this.#name, this.#filter, this.#order]) {
      control.addEventListener("input", () => {
        this.pager.start();
        this.arrange();
        changed();
      });
    }
  }

  /** Takes over a new state; what is shown stays where it is until it is arranged. */
  set state(state: ModelState) {
    this.#state = state;
  }

  /** The tensors that stand on the page. */
  get shown(): readonly number[] {
    const { first, count } = this.pager.window;
    return this.#tensors.slice(first, first + count);
  }

  /** All tensors that fit the filter. */
  get tensors(): readonly number[] {
    return this.#tensors;
  }

  /** Filters and puts in order by what is known by now. */
  arrange() {
    const state = this.#state;
    if (state === undefined) return;
    const { description, plan } = state;
    const wanted = this.#name.value.trim().toLowerCase();
    const filter = this.#filter.value as Filter;
    const places = description.tensors.flatMap(({ name }, i) => {
      if (filter !== "all" && plan.tensors[i].quantize !== (filter === "quantized")) return [];
      return wanted === "" || name.toLowerCase().includes(wanted) ? [i] : [];
    });
    this.#tensors = places.sort(comparison(this.#order.value as Order, state));
    this.pager.setTotal(places.length);
    const all = description.tensors.length;
    this.#count.textContent = places.length === all ? "" : `${counted(places.length, "tensor")} of ${all}`;
  }
}

function labelled(text: string, control: HTMLElement): HTMLElement {
  return html("div", {}, html("label", { for: control.id }, text), control);
}

function options(texts: Readonly<Record<string, string>>): HTMLOptionElement[] {
  return Object.entries(texts).map(([value, text]) => html("option", { value }, text));
}

function comparison(order: Order, state: ModelState): (a: number, b: number) => number {
  const { tensors } = state.description;
  if (order === "name") {
    const { compare } = new Intl.Collator("en", { numeric: true });
    return (a, b) => compare(tensors[a].name, tensors[b].name);
  }
  if (order === "size") return (a, b) => tensors[b].byteLength - tensors[a].byteLength || a - b;
  if (order === "file") return (a, b) => a - b;
  const { plan } = state;
  // Tensors that cannot be quantized come first. Unmeasured ones come late, and kept ones last.
  const sqnr = (tensor: number) => {
    if (!plan.tensors[tensor].quantize) return Infinity;
    if (obstacle(state, tensor) !== undefined) return -Infinity;
    return chosenErrors(state, tensor)?.sqnr ?? Number.MAX_VALUE;
  };
  const key = new Map(tensors.map((_, i) => [i, sqnr(i)]));
  const of = (tensor: number) => key.get(tensor) as number;
  return (a, b) => (of(a) === of(b) ? a - b : of(a) - of(b));
}

import { html } from "../dom.js";
import { count } from "../format.js";

/** Moves a window of fixed size over a number of things; hidden while all of them fit. */
export class Pager {
  readonly element: HTMLElement;
  readonly #noun: string;
  readonly #size: number;
  readonly #moved: () => void;
  readonly #previous: HTMLButtonElement;
  readonly #next: HTMLButtonElement;
  readonly #text = html("span", { class: "shown" });
  readonly #first = html("input", { type: "number", step: "1", inputmode: "numeric" });
  /** The number of the first thing: 1 in a list, 0 in a matrix. */
  readonly #base: 0 | 1;
  #start = 0;
  #total = 0;

  constructor(noun: string, size: number, moved: () => void, base: 0 | 1 = 1) {
    this.#noun = noun;
    this.#base = base;
    this.#size = size;
    this.#moved = moved;
    const things = noun.toLowerCase();
    this.#previous = html("button", { type: "button", "aria-label": `Previous ${things}` }, "‹");
    this.#next = html("button", { type: "button", "aria-label": `Next ${things}` }, "›");
    this.#previous.addEventListener("click", () => this.#move(this.#start - size));
    this.#next.addEventListener("click", () => this.#move(this.#start + size));
    this.#first.addEventListener("change", () => this.#move((this.#first.valueAsNumber || base) - base));
    const goTo = html("label", {}, "from ", this.#first);
    this.element = html("nav", { class: "pager", "aria-label": noun }, this.#previous, this.#text, this.#next, goTo);
  }

  /** Goes to the first thing; `setTotal` shows it. */
  start() {
    this.#start = 0;
  }

  /** Sets how many things there are; the place is kept if it still exists. */
  setTotal(total: number) {
    this.#total = total;
    if (this.#start >= total) this.#start = 0;
    this.#update();
  }

  /** The first thing shown, and how many. */
  get window(): { first: number; count: number } {
    return { first: this.#start, count: Math.min(this.#size, this.#total - this.#start) };
  }

  #move(start: number) {
    const last = Math.max(0, this.#total - this.#size);
    this.#start = Math.min(last, Math.max(0, Math.trunc(start)));
    this.#update();
    this.#moved();
  }

  #update() {
    const end = Math.min(this.#total, this.#start + this.#size);
    const [from, to] = [this.#start + this.#base, end - 1 + this.#base];
    this.#text.textContent = `${this.#noun} ${count(from)} to ${count(to)} of ${count(this.#total)}`;
    this.#first.value = String(from);
    this.#first.min = String(this.#base);
    this.#first.max = String(this.#total - 1 + this.#base);
    // It is not disabled, which would take the focus away from the keyboard.
    this.#previous.setAttribute("aria-disabled", String(this.#start === 0));
    this.#next.setAttribute("aria-disabled", String(end === this.#total));
    this.element.hidden = this.#total <= this.#size;
  }
}

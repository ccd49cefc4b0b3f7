import { html } from "../dom.js";
import { bytes } from "../format.js";

/** The progress of long work: a bar, bytes, rate, time left, and a button that ends it. */
export class ProgressBar {
  readonly element: HTMLElement;
  readonly #bar = html("progress", { max: "1", value: "0" });
  readonly #text = html("p", { class: "hint" });
  #began = 0;

  constructor(label: string, cancel: () => void) {
    const button = html("button", { type: "button" }, "Cancel");
    button.addEventListener("click", cancel);
    this.#bar.setAttribute("aria-label", label);
    this.element = html("div", { class: "progress", hidden: "" }, this.#bar, button, this.#text);
  }

  begin(text: string) {
    this.#began = performance.now();
    this.#bar.removeAttribute("value");
    this.#text.textContent = text;
    this.element.hidden = false;
  }

  /** @param done bytes, of `total`. */
  tell(done: number, total: number, what: string) {
    const seconds = (performance.now() - this.#began) / 1000;
    const rate = done / seconds;
    this.#bar.value = total === 0 ? 1 : done / total;
    const parts = [`${bytes(Math.round(done))} of ${bytes(total)}`];
    // The first moments say little about the rest.
    if (seconds > 0.5 && done > 0)
      parts.push(`${bytes(Math.round(rate))}/s`, `${duration((total - done) / rate)} left`);
    if (what !== "") parts.push(what);
    this.#text.textContent = parts.join(", ");
  }

  end() {
    this.element.hidden = true;
  }
}

/** A duration such as "12 s", "3 min", "1.5 h". */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

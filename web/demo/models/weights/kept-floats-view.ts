import type { KeptFloats } from "channelwise/models";
import { html } from "../../dom.js";
import { bytes, counted } from "../../format.js";

/** Shows which share of a model's bytes stays floats, and why. */
export class KeptFloatsView {
  readonly element = html("details", { id: "kept-floats" });
  readonly #summary = html("summary");
  readonly #reasons = html("ul");

  constructor() {
    this.element.append(this.#summary, this.#reasons);
  }

  show({ byteLength, share, reasons }: KeptFloats) {
    this.element.hidden = byteLength === 0;
    const percent = share < 0.0005 ? "Less than 0.1" : (100 * share).toFixed(1);
    this.#summary.textContent = `${percent} % of the bytes stay floats (${bytes(byteLength)})`;
    const items = reasons.map(({ reason, tensors, byteLength }) =>
      html("li", {}, `${bytes(byteLength)} in ${counted(tensors, "tensor")}: ${reason}`),
    );
    this.#reasons.replaceChildren(...items);
  }
}

import { html } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import type { ChannelOrder, Summary } from "../protocol.js";
import type { Tables } from "./tables.js";

/** All numbers as tables, which are loaded when they are opened. */
export class TablesView {
  readonly #engine: Engine;
  readonly #details = html("details", {}, html("summary", {}, "All numbers as tables"));
  #tables: Tables | undefined;
  #order: ChannelOrder = "worst";
  #summary: Summary | undefined;

  constructor(root: HTMLElement, engine: Engine) {
    this.#engine = engine;
    this.#details.addEventListener("toggle", () => unlessInterrupted(this.#draw()));
    root.append(this.#details);
  }

  async show(summary: Summary) {
    this.#summary = summary;
    await this.#draw();
  }

  /** Puts the scales in another order. */
  setOrder(order: ChannelOrder) {
    this.#order = order;
    this.#tables?.setOrder(order);
  }

  async #draw() {
    if (!this.#details.open || this.#summary === undefined) return;
    const { Tables } = await import("./tables.js");
    this.#tables ??= new Tables(this.#details, this.#engine, this.#order);
    await this.#tables.show(this.#summary);
  }
}

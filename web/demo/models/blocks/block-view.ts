import { html, scrollRegion } from "../../dom.js";
import { count, counted } from "../../format.js";
import type { ModelClient } from "../model-client.js";
import type { ShownBlock } from "../protocol.js";
import { blockLayouts } from "./block-layouts.js";
import { type Followed, followWeight, sharedOf } from "./follow-weight.js";

/** A block of a GGUF as its bytes, its scales, and one of its weights followed from bytes to its value. */
export class BlockView {
  readonly element = html("section", { class: "block-view", "aria-labelledby": "block-heading", hidden: "" });
  readonly #heading = html("h3", { id: "block-heading" });
  readonly #block = html("input", { type: "number", id: "block-number", min: "1", step: "1", inputmode: "numeric" });
  readonly #weight = html("input", { type: "number", id: "block-weight", min: "1", step: "1", inputmode: "numeric" });
  readonly #of = html("span");
  readonly #bytes = html("ol", { class: "block-bytes", start: "0" });
  readonly #legend = html("ul", { class: "block-legend" });
  readonly #steps = html("ol");
  readonly #shared = html("div");
  readonly #told = html("p", { class: "told", role: "status" });
  #client: ModelClient | undefined;
  #tensor = "";
  #shown: ShownBlock | undefined;

  constructor() {
    const field = (label: string, input: HTMLInputElement, ...more: HTMLElement[]) =>
      html("div", { class: "field" }, html("label", { for: input.id }, label), input, ...more);
    this.element.append(
      this.#heading,
      field("Block", this.#block, this.#of),
      field("Weight of the block", this.#weight),
      html("p", { class: "hint" }, "Each cell is a byte, as hexadecimal digits. Marked bytes are those of the weight."),
      this.#bytes,
      this.#legend,
      html("h4", {}, "From bytes to the weight"),
      this.#steps,
      this.#shared,
      this.#told,
    );
    this.#block.addEventListener("change", () => this.#read());
    this.#weight.addEventListener("input", () => this.#follow());
  }

  /** Forgets another model. */
  reset(client: ModelClient) {
    this.#client = client;
    this.element.hidden = true;
  }

  /** Shows the first block of a tensor. */
  async show(tensor: string) {
    this.#tensor = tensor;
    this.#block.value = this.#weight.value = "1";
    await this.#read();
    this.element.scrollIntoView({ block: "nearest" });
  }

  async #read() {
    const client = this.#client;
    const block = Math.max(1, Math.trunc(this.#block.valueAsNumber || 1)) - 1;
    try {
      const shown = await client?.ask("block", { tensor: this.#tensor, block });
      if (shown === undefined || client !== this.#client) return;
      this.#shown = shown;
      this.#told.textContent = "";
      this.#draw(shown);
    } catch (error) {
      if (client === this.#client) this.#told.textContent = (error as Error).message;
    }
  }

  #draw({ type, bytes, block, count: blocks }: ShownBlock) {
    const { fields, length } = blockLayouts[type];
    this.element.hidden = false;
    this.#heading.textContent = `${this.#tensor}: a block of ${type}, ${length} weights in ${bytes.length} bytes`;
    this.#block.value = String(block + 1);
    this.#block.max = String(blocks);
    this.#weight.max = String(length);
    this.#of.textContent = `of ${count(blocks)}`;
    const useOf = (at: number) => fields.find(({ start, length }) => at >= start && at < start + length);
    this.#bytes.replaceChildren(
      ...Array.from(bytes, (byte, at) => {
        const title = `byte ${at}: ${useOf(at)?.holds}`;
        return html("li", { "data-use": useOf(at)?.use ?? "", title }, byte.toString(16).padStart(2, "0"));
      }),
    );
    this.#legend.replaceChildren(
      ...fields.map(({ use, holds, start, length }) => {
        const where = `bytes ${start} to ${start + length - 1}`;
        return html("li", {}, html("span", { "data-use": use }, use), ` ${where}: ${holds}`);
      }),
    );
    this.#drawShared(type, bytes);
    this.#follow();
  }

  #drawShared(type: string, bytes: Uint8Array) {
    const shared = sharedOf(type, bytes);
    this.#shared.hidden = shared.length === 0;
    if (shared.length === 0) return;
    const hasMins = shared[0].min !== undefined;
    const heads = ["Weights", "Scale × d", "from bytes", ...(hasMins ? ["Minimum × dmin", "from bytes"] : [])];
    const each = blockLayouts[type].shared;
    const rows = shared.map(({ scale, scaleBytes, min, minBytes }, j) => {
      const cells = [String(scale), scaleBytes.join(", "), ...(hasMins ? [String(min), minBytes.join(", ")] : [])];
      const weights = `${j * each + 1} to ${(j + 1) * each}`;
      return html("tr", {}, html("th", { scope: "row" }, weights), ...cells.map((text) => html("td", {}, text)));
    });
    const caption = html("caption", {}, html("span", {}, `${counted(shared.length, "sub-block")}, unpacked`));
    const head = html("thead", {}, html("tr", {}, ...heads.map((text) => html("th", { scope: "col" }, text))));
    this.#shared.replaceChildren(
      scrollRegion("Scales of the block", html("table", {}, caption, head, html("tbody", {}, ...rows))),
    );
  }

  #follow() {
    if (this.#shown === undefined) return;
    const { type, bytes } = this.#shown;
    const { length } = blockLayouts[type];
    const i = Math.min(length, Math.max(1, Math.trunc(this.#weight.valueAsNumber || 1))) - 1;
    const { steps }: Followed = followWeight(type, bytes, i);
    const marked = new Set(steps.flatMap((step) => step.bytes));
    for (const [at, cell] of [...this.#bytes.children].entries()) cell.toggleAttribute("data-marked", marked.has(at));
    this.#steps.replaceChildren(...steps.map(({ text }) => html("li", {}, text)));
  }
}

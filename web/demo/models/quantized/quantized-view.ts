import { download, html, scrollRegion } from "../../dom.js";
import { bytes, counted, shapeText } from "../../format.js";
import type { BlockView } from "../blocks/block-view.js";
import type { ModelClient } from "../model-client.js";
import type { Description, StoredTensor } from "../protocol.js";
import { plannedText } from "../settings.js";
import { someOf } from "../some-of.js";
import { Work, type WorkOptions } from "../work.js";
import { comparisonTable } from "./comparison-table.js";

/** The types of blocks of which there is a picture. */
const PICTURED = /^(Q[2-6]_K|Q[45]_[01]|Q8_0|IQ4_NL)$/;

/** More rows would be slow to lay out. */
const MAX_ROWS = 500;

/** A model that is quantized already: how each tensor is stored, its floats to save, and a comparison with its original. */
export class QuantizedView {
  readonly element = html("section", { class: "card", "aria-labelledby": "quantized-heading", hidden: "" });
  readonly #heading = html("h2", { id: "quantized-heading" });
  readonly #about = html("p");
  readonly #warnings = html("p", { class: "warning", role: "status", hidden: "" });
  readonly #passedOver = html("p", { class: "hint", hidden: "" });
  readonly #original = html("input", { type: "file", id: "original-file", class: "visually-hidden", multiple: "" });
  readonly #work = new Work("Working");
  readonly #result = html("div");
  readonly #tensors = html("div");
  #block: BlockView | undefined;
  #client: ModelClient | undefined;
  #files: readonly File[] = [];

  constructor() {
    const save = html("button", { type: "button" }, "Save as floats");
    save.addEventListener("click", () => this.#saveFloats());
    this.#original.addEventListener("change", () => this.#compareWith([...(this.#original.files ?? [])]));
    this.element.append(
      this.#heading,
      this.#about,
      this.#warnings,
      this.#passedOver,
      html(
        "div",
        { class: "run-buttons" },
        save,
        this.#original,
        html("label", { for: "original-file", class: "button plain-button" }, "Compare with the original"),
      ),
      this.#work.progress,
      this.#work.told,
      this.#result,
      this.#tensors,
    );
  }

  /** Shows a model that the client has opened. */
  show(client: ModelClient, description: Description, files: readonly File[]) {
    const { name, byteLength, quantized = [], warnings, passedOver } = description;
    this.#work.stop();
    this.#client = client;
    this.#block?.reset(client);
    this.#files = files;
    this.#heading.textContent = name;
    const codes = quantized.reduce((sum, each) => sum + each.byteLength, 0);
    this.#about.textContent = `This model is quantized already. Codes and scales take ${bytes(codes)} of its ${bytes(byteLength)}.`;
    this.#warnings.hidden = warnings.length === 0;
    this.#warnings.textContent = `${someOf(warnings)}.`;
    this.#passedOver.hidden = passedOver.length === 0;
    this.#passedOver.textContent = `Floats that are saved leave out ${someOf(passedOver.map(({ name, reason }) => `${name}: ${reason}`))}.`;
    this.#work.told.textContent = "";
    this.#result.replaceChildren();
    const heads = ["Tensor", "Shape", "Stored as", "Size"].map((text) => html("th", { scope: "col" }, text));
    const rows = quantized.slice(0, MAX_ROWS).map((each) => {
      const cells = [
        html("td", {}, shapeText(each.shape)),
        html("td", { class: "told-in-words" }, storedText(each)),
        html("td", {}, bytes(each.byteLength)),
      ];
      return html("tr", {}, html("th", { scope: "row" }, this.#nameOf(each)), ...cells);
    });
    const hasBlocks = quantized.some(({ stored }) => typeof stored === "string" && PICTURED.test(stored));
    const more = quantized.length - rows.length;
    this.#tensors.replaceChildren(
      scrollRegion(
        "Quantized tensors",
        html(
          "table",
          { class: "compared" },
          html(
            "caption",
            {},
            html(
              "span",
              {},
              `The file stores these tensors as codes.${hasBlocks ? " Choose one to see its blocks." : ""}`,
            ),
          ),
          html("thead", {}, html("tr", {}, ...heads)),
          html("tbody", {}, ...rows),
        ),
      ),
      ...(more > 0 ? [html("p", { class: "hint" }, `${counted(more, "more tensor")} are not listed.`)] : []),
    );
  }

  /** The name of a tensor, with which its blocks are shown. */
  #nameOf({ name, stored }: StoredTensor): HTMLElement | string {
    if (typeof stored !== "string" || !PICTURED.test(stored)) return name;
    const button = html("button", { type: "button", class: "link", title: "Show its blocks" }, name);
    button.addEventListener("click", () => this.#showBlock(name));
    return button;
  }

  async #showBlock(tensor: string) {
    const client = this.#client;
    const { BlockView } = await import("../blocks/block-view.js");
    if (client === undefined || client !== this.#client) return;
    if (this.#block === undefined) {
      this.#block = new BlockView();
      this.element.append(this.#block.element);
      this.#block.reset(client);
    }
    await this.#block.show(tensor);
  }

  #saveFloats() {
    return this.#working("Writing floats", async (client, options) => {
      const { name, blob } = await client.ask("dequantize", undefined, options);
      download(blob, name);
      this.#work.told.textContent = `${name} is in your downloads: ${bytes(blob.size)}.`;
    });
  }

  async #compareWith(original: readonly File[]) {
    this.#original.value = ""; // so that the same file can be chosen again
    if (original.length === 0) return;
    await this.#working("Comparing", async (client, options) => {
      const compared = await client.ask("compare", { pair: [original, this.#files] }, options);
      this.#result.replaceChildren(comparisonTable(compared));
    });
  }

  /** Does work with the model that is shown. */
  async #working(what: string, work: (client: ModelClient, options: WorkOptions) => Promise<void>) {
    const client = this.#client;
    if (client !== undefined) await this.#work.run(what, (options) => work(client, options));
  }
}

/** "4 bits in groups of 32, axis -1", or the type of ggml's blocks. */
function storedText({ stored }: StoredTensor): string {
  return typeof stored === "string" ? stored : plannedText(stored);
}

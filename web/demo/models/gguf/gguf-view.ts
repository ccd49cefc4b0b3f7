import { download, html, scrollRegion } from "../../dom.js";
import { bytes, counted, decibels } from "../../format.js";
import type { ModelClient } from "../model-client.js";
import type { Description } from "../protocol.js";
import { Work, type WorkOptions } from "../work.js";
import type { GgufChoice, GgufEncoder, GgufRules, MeasuredTypes, ShownGgufMix, ShownType } from "./protocol.js";

/** The type that is chosen at first. */
const USUAL = "Q4_K_M";

/**
 * A GGUF of floats, or an image model that can become one: size and loss of each type that it can be written as, side
 * by side, and a slider between the types of its tensors.
 */
export class GgufView {
  readonly element = html("section", { class: "card", "aria-labelledby": "gguf-heading", hidden: "" });
  readonly #heading = html("h2", { id: "gguf-heading" });
  readonly #about = html("p");
  readonly #body = html("tbody");
  readonly #measured = html("p", { class: "hint", role: "status" });
  readonly #search = html("input", { type: "checkbox", id: "gguf-search" });
  readonly #slider = html("input", {
    type: "range",
    id: "gguf-mix",
    min: "0",
    step: "1",
    "aria-describedby": "gguf-mix-figures",
  });
  readonly #figures = html("output", { id: "gguf-mix-figures", for: "gguf-mix" });
  readonly #chosen: (rules: GgufRules) => void;
  readonly #table = html("table", { class: "compared" });
  readonly #field: HTMLElement;
  readonly #save = html("button", { type: "button", class: "button" });
  readonly #more = html("button", { type: "button", hidden: "" });
  readonly #work = new Work("Working");
  #client: ModelClient | undefined;
  #types: readonly ShownType[] = [];
  #choice: GgufChoice = { type: USUAL };
  #isMeasured = false;

  /** @param chosen told the type for all of a list of models */
  constructor(chosen: (rules: GgufRules) => void) {
    this.#chosen = chosen;
    const heads = ["Type", "Size", "Bits a weight", "SQNR", "Worst tensor"];
    this.#table.append(
      html("caption", {}, html("span", {}, "What the file becomes with each type")),
      html("thead", {}, html("tr", {}, ...heads.map((text) => html("th", { scope: "col" }, text)))),
      this.#body,
    );
    this.#field = html(
      "div",
      { class: "least", hidden: "" },
      html("label", { for: "gguf-mix" }, "Or a type for each tensor, from the smallest file to the best"),
      this.#slider,
      this.#figures,
    );
    this.#slider.style.width = "20rem";
    this.element.append(
      this.#heading,
      this.#about,
      scrollRegion("Types", this.#table),
      this.#measured,
      html("div", { class: "run-buttons" }, this.#more),
      html(
        "p",
        {},
        this.#search,
        " ",
        html("label", { for: "gguf-search" }, "Search for better codes in as many bytes"),
      ),
      html(
        "p",
        { class: "hint" },
        "Without the search, the file is what llama-quantize writes, byte for byte. Smaller errors of the weights need not mean better answers. For IQ1 to IQ3 types and importance matrices, use llama-quantize.",
      ),
      this.#field,
      html("div", { class: "run-buttons" }, this.#save),
      this.#work.progress,
      this.#work.told,
    );
    this.#search.addEventListener("change", () => {
      this.#choose(this.#choice);
      this.#measure(false);
    });
    this.#more.addEventListener("click", () => this.#measure(this.#isMeasured));
    this.#slider.addEventListener("input", () => this.#showMix(this.#slider.valueAsNumber));
    this.#save.addEventListener("click", () => this.#write());
  }

  /**
   * Shows a model that the client has opened, and measures the types of a GGUF.
   *
   * @param type what was chosen for it before
   */
  async show(client: ModelClient, { name, format, byteLength, tensors, leftOut = [] }: Description, type?: GgufRules) {
    this.#work.stop();
    this.#client = client;
    const isGguf = format === "gguf";
    this.#heading.textContent = isGguf ? name : "As a GGUF, for ComfyUI-GGUF";
    const omitted = leftOut.map((part) => `${part.name}: ${part.reason}`).join("; ");
    this.#about.textContent = isGguf
      ? `GGUF, ${counted(tensors.length, "tensor")}, ${bytes(byteLength)}`
      : `What the architecture needs as floats stays floats.${omitted && ` Left out are ${omitted}.`}`;
    this.#work.told.textContent = this.#measured.textContent = "";
    this.#field.hidden = true;
    this.#isMeasured = false;
    this.#more.hidden = isGguf;
    this.#more.textContent = "Measure the errors";
    this.#body.replaceChildren();
    this.#types = await client.ask("types", undefined);
    if (type) this.#search.checked = type.encoder === "search";
    this.#choose({ type: type?.type ?? USUAL });
    this.#fill(undefined);
    if (isGguf) await this.#measure(false);
  }

  get #encoder(): GgufEncoder {
    return this.#search.checked ? "search" : "ggml";
  }

  #fill(measured: MeasuredTypes | undefined) {
    const chosen = "type" in this.#choice ? this.#choice.type : undefined;
    const rows = this.#types.map(({ name, byteLength, bitsPerWeight }) => {
      const radio = html("input", { type: "radio", name: "gguf-type", value: name });
      radio.checked = name === chosen;
      radio.addEventListener("change", () => this.#choose({ type: name }));
      const loss = measured?.losses.get(name);
      const worst = loss && loss.worst.tensor !== "" ? `${decibels(loss.worst.sqnr)} ${loss.worst.tensor}` : "";
      const cells = [bytes(byteLength), bitsPerWeight.toFixed(2), loss ? decibels(loss.sqnr) : "", worst];
      return html(
        "tr",
        {},
        html("th", { scope: "row" }, html("label", {}, radio, ` ${name}`)),
        ...cells.map((text) => html("td", {}, text)),
      );
    });
    this.#body.replaceChildren(...rows);
    this.#table.classList.toggle("unmeasured", measured === undefined);
  }

  #choose(choice: GgufChoice) {
    this.#choice = choice;
    this.#save.textContent = `Save as ${"type" in choice ? choice.type : "a mix"}`;
    if ("type" in choice) {
      this.#chosen({ ...choice, encoder: this.#encoder });
      return;
    }
    for (const radio of this.#body.querySelectorAll("input")) radio.checked = false;
  }

  /** @param all of the weights; otherwise a sample is enough for a large model */
  #measure(all: boolean) {
    return this.#working("Measuring", async (client, options) => {
      const measured = await client.ask("measureTypes", { encoder: this.#encoder, all }, options);
      this.#fill(measured);
      this.#isMeasured = true;
      this.#more.hidden = !measured.isSample;
      this.#more.textContent = "Measure all weights";
      this.#measured.textContent = measured.isSample
        ? "Measured with a sample of the rows of each tensor."
        : "Measured with all weights.";
      await this.#showMix(undefined);
      this.#field.hidden = false;
    });
  }

  /** @param place undefined for the best mix that is no larger than Q4_K_M, which is shown and not chosen */
  async #showMix(place: number | undefined) {
    const client = this.#client;
    const mix = await client?.ask("mixTypes", { place });
    if (mix === undefined || client !== this.#client) return;
    this.#slider.max = String(mix.count - 1);
    this.#slider.value = String(mix.place);
    const text = mixText(mix);
    this.#figures.textContent = text;
    this.#slider.setAttribute("aria-valuetext", text);
    if (place !== undefined) this.#choose({ place });
  }

  #write() {
    return this.#working("Saving", async (client, options) => {
      const given = { choice: this.#choice, encoder: this.#encoder };
      const suggestedName = await client.ask("nameGguf", given);
      const handle = await window.showSaveFilePicker?.({ suggestedName });
      const { files, byteLength } = await client.ask("writeGguf", { ...given, handle }, options);
      for (const { name, blob } of files) download(blob, name);
      const where = handle === undefined ? "is in your downloads" : "is saved";
      this.#work.told.textContent = `${handle?.name ?? suggestedName} ${where}: ${bytes(byteLength)}.`;
    });
  }

  /** Does work with the model that is shown. */
  async #working(what: string, work: (client: ModelClient, options: WorkOptions) => Promise<void>) {
    const client = this.#client;
    if (client !== undefined) await this.#work.run(what, (options) => work(client, options));
  }
}

/** "4.1 MB, 4.52 bits a weight, 24.1 dB in the mean (12 × Q4_K, 3 × Q6_K)" */
function mixText({ byteLength, bitsPerWeight, sqnr, worst, counts }: ShownGgufMix): string {
  const types = [...counts].map(([type, count]) => `${count} × ${type}`).join(", ");
  const least = `${worst.tensor} suffers most: ${decibels(worst.sqnr)}`;
  return `${bytes(byteLength)}, ${bitsPerWeight.toFixed(2)} bits a weight, ${decibels(sqnr)} in the mean; ${least} (${types})`;
}

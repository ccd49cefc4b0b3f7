import { html } from "../dom.js";
import { type Engine, Interrupted } from "../engine.js";
import { count } from "../format.js";
import type { Opened, Saved, SavedAs, Source, Summary } from "../protocol.js";
import { chosenOf } from "../see/result-view.js";

/** More numbers than this make a text that clipboards and their readers choke on. */
const MAX_COPIED = 1_000_000;

const rows: readonly { what: Saved; name: string; note: string; copy: SavedAs; files: readonly SavedAs[] }[] = [
  { what: "quantized", name: "Integers", note: "int8, or int16 above 8 bits", copy: "tsv", files: ["csv", "npy"] },
  { what: "scales", name: "Scales", note: "in .csv with the errors", copy: "tsv", files: ["csv", "npy"] },
  { what: "dequantized", name: "Dequantized", note: "with every digit", copy: "tsv", files: ["csv", "npy"] },
  {
    what: "all",
    name: "Everything",
    note: "scales, quantized, dequantized, mse, max_error",
    copy: "json",
    files: ["json"],
  },
];

/** Buttons that copy and download the result, which the worker writes. */
export class TakeAwayView {
  readonly #engine: Engine;
  readonly #told: HTMLElement;
  readonly #whileWriting: <T>(work: Promise<T>) => Promise<T>;
  #name = "weights";
  #summary: Summary | undefined;

  /** @param whileWriting shows that the worker is busy until the work is done. */
  constructor(root: HTMLElement, told: HTMLElement, engine: Engine, whileWriting: <T>(work: Promise<T>) => Promise<T>) {
    this.#engine = engine;
    this.#told = told;
    this.#whileWriting = whileWriting;
    const body = rows.map(({ what, name, note, copy, files }) => {
      const copyButton = this.#button("Copy", `Copy ${name.toLowerCase()}`, () => this.#copy(what, copy, name));
      const saveButtons = files.map((as) =>
        this.#button(`.${as}`, `Download ${name.toLowerCase()} as .${as}`, () => this.#download(what, as)),
      );
      const label = html("th", { scope: "row" }, name, html("span", { class: "note" }, note));
      return html("tr", {}, label, html("td", {}, copyButton), html("td", {}, ...saveButtons));
    });
    const heads = ["Result", "Copy", "Download"].map((text) => html("th", { scope: "col" }, text));
    const caption = html(
      "caption",
      {},
      "Copies are tab-separated for spreadsheets; JSON is the reference program’s, rounded as it rounds.",
    );
    root.append(
      html(
        "table",
        { class: "take" },
        caption,
        html("thead", {}, html("tr", {}, ...heads)),
        html("tbody", {}, ...body),
      ),
    );
  }

  show(_source: Source, opened: Opened, summary: Summary) {
    this.#name = opened.name;
    this.#summary = summary;
    this.#told.textContent = "";
  }

  #button(text: string, label: string, act: () => Promise<void>): HTMLButtonElement {
    const button = html("button", { type: "button", "aria-label": label }, text);
    button.addEventListener("click", async () => {
      try {
        await act();
      } catch (error) {
        this.#tell(error instanceof Interrupted ? "Stopped." : (error as Error).message);
      }
    });
    return button;
  }

  async #download(what: Saved, as: SavedAs) {
    const blob = await this.#whileWriting(this.#engine.ask("save", { what, as }));
    const address = URL.createObjectURL(blob);
    const file = `${this.#name}.${what === "all" ? "quantized" : what}.${as}`;
    html("a", { href: address, download: file }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser may read it after the click
    this.#tell(`${file} is in your downloads.`);
  }

  async #copy(what: Saved, as: SavedAs, name: string) {
    if (this.#summary === undefined) return;
    const { shape } = this.#summary;
    const weights = shape.reduce((product, dimension) => product * dimension, 1);
    const numbers = what === "scales" ? chosenOf(this.#summary).scales : weights;
    if (numbers > MAX_COPIED) {
      this.#tell(
        `${count(numbers)} numbers are too many to copy (at most ${count(MAX_COPIED)}); download them instead.`,
      );
      return;
    }
    if (navigator.clipboard === undefined) {
      this.#tell("This page cannot copy, because it was not loaded over https; download instead.");
      return;
    }
    // The promise inside the item keeps the right to write that the click gave, however long the worker takes.
    const text = this.#whileWriting(this.#engine.ask("save", { what, as })).then(
      (blob) => new Blob([blob], { type: "text/plain" }),
    );
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": text })]);
    this.#tell(`${name} copied.`);
  }

  #tell(text: string) {
    this.#told.textContent = text;
  }
}

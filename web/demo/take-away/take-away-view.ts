import { download, html } from "../dom.js";
import { type Engine, Interrupted } from "../engine.js";
import { count } from "../format.js";
import { matrixOf, product } from "../matrix.js";
import type { Opened, Saved, SavedAs, Source, Summary } from "../protocol.js";
import { chosenOf } from "../see/result-view.js";

/** More numbers than this make a text that clipboards and their readers choke on. */
const MAX_COPIED = 1_000_000;

/** A pasted matrix of no more numbers stands in the code itself. */
const MAX_NUMBERS_IN_CODE = 256;

const rows: readonly { what: Saved; name: string; note: string; copy: SavedAs; files: readonly SavedAs[] }[] = [
  {
    what: "quantized",
    name: "Integers",
    note: "int8, or int16 above 8 bits",
    copy: "tsv",
    files: ["npy", "csv", "json"],
  },
  { what: "scales", name: "Scales", note: "in .csv with the errors", copy: "tsv", files: ["npy", "csv", "json"] },
  { what: "zeroPoints", name: "Zero points", note: "in .csv beside the scales", copy: "json", files: ["npy", "json"] },
  { what: "dequantized", name: "Dequantized", note: "with every digit", copy: "tsv", files: ["npy", "csv", "json"] },
  {
    what: "all",
    name: "Everything",
    note: "in one file; .json as the reference program rounds it",
    copy: "json",
    files: ["safetensors", "npz", "json"],
  },
];

/** The result that the view saves and copies. */
interface Shown {
  readonly source: Source;
  readonly opened: Opened;
  readonly summary: Summary;
}

/** The result to copy and download, which the worker writes; and code, a command and a link that give it again. */
export class TakeAwayView {
  readonly #engine: Engine;
  readonly #told = html("p", { class: "hint told", role: "status" });
  readonly #rows = new Map<Saved, HTMLElement>();
  readonly #code = html("code");
  readonly #command = html("code");
  readonly #commandNote = html("p", { class: "hint" });
  readonly #whileWriting: <T>(work: Promise<T>) => Promise<T>;
  #shown: Shown | undefined;

  /** @param whileWriting shows that the worker is busy until the work is done. */
  constructor(root: HTMLElement, engine: Engine, whileWriting: <T>(work: Promise<T>) => Promise<T>) {
    this.#engine = engine;
    this.#whileWriting = whileWriting;
    const copyText = (name: string, text: () => string | null) =>
      this.#button("Copy", `Copy ${name.toLowerCase()}`, () => this.#write(Promise.resolve(text() ?? ""), name));
    const recipe = (name: string, note: Node | string, shown: HTMLElement) =>
      html(
        "div",
        { class: "recipe folded" },
        html("details", {}, html("summary", {}, name), html("pre", { tabindex: "0", "aria-label": name }, shown), note),
        copyText(name, () => shown.textContent),
      );
    root.append(
      this.#resultTable(),
      this.#told,
      recipe(
        "Code",
        html("p", { class: "hint" }, "This code does the same in Node, with the npm package channelwise."),
        this.#code,
      ),
      recipe("Command line", this.#commandNote, this.#command),
      html(
        "div",
        { class: "recipe folded" },
        html(
          "details",
          {},
          html("summary", {}, "Link"),
          html(
            "p",
            { class: "hint" },
            "The link restores these settings, and the sample or a small pasted matrix. Browsers send no server the part after the #.",
          ),
        ),
        this.#button("Copy", "Copy link", () => this.#copyLink()),
      ),
      html(
        "div",
        { class: "recipe folded" },
        html("p", { class: "hint" }, "A report is one file that shows all of this."),
        this.#button("Save a report", "Save a report", () => this.#saveReport()),
      ),
    );
  }

  async show(source: Source, opened: Opened, summary: Summary) {
    this.#shown = { source, opened, summary };
    (this.#rows.get("zeroPoints") as HTMLElement).hidden = !summary.settings.zeroPoints;
    this.#told.textContent = "";
    const file = fileName(source);
    const stored = source.kind === "file" && source.of !== undefined ? source.of : { file };
    const { code, command } = await import("./recipes.js");
    this.#code.textContent = code((await this.#numbers(source, summary)) ?? stored, opened, summary);
    this.#command.textContent = command(stored, summary.settings);
    const saved = source.kind === "text" ? `Save the pasted matrix as ${file} first. ` : "";
    const arithmetic =
      opened.stored === undefined && summary.arithmetic === "float32" ? "The command computes text in float64. " : "";
    this.#commandNote.textContent = `${saved}${arithmetic}It writes the integers and scales to a .safetensors file.`;
  }

  /** The weights themselves, where they are few and in no file. */
  async #numbers(source: Source, { shape, settings }: Summary) {
    const elements = product(shape);
    if (source.kind !== "text" || elements > MAX_NUMBERS_IN_CODE) return undefined;
    const { rows, columns } = matrixOf(shape, settings.axis);
    const window = { row: 0, rows, column: 0, columns };
    return { numbers: Array.from((await this.#engine.ask("cells", { table: "weights", window })).values) };
  }

  #resultTable(): HTMLTableElement {
    const body = rows.map(({ what, name, note, copy, files }) => {
      const copyButton = this.#button("Copy", `Copy ${name.toLowerCase()}`, () => this.#copy(what, copy, name));
      const saveButtons = files.map((as) =>
        this.#button(`.${as}`, `Download ${name.toLowerCase()} as .${as}`, () => this.#download(what, as)),
      );
      const label = html("th", { scope: "row" }, name, html("span", { class: "note" }, note));
      const row = html(
        "tr",
        {},
        label,
        html("td", {}, copyButton),
        html("td", {}, html("div", { class: "files" }, ...saveButtons)),
      );
      this.#rows.set(what, row);
      return row;
    });
    const heads = ["Result", "Copy", "Download"].map((text) => html("th", { scope: "col" }, text));
    const caption = "Copies have tabs between columns, for spreadsheets.";
    return html(
      "table",
      { class: "take" },
      html("caption", {}, caption),
      html("thead", {}, html("tr", {}, ...heads)),
      html("tbody", {}, ...body),
    );
  }

  #button(text: string, label: string, act: () => Promise<void>): HTMLButtonElement {
    const button = html("button", { type: "button", class: "small", "aria-label": label }, text);
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
    if (this.#shown === undefined) return;
    const kind = what === "all" ? "quantized" : what === "zeroPoints" ? "zero-points" : what;
    const file = `${this.#shown.opened.name}.${kind}.${as}`;
    download(await this.#whileWriting(this.#engine.ask("save", { what, as })), file);
    this.#tell(`${file} is in your downloads.`);
  }

  async #copy(what: Saved, as: SavedAs, name: string) {
    if (this.#shown === undefined) return;
    const { summary } = this.#shown;
    const numbers = what === "scales" || what === "zeroPoints" ? chosenOf(summary).scales : product(summary.shape);
    if (numbers > MAX_COPIED) {
      this.#tell(
        `${count(numbers)} numbers are too many to copy (at most ${count(MAX_COPIED)}). Download them instead.`,
      );
      return;
    }
    await this.#write(
      this.#whileWriting(this.#engine.ask("save", { what, as })).then((blob) => blob.text()),
      name,
    );
  }

  async #saveReport() {
    if (this.#shown === undefined) return;
    const { name } = this.#shown.opened;
    const { reportFile } = await import("./report.js");
    const file = `${name}.report.html`;
    download(reportFile(`${name}, quantized`, [...document.querySelectorAll("#results .card")]), file);
    this.#tell(`${file} is in your downloads.`);
  }

  async #copyLink() {
    if (this.#shown === undefined) return;
    const { source, summary } = this.#shown;
    const carried = {
      settings: summary.settings,
      ...(source.kind === "text" ? { text: source.text } : {}),
      ...(source.kind === "sample" ? { sample: source.name } : {}),
    };
    const link = import("../link.js").then(({ fragmentOf }) => fragmentOf(carried));
    await this.#write(
      link.then(({ fragment }) => new URL(fragment, location.href).href),
      "Link",
    );
    if (!(await link).isWhole) this.#tell("Link copied. It restores the settings. Open the weights there too.");
  }

  /** The promise keeps the right to write that the click gave, however long the worker takes. */
  async #write(text: Promise<string>, name: string) {
    if (navigator.clipboard === undefined) {
      this.#tell("This page cannot copy, because it was not loaded over https; download or select it instead.");
      return;
    }
    const blob = text.then((text) => new Blob([text], { type: "text/plain" }));
    await navigator.clipboard.write([new ClipboardItem({ "text/plain": blob })]);
    this.#tell(`${name} copied.`);
  }

  #tell(text: string) {
    this.#told.textContent = text;
  }
}

/** The name that the code and the command use for the file of the weights. */
function fileName(source: Source): string {
  if (source.kind === "file") return source.file.name;
  return source.kind === "text" ? "weights.csv" : (new URL(source.url).pathname.split("/").at(-1) as string);
}

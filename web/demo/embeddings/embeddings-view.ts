import type { Metric } from "channelwise/embeddings";
import { download, html } from "../dom.js";
import { bytes, counted } from "../format.js";
import { Cancelled, Client } from "../models/client.js";
import type { Opened, Source } from "../protocol.js";
import { type Content, Figure, tableOf } from "../see/figure.js";
import { codeOf, nameOf } from "./code.js";
import type { EmbeddingQuestions, Measured, Progress, Setting } from "./protocol.js";
import { drawRecall } from "./recall-chart.js";

type Worker_ = Client<EmbeddingQuestions, Progress>;

/** The rows of a matrix as vectors that are searched: what every precision finds, and an index to take away. */
export class EmbeddingsView {
  readonly #metric = html(
    "select",
    { id: "embedding-metric" },
    ...["cosine", "dot", "euclid"].map((name) => html("option", {}, name)),
  );
  readonly #k = html("select", { id: "embedding-k" }, ...["1", "10", "100"].map((k) => html("option", {}, k)));
  readonly #measure = html("button", { type: "button" }, "Measure recall");
  readonly #cancel = html("button", { type: "button", hidden: "" }, "Cancel");
  readonly #bar = html("progress", { max: "1", value: "0", hidden: "", "aria-label": "Measuring recall" });
  readonly #told = html("p", { class: "hint told", role: "status" });
  readonly #figure = new Figure();
  readonly #result: HTMLElement;
  readonly #chosen = html("p");
  readonly #code = html("code");
  readonly #saveRanges = this.#button("Save ranges", () => this.#save("ranges"));
  #worker: Worker_ | undefined;
  #source: Source | undefined;
  #opened: Opened | undefined;
  #measured: readonly Measured[] = [];
  #choice: Measured | undefined;
  /** The metric by which it was measured. */
  #by: Metric = "cosine";

  constructor(root: HTMLElement) {
    this.#k.value = "10";
    this.#k.addEventListener("change", () => this.#draw());
    this.#measure.addEventListener("click", () => this.#run());
    this.#cancel.addEventListener("click", () => this.#stop());
    const field = (label: string, control: HTMLElement) =>
      html("div", { class: "field" }, html("label", { for: control.id }, label), control);
    this.#result = html(
      "div",
      { hidden: "" },
      field("Of the closest", this.#k),
      this.#figure.element,
      this.#chosen,
      html(
        "div",
        { class: "files" },
        this.#button("Save index", () => this.#save("index")),
        this.#saveRanges,
      ),
      html(
        "section",
        { class: "recipe" },
        html(
          "div",
          {},
          html("h3", {}, "Code"),
          this.#button("Copy", () => this.#copy()),
        ),
        html("pre", { tabindex: "0", "aria-label": "Code of the index" }, this.#code),
      ),
    );
    root.append(
      html(
        "p",
        {},
        "Take each row as the embedding of a text or a picture. How many of the rows closest to a query does a search over codes find?",
      ),
      field("Close by", this.#metric),
      html("div", { class: "files" }, this.#measure, this.#cancel, this.#bar),
      this.#told,
      this.#result,
    );
  }

  /** Forgets what was measured of other rows. */
  show(source: Source, opened: Opened) {
    if (source === this.#source) return;
    this.#stop();
    this.#worker?.close();
    this.#worker = undefined;
    [this.#source, this.#opened, this.#choice] = [source, opened, undefined];
    this.#result.hidden = true;
    this.#told.textContent = "";
  }

  async #run() {
    const source = this.#source as Source;
    const metric = this.#metric.value as Metric;
    this.#showBusy(true);
    this.#told.textContent = "";
    const worker = this.#open();
    try {
      const onProgress = ({ done, total }: Progress) => {
        this.#bar.value = done / total;
      };
      const { measured, vectors, queries } = await worker.ask("measure", { source, metric }, { onProgress });
      this.#by = metric;
      this.#measured = measured;
      this.#choice = measured[0];
      this.#told.textContent = `${counted(queries, "row")} were taken out as queries for the other ${counted(vectors, "row")}.`;
      this.#result.hidden = false;
      this.#draw();
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#told.textContent = (error as Error).message;
    }
    if (worker === this.#worker) this.#showBusy(false);
  }

  #open(): Worker_ {
    if (this.#worker === undefined || this.#worker.hasEnded) {
      this.#worker = new Client(new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
    }
    return this.#worker;
  }

  /** Ends the measurement, and the worker with it: it listens to nothing meanwhile. */
  #stop() {
    if (this.#cancel.hidden) return;
    this.#worker?.close();
    this.#worker = undefined;
    this.#showBusy(false);
    this.#result.hidden = true;
    this.#told.textContent = "Cancelled.";
  }

  #showBusy(isBusy: boolean) {
    this.#measure.disabled = isBusy;
    this.#cancel.hidden = !isBusy;
    this.#bar.hidden = !isBusy;
    this.#bar.value = 0;
  }

  #draw() {
    const choice = this.#choice;
    if (choice === undefined) return;
    const k = Number(this.#k.value);
    const { setting, bytesPerVector, recall } = choice;
    const dimensions = (this.#opened as Opened).shape[1];
    const saved = `${bytes(bytesPerVector)} a vector instead of ${bytes(4 * dimensions)}`;
    const found =
      recall[k] === undefined ? "" : `; of the ${k} closest rows it finds ${(100 * recall[k]).toFixed(1)} %`;
    this.#chosen.textContent = `${nameOf(setting)}: ${saved}${found}.`;
    this.#saveRanges.hidden = setting.scaling !== "ranges";
    this.#code.textContent = codeOf(setting, dimensions, this.#by);
    this.#figure.show(
      contentOf(this.#measured, k, choice, (chosen) => {
        this.#choice = chosen;
        this.#draw();
      }),
    );
  }

  #button(text: string, act: () => Promise<void>): HTMLButtonElement {
    const button = html("button", { type: "button" }, text);
    button.addEventListener("click", () =>
      act().catch((error: Error) => {
        if (!(error instanceof Cancelled)) this.#told.textContent = error.message;
      }),
    );
    return button;
  }

  async #save(what: "index" | "ranges") {
    const { setting } = this.#choice as Measured;
    const saved = await this.#open().ask("save", setting satisfies Setting);
    const blob = saved[what];
    if (blob === undefined) return;
    const { name } = this.#opened as Opened;
    const file = what === "index" ? `${name}.index` : `${name}-ranges.json`;
    download(blob, file);
    this.#told.textContent = `${file} is in your downloads.`;
  }

  async #copy() {
    if (navigator.clipboard === undefined) {
      throw new Error("This page cannot copy, because it was not loaded over https; select the code instead.");
    }
    await navigator.clipboard.writeText(this.#code.textContent ?? "");
    this.#told.textContent = "Code copied.";
  }
}

function contentOf(
  measured: readonly Measured[],
  k: number,
  choice: Measured,
  choose: (chosen: Measured) => void,
): Content {
  const shown = measured.filter(({ recall }) => recall[k] !== undefined);
  return {
    title: "Recall against bytes",
    explanation:
      "Higher is better, and further left is smaller. Choose a point to save its index. Rescoring finds ten times as many " +
      "by codes, and takes the best by the unrounded query.",
    legend: [
      ["own", "as found"],
      ["all", "10 x rescored"],
    ],
    draw: (width) =>
      drawRecall(
        shown.map((each) => ({
          name: nameOf(each.setting),
          label: labelOf(each.setting),
          bytes: each.bytesPerVector,
          recall: each.recall[k],
          isRescored: each.setting.rescore !== undefined,
          isChosen: each === choice,
          choose: () => choose(each),
        })),
        width,
      ),
    table: () =>
      tableOf(
        `Share of the ${k} closest rows that are found`,
        ["setting", "bytes a vector", `recall@${k}`],
        shown.map(({ setting, bytesPerVector, recall }) => [
          nameOf(setting),
          String(bytesPerVector),
          recall[k].toFixed(3),
        ]),
      ),
  };
}

/** The label of a point; empty for one that lies beside its like. */
function labelOf({ precision = "int8", scaling, profile }: Setting): string {
  if (scaling === "group") return scaling;
  return scaling !== undefined || profile !== undefined ? "" : precision;
}

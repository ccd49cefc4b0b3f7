import { scaleRules } from "channelwise/models";
import { download, html, scrollRegion } from "../../dom.js";
import { counted } from "../../format.js";
import { Cancelled } from "../client.js";
import type { GgufRules } from "../gguf/protocol.js";
import { type ModelClient, startModelWorker } from "../model-client.js";
import { ProgressBar } from "../progress.js";
import type { Rules, WrittenFile } from "../protocol.js";
import { comparisonTable } from "../quantized/comparison-table.js";
import { type Chosen, keyOf, QueueEntry } from "./queue-entry.js";

/** Milliseconds without a further choice before all models are planned anew. */
const PAUSE = 400;

const ARCHIVE = "quantized.zip";

const USUAL: Chosen = {
  rules: { target: "plain", all: { bits: 8, rule: scaleRules[0], granularity: "channel" }, own: new Map() },
  type: { type: "Q4_K_M", encoder: "ggml" },
};

/**
 * Several models that were brought together: the state of each, and Save for all. Settings that are chosen for the open
 * one are those of all, except of models that have their own.
 */
export class QueueView {
  readonly element = html("section", { id: "queue", class: "card", "aria-labelledby": "queue-heading" });
  readonly #open: (files: readonly File[], chosen: Chosen | undefined) => void;
  readonly #heading = html("h2", { id: "queue-heading" });
  readonly #body = html("tbody");
  readonly #saveAll = this.#button("Save all", () => this.#save(false));
  readonly #saveZip = this.#button("Save all as .zip", () => this.#save(true));
  readonly #compare = this.#button("Compare the two", () => this.#compareTwo());
  readonly #cancel = this.#button("Cancel", () => this.#cancelWork());
  readonly #progress = new ProgressBar("Working on all files", () => this.#cancelWork());
  readonly #told = html("p", { class: "told", role: "status" });
  readonly #hint = html("p", { class: "hint" });
  readonly #result = html("div");
  #entries: readonly QueueEntry[] = [];
  /** The model that is shown below. */
  #opened: QueueEntry | undefined;
  /** The settings of all models that have none of their own; undefined until some are chosen. */
  #shared: Chosen | undefined;
  #work: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param open shows a model below the list, with what was chosen for it; the last settings of the page where that is undefined */
  constructor(open: (files: readonly File[], chosen: Chosen | undefined) => void) {
    this.#open = open;
    const heads = ["File", "Size", "Energy lost", "State", "Settings"].map((text) =>
      html("th", { scope: "col" }, text),
    );
    const table = html("table", { class: "queue" }, html("thead", {}, html("tr", {}, ...heads)), this.#body);
    this.#cancel.hidden = true;
    this.element.append(
      this.#heading,
      this.#hint,
      scrollRegion("Files", table),
      html("div", { class: "run-buttons" }, this.#saveAll, this.#saveZip, this.#compare, this.#cancel),
      this.#progress.element,
      this.#told,
      this.#result,
    );
  }

  /** Lists models, of which the first is open. */
  show(models: readonly (readonly File[])[]) {
    this.#work?.abort();
    this.#shared = undefined;
    this.#heading.textContent = counted(models.length, "file");
    this.#entries = models.map((files) => {
      const entry: QueueEntry = new QueueEntry(
        files,
        () => this.#show(entry),
        (isOwn) => {
          entry.own = isOwn ? entry.chosen(this.#shared ?? USUAL) : undefined;
          this.#show(entry);
          this.#assessSoon();
        },
      );
      return entry;
    });
    this.#mark(this.#entries[0]);
    this.#body.replaceChildren(...this.#entries.map(({ row }) => row));
    this.#compare.hidden = models.length !== 2;
    this.#told.textContent = "";
    this.#result.replaceChildren();
    this.#allow(false);
  }

  /** Takes over the settings of the open model, or the type of the open GGUF: for it alone, or for all models. */
  follow(rules: Rules | GgufRules) {
    const keys = () => JSON.stringify(this.#entries.map((entry) => keyOf(entry.chosen(this.#shared ?? USUAL))));
    const before = this.#shared && keys();
    const opened = this.#opened as QueueEntry;
    const chosen = opened.chosen(this.#shared ?? USUAL);
    const shared = opened.take({ ...chosen, ...("encoder" in rules ? { type: rules } : { rules }) });
    if (opened.own === undefined) this.#shared = shared;
    if (keys() !== before) this.#assessSoon();
  }

  /** Assesses all models with the usual settings where none were chosen, as the open one cannot be quantized. */
  assessByDefault() {
    if (this.#shared !== undefined) return;
    this.#shared = USUAL;
    this.#assessSoon();
  }

  /** Ends all work. */
  close() {
    clearTimeout(this.#timer);
    this.#work?.abort();
    this.element.remove();
  }

  #assessSoon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#assess(), PAUSE);
  }

  #assess() {
    return this.#working(async (signal) => {
      for (const entry of this.#entries) {
        if (signal.aborted) return;
        await entry.assess(entry.chosen(this.#shared ?? USUAL), signal);
      }
    });
  }

  /** Saves all models that can be saved: one after the other, or in an archive. */
  #save(isZip: boolean) {
    return this.#working(async (signal) => {
      const saved: WrittenFile[] = [];
      let count = 0;
      for (const entry of this.#entries.filter(({ canSave }) => canSave)) {
        const files = await entry.write(signal, count > 0);
        if (signal.aborted) return;
        if (files.length === 0) continue;
        count++;
        saved.push(...files);
        entry.tell("saved");
        if (!isZip) for (const { name, blob } of files) download(blob, name);
      }
      if (isZip && saved.length > 0) {
        const { blob } = await this.#asking("Writing the archive", signal, (client, options) =>
          client.ask("zip", { name: ARCHIVE, files: withOwnNames(saved) }, options),
        );
        download(blob, ARCHIVE);
      }
      const what = isZip ? `${ARCHIVE}, with ${counted(saved.length, "file")},` : counted(saved.length, "file");
      const rest = count === this.#entries.length ? "" : ` ${this.#entries.length - count} could not be saved.`;
      this.#told.textContent = `${what} ${isZip || saved.length === 1 ? "is" : "are"} in your downloads.${rest}`;
    });
  }

  #compareTwo() {
    return this.#working(async (signal) => {
      const [first, second] = this.#entries;
      const compared = await this.#asking("Comparing", signal, (client, options) =>
        client.ask("compare", { pair: [first.files, second.files] }, options),
      );
      this.#result.replaceChildren(comparisonTable(compared));
    });
  }

  /** Asks a worker that is started for this question, with a progress bar. */
  async #asking<R>(
    what: string,
    signal: AbortSignal,
    ask: (client: ModelClient, options: Parameters<ModelClient["ask"]>[2]) => Promise<R>,
  ): Promise<R> {
    const client = startModelWorker();
    this.#progress.begin(what);
    try {
      return await ask(client, {
        signal,
        onProgress: (progress) => {
          if ("tensor" in progress) this.#progress.tell(progress.done, progress.total, progress.tensor);
        },
      });
    } finally {
      this.#progress.end();
      client.close();
    }
  }

  /** Does work in place of what is being done. */
  async #working(work: (signal: AbortSignal) => Promise<void>) {
    this.#work?.abort();
    const controller = new AbortController();
    this.#work = controller;
    this.#told.textContent = "";
    this.#cancel.hidden = false;
    this.#allow(false);
    try {
      await work(controller.signal);
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#told.textContent = (error as Error).message;
    }
    if (this.#work !== controller) return;
    this.#work = undefined;
    this.#cancel.hidden = true;
    this.#allow(true);
  }

  #cancelWork() {
    this.#work?.abort();
  }

  #allow(isAllowed: boolean) {
    const canSave = this.#entries.some((entry) => entry.canSave);
    this.#saveAll.disabled = this.#saveZip.disabled = !isAllowed || !canSave;
    this.#compare.disabled = !isAllowed;
  }

  #mark(open: QueueEntry) {
    this.#opened = open;
    for (const entry of this.#entries) entry.isOpen = entry === open;
    const whose = open.own ? `${open.name} alone` : "all files without settings of their own";
    this.#hint.textContent = `The settings below are for ${whose}. Choose a name to see its weights.`;
  }

  /** Shows a model below the list. */
  #show(entry: QueueEntry) {
    this.#mark(entry);
    this.#open(entry.files, entry.own || this.#shared ? entry.chosen(this.#shared ?? USUAL) : undefined);
  }

  #button(text: string, act: () => unknown): HTMLButtonElement {
    const button = html("button", { type: "button" }, text);
    button.addEventListener("click", () => act());
    return button;
  }
}

/** The files with names that differ: models of several formats may give files of one name. */
function withOwnNames(files: readonly WrittenFile[]): WrittenFile[] {
  const taken = new Set<string>();
  return files.map(({ name, blob }) => {
    let own = name;
    for (let i = 2; taken.has(own); i++) own = name.replace(/(\.[^.]*)?$/, (ending) => ` (${i})${ending}`);
    taken.add(own);
    return { name: own, blob };
  });
}

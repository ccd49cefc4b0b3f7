import { byId } from "../dom.js";
import { QuestionError } from "../engine.js";
import { bytes, counted, shapeText } from "../format.js";
import type { Linked } from "../link.js";
import type { Opened, Settings, Source } from "../protocol.js";
import type { Given } from "./dropped-files.js";
import { example } from "./example.js";
import type { PassedOver } from "./kind-of-files.js";
import { fetchSample, loadSamples, type Sample } from "./samples.js";

/** Longer pasted text is treated as a file: a text box of megabytes freezes every browser. */
const MAX_TYPED = 200_000;

/** The pause in typing, in milliseconds, after which the work begins. */
const TYPING_PAUSE = 250;

/** Loads what tells files apart, once. */
let kinds: Promise<typeof import("./kind-of-files.js")> | undefined;
function kindOfFiles() {
  kinds ??= import("./kind-of-files.js");
  return kinds;
}

/** All files of a model. */
export interface ModelSource {
  readonly kind: "model";
  readonly files: Promise<readonly File[]>;
  /** The files of each of the other models that were brought with it. */
  readonly others?: readonly (readonly File[])[];
}

/** The weights that a person brings, and the settings that come with them. */
export interface Brought {
  /** The source; undefined while the text box is empty. */
  readonly source: Source | ModelSource | undefined;
  readonly preset: Partial<Settings>;
}

/** The place for pasted text, opened or dropped files, and samples. Errors are shown beside it. */
export class BringView {
  readonly #text = byId("text", HTMLTextAreaElement);
  readonly #samples = byId("sample", HTMLSelectElement);
  readonly #brought: (brought: Brought) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #source: Source | ModelSource | undefined;
  readonly #loaded: Promise<Sample[]>;
  /** The settings of a link whose weights are still to be opened. */
  #linked: Partial<Settings> = {};
  /** The number of times that something was brought. Reading for an earlier turn is no longer wanted. */
  #turn = 0;
  #files: readonly File[] = [];
  #passedOver: readonly PassedOver[] = [];

  constructor(brought: (brought: Brought) => void) {
    this.#brought = brought;
    this.#listenToText();
    this.#listenToFiles();
    byId("close", HTMLButtonElement).addEventListener("click", () => {
      this.#samples.value = "";
      this.#openText({});
      this.#text.focus();
    });
    this.#loaded = loadSamples(this.#samples, (sample) =>
      sample === "example" ? this.openExample() : this.#openSample(sample, {}),
    );
  }

  openExample() {
    this.openText(example, { axis: 0 });
    this.#samples.value = "example";
  }

  /** Opens the weights of a link; settings alone wait for the weights. */
  async openLinked({ settings, text, sample: name }: Linked) {
    if (name === undefined) {
      if (text === undefined) this.#linked = settings;
      this.openText(text ?? "", settings);
      return;
    }
    const samples = await this.#loaded;
    const sample = samples.find((sample) => sample.name === name);
    if (sample === undefined) throw new Error(`The link names the sample “${name}”, which this page does not have.`);
    this.#samples.value = String(samples.indexOf(sample));
    this.#openSample(sample, settings);
  }

  openText(text: string, preset: Partial<Settings>) {
    this.#text.value = text;
    this.#samples.value = "";
    this.#openText(preset);
  }

  showOpened({ shape, layout, notes }: Opened) {
    byId("understood", HTMLElement).textContent = `${shapeText(shape)}, ${layout}`;
    const told = byId("notes", HTMLElement);
    const text = notes.join(" ");
    if (told.textContent !== text) told.textContent = text; // screen readers announce it even if it is the same
  }

  showProblem(error: Error | undefined) {
    byId("input-problem", HTMLElement).hidden = error === undefined;
    byId("input-error", HTMLElement).textContent = error?.message ?? "";
    const isOfOpened = error instanceof QuestionError;
    const isOfText = isOfOpened && this.#source?.kind === "text";
    this.#text.setAttribute("aria-invalid", String(isOfText));
    if (isOfOpened) this.clearOpened();

    const range = isOfText ? error.range : undefined;
    const button = byId("show-problem", HTMLButtonElement);
    button.hidden = range === undefined;
    button.onclick = () => {
      const [start, length] = range as readonly [number, number];
      this.#text.focus();
      this.#text.setSelectionRange(start, start + length);
    };
  }

  clearOpened() {
    byId("understood", HTMLElement).textContent = "";
    byId("notes", HTMLElement).textContent = "";
  }

  #openText(preset: Partial<Settings>) {
    const text = this.#text.value;
    this.#showSource();
    this.#bring(text.trim() === "" ? undefined : { kind: "text", text }, preset);
  }

  /** Names the opened files that do not belong to the model, which is known once it is read. */
  async showUnused(names: readonly string[]) {
    const { unused } = await kindOfFiles();
    const isUnused = ({ name }: File) => names.includes(name);
    const passedOver = [...this.#passedOver, ...this.#files.filter(isUnused).map(unused)];
    this.#showFiles(
      this.#files.filter((file) => !isUnused(file)),
      passedOver,
    );
  }

  async #openFiles(given: Given | Promise<Given>) {
    const turn = ++this.#turn;
    clearTimeout(this.#timer);
    try {
      const { chooseFiles, isModel } = await kindOfFiles();
      const { files, others, passedOver } = chooseFiles(await given);
      if (turn !== this.#turn) return;
      const isOfModel = others.length > 0 || (await isModel(files));
      if (turn !== this.#turn) return;
      this.#samples.value = "";
      this.#showFiles(files, passedOver);
      this.clearOpened();
      const opened = Promise.resolve(files);
      this.#bring(isOfModel ? { kind: "model", files: opened, others } : { kind: "file", file: files[0] });
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#samples.value = "";
      this.#showSource("Nothing is open.");
      this.#bring(undefined);
      this.showProblem(error as Error);
    }
  }

  #showFiles(files: readonly File[], passedOver: readonly PassedOver[]) {
    this.#files = files;
    this.#passedOver = passedOver;
    const size = bytes(files.reduce((sum, file) => sum + file.size, 0));
    this.#showSource(
      files[0].name,
      files.length === 1 ? size : `and ${counted(files.length - 1, "other file")}, ${size}`,
      passedOver,
    );
  }

  #openSample(sample: Sample, preset: Partial<Settings>) {
    const { name, urls, shape, axis, description, source } = sample;
    this.#showSource(name, `${description} (${source})`);
    if (shape === undefined) this.#bring({ kind: "model", files: fetchSample(sample) });
    else this.#bring({ kind: "sample", name, url: urls[0] }, { ...(axis !== undefined && { axis }), ...preset });
  }

  #bring(source: Source | ModelSource | undefined, preset: Partial<Settings> = {}) {
    this.#turn++;
    clearTimeout(this.#timer);
    this.#source = source;
    this.#brought({ source, preset: { ...preset, ...this.#linked } });
    if (source !== undefined) this.#linked = {};
  }

  /** Shows the text box, or the open file in its place. */
  #showSource(name?: string, description = "", passedOver: readonly PassedOver[] = []) {
    byId("pasted", HTMLElement).hidden = name !== undefined;
    byId("opened", HTMLElement).hidden = name === undefined;
    byId("opened-name", HTMLElement).textContent = name ?? "";
    byId("opened-description", HTMLElement).textContent = description;
    const told = byId("passed-over", HTMLElement);
    told.hidden = passedOver.length === 0;
    told.replaceChildren();
    if (!told.hidden) import("./passed-over.js").then(({ showPassedOver }) => showPassedOver(told, passedOver));
  }

  #listenToText() {
    this.#text.addEventListener("input", () => {
      this.#samples.value = "";
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#openText({}), TYPING_PAUSE);
    });
    this.#text.addEventListener("paste", (event) => {
      const pasted = event.clipboardData?.getData("text/plain") ?? "";
      if (pasted.length <= MAX_TYPED) return;
      event.preventDefault();
      this.#openFiles({ files: [new File([pasted], "pasted text")], folders: [] });
    });
  }

  #listenToFiles() {
    const file = byId("file", HTMLInputElement);
    file.addEventListener("change", () => {
      if (file.files?.[0]) this.#openFiles({ files: [...file.files], folders: [] });
      file.value = ""; // so that the same file can be opened again after it has changed
    });
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    document.addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) document.body.classList.remove("dropping");
    });
    document.addEventListener("drop", (event) => {
      document.body.classList.remove("dropping");
      const dropped = event.dataTransfer;
      if (dropped === null || dropped.files.length === 0) return;
      event.preventDefault();
      const files = [...dropped.files];
      const entries = Array.from(dropped.items, (item) => item.webkitGetAsEntry());
      this.#openFiles(import("./dropped-files.js").then(({ droppedFiles }) => droppedFiles(files, entries)));
    });
  }
}

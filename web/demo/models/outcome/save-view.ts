import { download, html } from "../../dom.js";
import { bytes } from "../../format.js";
import { Cancelled } from "../client.js";
import type { ModelClient } from "../model-client.js";
import { brokenTensors, type ModelState } from "../model-state.js";
import { duration, ProgressBar } from "../progress.js";
import type { Written } from "../protocol.js";
import { lossInShort } from "./verdict.js";

/** Some browsers do not have this, and neither does TypeScript's library. */
declare global {
  interface Window {
    showSaveFilePicker?(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
  }
}

/**
 * Shows what the file becomes, and saves it: to a file that the person chooses where the browser allows that, otherwise
 * as a download. It stays in sight at the lower edge of the window.
 */
export class SaveView {
  /** The entry for the model's config.json, once it is written. */
  readonly config = html("div");
  readonly #sizes = html("strong");
  readonly #loss = html("span");
  readonly #button = html("button", { type: "button", class: "button" });
  readonly #note = html("p", { class: "hint" });
  readonly #progress: ProgressBar;
  readonly #told = html("p", { class: "told", role: "status" });
  readonly #problem = html("p", { class: "problem", role: "alert", hidden: "" });
  #client: ModelClient | undefined;
  #state: ModelState | undefined;
  #saving: AbortController | undefined;

  constructor(root: HTMLElement) {
    this.#progress = new ProgressBar("Saving", () => this.#saving?.abort());
    root.append(
      html("h2", { id: "save-heading", class: "visually-hidden" }, "Save"),
      html(
        "div",
        { class: "save-line" },
        html("p", { class: "becomes" }, this.#sizes, " ", this.#loss),
        this.#button,
        this.#note,
        this.#progress.element,
        this.#told,
        this.#problem,
      ),
    );
    this.#button.addEventListener("click", () => this.#save());
    const followHeight = () => document.documentElement.style.setProperty("--save-bar", `${root.offsetHeight}px`);
    new ResizeObserver(followHeight).observe(root);
  }

  /** Forgets what was told of another model. */
  reset(client: ModelClient) {
    this.#client = client;
    this.#saving?.abort();
    this.#tell("");
  }

  show(state: ModelState) {
    this.#state = state;
    const { fileNames, byteLength } = state.plan;
    const { description } = state;
    this.#button.textContent = `Save ${fileNames.join(" and ")}`;
    this.#sizes.textContent = `${bytes(description.byteLength)} → ${bytes(byteLength)}`;
    this.#loss.textContent = lossInShort(state);
    const isJoined = description.format === "safetensors" && description.files > 1;
    this.#allow();
    this.#note.textContent = this.#obstacle ?? (isJoined ? "The shards become one file." : "");
  }

  /** Why nothing can be saved, as far as it is measured. */
  get #obstacle(): string | undefined {
    const [broken] = this.#state === undefined ? [] : brokenTensors(this.#state);
    if (broken === undefined) return undefined;
    return `${this.#state?.description.tensors[broken].name} cannot be quantized. Keep it as it is to save the others.`;
  }

  #allow() {
    const isRefused = this.#saving !== undefined || this.#obstacle !== undefined;
    this.#button.setAttribute("aria-disabled", String(isRefused));
  }

  get #hasPicker(): boolean {
    return window.showSaveFilePicker !== undefined && this.#state?.plan.fileNames.length === 1;
  }

  async #save() {
    const [state, client] = [this.#state, this.#client];
    if (state === undefined || client === undefined || this.#saving !== undefined) return;
    this.#tell("");
    const obstacle = this.#obstacle;
    if (obstacle !== undefined) {
      this.#showProblem(obstacle);
      return;
    }
    const saving = new AbortController();
    this.#saving = saving;
    this.#allow();
    const began = performance.now();
    try {
      const handle = this.#hasPicker ? await chosenFile(state.plan.fileNames[0]) : undefined;
      this.#progress.begin("Starting");
      const written = await client.ask(
        "write",
        { rules: state.rules, handle },
        {
          signal: saving.signal,
          onProgress: (progress) =>
            "tensor" in progress && this.#progress.tell(progress.done, progress.total, progress.tensor),
        },
      );
      for (const { name, blob } of written.files) download(blob, name);
      const where = handle === undefined ? "is in your downloads" : "is saved";
      const name = handle?.name ?? state.plan.fileNames.join(" and ");
      const seconds = (performance.now() - began) / 1000;
      this.#tell(`${name} ${where}: ${bytes(written.byteLength)}, written in ${duration(seconds)}.`);
      this.#showConfig(written);
    } catch (error) {
      if (error instanceof Cancelled) this.#tell("Cancelled. Nothing was saved.");
      else if ((error as Error).name !== "AbortError") this.#showProblem((error as Error).message); // the dialog was closed
    } finally {
      this.#saving = undefined;
      this.#allow();
      this.#progress.end();
    }
  }

  #tell(text: string) {
    this.#told.textContent = text;
    this.#problem.hidden = true;
    this.config.replaceChildren();
  }

  #showProblem(message: string) {
    this.#problem.textContent = `Nothing was saved: ${message}`;
    this.#problem.hidden = false;
  }

  #showConfig({ config }: Written) {
    if (config === undefined) return;
    const text = `"quantization_config": ${JSON.stringify(JSON.parse(config), null, 2)}`;
    const summary = html("summary", {}, "Add this to the model’s config.json");
    this.config.append(
      html("details", { class: "recipe" }, summary, html("pre", { tabindex: "0", "aria-label": "config.json" }, text)),
    );
  }
}

function chosenFile(suggestedName: string): Promise<FileSystemFileHandle> {
  return (window.showSaveFilePicker as NonNullable<typeof window.showSaveFilePicker>)({ suggestedName });
}

import { html } from "../dom.js";
import { type AskOptions, Cancelled } from "./client.js";
import { ProgressBar } from "./progress.js";
import type { Progress } from "./protocol.js";

/** The signal of the work, and where its progress is told. */
export type WorkOptions = Required<AskOptions<Progress>>;

/** The reason of an end that the person asked for, which is told. */
const BY_PERSON = "by the person";

/** Work on a model that takes long, and shows how far it is. The person and newer work can end it. */
export class Work {
  /** What came of it, or why it could not be done. */
  readonly told = html("p", { class: "told", role: "status" });
  readonly progress: HTMLElement;
  readonly #bar: ProgressBar;
  #controller: AbortController | undefined;

  /** @param label names the progress bar */
  constructor(label: string) {
    this.#bar = new ProgressBar(label, () => this.#controller?.abort(BY_PERSON));
    this.progress = this.#bar.element;
  }

  /** Ends it, and tells nothing. */
  stop() {
    this.#controller?.abort();
  }

  /**
   * Does work in place of what is being done.
   *
   * @param what is shown until its progress is known.
   */
  async run(what: string, work: (options: WorkOptions) => Promise<void>) {
    this.stop();
    const controller = new AbortController();
    this.#controller = controller;
    const { signal } = controller;
    this.told.textContent = "";
    this.#bar.begin(what);
    try {
      await work({ signal, onProgress: (progress) => "tensor" in progress && this.tell(progress, progress.tensor) });
    } catch (error) {
      if (signal.reason === BY_PERSON) this.told.textContent = `Cancelled: ${what.toLowerCase()}.`;
      else if (!signal.aborted && !isClosed(error)) this.told.textContent = (error as Error).message;
    }
    if (this.#controller === controller) this.#bar.end();
  }

  /** @param done bytes, of `total`. */
  protected tell({ done, total }: { readonly done: number; readonly total: number }, what: string) {
    this.#bar.tell(done, total, what);
  }
}

/** Whether the model was closed, or the dialog for a file. */
function isClosed(error: unknown): boolean {
  return error instanceof Cancelled || (error as Error).name === "AbortError";
}

import { html } from "../dom.js";
import { Cancelled } from "./client.js";
import type { ModelClient } from "./model-client.js";
import type { ModelState } from "./model-state.js";
import { ProgressBar } from "./progress.js";
import type { Measurement } from "./protocol.js";

/** An open model, and the worker that holds it. */
export interface Tried {
  readonly client: ModelClient;
  readonly state: ModelState;
}

/** Tries settings with a model, and shows how far it is. The person and newer work can end it. */
export class Trying {
  /** What came of it, or why it could not be done. */
  readonly told = html("p", { class: "told", role: "status" });
  readonly progress: HTMLElement;
  readonly #bar: ProgressBar;
  #work: AbortController | undefined;

  constructor() {
    this.#bar = new ProgressBar("Comparing settings", () => this.stop());
    this.progress = this.#bar.element;
  }

  stop() {
    this.#work?.abort();
  }

  async run(tried: Tried | undefined, work: (tried: Tried, signal: AbortSignal) => Promise<void>) {
    if (tried === undefined) return;
    this.stop();
    const controller = new AbortController();
    this.#work = controller;
    this.#bar.begin("Planning");
    try {
      await work(tried, controller.signal);
    } catch (error) {
      if (!controller.signal.aborted && !(error instanceof Cancelled)) this.told.textContent = (error as Error).message;
    }
    if (this.#work === controller) this.#bar.end();
  }

  /** Measures what is wanted and not known yet, tensor by tensor, so that each is read once. */
  async measure({ client, state }: Tried, all: readonly Measurement[], signal: AbortSignal) {
    const wanted = all
      .filter(({ tensor, setting }) => state.costs.get(tensor, setting) === undefined)
      .sort((a, b) => a.tensor - b.tensor);
    const onProgress: Parameters<typeof client.ask>[2] = {
      signal,
      onProgress: (progress) => {
        if (!("measured" in progress)) return;
        for (const { tensor, setting, errors } of progress.measured) state.costs.set(tensor, setting, errors);
        if (!signal.aborted) this.#bar.tell(progress.done, progress.total, "comparing settings");
      },
    };
    if (wanted.length > 0) await client.ask("measure", { form: state.rules, wanted }, onProgress);
    signal.throwIfAborted();
  }
}

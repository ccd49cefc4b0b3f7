import { html } from "../dom.js";
import { bytes } from "../format.js";
import { Cancelled } from "./client.js";
import type { ModelClient } from "./model-client.js";
import { chosenSetting, type ModelState } from "./model-state.js";
import { ProgressBar } from "./progress.js";
import type { Measurement } from "./protocol.js";

/** More than this is measured when the person asks for it, since all of it has to be read. */
const MAX_UNASKED_BYTES = 2 ** 31;

/** Measures in the worker what the page shows of a model and is not known yet, and tells how far it is. */
export class Measuring {
  readonly elements: readonly HTMLElement[];
  readonly #progress = new ProgressBar("Measuring errors", () => this.stop());
  readonly #button = html("button", { type: "button", hidden: "" });
  /** The person has asked to measure, however much there is to read. */
  #asked = false;
  #work: AbortController | undefined;

  /** @param asked called when the person asks for it. */
  constructor(asked: () => void) {
    this.elements = [this.#progress.element, this.#button];
    this.#button.addEventListener("click", () => {
      this.#asked = true;
      asked();
    });
  }

  /** Forgets another model. */
  reset() {
    this.stop();
    this.#asked = false;
  }

  stop() {
    this.#work?.abort();
    this.#progress.end();
  }

  /**
   * Measures what is chosen, and then what else is wanted, in place of what was being measured.
   *
   * @param shown called whenever there is something new
   * @throws {Error} where it cannot be measured.
   */
  async measure(client: ModelClient, state: ModelState, more: readonly Measurement[], shown: () => void) {
    this.#work?.abort();
    const wanted = wantedOf(state, more);
    const total = wanted.reduce((sum, { tensor }) => sum + state.description.tensors[tensor].byteLength, 0);
    const waits = total > MAX_UNASKED_BYTES && !this.#asked;
    this.#button.hidden = !waits;
    this.#button.textContent = `Measure the errors (reads ${bytes(total)})`;
    if (wanted.length === 0 || waits) {
      this.#progress.end();
      return;
    }
    const work = new AbortController();
    this.#work = work;
    this.#progress.begin("Measuring errors");
    try {
      await client.ask(
        "measure",
        { form: state.rules, wanted },
        {
          signal: work.signal,
          onProgress: (progress) => {
            if (!("measured" in progress)) return;
            for (const { tensor, setting, errors } of progress.measured) state.costs.set(tensor, setting, errors);
            if (work.signal.aborted) return;
            this.#progress.tell(progress.done, progress.total, "measuring errors");
            shown();
          },
        },
      );
    } catch (error) {
      if (error instanceof Cancelled) return;
      throw error;
    }
    if (this.#work === work) this.#progress.end();
  }
}

/** Measurements that are missing. The chosen settings come first. */
export function wantedOf(state: ModelState, more: readonly Measurement[]): Measurement[] {
  const chosen = [...state.description.tensors.keys()].flatMap((tensor) => {
    const setting = chosenSetting(state, tensor);
    return setting === undefined ? [] : [{ tensor, setting }];
  });
  return [...chosen, ...more].filter(({ tensor, setting }) => state.costs.get(tensor, setting) === undefined);
}

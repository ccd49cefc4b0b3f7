import type { ModelClient } from "./model-client.js";
import type { ModelState } from "./model-state.js";
import type { Measurement } from "./protocol.js";
import { Work } from "./work.js";

/** An open model, and the worker that holds it. */
export interface Tried {
  readonly client: ModelClient;
  readonly state: ModelState;
}

/** Tries settings with a model. */
export class Trying extends Work {
  constructor() {
    super("Comparing settings");
  }

  async try(tried: Tried | undefined, work: (tried: Tried, signal: AbortSignal) => Promise<void>) {
    if (tried !== undefined) await this.run("Planning", ({ signal }) => work(tried, signal));
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
        if (!signal.aborted) this.tell(progress, "comparing settings");
      },
    };
    if (wanted.length > 0) await client.ask("measure", { form: state.rules, wanted }, onProgress);
    signal.throwIfAborted();
  }
}

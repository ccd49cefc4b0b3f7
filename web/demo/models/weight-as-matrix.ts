import { byId } from "../dom.js";
import type { Settings } from "../protocol.js";
import { Cancelled, ignoreCancelled } from "./client.js";
import type { GraphView } from "./graph/graph-view.js";
import { matrixSettings, settingFor } from "./matrix-settings.js";
import type { ModelClient } from "./model-client.js";
import type { ModelState } from "./model-state.js";
import type { Setting, TensorFile } from "./protocol.js";
import { withAxis } from "./settings.js";

interface OpenModel {
  readonly client: ModelClient;
  readonly state: ModelState;
}

interface WeightAsMatrixOptions {
  /** The model that is open now. */
  readonly open: () => OpenModel | undefined;
  /** Shows a tensor as a matrix, with settings to begin with. */
  readonly lookAt: (tensor: TensorFile, preset: Partial<Settings>) => void;
  readonly choose: (tensor: number, setting: Setting) => Promise<unknown>;
  readonly failed: (message: string) => void;
}

/** A weight of the model that is looked at as a matrix, and the way back to the model with what was chosen for it. */
export class WeightAsMatrix {
  readonly #options: WeightAsMatrixOptions;
  /** The tensor that was opened last. */
  #looked = 0;
  #graph: GraphView | undefined;

  constructor(options: WeightAsMatrixOptions) {
    this.#options = options;
  }

  async look(tensor: number) {
    const { open, lookAt, failed } = this.#options;
    const client = open()?.client;
    try {
      const seen = await client?.ask("look", { tensor });
      const now = open();
      if (seen === undefined || now === undefined || client !== now.client) return;
      this.#looked = tensor;
      lookAt(seen, matrixSettings(now.state, tensor));
      await this.#showGraph(seen);
    } catch (error) {
      if (!(error instanceof Cancelled)) failed((error as Error).message);
    }
  }

  /** Shows which operators use a tensor, above its weights. The code for that is loaded with the first one. */
  async #showGraph({ of: { tensor }, usedBy }: TensorFile) {
    if (usedBy.length > 0 && this.#graph === undefined) {
      const { GraphView } = await import("./graph/graph-view.js");
      this.#graph ??= new GraphView();
      byId("of-model", HTMLElement).append(this.#graph.element);
    }
    if (this.#graph) this.#graph.element.hidden = usedBy.length === 0;
    if (usedBy.length > 0) this.#graph?.show(tensor, usedBy);
  }

  /** Chooses, for the tensor that was looked at last, what was chosen for it as a matrix. */
  async adopt(settings: Settings) {
    const { open, choose } = this.#options;
    const now = open();
    if (now === undefined) return;
    const { client, state } = now;
    const { format } = state.description;
    const own = settingFor(settings, format);
    const anyAxis = { ...own, axis: undefined };
    const both = [own, withAxis(anyAxis, state.rules.all, format)];
    const given = { form: state.rules, tensors: [this.#looked], settings: both };
    const alternatives = await client.ask("alternatives", given).catch(ignoreCancelled);
    if (alternatives === undefined || client !== open()?.client) return;
    const [[wanted, usual]] = alternatives;
    // The axis that it has anyway needs no mention.
    const isUsual = JSON.stringify(wanted) === JSON.stringify(usual);
    await choose(this.#looked, isUsual ? anyAxis : own);
  }
}

import { html, scrollRegion } from "../../dom.js";
import { counted, decibels, shapeText, typeset } from "../../format.js";
import { Cancelled, Client } from "../client.js";
import type { ModelClient } from "../model-client.js";
import type { ModelState } from "../model-state.js";
import { InputForm } from "./input-form.js";
import type { Comparison, FoundNodes, ModelFiles, RunProgress, RunQuestions } from "./protocol.js";

type Runtime = Client<RunQuestions, RunProgress>;

export interface RunActions {
  /** Told what a run gave; undefined when that holds no longer. */
  compared(comparison: Comparison | undefined): void;
  /** Keeps tensors as they are. Resolves to whether it can be done. */
  keep(tensors: readonly number[]): Promise<boolean>;
}

/** Runs the float model and the quantized one side by side, in ONNX Runtime, which is loaded only then. */
export class RunView {
  readonly element: HTMLElement;
  readonly #button = html("button", { type: "button" }, "Run both");
  readonly #cancel = html("button", { type: "button", hidden: "" }, "Cancel");
  readonly #inputs = html("div", { class: "model-inputs" });
  readonly #told = html("p", { class: "told", role: "status" });
  readonly #problem = html("p", { class: "problem", role: "alert", hidden: "" });
  readonly #result = html("div", { class: "run-result" });
  #client: ModelClient | undefined;
  #files: readonly File[] = [];
  #state: ModelState | undefined;
  #runtime: Runtime | undefined;
  #forms: readonly InputForm[] = [];
  /** The state whose quantized model is loaded. */
  #loaded: ModelState | undefined;

  readonly #actions: RunActions;

  constructor(actions: RunActions) {
    this.#actions = actions;
    const hint =
      "ONNX Runtime runs both on one thread, as web apps do. The button loads it (14 MB) from the page’s own folder.";
    this.element = html(
      "div",
      {},
      html("p", { class: "hint" }, hint),
      this.#inputs,
      html("div", { class: "run-buttons" }, this.#button, this.#cancel),
      this.#told,
      this.#problem,
      this.#result,
    );
    this.#button.addEventListener("click", () => this.run());
    this.#cancel.addEventListener("click", () => this.#stop());
  }

  /** Forgets another model. */
  reset(client: ModelClient, files: readonly File[]) {
    this.#stop();
    this.#client = client;
    this.#files = files;
    this.#forms = [];
    this.#inputs.replaceChildren();
    this.#clear("");
  }

  show(state: ModelState) {
    if (this.#state !== state) this.#clear("");
    this.#state = state;
  }

  /** Runs both on what is chosen for the inputs. */
  run() {
    return this.#work(async (state, client) => {
      this.#clear("Loading ONNX Runtime and the float model …");
      const runtime = await this.#start();
      if (this.#loaded !== state) {
        this.#told.textContent = "Quantizing …";
        const { files } = await client.ask("write", { rules: state.rules, handle: undefined });
        const [model, ...external] = files;
        const data = external.map(({ name, blob }) => ({ path: name, data: blob }));
        await runtime.ask("loadQuantized", { model: model.blob, external: data });
        this.#loaded = state;
      }
      this.#told.textContent = "Running both …";
      const fillings = Object.fromEntries(this.#forms.map((form) => [form.input.name, form.read()]));
      this.#showResult(await runtime.ask("run", fillings));
      await this.#showNodes(runtime, state);
    });
  }

  /** Does work that can be cancelled, unless some is being done. */
  async #work(work: (state: ModelState, client: ModelClient) => Promise<void>) {
    const [state, client] = [this.#state, this.#client];
    if (state === undefined || client === undefined || !this.#cancel.hidden) return;
    this.#problem.hidden = true;
    this.#cancel.hidden = false;
    this.#button.setAttribute("aria-disabled", "true");
    try {
      await work(state, client);
    } catch (error) {
      this.#told.textContent = error instanceof Cancelled ? "Stopped." : "";
      if (!(error instanceof Cancelled)) {
        this.#problem.textContent = (error as Error).message;
        this.#problem.hidden = false;
      }
    } finally {
      this.#cancel.hidden = true;
      this.#button.setAttribute("aria-disabled", "false");
    }
  }

  /** Shows what the nodes compute, below the outputs. The code for that is loaded with the first ones. */
  async #showNodes(runtime: Runtime, state: ModelState) {
    const nodes = await runtime.ask("nodes", undefined);
    const { nodesView } = await import("./nodes-view.js");
    if (nodes.length === 0 || state !== this.#state) return;
    const view = nodesView(nodes, {
      keep: ({ node, tensors: names }) => {
        const { tensors } = state.description;
        const kept = names.map((name) => tensors.findIndex((each) => each.name === name && each.canQuantize));
        this.#keep(kept, `${node} stays float.`);
      },
      search: (minOutputSqnr) => this.#search(runtime, minOutputSqnr),
    });
    this.#result.append(view);
  }

  /** Keeps weights float, which ends what is shown of the run. */
  async #keep(tensors: readonly number[], told: string) {
    // The button that was pressed goes with the table.
    this.#button.focus();
    if (await this.#actions.keep(tensors)) this.#told.textContent = `${told} Run both again to see what it brings.`;
  }

  #search(runtime: Runtime, minOutputSqnr: number) {
    return this.#work(async ({ rules }) => {
      const onProgress = ({ done }: RunProgress) => {
        this.#told.textContent = `Quantizing and running, ${(100 * done).toFixed(0)} % at most …`;
      };
      const found = await runtime.ask("search", { rules, minOutputSqnr }, { onProgress });
      this.#told.textContent = foundText(found, minOutputSqnr);
      if (found.isMet && found.kept.length > 0) await this.#keep(found.kept, foundText(found, minOutputSqnr));
    });
  }

  /** ONNX Runtime with the float model, whose inputs are shown. */
  async #start(): Promise<Runtime> {
    if (this.#runtime !== undefined && !this.#runtime.hasEnded) return this.#runtime;
    this.#stop();
    const runtime: Runtime = new Client(new Worker(new URL("./run-worker.ts", import.meta.url), { type: "module" }));
    this.#runtime = runtime;
    try {
      const inputs = await runtime.ask("load", floatModel(this.#files));
      // The fields keep what was typed before a run was stopped.
      if (this.#forms.length === 0) this.#forms = inputs.map((input, place) => new InputForm(input, place));
      this.#inputs.replaceChildren(...this.#forms.map(({ element }) => element));
    } catch (error) {
      if (this.#runtime === runtime) this.#stop();
      throw error;
    }
    return runtime;
  }

  #stop() {
    this.#runtime?.close();
    this.#runtime = undefined;
    this.#loaded = undefined;
  }

  #clear(told: string) {
    this.#told.textContent = told;
    this.#problem.hidden = true;
    this.#result.replaceChildren();
    this.#actions.compared(undefined);
  }

  #showResult(comparison: Comparison) {
    const { outputs, times } = comparison;
    this.#actions.compared(comparison);
    // Hardly one number with a fraction is the same to the last bit.
    const withIntegers = outputs.some(({ type }) => !type.startsWith("float"));
    const heads = [
      "Output",
      "SQNR",
      "Cosine",
      "Max difference",
      "Largest",
      "Shape",
      ...(withIntegers ? ["Equal"] : []),
    ];
    const rows = outputs.map(({ name, shape, type, cosine, sqnr, maxDifference, largest, equal }) => {
      const cells = [
        decibels(sqnr),
        cosine.toFixed(6),
        typeset(maxDifference, 3),
        typeset(largest, 3),
        `${shape.length === 0 ? "one number" : shapeText(shape)} ${type}`,
        ...(withIntegers ? [`${(100 * equal).toFixed(1)} %`] : []),
      ];
      return html("tr", {}, html("th", { scope: "row" }, name), ...cells.map((text) => html("td", {}, text)));
    });
    const table = html(
      "table",
      {},
      html("caption", {}, html("span", {}, "The quantized model’s outputs, compared with the float model’s")),
      html("thead", {}, html("tr", {}, ...heads.map((text) => html("th", { scope: "col" }, text)))),
      html("tbody", {}, ...rows),
    );
    this.#result.replaceChildren(scrollRegion("Outputs", table));
    const { float, quantized, runs } = times;
    this.#told.textContent = `Float ${milliseconds(float)}, quantized ${milliseconds(quantized)} a run (median of ${runs}).`;
  }
}

function floatModel(files: readonly File[]): ModelFiles {
  const model = files.find(({ name }) => /\.onnx$/i.test(name)) ?? files[0];
  const external = files.filter((file) => file !== model).map((file) => ({ path: file.name, data: file }));
  return { model, external };
}

/** "The worst output has 21.70 dB with all weights quantized, and 30.60 dB with 22 float." */
function foundText({ isMet, kept, before, after }: FoundNodes, minOutputSqnr: number): string {
  const all = `The worst output has ${decibels(before)} with all weights quantized`;
  const best = `${decibels(after)} with ${counted(kept.length, "weight")} float`;
  if (isMet) return kept.length === 0 ? `${all}.` : `${all}, and ${best}.`;
  return `${all}. No float nodes give ${minOutputSqnr} dB: the best is ${best}.`;
}

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

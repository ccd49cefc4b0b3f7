import { html, scrollRegion } from "../../dom.js";
import { decibels, shapeText, typeset } from "../../format.js";
import { Cancelled, Client } from "../client.js";
import type { ModelClient } from "../model-client.js";
import type { ModelState } from "../model-state.js";
import { InputForm } from "./input-form.js";
import type { Comparison, ModelFiles, RunQuestions } from "./protocol.js";

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
  #runtime: Client<RunQuestions> | undefined;
  #forms: readonly InputForm[] = [];
  /** The state whose quantized model is loaded. */
  #loaded: ModelState | undefined;

  readonly #compared: (comparison: Comparison | undefined) => void;

  /** @param compared told what a run gave; undefined when that holds no longer */
  constructor(compared: (comparison: Comparison | undefined) => void) {
    this.#compared = compared;
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
  async run() {
    const [state, client] = [this.#state, this.#client];
    if (state === undefined || client === undefined || !this.#cancel.hidden) return;
    this.#clear("Loading ONNX Runtime and the float model …");
    this.#cancel.hidden = false;
    this.#button.setAttribute("aria-disabled", "true");
    try {
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

  /** ONNX Runtime with the float model, whose inputs are shown. */
  async #start(): Promise<Client<RunQuestions>> {
    if (this.#runtime !== undefined && !this.#runtime.hasEnded) return this.#runtime;
    this.#stop();
    const runtime = new Client<RunQuestions>(
      new Worker(new URL("./run-worker.ts", import.meta.url), { type: "module" }),
    );
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
    this.#compared(undefined);
  }

  #showResult(comparison: Comparison) {
    const { outputs, times } = comparison;
    this.#compared(comparison);
    // Hardly one number with a fraction is the same to the last bit.
    const withIntegers = outputs.some(({ type }) => !type.startsWith("float"));
    const heads = [
      "Output",
      "Shape",
      "Cosine",
      "SQNR",
      "Max difference",
      "Largest",
      ...(withIntegers ? ["Equal"] : []),
    ];
    const rows = outputs.map(({ name, shape, type, cosine, sqnr, maxDifference, largest, equal }) => {
      const cells = [
        `${shape.length === 0 ? "one number" : shapeText(shape)} ${type}`,
        cosine.toFixed(6),
        decibels(sqnr),
        typeset(maxDifference, 3),
        typeset(largest, 3),
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

function milliseconds(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)} ms`;
}

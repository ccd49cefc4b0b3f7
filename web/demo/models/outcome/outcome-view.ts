import { html } from "../../dom.js";
import { bytes, counted, shapeText } from "../../format.js";
import { brokenTensors, type ModelState, obstacle } from "../model-state.js";
import type { Description } from "../protocol.js";
import type { Comparison } from "../run/protocol.js";
import { someOf } from "../some-of.js";
import { goodLosses } from "./good-losses.js";
import { totals } from "./totals.js";
import { advice, verdict } from "./verdict.js";

export interface OutcomeActions {
  /** Keeps tensors as they are. */
  keep(tensors: readonly number[]): void;
  /** Runs the model and its quantized form. */
  compareOutputs(): void;
}

/** Shows the file first: what it is and becomes, what that costs in words, and what to do about it. */
export class OutcomeView {
  readonly element: HTMLElement;
  readonly #actions: OutcomeActions;
  readonly #heading = html("h2", { id: "model-heading" });
  readonly #about = html("p", { class: "hint" });
  readonly #passedOver = html("p", { class: "hint", id: "model-passed-over", hidden: "" });
  readonly #becomes = html("p", { class: "becomes-file" });
  readonly #verdict = html("strong");
  readonly #worth = html("span");
  readonly #unchanged = html("span", { role: "status" });
  readonly #advice = html("span");
  readonly #keep = html("button", { type: "button", hidden: "" });
  readonly #compare = html("button", { type: "button", hidden: "" }, "Compare the outputs");
  readonly #outputs = html("p", { id: "outputs-in-short", role: "status" });
  readonly #obstacles = html("div", { class: "problem", hidden: "" });
  readonly #notes = html("div", { id: "model-notes" });
  readonly #warnings = html("p", { class: "warning", id: "model-warnings", role: "status", hidden: "" });
  readonly #totals = html("dl", { class: "totals" });
  #advised: readonly number[] = [];

  /** @param more what stands below, such as how far the measuring is. */
  constructor(root: HTMLElement, actions: OutcomeActions, ...more: HTMLElement[]) {
    this.element = root;
    this.#actions = actions;
    this.#keep.addEventListener("click", () => this.#actions.keep(this.#advised));
    this.#compare.addEventListener("click", () => this.#actions.compareOutputs());
    root.append(
      this.#heading,
      this.#about,
      this.#passedOver,
      this.#becomes,
      html("p", { id: "model-verdict", class: "verdict" }, this.#verdict, " ", this.#worth, " ", this.#unchanged),
      this.#outputs,
      this.#obstacles,
      html("p", { id: "model-advice" }, this.#advice),
      html("div", { class: "run-buttons" }, this.#compare, this.#keep),
      this.#warnings,
      ...more,
      this.#totals,
      goodLosses(),
      this.#notes,
    );
  }

  /** Shows another model, of which nothing is planned yet. */
  describe({ name, format, files, opset, tensors, byteLength, passedOver }: Description) {
    this.#heading.textContent = name;
    this.#about.textContent = [
      formatNames[format],
      ...(opset === undefined ? [] : [`opset ${opset}`]),
      ...(files === 1 ? [] : [counted(files, "file")]),
      counted(tensors.length, "tensor"),
      bytes(byteLength),
    ].join(", ");
    this.#passedOver.hidden = passedOver.length === 0;
    const reasons = passedOver.map(({ name, reason }) => `${name}: ${reason}`);
    this.#passedOver.textContent = `The saved file leaves out ${someOf(reasons)}.`;
    this.#compare.hidden = format !== "onnx";
  }

  /** Says so where the last choice made no difference. */
  showUnchanged(isUnchanged: boolean) {
    this.#unchanged.textContent = isUnchanged ? "The last change made no difference." : "";
  }

  show(state: ModelState) {
    const { description, plan } = state;
    const { told, worth } = verdict(state);
    this.#verdict.textContent = told;
    this.#worth.textContent = worth;
    const size = `${bytes(description.byteLength)} → ${bytes(plan.byteLength)}`;
    const times = (description.byteLength / plan.byteLength).toFixed(1);
    const change = plan.byteLength < description.byteLength ? `, ${times} times smaller` : "";
    this.#becomes.replaceChildren(html("strong", {}, size), ` becomes ${plan.fileNames.join(" and ")}${change}`);
    this.#totals.replaceChildren(...totals(state));
    this.#showAdvice(state);
    this.#showObstacles(state);
    const warnings = [...description.warnings, ...plan.warnings];
    this.#warnings.hidden = warnings.length === 0;
    this.#warnings.textContent = `${someOf(warnings)}.`;
    this.#notes.replaceChildren(...plan.notes.map((note) => html("p", { class: "hint" }, `${note}.`)));
  }

  /** Shows the result of a run of both models; undefined where there was none with these settings. */
  showOutputs(comparison: Comparison | undefined) {
    this.#outputs.textContent = comparison === undefined ? "" : outputsInShort(comparison);
  }

  #showAdvice(state: ModelState) {
    const advised = advice(state);
    this.#advice.textContent = advised?.told ?? "";
    this.#keep.hidden = advised?.offer === undefined;
    this.#keep.textContent = advised?.offer ?? "";
    this.#advised = advised?.tensors ?? [];
  }

  #showObstacles(state: ModelState) {
    const broken = brokenTensors(state);
    this.#obstacles.hidden = broken.length === 0;
    if (broken.length === 0) return;
    const [first, ...others] = broken;
    const more = others.length === 0 ? "" : ` Nor can ${counted(others.length, "other weight")}.`;
    const keep = html("button", { type: "button" }, broken.length === 1 ? "Keep it as it is" : "Keep them as they are");
    keep.addEventListener("click", () => this.#actions.keep(broken));
    const { name } = state.description.tensors[first];
    const text = `${name} cannot be quantized: ${obstacle(state, first)}.${more}`;
    this.#obstacles.replaceChildren(html("p", {}, text), keep);
  }
}

/** "On this input, the outputs have a cosine of 0.999987 at least, ..." */
function outputsInShort({ outputs }: Comparison): string {
  const worst = outputs.reduce((a, b) => (b.sqnr < a.sqnr ? b : a));
  const which = outputs.length === 1 ? "the output" : `the worst of ${outputs.length} outputs, ${worst.name},`;
  if (worst.sqnr === Infinity) return `On the input below, ${which} is the same as with floats.`;
  const share = `${(100 * 10 ** (-worst.sqnr / 10)).toPrecision(2)} %`;
  return `On the input below, ${which} (${shapeText(worst.shape)}) differs by ${share} of its energy.`;
}

const formatNames: Record<Description["format"], string> = {
  safetensors: "safetensors",
  npy: "numpy array",
  npz: "numpy arrays",
  tfjs: "TensorFlow.js",
  text: "text",
  onnx: "ONNX",
  gguf: "GGUF",
};

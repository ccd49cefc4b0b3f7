import { html } from "../dom.js";
import type { Description, Setting, Target } from "./protocol.js";
import { targetHints, targetNames } from "./settings.js";

const USUAL_GROUP = 32;

/** What is to be done with all weights that nothing else was chosen for, and what is written. */
export class ChooseForm {
  readonly element: HTMLElement;
  readonly #bits = html("input", { type: "range", id: "model-bits", min: "2", max: "16", step: "1", value: "8" });
  readonly #bitsValue = html("output", { for: "model-bits" });
  readonly #radios = (["channel", "tensor", "group"] as const).map((value) =>
    html("input", { type: "radio", name: "model-granularity", value, ...(value === "channel" ? { checked: "" } : {}) }),
  );
  readonly #group = html("input", {
    type: "number",
    id: "model-group",
    min: "1",
    step: "1",
    inputmode: "numeric",
    value: String(USUAL_GROUP),
  });
  readonly #groupField = html(
    "div",
    { class: "field" },
    html("label", { for: "model-group" }, "Group size"),
    this.#group,
  );
  readonly #target = html("select", { id: "model-target", "aria-describedby": "model-target-hint" });
  readonly #hint = html("p", { class: "hint", id: "model-target-hint" });
  readonly #problem = html("p", { class: "problem", role: "alert", hidden: "" });

  /** @param changed called after every change; `soon` where more may follow at once, as from a slider. */
  constructor(changed: (soon: boolean) => void) {
    this.element = html(
      "section",
      { class: "card", "aria-labelledby": "model-choose-heading" },
      html("h2", { id: "model-choose-heading" }, "Quantization"),
      html("div", { class: "field" }, html("label", { for: "model-bits" }, "Bits"), this.#bits, this.#bitsValue),
      html(
        "fieldset",
        {},
        html("legend", {}, "One scale for each"),
        html("div", { class: "choices" }, ...this.#radios.map((radio) => html("label", {}, radio, ` ${radio.value}`))),
      ),
      this.#groupField,
      html("div", { class: "field" }, html("label", { for: "model-target" }, "Save as"), this.#target),
      this.#hint,
      this.#problem,
    );
    for (const control of [this.#bits, this.#group]) {
      control.addEventListener("input", () => {
        this.#tell();
        changed(true);
      });
    }
    for (const control of [...this.#radios, this.#target]) {
      control.addEventListener("change", () => {
        this.#tell();
        changed(false);
      });
    }
  }

  /** Offers what a newly opened model can be written as. */
  fit({ targets }: Description) {
    this.#target.replaceChildren(...targets.map((target) => html("option", { value: target }, targetNames[target])));
    this.#tell();
  }

  get target(): Target {
    return this.#target.value as Target;
  }

  /** Undefined where the group size is wrong, which is then told. */
  read(): Setting | undefined {
    const granularity = this.#granularity;
    const group = this.#group.valueAsNumber;
    const isWrong = granularity === "group" && !(Number.isInteger(group) && group >= 1);
    this.#group.setAttribute("aria-invalid", String(isWrong));
    this.showProblem(isWrong ? "The group size must be a whole number from 1 up." : undefined);
    if (isWrong) return undefined;
    return { bits: this.#bits.valueAsNumber, granularity: granularity === "group" ? group : granularity };
  }

  /** The size that groups have, or would have. */
  get group(): number {
    return this.#group.valueAsNumber >= 1 ? Math.trunc(this.#group.valueAsNumber) : USUAL_GROUP;
  }

  /** Takes over a setting that was chosen elsewhere. */
  set({ bits, granularity }: Setting) {
    this.#bits.value = String(bits);
    const name = typeof granularity === "number" ? "group" : granularity;
    for (const radio of this.#radios) radio.checked = radio.value === name;
    if (typeof granularity === "number") this.#group.value = String(granularity);
    this.#tell();
  }

  /** Tells what is wrong with the choice, beside it. */
  showProblem(problem: string | undefined) {
    this.#problem.textContent = problem ?? "";
    this.#problem.hidden = problem === undefined;
  }

  get #granularity(): "channel" | "tensor" | "group" {
    return this.#radios.find((radio) => radio.checked)?.value as "channel" | "tensor" | "group";
  }

  #tell() {
    this.#bitsValue.textContent = `${this.#bits.value} bits`;
    this.#bits.setAttribute("aria-valuetext", `${this.#bits.value} bits`);
    this.#groupField.hidden = this.#granularity !== "group";
    this.#hint.textContent = targetHints[this.target];
  }
}

import { type ScaleRule, scaleRules } from "channelwise/models";
import { html } from "../dom.js";
import { term } from "../terms.js";
import type { Description, Form, Setting, Target } from "./protocol.js";
import { groupAxis, targetHints, targetNames } from "./settings.js";

const USUAL_GROUP = 32;

/** Versions of ONNX's operators that bring something that is written: a channel axis, codes of 4 bits, codes of 2. */
const OPSETS = [13, 21, 25];

/** The form for the settings of all weights without their own, and for the kind of output. */
export class ChooseForm {
  readonly element: HTMLElement;
  readonly #bits = html("input", { type: "range", id: "model-bits", min: "2", max: "16", step: "1", value: "8" });
  readonly #bitsValue = html("output", { for: "model-bits" });
  readonly #rule = html("select", { id: "model-rule" }, ...scaleRules.map((rule) => html("option", {}, rule)));
  readonly #zeroPoints = html("input", { type: "checkbox", id: "model-zero-points" });
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
  readonly #axis = html("select", { id: "model-axis" });
  readonly #axisLabel = html("label", { for: "model-axis" });
  readonly #axisField = html("div", { class: "field" }, this.#axisLabel, this.#axis);
  readonly #target = html("select", { id: "model-target", "aria-describedby": "model-target-hint" });
  readonly #hint = html("p", { class: "hint", id: "model-target-hint" });
  readonly #opset = html("select", { id: "model-opset", "aria-describedby": "model-opset-hint" });
  readonly #opsetField = html(
    "div",
    { class: "opset" },
    html("div", { class: "field" }, html("label", { for: "model-opset" }, "Opset"), this.#opset),
    html(
      "p",
      { class: "hint", id: "model-opset-hint" },
      "This is the version of ONNX’s operators. It packs integers of 4 bits from 21 on, and of 2 bits from 25 on.",
    ),
  );
  readonly #problem = html("p", { class: "problem", role: "alert", hidden: "" });
  #format: Description["format"] = "safetensors";

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
        html("legend", {}, "One ", term("scale", "scale"), " for each"),
        html("div", { class: "choices" }, ...this.#radios.map((radio) => html("label", {}, radio, ` ${radio.value}`))),
      ),
      this.#groupField,
      html(
        "div",
        { class: "field" },
        html("label", { for: "model-rule" }, term("rule", "Rule for scales")),
        this.#rule,
      ),
      html(
        "div",
        { class: "field" },
        html("label", { for: "model-zero-points" }, term("zeroPoints", "Zero points")),
        this.#zeroPoints,
      ),
      this.#problem,
      this.#axisField,
      html("div", { class: "field" }, html("label", { for: "model-target" }, "Save as"), this.#target),
      this.#hint,
      this.#opsetField,
    );
    for (const control of [this.#bits, this.#group]) {
      control.addEventListener("input", () => {
        this.#tell();
        changed(true);
      });
    }
    for (const control of [...this.#radios, this.#rule, this.#zeroPoints, this.#axis, this.#target, this.#opset]) {
      control.addEventListener("change", () => {
        this.#tell();
        changed(false);
      });
    }
  }

  /** Offers what a newly opened model can be written as, and the axes that its weights have. */
  fit({ format, targets, opset, tensors }: Description) {
    this.#format = format;
    this.#target.replaceChildren(...targets.map((target) => html("option", { value: target }, targetNames[target])));
    this.#opsetField.hidden = opset === undefined;
    this.#opset.replaceChildren(
      html("option", { value: "" }, `${opset}, as it is`),
      ...OPSETS.filter((version) => version > (opset ?? 0)).map((version) => html("option", {}, String(version))),
    );
    const ranks = new Set(tensors.flatMap(({ canQuantize, shape }) => (canQuantize ? [shape.length] : [])));
    // An axis that a weight lacks is an error in ONNX, and elsewhere leaves that weight as it is.
    const choose = format === "onnx" ? Math.min : Math.max;
    const rank = [...ranks].reduce((a, b) => choose(a, b), [...ranks][0] ?? 0);
    this.#axis.replaceChildren(
      html("option", { value: "" }),
      ...Array.from({ length: rank }, (_, axis) => html("option", { value: String(axis) }, `${axis}, for all`)),
      ...(rank > 0 ? [html("option", { value: "-1" }, "the last, for all")] : []),
    );
    this.#tell();
  }

  get form(): Form {
    const opset = this.#opset.value === "" ? undefined : Number(this.#opset.value);
    return { target: this.#target.value as Target, opset };
  }

  /** Undefined where the group size is wrong, which is then told. */
  read(): Setting | undefined {
    const granularity = this.#granularity;
    const group = this.#group.valueAsNumber;
    const isWrong = granularity === "group" && !(Number.isInteger(group) && group >= 1);
    this.#group.setAttribute("aria-invalid", String(isWrong));
    this.showProblem(isWrong ? "The group size must be a whole number from 1 up." : undefined);
    if (isWrong) return undefined;
    const axis = this.#axis.value === "" || granularity === "tensor" ? undefined : Number(this.#axis.value);
    return {
      bits: this.#bits.valueAsNumber,
      rule: this.#rule.value as ScaleRule,
      ...(this.#zeroPoints.checked && { zeroPoints: true as const }),
      granularity: granularity === "group" ? group : granularity,
      axis,
    };
  }

  /** The size that groups have, or would have. */
  get group(): number {
    return this.#group.valueAsNumber >= 1 ? Math.trunc(this.#group.valueAsNumber) : USUAL_GROUP;
  }

  /** Takes over what is written, as far as it is offered. */
  setForm({ target, opset }: Form) {
    const takes = (select: HTMLSelectElement, value: string) => {
      if ([...select.options].some((option) => option.value === value)) select.value = value;
    };
    takes(this.#target, target);
    takes(this.#opset, String(opset ?? ""));
    this.#tell();
  }

  /** Takes over a setting that was chosen elsewhere. */
  set({ bits, rule, zeroPoints, granularity, axis }: Setting) {
    this.#rule.value = rule;
    this.#zeroPoints.checked = zeroPoints === true;
    this.#bits.value = String(bits);
    const name = typeof granularity === "number" ? "group" : granularity;
    for (const radio of this.#radios) radio.checked = radio.value === name;
    if (typeof granularity === "number") this.#group.value = String(granularity);
    this.#axis.value = String(axis ?? "");
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
    const isGroup = this.#granularity === "group";
    this.#groupField.hidden = !isGroup;
    this.#axisField.hidden = this.#granularity === "tensor";
    this.#axisLabel.textContent = isGroup && this.#format !== "onnx" ? "Groups along" : "Channel axis";
    this.#axis.options[0]?.replaceChildren(this.#usualAxis(isGroup));
    this.#hint.textContent = targetHints[this.form.target];
  }

  /** The name of the axis where none is chosen. */
  #usualAxis(isGroup: boolean): string {
    if (this.#format === "onnx") return "as each operator has it";
    if (isGroup) return groupAxis(this.#format) === -1 ? "the last" : "the last but one";
    return this.#format === "tfjs" ? "as each layer has it" : "0";
  }
}

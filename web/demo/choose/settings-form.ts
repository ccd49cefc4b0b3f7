import { type ScaleRule, scaleRules } from "channelwise/models";
import { byId, html } from "../dom.js";
import { count, counted } from "../format.js";
import type { Opened, Settings } from "../protocol.js";

/** A usual group size; a divisor of the axis below it is proposed where it is none. */
const USUAL_GROUP = 32;

/** The controls of the quantization, kept within what the weights allow. */
export class SettingsForm {
  readonly #bits = byId("bits", HTMLInputElement);
  readonly #rule = byId("rule", HTMLSelectElement);
  readonly #zeroPoints = byId("zero-points", HTMLInputElement);
  readonly #axis = byId("axis", HTMLSelectElement);
  readonly #group = byId("group", HTMLInputElement);
  readonly #along = byId("along", HTMLSelectElement);
  #shape: readonly number[] = [];
  #groupTyped = false;
  /** The person's choice, while a file with a type of its own may be open. */
  #arithmetic = checked("arithmetic");

  /** @param changed called after every change; `soon` where more may follow at once, as from a slider. */
  constructor(changed: (soon: boolean) => void) {
    this.#rule.replaceChildren(...scaleRules.map((rule) => html("option", {}, rule)));
    this.#bits.addEventListener("input", () => {
      this.#tellBits();
      changed(true);
    });
    this.#group.addEventListener("input", () => {
      this.#groupTyped = true;
      changed(true);
    });
    for (const control of [
      this.#rule,
      this.#zeroPoints,
      this.#axis,
      this.#along,
      ...radios("granularity"),
      ...radios("arithmetic"),
    ]) {
      control.addEventListener("change", () => {
        if (!this.#groupTyped) this.#proposeGroup();
        this.#update();
        changed(false);
      });
    }
    for (const radio of radios("arithmetic")) {
      radio.addEventListener("change", () => {
        this.#arithmetic = radio.value;
      });
    }
    this.#tellBits();
    this.#update();
  }

  /** Takes over the axes of newly opened weights; the chosen ones are kept where they exist and nothing is preset. */
  fit({ shape, stored }: Opened, preset: Partial<Settings>) {
    const chosen = preset.axis ?? Number(this.#axis.value);
    const along = preset.along ?? (this.#shape.length === shape.length ? Number(this.#along.value) : shape.length - 1);
    this.#shape = shape;
    for (const [select, value] of [
      [this.#axis, chosen],
      [this.#along, along],
    ] as const) {
      select.replaceChildren(
        ...shape.map((length, i) => html("option", { value: String(i) }, axisText(i, length, shape))),
      );
      select.value = String(value < shape.length ? value : 0);
    }
    if (!this.#groupTyped || shape[along] % this.#group.valueAsNumber !== 0) this.#proposeGroup();
    if (preset.arithmetic !== undefined) this.#arithmetic = preset.arithmetic;
    this.#take(preset);

    const arithmetic = byId("arithmetic", HTMLFieldSetElement);
    arithmetic.disabled = stored !== undefined;
    byId("arithmetic-hint", HTMLElement).textContent =
      stored === undefined
        ? "float64 computes as Python does, to the last bit. float32 rounds the numbers first, as files do."
        : `The file stores ${stored}, so the page computes in ${stored}.`;
    for (const radio of radios("arithmetic")) radio.checked = radio.value === (stored ?? this.#arithmetic);
    this.#update();
  }

  /** The settings, or undefined where the group size is wrong, which is then told beside it. */
  read(): Settings | undefined {
    const settings: Settings = {
      bits: this.#bits.valueAsNumber,
      rule: this.#rule.value as ScaleRule,
      zeroPoints: this.#zeroPoints.checked,
      granularity: checked("granularity") as Settings["granularity"],
      axis: Number(this.#axis.value),
      group: this.#group.valueAsNumber,
      along: Number(this.#along.value),
      arithmetic: checked("arithmetic") as Settings["arithmetic"],
    };
    const problem = settings.granularity === "group" ? groupProblem(settings, this.#shape) : undefined;
    const isFit = tellProblem("group-error", this.#group, problem);
    const misfit = settings.zeroPoints && settings.rule === "signed-max";
    const isRule = tellProblem("rule-error", this.#rule, misfit ? NO_ZERO_POINTS : undefined);
    return isFit && isRule ? settings : undefined;
  }

  /** Takes over settings that were chosen elsewhere, but for the axes. */
  set(settings: Partial<Settings>) {
    this.#arithmetic = settings.arithmetic ?? this.#arithmetic;
    this.#take(settings);
    this.#update();
  }

  #take({ bits, rule, zeroPoints, granularity, group }: Partial<Settings>) {
    if (rule !== undefined) this.#rule.value = rule;
    if (zeroPoints !== undefined) this.#zeroPoints.checked = zeroPoints;
    if (bits !== undefined) this.#bits.value = String(bits);
    if (granularity !== undefined)
      for (const radio of radios("granularity")) radio.checked = radio.value === granularity;
    if (group !== undefined) {
      this.#group.value = String(group);
      this.#groupTyped = true;
    }
    this.#tellBits();
  }

  #tellBits() {
    const bits = this.#bits.valueAsNumber;
    const limit = 2 ** (bits - 1);
    const range = `−${count(limit)} to ${count(limit - 1)}`;
    byId("bits-value", HTMLOutputElement).textContent = `${bits} bits, ${range}`;
    this.#bits.setAttribute("aria-valuetext", `${bits} bits, integers ${range}`);
  }

  #proposeGroup() {
    const length = this.#shape[Number(this.#along.value)] ?? USUAL_GROUP;
    // Smaller than the axis, if that can be: one group of all is no group.
    let group = Math.min(USUAL_GROUP, Math.max(1, Math.floor(length / 2)));
    while (length % group !== 0) group--;
    this.#group.value = String(group === 1 ? length : group);
    this.#groupTyped = false;
  }

  #update() {
    byId("groups", HTMLElement).hidden = checked("granularity") !== "group";
  }
}

const NO_ZERO_POINTS = "signed-max has no zero points: choose max or search, or go without.";

/** Tells a problem below a control; gives whether there is none. */
function tellProblem(id: string, control: HTMLElement, problem: string | undefined): boolean {
  const message = byId(id, HTMLElement);
  message.textContent = problem ?? "";
  message.hidden = problem === undefined;
  control.setAttribute("aria-invalid", String(problem !== undefined));
  return problem === undefined;
}

function radios(name: string): HTMLInputElement[] {
  return [...document.querySelectorAll<HTMLInputElement>(`input[name="${name}"]`)];
}

function checked(name: string): string {
  return radios(name).find((radio) => radio.checked)?.value as string;
}

function axisText(axis: number, length: number, shape: readonly number[]): string {
  return shape.length === 2
    ? `${axis}: ${counted(length, ["row", "column"][axis])}`
    : `${axis}: of length ${count(length)}`;
}

function groupProblem({ group, along }: Settings, shape: readonly number[]): string | undefined {
  const length = shape[along];
  if (Number.isInteger(group) && group >= 1 && length % group === 0) return undefined;
  const divisors = Array.from({ length: Math.min(length, 1024) }, (_, i) => i + 1).filter(
    (size) => length % size === 0,
  );
  const possible = `Possible sizes: ${divisors.slice(0, 12).join(", ")}.`;
  if (Number.isNaN(group)) return `The group size is missing. ${possible}`;
  return `${group} does not divide ${count(length)}, the length of axis ${along}. ${possible}`;
}

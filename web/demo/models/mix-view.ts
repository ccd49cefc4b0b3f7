import { html } from "../dom.js";
import { bytes, decibels } from "../format.js";
import type { Setting } from "./protocol.js";
import { comparedBits, settingKey, wayOf, withAxis } from "./settings.js";
import { type Tried, Trying } from "./trying.js";

/** The bits that are tried: those between them gain little. */
const triedBits = comparedBits.filter((bits) => bits <= 8 && bits !== 7);

/** A slider from the smallest to the best choice of a setting for each weight. */
export class MixView {
  readonly element: HTMLElement;
  readonly #chooseForEach: (choices: ReadonlyMap<number, Setting>) => Promise<boolean>;
  readonly #button = html("button", { type: "button" }, "Choose bits for each weight");
  readonly #hint = html(
    "p",
    { class: "hint" },
    "Some weights lose little with few bits, others much. This measures each with 2 to 8 bits, and lets you choose between the smallest file and the best one.",
  );
  readonly #slider = html("input", {
    type: "range",
    id: "mix",
    min: "0",
    step: "1",
    "aria-describedby": "mix-figures",
  });
  readonly #figures = html("output", { id: "mix-figures", for: "mix" });
  readonly #field: HTMLElement;
  readonly #trying = new Trying();
  #tried: Tried | undefined;
  #group = 0;
  /** The model and the choices that the slider chooses from; undefined until all is measured. */
  #base: Tried | undefined;
  #settings: readonly Setting[] = [];
  /** What the slider chose last, which is no reason to measure again. */
  #chosen: string | undefined;

  /** @param chooseForEach chooses for each of the tensors, and resolves to whether it can be */
  constructor(chooseForEach: (choices: ReadonlyMap<number, Setting>) => Promise<boolean>) {
    this.#chooseForEach = chooseForEach;
    this.#field = html(
      "div",
      { class: "least", hidden: "" },
      html("label", { for: "mix" }, "From the smallest file to the best"),
      this.#slider,
      this.#figures,
    );
    this.#slider.style.width = "20rem"; // the first load has no room for a rule
    this.#button.addEventListener("click", () => this.#begin());
    this.#slider.addEventListener("input", () => this.#look(this.#slider.valueAsNumber, false));
    this.#slider.addEventListener("change", () => this.#look(this.#slider.valueAsNumber, true));
    const { progress, told } = this.#trying;
    this.element = html("div", {}, this.#hint, this.#button, this.#field, progress, told);
  }

  /** Forgets another model. */
  reset() {
    this.#trying.stop();
    this.#forget();
  }

  show(tried: Tried, group: number) {
    this.#tried = tried;
    this.#group = group;
    if (this.#base !== undefined && keyOf(tried) !== this.#chosen) this.#forget();
  }

  #forget() {
    this.#base = undefined;
    this.#field.hidden = true;
    this.#button.hidden = this.#hint.hidden = false;
    this.#trying.told.textContent = "";
  }

  /** Measures every weight with every setting, and shows the slider. */
  #begin() {
    this.#trying.try(this.#tried, async (tried, signal) => {
      const { rules, plan, description } = tried.state;
      const bits = triedBits.filter((each) => plan.bits.includes(each));
      this.#settings = (["channel", this.#group] as const).flatMap((granularity) =>
        bits.map((each) => withAxis({ bits: each, ...wayOf(rules.all), granularity }, rules.all, description.format)),
      );
      const tensors = plan.tensors.flatMap(({ quantize }, tensor) =>
        quantize && !rules.own.has(tensor) ? [tensor] : [],
      );
      const wanted = tensors.flatMap((tensor) => this.#settings.map((setting) => ({ tensor, setting })));
      await this.#trying.measure(tried, wanted, signal);
      this.#base = tried;
      this.#chosen = keyOf(tried);
      const hadFocus = document.activeElement === this.#button;
      await this.#ask(undefined, signal);
      this.#field.hidden = false;
      this.#button.hidden = this.#hint.hidden = true;
      if (hadFocus) this.#slider.focus();
    });
  }

  #look(place: number, isChosen: boolean) {
    this.#trying.try(this.#base, async (_, signal) => {
      const choices = await this.#ask(place, signal);
      if (!isChosen || choices === undefined) return;
      const base = this.#base as Tried;
      const own = new Map([...base.state.rules.own, ...choices]);
      this.#chosen = keyOf({ ...base, state: { ...base.state, rules: { ...base.state.rules, own } } });
      await this.#chooseForEach(choices);
    });
  }

  /**
   * Shows the mix at a place, and gives the setting of each weight.
   *
   * @param place undefined for the best mix that is no larger than the file would be
   */
  async #ask(place: number | undefined, signal: AbortSignal) {
    const base = this.#base as Tried;
    const { client, state } = base;
    const { rules, plan, costs } = state;
    const measured = plan.tensors.flatMap((_, tensor) =>
      this.#settings.flatMap((setting) => {
        const errors = costs.get(tensor, setting);
        return errors === undefined ? [] : [{ tensor, setting, errors }];
      }),
    );
    const mix = await client.ask(
      "mix",
      { rules, settings: this.#settings, measured, place: place ?? { bytes: plan.byteLength } },
      { signal },
    );
    this.#slider.max = String(mix.count - 1);
    this.#slider.value = String(mix.place);
    const { byteLength, sqnr, worst } = mix;
    const text = `${bytes(byteLength)}, ${decibels(sqnr)} in the mean; ${worst.tensor} suffers most: ${decibels(worst.sqnr)}`;
    this.#figures.textContent = text;
    this.#slider.setAttribute("aria-valuetext", text);
    return new Map([...mix.choices].map(([tensor, setting]) => [tensor, this.#settings[setting]]));
  }
}

/** A text that is the same for the same choices. */
function keyOf({ state: { rules } }: Tried): string {
  const own = [...rules.own].sort(([a], [b]) => a - b);
  const keys = own.map(([tensor, setting]) => [tensor, setting === "keep" ? setting : settingKey(setting)]);
  return JSON.stringify([rules.target, rules.opset, settingKey(rules.all), keys]);
}

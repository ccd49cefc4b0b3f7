import { drawTradeOff } from "../choose/trade-off-chart.js";
import { html } from "../dom.js";
import { bytes, counted, decibels } from "../format.js";
import { type Content, Figure, tableOf } from "../see/figure.js";
import { MixView } from "./mix-view.js";
import { chosenSetting, type ModelState } from "./model-state.js";
import { errorsOfAll } from "./outcome/totals.js";
import type { Errors, Planned, Setting } from "./protocol.js";
import { comparedBits, settingKey, settingText, wayOf, withAxis } from "./settings.js";
import { type Tried, Trying } from "./trying.js";

/** The usual limit in dB, an error of a thirtieth of the signal. Most weights stand it. */
const USUAL_LEAST = 30;

export interface TradeOffActions {
  chooseForAll(setting: Setting): void;
  /** Chooses for each of the tensors; the others stay as they are. Resolves, when that is shown, to whether it can be. */
  chooseForEach(choices: ReadonlyMap<number, Setting>): Promise<boolean>;
  /** Forgets what was chosen for single tensors. */
  chooseTheSame(): void;
}

interface Point {
  readonly setting: Setting;
  readonly byteLength: number;
  readonly sqnr: number;
  readonly worst: number;
}

/** Compares settings for the whole model, and finds the smallest that is good enough for each weight. */
export class TradeOffView {
  readonly element: HTMLElement;
  readonly #actions: TradeOffActions;
  readonly #compareButton = html("button", { type: "button" }, "Compare all settings");
  readonly #hint = html("p", { class: "hint" });
  readonly #figure = new Figure();
  readonly #least = html("input", {
    type: "number",
    id: "least-sqnr",
    step: "any",
    inputmode: "decimal",
    value: String(USUAL_LEAST),
    "aria-describedby": "least-problem",
  });
  readonly #same = html("button", { type: "button", hidden: "" }, "Use one setting for all again");
  readonly #problem = html("p", { class: "problem", id: "least-problem", role: "alert", hidden: "" });
  readonly #trying = new Trying();
  readonly #mix: MixView;
  #tried: Tried | undefined;
  #group = 0;
  /** The person has asked for the comparison, which then follows every choice. */
  #isWanted = false;

  constructor(actions: TradeOffActions) {
    this.#actions = actions;
    this.#mix = new MixView(actions.chooseForEach);
    this.#compareButton.addEventListener("click", () => {
      this.#isWanted = true;
      this.#compare();
    });
    const smallest = html("button", { type: "button" }, "Choose the fewest bytes");
    smallest.addEventListener("click", () => this.#chooseSmallest());
    this.#same.addEventListener("click", () => this.#actions.chooseTheSame());
    this.element = html(
      "div",
      {},
      this.#hint,
      this.#compareButton,
      this.#figure.element,
      html(
        "div",
        { class: "least" },
        html("label", { for: "least-sqnr" }, "At least"),
        this.#least,
        "dB in every weight",
        smallest,
        this.#same,
      ),
      this.#problem,
      this.#trying.progress,
      this.#trying.told,
      this.#mix.element,
    );
  }

  /** Forgets another model. */
  reset() {
    this.#trying.stop();
    this.#mix.reset();
    this.#isWanted = false;
    this.#figure.element.hidden = true;
    this.#compareButton.hidden = this.#hint.hidden = false;
    this.#trying.told.textContent = "";
  }

  show(tried: Tried, group: number) {
    this.#tried = tried;
    this.#group = group;
    this.#same.hidden = tried.state.rules.own.size === 0;
    this.#mix.show(tried, group);
    this.#trying.told.textContent = ""; // it was of what was chosen before
    this.#hint.textContent = `This computes errors and bytes with 2 to 8 and 16 bits, per channel, per tensor and in groups of ${group}. It takes a while for a large model.`;
    if (this.#isWanted) this.#compare();
  }

  /** Plans and measures the model with every setting, and shows what comes of it. */
  #compare() {
    return this.#trying.try(this.#tried, async (tried, signal) => {
      const { client, state } = tried;
      const states: ModelState[] = [];
      for (const setting of this.#settings(state, ["channel", "tensor", this.#group])) {
        const rules = { ...state.rules, all: setting };
        states.push({ ...state, rules, plan: await client.ask("plan", rules, { signal }) });
        signal.throwIfAborted();
      }
      const wanted = states.flatMap((one) =>
        one.plan.tensors.flatMap((_, tensor) => {
          const setting = chosenSetting(one, tensor);
          return setting === undefined ? [] : [{ tensor, setting }];
        }),
      );
      await this.#trying.measure(tried, wanted, signal);
      const points = states.flatMap((one): Point[] => {
        const { measured, sqnr, worst } = errorsOfAll(one);
        if (measured === 0 || worst === undefined) return [];
        return [{ setting: one.rules.all, byteLength: one.plan.byteLength, sqnr, worst: worst.sqnr }];
      });
      // The keyboard goes on with what comes in the place of the button.
      const hadFocus = document.activeElement === this.#compareButton;
      this.#figure.element.hidden = false;
      this.#compareButton.hidden = this.#hint.hidden = true;
      this.#figure.show(this.#content(points, state));
      if (hadFocus) this.#figure.element.querySelector("summary")?.focus();
    });
  }

  /** Chooses the fewest bytes for each weight or joined weights, and among equals the fewest errors. */
  #chooseSmallest() {
    const least = this.#least.valueAsNumber;
    this.#problem.hidden = Number.isFinite(least);
    this.#problem.textContent = "The SQNR to reach must be a number, in dB.";
    this.#least.setAttribute("aria-invalid", String(!Number.isFinite(least)));
    if (!Number.isFinite(least)) return;
    this.#trying.try(this.#tried, async (tried, signal) => {
      const { client, state } = tried;
      const { rules, plan, costs } = state;
      const tensors = plan.tensors.flatMap(({ quantize }, tensor) => (quantize ? [tensor] : []));
      const settings = this.#settings(state, [rules.all.granularity]);
      const wanted = tensors.flatMap((tensor) => settings.map((setting) => ({ tensor, setting })));
      await this.#trying.measure(tried, wanted, signal);
      const alternatives = await client.ask("alternatives", { form: rules, tensors, settings }, { signal });
      const placeOf = new Map(tensors.map((tensor, i) => [tensor, i]));
      const chosen = new Map<number, Choice>();
      for (const together of unitsOf(tensors, plan.joined)) {
        const candidates = settings.flatMap((setting, j): Candidate[] => {
          const choices = together.flatMap((tensor): Choice[] => {
            const planned = alternatives[placeOf.get(tensor) as number][j];
            const errors = costs.get(tensor, setting);
            return planned.quantize && errors !== undefined && "sqnr" in errors ? [{ setting, planned, errors }] : [];
          });
          return choices.length === together.length ? [candidateOf(choices)] : [];
        });
        const { choices } = smallest(candidates, least) ?? { choices: [] };
        for (const [i, choice] of choices.entries()) chosen.set(together[i], choice);
      }
      const choices = [...chosen].map(([tensor, { setting }]) => [tensor, setting] as const);
      // The choice for all needs no mention.
      const isOwn = (tensor: number, setting: Setting) =>
        rules.own.has(tensor) || settingKey(setting) !== settingKey(rules.all);
      const own = new Map(choices.filter(([tensor, setting]) => isOwn(tensor, setting)));
      if (await this.#actions.chooseForEach(own)) this.#trying.told.textContent = summary([...chosen.values()], least);
    });
  }

  #settings({ rules, plan, description }: ModelState, granularities: readonly Setting["granularity"][]): Setting[] {
    const bits = comparedBits.filter((bits) => plan.bits.includes(bits));
    return granularities.flatMap((granularity) =>
      bits.map((bits) => withAxis({ bits, ...wayOf(rules.all), granularity }, rules.all, description.format)),
    );
  }

  #content(points: readonly Point[], { rules }: ModelState): Content {
    const title = "Error of the model against its bytes";
    return {
      title,
      explanation: "Higher is better, and further left is smaller. Choose a point to use its setting for all weights.",
      legend: [
        ["own", "per channel"],
        ["all", "per tensor"],
        ["group", `in groups of ${this.#group}`],
      ],
      draw: (width) =>
        drawTradeOff(
          points.map(({ setting, byteLength, sqnr }) => ({
            bits: setting.bits,
            granularity: typeof setting.granularity === "number" ? "group" : setting.granularity,
            name: settingText(setting),
            bytes: byteLength,
            sqnr,
            isChosen: settingKey(setting) === settingKey(rules.all),
            choose: () => this.#actions.chooseForAll(setting),
          })),
          width,
        ),
      table: () =>
        tableOf(
          title,
          ["setting", "size", "SQNR", "worst weight"],
          points.map(({ setting, byteLength, sqnr, worst }) => [
            settingText(setting),
            bytes(byteLength),
            decibels(sqnr),
            decibels(worst),
          ]),
        ),
    };
  }
}

/** A setting for one weight, and what comes of it. */
interface Choice {
  readonly setting: Setting;
  readonly planned: Planned;
  readonly errors: Errors;
}

/** One setting for weights that are to be quantized in one way. */
interface Candidate {
  readonly choices: readonly Choice[];
  readonly bytesAfter: number;
  /** SQNR of the worst of them, in dB. */
  readonly sqnr: number;
}

function candidateOf(choices: readonly Choice[]): Candidate {
  return {
    choices,
    bytesAfter: choices.reduce((sum, { planned }) => sum + planned.bytesAfter, 0),
    sqnr: choices.reduce((least, { errors }) => Math.min(least, errors.sqnr), Infinity),
  };
}

/** Weights that are to be quantized in one way, together: each is in one list. */
function unitsOf(tensors: readonly number[], joined: readonly (readonly number[])[]): number[][] {
  const rest = new Set(tensors);
  const units = joined.flatMap((list) => {
    const together = list.filter((tensor) => rest.delete(tensor));
    return together.length === 0 ? [] : [together];
  });
  return [...units, ...[...rest].map((tensor) => [tensor])];
}

/** The smallest candidate with at least so many dB; if none has, the one with the most. */
function smallest(candidates: readonly Candidate[], least: number): Candidate | undefined {
  const enough = candidates.filter(({ sqnr }) => sqnr >= least);
  const bestFirst = [...candidates].sort((a, b) => b.sqnr - a.sqnr);
  if (enough.length === 0) return bestFirst[0];
  const fewest = Math.min(...enough.map(({ bytesAfter }) => bytesAfter));
  return bestFirst.find((candidate) => enough.includes(candidate) && candidate.bytesAfter === fewest);
}

/** "12 weights with 4 bits, 29 weights with 8 bits. 2 weights of them cannot reach 30 dB." */
function summary(chosen: readonly Choice[], least: number): string {
  if (chosen.length === 0) return "No weight is quantized.";
  const counts = new Map<number, number>();
  for (const { setting } of chosen) counts.set(setting.bits, (counts.get(setting.bits) ?? 0) + 1);
  const bits = [...counts].sort(([a], [b]) => a - b);
  const parts = bits.map(([bits, weights]) => `${counted(weights, "weight")} with ${bits} bits`);
  const lacking = chosen.filter(({ errors }) => errors.sqnr < least).length;
  const rest = lacking === 0 ? "" : ` ${counted(lacking, "weight")} of them cannot reach ${least} dB.`;
  return `${parts.join(", ")}.${rest}`;
}

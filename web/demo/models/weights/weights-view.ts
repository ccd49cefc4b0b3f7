import { html } from "../../dom.js";
import { ignoreCancelled } from "../client.js";
import type { ModelClient } from "../model-client.js";
import type { ModelState } from "../model-state.js";
import type { Measurement, Setting } from "../protocol.js";
import { comparedBits, settingOf, wayOf, withAxis } from "../settings.js";
import { KeptFloatsView } from "./kept-floats-view.js";
import { SettingsTable } from "./settings-table.js";
import { TensorList } from "./tensor-list.js";
import { TensorsTable } from "./tensors-table.js";

/** The kinds of columns of the table. */
type Columns = "done" | "channel" | "group" | "tensor";

export interface WeightsActions {
  /** Opens a tensor as a matrix. */
  look(tensor: number): void;
  /** Chooses for one tensor: a setting, to keep it, or "" for what is chosen for all. */
  choose(tensor: number, choice: Setting | "keep" | ""): void;
  chooseForAll(setting: Setting): void;
  /** Other tensors are shown, or other columns of them. */
  changed(): void;
}

/** Shows the decision for each tensor, or the cost of every number of bits for it. */
export class WeightsView {
  readonly elements: readonly HTMLElement[];
  readonly #columns = html("select", { id: "tensor-columns" });
  readonly #list: TensorList;
  readonly #keptFloats = new KeptFloatsView();
  readonly #tensors: TensorsTable;
  readonly #settings: SettingsTable;
  #client: ModelClient | undefined;
  #state: ModelState | undefined;
  #group = 0;

  constructor(actions: WeightsActions) {
    const changed = () => actions.changed();
    this.#list = new TensorList(this.#columns, changed);
    this.#columns.addEventListener("change", changed);
    this.#tensors = new TensorsTable({
      look: (tensor) => actions.look(tensor),
      choose: (tensor, choice) =>
        actions.choose(tensor, choice === "" || choice === "keep" ? choice : settingOf(choice)),
    });
    this.#settings = new SettingsTable(actions);
    this.elements = [
      this.#keptFloats.element,
      this.#list.element,
      this.#list.pager.element,
      this.#tensors.element,
      this.#settings.element,
    ];
  }

  /** Forgets another model. */
  reset(client: ModelClient) {
    this.#client = client;
    this.#state = undefined;
    this.#tensors.reset();
    this.#settings.reset();
  }

  /** @param group size that groups have, or would have */
  setState(state: ModelState, group: number) {
    this.#state = state;
    this.#group = group;
    this.#list.state = state;
    this.#keptFloats.show(state.plan.keptFloats);
  }

  /** Puts the tensors in order by what is known by now. */
  arrange() {
    this.#list.arrange();
  }

  async show() {
    const [state, client] = [this.#state, this.#client];
    if (state === undefined || client === undefined) return;
    this.#offerColumns();
    const { shown } = this.#list;
    const columns = this.#columns.value as Columns;
    this.#tensors.element.hidden = columns !== "done";
    this.#settings.element.hidden = columns === "done";
    if (columns === "done") {
      this.#tensors.show(state, shown, this.#group);
      return;
    }
    const weights = this.#shownWeights(state);
    const settings = this.#compared(state);
    const given = { form: state.rules, tensors: weights, settings };
    const alternatives = await client.ask("alternatives", given).catch(ignoreCancelled);
    if (alternatives === undefined || state !== this.#state) return;
    this.#settings.show(state, weights, settings, alternatives);
  }

  /** Shows what was measured meanwhile, in its place. */
  showFigures() {
    const state = this.#state;
    if (state === undefined) return;
    if (this.#columns.value === "done") this.#tensors.show(state, this.#list.shown, this.#group);
    else this.#settings.update(state);
  }

  /** The measurements that its columns compare. */
  get wanted(): Measurement[] {
    const state = this.#state;
    if (state === undefined) return [];
    const compared = this.#compared(state);
    return this.#shownWeights(state).flatMap((tensor) => compared.map((setting) => ({ tensor, setting })));
  }

  #shownWeights({ description }: ModelState): number[] {
    return this.#list.shown.filter((tensor) => description.tensors[tensor].canQuantize);
  }

  /** The settings that have columns of their own; none where the columns show what is done. */
  #compared({ rules, description }: ModelState): Setting[] {
    const columns = (this.#columns.value || "done") as Columns;
    if (columns === "done") return [];
    const granularity = columns === "group" ? this.#group : columns;
    return comparedBits.map((bits) =>
      withAxis({ bits, ...wayOf(rules.all), granularity }, rules.all, description.format),
    );
  }

  #offerColumns() {
    const texts: Record<Columns, string> = {
      done: "what is done",
      channel: "bits per channel",
      group: `bits in groups of ${this.#group}`,
      tensor: "bits per tensor",
    };
    const chosen = this.#columns.value || "done";
    this.#columns.replaceChildren(...Object.entries(texts).map(([value, text]) => html("option", { value }, text)));
    this.#columns.value = chosen;
  }
}

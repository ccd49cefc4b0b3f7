import { html } from "../../dom.js";
import { bytes } from "../../format.js";
import type { GgufRules } from "../gguf/protocol.js";
import { wantedOf } from "../measuring.js";
import { type ModelClient, startModelWorker } from "../model-client.js";
import { brokenTensors, type ModelState } from "../model-state.js";
import { errorsOfAll } from "../outcome/totals.js";
import { energyLost, percent } from "../outcome/verdict.js";
import type { Description, Rules, WrittenFile } from "../protocol.js";
import { Costs, settingText } from "../settings.js";

/** What was chosen for a model: the rules for its tensors, and the type for a GGUF. */
export interface Chosen {
  readonly rules: Rules;
  readonly type: GgufRules;
}

/** The errors of a larger model are not measured here, since all of it would have to be read. */
const MAX_MEASURED_BYTES = 2 ** 31;

/** One of several models: its row in the list, and the work on it, for which a worker is started each time. */
export class QueueEntry {
  readonly row: HTMLTableRowElement;
  readonly files: readonly File[];
  readonly name: string;
  readonly #sizes = html("td", { "data-head": "Size" });
  readonly #loss = html("td", { "data-head": "Energy lost" });
  readonly #told = html("td", { class: "queue-state" });
  readonly #settings = html("span");
  readonly #ownButton = html("button", { type: "button", class: "small" }, "Own settings");
  #own: Chosen | undefined;
  /** The choices for single tensors, also where the settings are those of all models. */
  #tensors: Rules["own"] = new Map();
  /** What it was assessed with; undefined where that is not done. */
  #assessed: string | undefined;
  #state: ModelState | undefined;
  /** The type that it is written as, where it is a GGUF of floats. */
  #type: GgufRules | undefined;
  #isOpen = false;
  readonly #link = html("button", { type: "button", class: "link" });

  /**
   * @param open shows the model below the list
   * @param setOwn gives it settings of its own, or takes them away
   */
  constructor(files: readonly File[], open: () => void, setOwn: (isOwn: boolean) => void) {
    this.files = files;
    this.name = files[0].name;
    this.#link.textContent = this.name;
    this.#link.addEventListener("click", open);
    this.#ownButton.setAttribute("aria-label", `Own settings for ${this.name}`);
    this.#ownButton.addEventListener("click", () => setOwn(this.#own === undefined));
    const settings = html("td", { class: "queue-settings" }, this.#ownButton, " ", this.#settings);
    this.row = html("tr", {}, html("th", { scope: "row" }, this.#link), this.#sizes, this.#loss, this.#told, settings);
    this.own = undefined;
    this.tell("waiting");
  }

  /** Its own settings; undefined where it has those of all models. */
  get own(): Chosen | undefined {
    return this.#own;
  }

  set own(own: Chosen | undefined) {
    this.#own = own;
    this.#ownButton.setAttribute("aria-pressed", String(own !== undefined));
    this.#tellSettings();
  }

  /** What counts for it, where `shared` is chosen for all models. */
  chosen(shared: Chosen): Chosen {
    return this.#own ?? { ...shared, rules: { ...shared.rules, own: this.#tensors } };
  }

  /** Takes over what was chosen while it was open. Gives what of that is for all models. */
  take(chosen: Chosen): Chosen {
    this.#tensors = chosen.rules.own;
    if (this.#own !== undefined) this.own = chosen;
    return { ...chosen, rules: { ...chosen.rules, own: new Map() } };
  }

  #tellSettings() {
    const own = this.#own;
    this.#settings.textContent = own === undefined ? "" : this.#isGguf ? own.type.type : settingText(own.rules.all);
  }

  get #isGguf(): boolean {
    return this.#type !== undefined;
  }

  /** Whether the model can be quantized and saved. */
  get canSave(): boolean {
    return this.#type !== undefined || (this.#state !== undefined && brokenTensors(this.#state).length === 0);
  }

  /** The bytes of all output files. */
  get byteLength(): number {
    return this.#state?.plan.byteLength ?? 0;
  }

  /** Marks the model that is shown below the list. */
  set isOpen(isOpen: boolean) {
    this.#isOpen = isOpen;
    this.#link.setAttribute("aria-current", String(this.#isOpen));
  }

  tell(told: string) {
    this.#told.textContent = told;
  }

  /** Plans and measures the model with what is chosen, unless that is done. */
  async assess({ rules: chosen, type }: Chosen, signal: AbortSignal) {
    const wanted = keyOf({ rules: chosen, type });
    if (wanted === this.#assessed) return;
    this.#assessed = this.#state = this.#type = undefined;
    await this.#working(signal, async (client) => {
      this.tell("reading");
      const description = await client.ask("open", { files: this.files });
      if (description.quantized !== undefined) {
        this.#sizes.textContent = bytes(description.byteLength);
        this.#ownButton.hidden = true;
        this.#assessed = wanted;
        this.tell("quantized already");
        return;
      }
      if (description.format === "gguf") {
        const types = await client.ask("types", undefined);
        const after = types.find(({ name }) => name === type.type)?.byteLength ?? 0;
        this.#sizes.textContent = `${bytes(description.byteLength)} → ${bytes(after)}`;
        this.#loss.textContent = "–";
        this.#type = type;
        this.#assessed = wanted;
        this.#tellSettings();
        this.tell(`ready: ${type.type}`);
        return;
      }
      const rules = rulesFor(description, chosen);
      const plan = await client.ask("plan", rules);
      const state: ModelState = { description, rules, plan, costs: new Costs() };
      this.#sizes.textContent = `${bytes(description.byteLength)} → ${bytes(plan.byteLength)}`;
      this.tell("measuring");
      const isMeasured = description.byteLength <= MAX_MEASURED_BYTES;
      if (isMeasured) await measure(client, state, signal);
      this.#state = state;
      this.#assessed = wanted;
      const { measured, sqnr } = errorsOfAll(state);
      this.#loss.textContent = measured === 0 ? "–" : percent(energyLost(sqnr));
      this.tell([this.canSave ? "ready" : "has weights that cannot be quantized", ...description.warnings].join(". "));
    });
  }

  /** Writes the quantized model. Gives nothing where it fails. */
  async write(signal: AbortSignal, keepsEarlier: boolean): Promise<readonly WrittenFile[]> {
    const [state, type] = [this.#state, this.#type];
    if (!this.canSave) return [];
    const files = await this.#working(signal, async (client) => {
      this.tell("saving");
      await client.ask("open", { files: this.files });
      const to = { handle: undefined, keepsEarlier };
      const options: Parameters<ModelClient["ask"]>[2] = {
        signal,
        onProgress: (progress) => {
          if ("tensor" in progress) this.tell(`saving ${Math.floor((100 * progress.done) / progress.total)} %`);
        },
      };
      const written =
        type === undefined
          ? await client.ask("write", { rules: (state as ModelState).rules, ...to }, options)
          : await client.ask("writeGguf", { choice: { type: type.type }, encoder: type.encoder, ...to }, options);
      return written.files;
    });
    return files ?? [];
  }

  /** Does work with a worker of its own, which ends with it or with the signal. Errors are told in the row. */
  async #working<R>(signal: AbortSignal, work: (client: ModelClient) => Promise<R>): Promise<R | undefined> {
    const client = startModelWorker();
    const close = () => client.close();
    signal.addEventListener("abort", close, { once: true });
    try {
      return await work(client);
    } catch (error) {
      this.tell(signal.aborted ? "cancelled" : `failed: ${(error as Error).message}`);
      return undefined;
    } finally {
      signal.removeEventListener("abort", close);
      client.close();
    }
  }
}

/** A text that is the same for equal choices. */
export function keyOf({ rules: { target, opset, all, own }, type }: Chosen): string {
  return JSON.stringify([target, opset, all, [...own], type]);
}

/** Rules for a model: its own kind of output where it does not have the chosen one. */
function rulesFor({ targets, opset }: Description, { all, target, opset: chosenOpset, own }: Rules): Rules {
  const raised = opset !== undefined && chosenOpset !== undefined && chosenOpset > opset ? chosenOpset : undefined;
  return { target: targets.includes(target) ? target : targets[0], opset: raised, all, own };
}

async function measure(client: ModelClient, state: ModelState, signal: AbortSignal) {
  const wanted = wantedOf(state, []);
  const onProgress: Parameters<ModelClient["ask"]>[2] = {
    signal,
    onProgress: (progress) => {
      if (!("measured" in progress)) return;
      for (const { tensor, setting, errors } of progress.measured) state.costs.set(tensor, setting, errors);
    },
  };
  if (wanted.length > 0) await client.ask("measure", { form: state.rules, wanted }, onProgress);
}

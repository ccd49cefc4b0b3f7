import { html } from "../dom.js";
import { bytes, counted } from "../format.js";
import type { Settings } from "../protocol.js";
import { ChooseForm } from "./choose-form.js";
import { Cancelled } from "./client.js";
import { type ModelClient, startModelWorker } from "./model-client.js";
import { brokenTensors, chosenErrors, chosenSetting, type ModelState, obstacle } from "./model-state.js";
import "./models.css";
import { KeptFloatsView } from "./kept-floats-view.js";
import { matrixSettings, settingFor } from "./matrix-settings.js";
import { ProgressBar } from "./progress.js";
import type { Description, Measurement, Rules, Setting, TensorFile } from "./protocol.js";
import { code, command } from "./recipes.js";
import { RunView } from "./run/run-view.js";
import { SaveView } from "./save-view.js";
import { Costs, comparedBits, settingOf, withAxis } from "./settings.js";
import { SettingsTable } from "./settings-table.js";
import { TensorList } from "./tensor-list.js";
import { TensorsTable } from "./tensors-table.js";
import { totals } from "./totals.js";
import { TradeOffView } from "./trade-off-view.js";

/** Milliseconds without a further step of the slider before the work begins. */
const SLIDING_PAUSE = 80;

/** More than this is measured when the person asks for it, since all of it has to be read. */
const MAX_UNASKED_BYTES = 2 ** 31;

/** What the table has for columns. */
type Columns = "done" | "channel" | "group" | "tensor";

/** A whole model: what is in it, what is done with each tensor, what that costs, and the file that comes of it. */
export class ModelView {
  readonly #root: HTMLElement;
  readonly #lookAt: (tensor: TensorFile, preset: Partial<Settings>) => void;
  readonly #form: ChooseForm;
  readonly #heading = html("h2", { id: "model-heading" });
  readonly #about = html("p", { class: "hint" });
  readonly #passedOver = html("p", { class: "hint", id: "model-passed-over", hidden: "" });
  readonly #totals = html("dl", { class: "totals" });
  readonly #keptFloats = new KeptFloatsView();
  readonly #measuring: ProgressBar;
  readonly #measureButton = html("button", { type: "button", hidden: "" });
  readonly #obstacles = html("div", { class: "problem", hidden: "" });
  readonly #notes = html("div", { id: "model-notes" });
  readonly #warnings = html("p", { class: "warning", id: "model-warnings", role: "status", hidden: "" });
  readonly #columns = html("select", { id: "tensor-columns" });
  readonly #list = new TensorList(this.#columns, () => this.#showOthers());
  readonly #tensors: TensorsTable;
  readonly #settings: SettingsTable;
  readonly #tradeOff: TradeOffView;
  readonly #save = new SaveView();
  readonly #run = new RunView();
  readonly #runCard: HTMLElement;
  readonly #code = html("code");
  readonly #command = html("code");
  #client: ModelClient | undefined;
  #state: ModelState | undefined;
  /** What is chosen for single tensors, and can be done. */
  #own: ReadonlyMap<number, Setting | "keep"> = new Map();
  /** Choices are made one after the other, so that each goes on from what the one before has left. */
  #lastChoice: Promise<unknown> = Promise.resolve();
  /** The tensor that was opened as a matrix last. */
  #looked = 0;
  #measurement: AbortController | undefined;
  /** The person has asked to measure, however much there is to read. */
  #asked = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param lookAt shows a tensor as a matrix, with settings to begin with. */
  constructor(
    controls: HTMLElement,
    root: HTMLElement,
    lookAt: (tensor: TensorFile, preset: Partial<Settings>) => void,
  ) {
    this.#root = root;
    this.#lookAt = lookAt;
    this.#form = new ChooseForm((soon) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#update(), soon ? SLIDING_PAUSE : 0);
    });
    controls.append(this.#form.element);
    this.#measuring = new ProgressBar("Measuring errors", () => this.#stopMeasuring());
    this.#measureButton.addEventListener("click", () => {
      this.#asked = true;
      this.#measure();
    });
    this.#columns.addEventListener("change", () => this.#showOthers());
    this.#tensors = new TensorsTable({
      look: (tensor) => this.#look(tensor),
      choose: (tensor, choice) => this.#choose(tensor, choice === "" || choice === "keep" ? choice : settingOf(choice)),
    });
    const chooseForAll = (setting: Setting) => {
      this.#form.set(setting);
      this.#update();
    };
    this.#settings = new SettingsTable({ choose: (tensor, setting) => this.#choose(tensor, setting), chooseForAll });
    this.#tradeOff = new TradeOffView({
      chooseForAll,
      chooseForEach: (choices) => this.#chooseOwn((own) => [...own, ...choices]),
      chooseTheSame: () => this.#chooseOwn(() => []),
    });
    this.#runCard = card("run-heading", "Float and quantized side by side", this.#run.element);
    this.#build();
  }

  /**
   * Opens the files of one model in place of the one that was open. Resolves to the names of those that are no part of it.
   *
   * @throws {Error} for files that are no model, and where it was closed meanwhile.
   */
  async open(given: Promise<readonly File[]>): Promise<readonly string[]> {
    this.close();
    const client = startModelWorker();
    this.#client = client;
    const files = await given;
    const description = await client.ask("open", { files });
    this.#own = new Map();
    this.#asked = false;
    this.#form.fit(description);
    this.#showDescription(description);
    this.#tensors.reset();
    this.#settings.reset();
    this.#tradeOff.reset(client);
    this.#save.reset(client);
    this.#run.reset(
      client,
      files.filter(({ name }) => !description.unused.includes(name)),
    );
    this.#runCard.hidden = description.format !== "onnx";
    this.#state = undefined;
    const isPlanned = await this.#replan(client, description, new Costs(), this.#own);
    if (client !== this.#client) throw new Cancelled();
    this.#root.inert = !isPlanned;
    this.#list.arrange();
    this.#showOthers();
    return description.unused;
  }

  /** Ends all work on the model. */
  close() {
    this.#stopMeasuring();
    this.#client?.close();
    this.#client = undefined;
    this.#state = undefined;
  }

  #build() {
    this.#root.append(
      html(
        "section",
        { class: "card", "aria-labelledby": "model-heading" },
        this.#heading,
        this.#about,
        this.#passedOver,
        this.#totals,
        this.#keptFloats.element,
        this.#measuring.element,
        this.#measureButton,
        this.#obstacles,
        this.#notes,
        this.#warnings,
      ),
      card(
        "tensors-heading",
        "Tensor by tensor",
        this.#list.element,
        this.#list.pager.element,
        this.#tensors.element,
        this.#settings.element,
      ),
      card("trade-off-of-model-heading", "Other settings", this.#tradeOff.element),
      card("save-heading", "Save", this.#save.element),
      this.#runCard,
      card(
        "recipes-heading",
        "The same elsewhere",
        recipe("Command line", "This writes the same file as Save.", this.#command),
        recipe("Code", "This does the same in Node, with the npm package channelwise.", this.#code),
      ),
    );
  }

  #showDescription({ name, format, files, opset, tensors, byteLength, passedOver }: Description) {
    this.#heading.textContent = `What is in ${name}`;
    this.#about.textContent = [
      formatNames[format],
      ...(opset === undefined ? [] : [`opset ${opset}`]),
      ...(files === 1 ? [] : [counted(files, "file")]),
      counted(tensors.length, "tensor"),
      bytes(byteLength),
    ].join(", ");
    this.#passedOver.hidden = passedOver.length === 0;
    const reasons = passedOver.map(({ name, reason }) => `${name}: ${reason}`);
    this.#passedOver.textContent = `Passed over, and not in what is saved: ${someOf(reasons)}.`;
  }

  /** After a choice for all: plans anew and shows what comes of it; where it cannot be, what was before is out of use. */
  #update() {
    return this.#next(async (client, state) => {
      this.#root.inert = !(await this.#replan(client, state.description, state.costs, this.#own));
      await this.#showOthers();
    });
  }

  /** Does work on the model that is open now, after all that was begun on it before. */
  #next<R>(work: (client: ModelClient, state: ModelState) => Promise<R>): Promise<R | undefined> {
    const client = this.#client;
    const next = async () => {
      const state = this.#state;
      const isOpen = client !== undefined && client === this.#client && state !== undefined;
      return isOpen ? work(client, state) : undefined;
    };
    const done = this.#lastChoice.then(next, next);
    this.#lastChoice = done;
    return done;
  }

  /** Resolves to whether what is chosen can be done; `choices` for single tensors are kept only then. */
  async #replan(
    client: ModelClient,
    description: Description,
    costs: Costs,
    choices: ReadonlyMap<number, Setting | "keep">,
  ): Promise<boolean> {
    const all = this.#form.read();
    if (all === undefined) return false;
    const own = [...choices].map(
      ([tensor, choice]) => [tensor, choice === "keep" ? choice : withAxis(choice, all, description.format)] as const,
    );
    const rules: Rules = { ...this.#form.form, all, own: new Map(own) };
    try {
      const plan = await client.ask("plan", rules);
      if (client !== this.#client) return false;
      this.#own = choices;
      // What a setting costs in ONNX depends on the form in which it is written.
      const isSame = (form: "opset" | "target") => rules[form] === this.#state?.rules[form];
      const stillHold = isSame("opset") && (description.format !== "onnx" || isSame("target"));
      this.#state = { description, rules, plan, costs: stillHold ? costs : new Costs() };
      this.#list.state = this.#state;
      this.#tradeOff.show(this.#state, this.#form.group);
      this.#run.show(this.#state);
      this.#code.textContent = code(this.#state);
      this.#command.textContent = command(this.#state);
      this.#keptFloats.show(plan.keptFloats);
      this.#warnings.hidden = plan.warnings.length === 0;
      this.#notes.replaceChildren(...plan.notes.map((note) => html("p", { class: "hint" }, `${note}.`)));
      this.#warnings.textContent = `${someOf(plan.warnings)}.`;
      this.#showTotals();
      return true;
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#form.showProblem((error as Error).message);
      return false;
    }
  }

  /** Other tensors, or other columns of them. */
  async #showOthers() {
    await this.#showTable();
    this.#measure();
  }

  #showTotals() {
    const state = this.#state;
    if (state === undefined) return;
    this.#totals.replaceChildren(...totals(state));
    this.#save.show(state);
    const { tensors } = state.description;
    const broken = brokenTensors(state);
    this.#obstacles.hidden = broken.length === 0;
    if (broken.length === 0) return;
    const [first, ...others] = broken;
    const more = others.length === 0 ? "" : ` The same is true of ${counted(others.length, "other weight")}.`;
    const keep = html("button", { type: "button" }, broken.length === 1 ? "Keep it as it is" : "Keep them as they are");
    keep.addEventListener("click", () => {
      this.#chooseOwn((own) => [...own, ...broken.map((tensor) => [tensor, "keep"] as const)]);
    });
    const text = `${tensors[first].name} cannot be quantized: ${obstacle(state, first)}.${more}`;
    this.#obstacles.replaceChildren(html("p", {}, text), keep);
  }

  async #showTable() {
    const [state, client] = [this.#state, this.#client];
    if (state === undefined || client === undefined) return;
    this.#offerColumns();
    const { shown } = this.#list;
    const columns = this.#columns.value as Columns;
    this.#tensors.element.hidden = columns !== "done";
    this.#settings.element.hidden = columns === "done";
    if (columns === "done") {
      this.#tensors.show(state, shown, this.#form.group);
      return;
    }
    const weights = shown.filter((tensor) => state.description.tensors[tensor].canQuantize);
    const settings = this.#compared(state);
    const given = { form: state.rules, tensors: weights, settings };
    const alternatives = await client.ask("alternatives", given).catch(ignoreCancelled);
    if (alternatives === undefined || state !== this.#state) return;
    this.#settings.show(state, weights, settings, alternatives);
  }

  /** The settings that have columns of their own; none where the columns show what is done. */
  #compared({ rules, description }: ModelState): Setting[] {
    const columns = this.#columns.value as Columns;
    if (columns === "done") return [];
    const granularity = columns === "group" ? this.#form.group : columns;
    return comparedBits.map((bits) =>
      withAxis({ bits, rule: rules.all.rule, granularity }, rules.all, description.format),
    );
  }

  #offerColumns() {
    const texts: Record<Columns, string> = {
      done: "what is done",
      channel: "bits per channel",
      group: `bits in groups of ${this.#form.group}`,
      tensor: "bits per tensor",
    };
    const chosen = this.#columns.value || "done";
    this.#columns.replaceChildren(...Object.entries(texts).map(([value, text]) => html("option", { value }, text)));
    this.#columns.value = chosen;
  }

  /** Chooses for one tensor: a setting, to keep it, or "" for what is chosen for all. */
  #choose(tensor: number, choice: Setting | "keep" | "") {
    return this.#chooseOwn((own) => {
      const others = [...own].filter(([other]) => other !== tensor);
      return choice === "" ? others : [...others, [tensor, choice] as const];
    });
  }

  /** Changes what is chosen for single tensors. What cannot be done is told, and not kept; resolves to whether it can. */
  #chooseOwn(
    change: (own: ReadonlyMap<number, Setting | "keep">) => (readonly [number, Setting | "keep"])[],
  ): Promise<boolean> {
    const done = this.#next(async (client, state) => {
      const isPlanned = await this.#replan(client, state.description, state.costs, new Map(change(this.#own)));
      await this.#showOthers();
      return isPlanned;
    });
    return done.then((isPlanned) => isPlanned === true);
  }

  /** What is to be measured for what the page shows, and is not yet: that which is chosen first. */
  #wanted(state: ModelState): Measurement[] {
    const { description, costs } = state;
    const wanted: Measurement[] = [];
    const want = (tensor: number, setting: Setting) => {
      if (costs.get(tensor, setting) === undefined) wanted.push({ tensor, setting });
    };
    for (const tensor of description.tensors.keys()) {
      const setting = chosenSetting(state, tensor);
      if (setting !== undefined) want(tensor, setting);
    }
    const compared = this.#compared(state);
    for (const tensor of this.#list.shown) {
      if (!description.tensors[tensor].canQuantize) continue;
      for (const setting of compared) want(tensor, setting);
    }
    return wanted;
  }

  /** Measures what is wanted, in the worker, and shows each figure when it is there. */
  async #measure() {
    const [state, client] = [this.#state, this.#client];
    if (state === undefined || client === undefined) return;
    this.#measurement?.abort();
    const wanted = this.#wanted(state);
    const total = wanted.reduce((sum, { tensor }) => sum + state.description.tensors[tensor].byteLength, 0);
    const waits = total > MAX_UNASKED_BYTES && !this.#asked;
    this.#measureButton.hidden = !waits;
    this.#measureButton.textContent = `Measure the errors (reads ${bytes(total)})`;
    if (wanted.length === 0 || waits) {
      this.#measuring.end();
      return;
    }
    const measurement = new AbortController();
    this.#measurement = measurement;
    const isFirst = !state.description.tensors.some((_, tensor) => chosenErrors(state, tensor));
    this.#measuring.begin("Measuring errors");
    try {
      await client.ask(
        "measure",
        { form: state.rules, wanted },
        {
          signal: measurement.signal,
          onProgress: (progress) => {
            if (!("measured" in progress)) return;
            for (const { tensor, setting, errors } of progress.measured) state.costs.set(tensor, setting, errors);
            if (measurement.signal.aborted) return;
            this.#measuring.tell(progress.done, progress.total, "measuring errors");
            this.#showFigures();
          },
        },
      );
      if (isFirst) this.#list.arrange();
      this.#showFigures();
    } catch (error) {
      if (error instanceof Cancelled) return;
      this.#form.showProblem((error as Error).message);
    }
    if (this.#measurement === measurement) this.#measuring.end();
  }

  #stopMeasuring() {
    this.#measurement?.abort();
    this.#measuring.end();
  }

  /** Shows what was measured meanwhile, in its place. */
  #showFigures() {
    this.#showTotals();
    const state = this.#state;
    if (state === undefined) return;
    if (this.#columns.value === "done") this.#tensors.show(state, this.#list.shown, this.#form.group);
    else this.#settings.update(state);
  }

  async #look(tensor: number) {
    const client = this.#client;
    try {
      const seen = await client?.ask("look", { tensor });
      if (seen === undefined || client !== this.#client || this.#state === undefined) return;
      this.#looked = tensor;
      this.#lookAt(seen, matrixSettings(this.#state, tensor));
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#form.showProblem((error as Error).message);
    }
  }

  /** Chooses, for the tensor that was looked at last, what was chosen for it as a matrix. */
  async adopt(settings: Settings) {
    const [state, client] = [this.#state, this.#client];
    if (state === undefined || client === undefined) return;
    const { format } = state.description;
    const own = settingFor(settings, format);
    const anyAxis = { ...own, axis: undefined };
    const both = [own, withAxis(anyAxis, state.rules.all, format)];
    const given = { form: state.rules, tensors: [this.#looked], settings: both };
    const alternatives = await client.ask("alternatives", given).catch(ignoreCancelled);
    if (alternatives === undefined || client !== this.#client) return;
    const [[wanted, usual]] = alternatives;
    // The axis that it has anyway needs no mention.
    const isUsual = JSON.stringify(wanted) === JSON.stringify(usual);
    await this.#choose(this.#looked, isUsual ? anyAxis : own);
  }
}

function card(id: string, title: string, ...content: HTMLElement[]): HTMLElement {
  return html("section", { class: "card", "aria-labelledby": id }, html("h2", { id }, title), ...content);
}

/** Text to be run elsewhere, and a button that copies it. */
function recipe(name: string, note: string, shown: HTMLElement): HTMLElement {
  const told = html("span", { role: "status" });
  const copy = html("button", { type: "button", "aria-label": `Copy ${name.toLowerCase()}` }, "Copy");
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(shown.textContent ?? "");
      told.textContent = " Copied.";
    } catch {
      // There is no clipboard in pages that were not loaded over https, and elsewhere it may be refused.
      told.textContent = " Select it to copy it.";
    }
  });
  return html(
    "section",
    { class: "recipe" },
    html("div", {}, html("h3", {}, name), copy),
    html("pre", { tabindex: "0", "aria-label": name }, shown),
    html("p", { class: "hint" }, note, told),
  );
}

/** More would hide what else is said. */
const MOST_TOLD = 3;

function someOf(told: readonly string[]): string {
  const more = told.length - MOST_TOLD;
  return told.slice(0, MOST_TOLD).join("; ") + (more > 0 ? `; and so it is with ${more} more` : "");
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

function ignoreCancelled(error: unknown): undefined {
  if (!(error instanceof Cancelled)) throw error;
}

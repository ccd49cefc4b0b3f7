import { html } from "../dom.js";
import { LaterView } from "../later-view.js";
import type { Settings } from "../protocol.js";
import { keep } from "../remembered.js";
import { ChooseForm } from "./choose-form.js";
import { Cancelled, ignoreCancelled } from "./client.js";
import { Measuring } from "./measuring.js";
import { type ModelClient, startModelWorker } from "./model-client.js";
import { fragmentOfModel, keptModel, type LinkedModel, ownChoices } from "./model-link.js";
import type { ModelMap } from "./model-map.js";
import { chosenErrors, errorsAreAlike, type ModelState } from "./model-state.js";
import "./models.css";
import type { GgufView } from "./gguf/gguf-view.js";
import type { GgufRules } from "./gguf/protocol.js";
import { OutcomeView } from "./outcome/outcome-view.js";
import { SaveView } from "./outcome/save-view.js";
import { figuresOf } from "./outcome/totals.js";
import type { Description, Rules, Setting, TensorFile } from "./protocol.js";
import { QuantizedView } from "./quantized/quantized-view.js";
import type { Chosen } from "./queue/queue-entry.js";
import { RecipesView } from "./recipes-view.js";
import { RunView } from "./run/run-view.js";
import { Costs, withAxis } from "./settings.js";
import { TradeOffView } from "./trade-off-view.js";
import { WeightAsMatrix } from "./weight-as-matrix.js";
import { WeightsView } from "./weights/weights-view.js";

/** Milliseconds without a further step of the slider before the work begins. */
const SLIDING_PAUSE = 80;

/** The places of the parts of a model on the page. */
export interface ModelPlaces {
  readonly controls: HTMLElement;
  /** The place of the outcome. */
  readonly outcome: HTMLElement;
  readonly save: HTMLElement;
  readonly details: HTMLElement;
}

/** Shows a whole model: its outcome, its tensors, the decision for each, and the cost. */
export class ModelView {
  readonly #places: ModelPlaces;
  readonly #form: ChooseForm;
  readonly #outcome: OutcomeView;
  readonly #save: SaveView;
  readonly #measuring = new Measuring(() => this.#measure());
  readonly #map: LaterView<[ModelState], ModelMap>;
  readonly #weights: WeightsView;
  readonly #tradeOff: TradeOffView;
  readonly #run = new RunView({
    compared: (outputs) => this.#outcome.showOutputs(outputs),
    keep: (tensors) => this.#keepFloat(tensors),
  });
  readonly #runCard = card("run-heading", "Float and quantized side by side", this.#run.element);
  readonly #recipes = new RecipesView(() => this.#state);
  readonly #quantized = new QuantizedView();
  readonly #asMatrix: WeightAsMatrix;
  readonly #planned: (rules: Rules | GgufRules) => void;
  #client: ModelClient | undefined;
  #state: ModelState | undefined;
  /** The choices for single tensors that can be done. */
  #own: ReadonlyMap<number, Setting | "keep"> = new Map();
  /** Choices are made one after the other, so that each goes on from what the one before has left. */
  #lastChoice: Promise<unknown> = Promise.resolve();
  /** The figures before the last choice; undefined where they were not known. */
  #before: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #gguf: GgufView | undefined;
  /** Whether the outcome of the open model stands alone: where the controls for other models have nothing to choose. */
  standsAlone = false;

  /**
   * @param lookAt shows a tensor as a matrix, with settings to begin with
   * @param planned told the choices whenever they can be done
   */
  constructor(
    places: ModelPlaces,
    lookAt: (tensor: TensorFile, preset: Partial<Settings>) => void,
    planned: (rules: Rules | GgufRules) => void,
  ) {
    this.#places = places;
    this.#planned = planned;
    this.#form = new ChooseForm((soon) => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#update(), soon ? SLIDING_PAUSE : 0);
    });
    places.controls.append(this.#form.element);
    this.#asMatrix = new WeightAsMatrix({
      open: () => this.#client && this.#state && { client: this.#client, state: this.#state },
      lookAt,
      choose: (tensor, setting) => this.#choose(tensor, setting),
      failed: (message) => this.#form.showProblem(message),
    });
    const chooseForAll = (setting: Setting) => {
      this.#form.set(setting);
      this.#update();
    };
    const mapCard = card("map-heading", "The whole model");
    this.#map = new LaterView(mapCard, async () => {
      const { ModelMap } = await import("./model-map.js");
      const map = new ModelMap((tensor) => this.#asMatrix.look(tensor));
      mapCard.append(map.element);
      return map;
    });
    this.#weights = new WeightsView({
      look: (tensor) => this.#asMatrix.look(tensor),
      choose: (tensor, choice) => this.#choose(tensor, choice),
      chooseForAll,
      changed: () => this.#showOthers(),
    });
    this.#tradeOff = new TradeOffView({
      chooseForAll,
      chooseForEach: (choices) => this.#chooseOwn((own) => [...own, ...choices]),
      chooseTheSame: () => this.#chooseOwn(() => []),
    });
    this.#save = new SaveView(places.save);
    const keep = (tensors: readonly number[]) => this.#keepFloat(tensors);
    const compareOutputs = () => {
      this.#runCard.scrollIntoView({ block: "nearest" });
      this.#run.run();
    };
    const section = html("section", { class: "card", "aria-labelledby": "model-heading" });
    this.#outcome = new OutcomeView(section, { keep, compareOutputs }, ...this.#measuring.elements, this.#save.config);
    places.outcome.append(section, this.#quantized.element);
    places.details.append(
      this.#runCard,
      mapCard,
      card("tensors-heading", "What each weight costs", ...this.#weights.elements),
      card("trade-off-of-model-heading", "Other settings", this.#tradeOff.element),
      card("recipes-heading", "Do it elsewhere", ...this.#recipes.elements),
    );
  }

  /**
   * Opens the files of one model in place of the one that was open. Resolves to the names of those that are no part of it.
   *
   * @param linked settings of a link, which are taken for a model of its name; otherwise those of the last visit are
   * @param chosen settings that were chosen for this model before, which come first
   * @throws {Error} for files that are no model, and where it was closed meanwhile.
   */
  async open(given: Promise<readonly File[]>, linked?: LinkedModel, chosen?: Chosen): Promise<readonly string[]> {
    this.close();
    const client = startModelWorker();
    this.#client = client;
    const files = await given;
    this.#outcome.element.hidden = this.#quantized.element.hidden = true;
    if (this.#gguf) this.#gguf.element.hidden = true;
    const description = await client.ask("open", { files });
    const { quantized, hasTypes } = description;
    this.standsAlone = quantized !== undefined || description.format === "gguf";
    this.#outcome.element.hidden = this.standsAlone;
    if (hasTypes) await this.#showTypes(client, description, chosen);
    if (this.standsAlone) {
      if (quantized) this.#quantized.show(client, description, files);
      this.#quantized.element.hidden = quantized === undefined;
      this.#places.outcome.inert = false;
      return description.unused;
    }
    this.#form.fit(description);
    const isForAnother = linked !== undefined && linked.name !== description.name;
    if (chosen) {
      this.#form.setForm(chosen.rules);
      this.#form.set(chosen.rules.all);
      this.#own = chosen.rules.own;
    } else {
      const before = linked === undefined ? keptModel() : isForAnother ? undefined : linked;
      if (before) {
        this.#form.setForm(before);
        this.#form.set(before.name === description.name ? before.all : { ...before.all, axis: undefined });
      }
      this.#own = ownChoices(description, before);
    }
    this.#outcome.describe(description);
    this.#measuring.reset();
    this.#weights.reset(client);
    this.#tradeOff.reset();
    this.#save.reset(client);
    this.#run.reset(
      client,
      files.filter(({ name }) => !description.unused.includes(name)),
    );
    this.#runCard.hidden = description.format !== "onnx";
    this.#state = undefined;
    const isPlanned = await this.#replan(client, description, new Costs(), this.#own);
    if (client !== this.#client) throw new Cancelled();
    this.#setUse(isPlanned);
    if (isForAnother)
      this.#form.showProblem(`The link has settings for ${linked.name}. They are not used for ${description.name}.`);
    this.#weights.arrange();
    this.#showOthers();
    return description.unused;
  }

  /** Shows a model that can become a GGUF, for which types are chosen. The code for that is loaded with the first one. */
  async #showTypes(client: ModelClient, description: Description, chosen: Chosen | undefined) {
    const { GgufView } = await import("./gguf/gguf-view.js");
    if (client !== this.#client) throw new Cancelled();
    if (this.#gguf === undefined) {
      this.#gguf = new GgufView(this.#planned);
      this.#places.outcome.append(this.#gguf.element);
    }
    this.#gguf.element.hidden = false;
    this.#gguf.show(client, description, chosen?.type).catch(ignoreCancelled);
  }

  /** Keeps what is chosen for the next visit. */
  #keep() {
    const fragment = this.#state && fragmentOfModel(this.#state);
    if (fragment !== undefined) keep("model", fragment);
  }

  /** Ends all work on the model. */
  close() {
    this.#measuring.stop();
    this.#client?.close();
    this.#client = undefined;
    this.#state = undefined;
  }

  /** Puts the result out of use where it does not fit the choices. */
  #setUse(isInUse: boolean) {
    for (const place of ["outcome", "save", "details"] as const) this.#places[place].inert = !isInUse;
  }

  /** After a choice for all: plans anew and shows what comes of it; where it cannot be, what was before is out of use. */
  #update() {
    return this.#next(async (client, state) => {
      const isPlanned = await this.#replan(client, state.description, state.costs, this.#own);
      this.#setUse(isPlanned);
      if (isPlanned) this.#keep();
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
      const before = this.#state && figuresOf(this.#state);
      const plan = await client.ask("plan", rules);
      if (client !== this.#client) return false;
      this.#before = before;
      this.#own = choices;
      const stillHold = this.#state !== undefined && errorsAreAlike(rules, this.#state.rules);
      this.#state = { description, rules, plan, costs: stillHold ? costs : new Costs() };
      this.#weights.setState(this.#state, this.#form.group);
      this.#tradeOff.show({ client, state: this.#state }, this.#form.group);
      this.#run.show(this.#state);
      this.#recipes.show(this.#state);
      this.#showOutcome();
      this.#planned(rules);
      return true;
    } catch (error) {
      if (!(error instanceof Cancelled)) this.#form.showProblem((error as Error).message);
      return false;
    }
  }

  /** Other tensors, or other columns of them. */
  async #showOthers() {
    await this.#weights.show();
    this.#measure();
  }

  #showOutcome() {
    if (this.#state === undefined) return;
    this.#outcome.show(this.#state);
    this.#save.show(this.#state);
    this.#map.show(this.#state);
  }

  /** Chooses for one tensor: a setting, to keep it, or "" for what is chosen for all. */
  #choose(tensor: number, choice: Setting | "keep" | "") {
    return this.#chooseOwn((own) => {
      const others = [...own].filter(([other]) => other !== tensor);
      return choice === "" ? others : [...others, [tensor, choice] as const];
    });
  }

  #keepFloat(tensors: readonly number[]) {
    return this.#chooseOwn((own) => [...own, ...tensors.map((tensor) => [tensor, "keep"] as const)]);
  }

  /** Changes what is chosen for single tensors. What cannot be done is told, and not kept; resolves to whether it can. */
  #chooseOwn(
    change: (own: ReadonlyMap<number, Setting | "keep">) => (readonly [number, Setting | "keep"])[],
  ): Promise<boolean> {
    const done = this.#next(async (client, state) => {
      const isPlanned = await this.#replan(client, state.description, state.costs, new Map(change(this.#own)));
      if (isPlanned) this.#keep();
      await this.#showOthers();
      return isPlanned;
    });
    return done.then((isPlanned) => isPlanned === true);
  }

  /** Measures what the page shows, and shows each figure when it is there. */
  async #measure() {
    const [state, client] = [this.#state, this.#client];
    if (state === undefined || client === undefined) return;
    const isFirst = !state.description.tensors.some((_, tensor) => chosenErrors(state, tensor));
    const showFigures = () => {
      this.#showOutcome();
      this.#weights.showFigures();
    };
    try {
      await this.#measuring.measure(client, state, this.#weights.wanted, showFigures);
      if (isFirst && client === this.#client) this.#weights.arrange();
      showFigures();
      if (this.#state === state)
        this.#outcome.showUnchanged(this.#before !== undefined && figuresOf(state) === this.#before);
    } catch (error) {
      this.#form.showProblem((error as Error).message);
    }
  }

  /** Chooses, for the tensor that was looked at last, what was chosen for it as a matrix. */
  adopt(settings: Settings) {
    return this.#asMatrix.adopt(settings);
  }
}

function card(id: string, title: string, ...content: HTMLElement[]): HTMLElement {
  return html("section", { class: "card", "aria-labelledby": id }, html("h2", { id }, title), ...content);
}

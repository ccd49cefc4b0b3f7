import { byId } from "./dom.js";
import type { LinkedModel } from "./models/model-link.js";
import type { ModelView } from "./models/model-view.js";
import type { TensorFile } from "./models/protocol.js";
import type { Chosen } from "./models/queue/queue-entry.js";
import type { QueueView } from "./models/queue/queue-view.js";
import type { Settings } from "./protocol.js";

/** The part of the page that shows a model. Its code is loaded when the first model is opened. */
export class ModelPanel {
  readonly #places = {
    controls: byId("model-controls", HTMLElement),
    outcome: byId("outcome", HTMLElement),
    save: byId("save", HTMLElement),
    details: byId("model", HTMLElement),
  };
  readonly #matrixControls = byId("settings", HTMLElement);
  /** Stands above a matrix that is a weight of the model. */
  readonly #bar = byId("of-model", HTMLElement);
  readonly #back = byId("back-to-model", HTMLButtonElement);
  readonly #use = byId("use-for-model", HTMLButtonElement);
  readonly #look: (tensor: TensorFile, preset: Partial<Settings>) => void;
  #view: ModelView | undefined;
  /** The list of models where several were brought. */
  #queue: QueueView | undefined;
  /** Settings of a link whose model is still to be opened. */
  #expected: LinkedModel | undefined;
  #opening = 0;
  /** Grows with each model that is opened or closed. */
  #turn = 0;

  /**
   * @param look shows a weight as a matrix, with settings to begin with
   * @param back clears it away, as the model is shown again
   * @param settings of the matrix; undefined where they are wrong
   */
  constructor(
    look: (tensor: TensorFile, preset: Partial<Settings>) => void,
    back: () => void,
    settings: () => Settings | undefined,
  ) {
    this.#look = look;
    const goBack = () => {
      back();
      this.#showModel();
    };
    this.#back.addEventListener("click", goBack);
    this.#use.addEventListener("click", () => {
      const chosen = settings();
      if (chosen === undefined) return;
      goBack();
      this.#view?.adopt(chosen);
    });
  }

  get isOpening(): boolean {
    return this.#opening > 0;
  }

  /** Keeps the settings of a link for the model that is opened next. */
  expect(linked: LinkedModel) {
    this.#expected = linked;
  }

  /**
   * Resolves, when it is shown, to the names of the files that are no part of it; to undefined where something newer was
   * opened meanwhile, or it was closed.
   * @throws {Error} for files that are no model.
   */
  async open(
    files: Promise<readonly File[]>,
    others: readonly (readonly File[])[] = [],
  ): Promise<readonly string[] | undefined> {
    this.close();
    const turn = this.#turn;
    if (others.length > 0) {
      const first = await files;
      const { QueueView } = await import("./models/queue/queue-view.js");
      if (turn !== this.#turn) return undefined;
      this.#queue = new QueueView((...model) => this.#openOne(...model));
      this.#queue.show([first, ...others]);
      this.#places.outcome.prepend(this.#queue.element);
    }
    return this.#openOne(files);
  }

  async #openOne(
    given: Promise<readonly File[]> | readonly File[],
    chosen?: Chosen,
  ): Promise<readonly string[] | undefined> {
    const turn = ++this.#turn;
    const files = Promise.resolve(given);
    files.catch(() => {}); // told below, and not at all where it is not wanted any more
    this.#opening++;
    try {
      const { ModelView } = await import("./models/model-view.js");
      if (turn !== this.#turn) return undefined;
      this.#view ??= new ModelView(
        this.#places,
        (...looked) => this.#lookAt(...looked),
        (rules) => this.#queue?.follow(rules),
      );
      const unused = await this.#view.open(files, this.#expected, chosen);
      if (turn !== this.#turn) return undefined;
      // A GGUF or a quantized file has no such settings, and leaves them to the model that they are for.
      if (!this.#view.standsAlone) this.#expected = undefined;
      this.#showModel();
      return unused;
    } catch (error) {
      if (turn !== this.#turn) return undefined;
      if (this.#queue !== undefined) this.#showOutcomeAlone();
      throw error;
    } finally {
      this.#opening--;
    }
  }

  close() {
    this.#turn++;
    this.#queue?.close();
    this.#queue = undefined;
    this.#view?.close();
    this.#show("nothing");
  }

  #lookAt(tensor: TensorFile, preset: Partial<Settings>) {
    const { model, tensor: name, part } = tensor.of;
    this.#back.textContent = `‹ Back to ${model}`;
    byId("of-model-part", HTMLElement).textContent = part === undefined ? name : `${name}: ${part}`;
    this.#show("tensor");
    this.#look(tensor, preset);
  }

  #showModel() {
    this.#show("model");
    if (this.#view?.standsAlone) this.#showOutcomeAlone();
  }

  /** Where nothing can be chosen, the others of a list still can be saved with the usual settings. */
  #showOutcomeAlone() {
    this.#show("model");
    for (const place of ["controls", "save", "details"] as const) this.#places[place].hidden = true;
    this.#places.outcome.inert = false;
    this.#queue?.assessByDefault();
  }

  /** The model with controls of its own, one of its tensors as a matrix, or nothing of a model. */
  #show(what: "model" | "tensor" | "nothing") {
    for (const place of Object.values(this.#places)) place.hidden = what !== "model";
    this.#matrixControls.hidden = what === "model";
    this.#bar.hidden = what !== "tensor";
  }
}

/** The weight and the channel that the pictures show. */
export class Selection {
  #index = 0;
  #channel: number | undefined;
  readonly #listeners: ((selection: Selection) => void)[] = [];

  /** The index of the weight in the tensor. */
  get index(): number {
    return this.#index;
  }

  /** The channel; undefined until one is chosen. */
  get channel(): number | undefined {
    return this.#channel;
  }

  onChange(listener: (selection: Selection) => void) {
    this.#listeners.push(listener);
  }

  /** Chooses a weight, and the channel it belongs to. */
  selectWeight(index: number, channel: number) {
    this.#index = index;
    this.#channel = channel;
    this.#tell();
  }

  selectChannel(channel: number) {
    this.#channel = channel;
    this.#tell();
  }

  /** Forgets the channel, as there are others now. */
  forgetChannel() {
    this.#channel = undefined;
  }

  /** Forgets the choices for other weights. */
  reset() {
    this.#index = 0;
    this.#channel = undefined;
  }

  #tell() {
    for (const listener of this.#listeners) listener(this);
  }
}

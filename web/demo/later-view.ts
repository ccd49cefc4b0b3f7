import { unlessInterrupted } from "./engine.js";

/**
 * A view whose code is loaded when its place comes near the visible part of the page, once there is something to show:
 * before that the page is short, and every place is near.
 */
export class LaterView<Given extends readonly unknown[], V extends { show(...given: Given): unknown }> {
  /** The view; undefined until it is loaded. */
  view: V | undefined;
  readonly #place: HTMLElement;
  readonly #observer: IntersectionObserver;
  #given: Given | undefined;

  constructor(place: HTMLElement, load: () => Promise<V>) {
    this.#place = place;
    this.#observer = new IntersectionObserver(
      async (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        this.#observer.disconnect();
        this.view = await load();
        if (this.#given !== undefined) await unlessInterrupted(Promise.resolve(this.view.show(...this.#given)));
      },
      { rootMargin: "100% 0px" }, // within one page below
    );
  }

  /** Shows it now, or as soon as it is loaded. */
  async show(...given: Given): Promise<void> {
    // Every place is near while the pictures above it are not drawn, which they are within the next two frames.
    if (this.#given === undefined) inTwoFrames(() => this.#observer.observe(this.#place));
    this.#given = given;
    await this.view?.show(...given);
  }
}

function inTwoFrames(act: () => void) {
  requestAnimationFrame(() => requestAnimationFrame(act));
}

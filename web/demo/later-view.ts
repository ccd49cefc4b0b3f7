import { unlessInterrupted } from "./engine.js";

/** A view whose code is loaded when its place comes near the visible part of the page. */
export class LaterView<Given extends readonly unknown[], V extends { show(...given: Given): unknown }> {
  /** The view; undefined until it is loaded. */
  view: V | undefined;
  #given: Given | undefined;

  constructor(place: HTMLElement, load: () => Promise<V>) {
    const observer = new IntersectionObserver(
      async (entries) => {
        if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
        observer.disconnect();
        this.view = await load();
        if (this.#given !== undefined) await unlessInterrupted(Promise.resolve(this.view.show(...this.#given)));
      },
      { rootMargin: "100% 0px" }, // within one page below
    );
    observer.observe(place);
  }

  /** Shows it now, or as soon as it is loaded. */
  async show(...given: Given): Promise<void> {
    this.#given = given;
    await this.view?.show(...given);
  }
}

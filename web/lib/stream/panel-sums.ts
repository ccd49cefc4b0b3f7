import type { FiguresOf } from "../core/engine.js";
import type { Engine } from "../core/memory/buffers.js";
import { type Part, panelsOf } from "../core/memory/cut.js";
import { readChannels } from "../core/memory/figures.js";
import { newChannelErrors } from "../core/outputs.js";
import type { ChannelErrors } from "../core/types.js";

// Error figures are always added by ErrorFigures::add, in the order of blocks and panels, wherever they were made.

/** Adds the figures of a panel, together or of each of its channels, to the total. */
export function addPanel(engine: Engine, total: Float64Array, figures: Float64Array): void {
  engine.totalFigures.set(total);
  engine.channelFigures.set(figures);
  engine.bindings.close(figures.length / engine.places.figuresLength);
  total.set(engine.totalFigures);
}

/** The error figures of the panels of a part whose blocks are quantized in several places. */
export class PanelSums {
  readonly #engine: Engine;
  readonly #part: Part;
  /** Whether figures are kept for each channel. */
  readonly #ofChannels: boolean;
  readonly #sums: Float64Array;

  constructor(engine: Engine, part: Part, figuresOf: FiguresOf) {
    this.#engine = engine;
    this.#part = part;
    this.#ofChannels = figuresOf === "channels";
    this.#sums = new Float64Array(figuresOf === "nothing" ? 0 : this.#place(part.pieces * part.channels));
  }

  /** The place of the figures of the panel whose first scale has the index `scale`. */
  #place(scale: number): number {
    const { channels, panelChannels } = this.#part;
    const panels = Math.floor(scale / channels) * Math.ceil(channels / panelChannels);
    const before = this.#ofChannels ? scale : panels + (scale % channels) / panelChannels;
    return before * this.#engine.places.figuresLength;
  }

  /** Adds the figures of all blocks of some of the part's rows, panel by panel. */
  add(rows: Part, figures: Float64Array): void {
    const { bindings, channelFigures, blockFigures, places } = this.#engine;
    if (this.#sums.length === 0) return;
    let from = 0;
    for (const { scale, channels, blocks } of panelsOf(rows)) {
      const measured = this.#ofChannels ? channels : 1;
      const length = measured * places.figuresLength;
      const sums = this.#sums.subarray(this.#place(scale), this.#place(scale) + length);
      channelFigures.set(sums);
      for (let b = 0; b < blocks.length; b++, from += length) {
        blockFigures.set(figures.subarray(from, from + length));
        bindings.addFigures(measured);
      }
      sums.set(channelFigures.subarray(0, length));
    }
  }

  /** Adds all panels to the total. */
  addTo(total: Float64Array): void {
    for (const { scale, channels } of panelsOf(this.#part)) {
      addPanel(this.#engine, total, this.#sums.subarray(this.#place(scale), this.#place(scale + channels)));
    }
  }

  /** The figures of each channel, if they are kept. */
  perChannel(): ChannelErrors {
    const { pieces, channels, outer, inner } = this.#part;
    const errors = newChannelErrors(pieces * channels);
    readChannels(this.#engine.places, this.#sums, pieces * channels, outer * inner, errors, 0);
    return errors;
  }
}

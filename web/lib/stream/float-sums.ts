import type { FloatArray } from "../core/arguments.js";
import { measureBlocks } from "../core/measure.js";
import { cutFor, type Engine } from "../core/memory/buffers.js";
import { type Part, panelsOf } from "../core/memory/cut.js";
import { readFigures } from "../core/memory/figures.js";
import { joinedRows } from "../core/memory/staging.js";
import type { TotalErrors } from "../core/types.js";
import { PanelSums } from "./panel-sums.js";

/** The error figures of each block of a stretch. */
export function blockFigures(
  engine: Engine,
  part: Part,
  weights: FloatArray,
  values: Float32Array<ArrayBuffer>,
): Float64Array<ArrayBuffer> {
  const rows = <A extends FloatArray>(floats: A) => ({
    dtype: floats.BYTES_PER_ELEMENT === 8 ? ("float64" as const) : ("float32" as const),
    floats: joinedRows(floats, part),
  });
  const job = { float64: weights.BYTES_PER_ELEMENT === 8, weights: rows(weights), values: rows(values) };
  const all = [...panelsOf(part)].flatMap((panel) => measureBlocks(engine, job, panel));
  const { figuresLength } = engine.places;
  const figures = new Float64Array(all.length * figuresLength);
  for (const [i, each] of all.entries()) figures.set(each, i * figuresLength);
  return figures;
}

/** The error figures of floats that stand for weights, both given in stretches: to the last bit those of `measureStream`. */
export class FloatSums {
  readonly #engine: Engine;
  readonly #part: Part;
  readonly #sums: PanelSums;

  /**
   * @param length how many weights there are
   * @param float64 whether they are float64; values are float32 in any case
   */
  constructor(engine: Engine, length: number, float64: boolean) {
    this.#engine = engine;
    this.#part = cutFor(engine, { pieces: 1, outer: 1, channels: 1, inner: length }, float64);
    this.#sums = new PanelSums(engine, this.#part, "all");
  }

  /** How many weights to give at a time, but for the last: at most so many, and whole blocks. */
  stretchOf(most: number): number {
    const { blockInner } = this.#part;
    return Math.max(1, Math.floor(most / blockInner)) * blockInner;
  }

  /** The weights of a stretch, as `blockFigures` takes them. */
  partOf(count: number): Part {
    return { ...this.#part, inner: count };
  }

  /** Adds the figures that `blockFigures` gave for the next stretch. */
  add(part: Part, figures: Float64Array): void {
    this.#sums.add(part, figures);
  }

  figures(): TotalErrors {
    const { places } = this.#engine;
    const total = new Float64Array(places.figuresLength);
    this.#sums.addTo(total);
    return readFigures(places, total, 0, this.#part.inner);
  }
}

import { html } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import { count, decibels, digits } from "../format.js";
import type { Cost, GranularityName, Settings, Summary } from "../protocol.js";
import { type Content, Figure, tableOf } from "../see/figure.js";
import { bytesOf } from "../see/result-view.js";
import { methodContent } from "./method-chart.js";
import { methodPoints, methodSettings } from "./methods.js";
import { drawTradeOff } from "./trade-off-chart.js";

const BITS = [2, 3, 4, 5, 6, 7, 8, 16];

interface Point {
  readonly settings: Settings;
  readonly cost: Cost;
}

/**
 * Every number of bits with every granularity: error against bytes; and every method with the chosen granularity. A
 * point that is chosen becomes the setting.
 */
export class CompareView {
  readonly #engine: Engine;
  readonly #choose: (settings: Settings) => void;
  readonly #figure = new Figure();
  readonly #methods = new Figure();
  readonly #ofMethods = html("details", { id: "methods" }, html("summary", {}, "Which method is best at equal bytes"));
  #summary: Summary | undefined;
  #points: Point[] = [];
  /** The settings for which the points hold, which are all but bits, granularity and method. */
  #basis = "";

  constructor(root: HTMLElement, engine: Engine, choose: (settings: Settings) => void) {
    this.#engine = engine;
    this.#choose = choose;
    this.#ofMethods.append(this.#methods.element);
    this.#ofMethods.addEventListener("toggle", () => this.#summary && unlessInterrupted(this.show(this.#summary)));
    root.append(this.#figure.element, this.#ofMethods);
  }

  /** Forgets the points of other weights. */
  reset() {
    this.#basis = "";
  }

  /** Computes the points one after another, so that nothing else waits long for the worker. */
  async show(summary: Summary) {
    this.#summary = summary;
    const { axis, group, along, arithmetic } = summary.settings;
    const basis = JSON.stringify([axis, group, along, arithmetic, summary.shape]);
    if (basis !== this.#basis) this.#points = [];
    this.#basis = basis;
    await this.#measure(choices(summary), summary, () => this.#drawTradeOff(summary));
    if (this.#ofMethods.open) await this.#measure(methodSettings(summary), summary, () => this.#drawMethods(summary));
  }

  async #measure(wanted: readonly Settings[], summary: Summary, draw: () => void) {
    if (this.#summary !== summary) return;
    const basis = this.#basis;
    draw();
    for (const settings of wanted) {
      if (this.#costOf(settings) !== undefined) continue;
      const cost = await unlessInterrupted(this.#engine.ask("assess", settings));
      if (cost === undefined || this.#summary !== summary || this.#basis !== basis) return;
      this.#points.push({ settings, cost });
      draw();
    }
  }

  #drawTradeOff(summary: Summary) {
    const points = choices(summary).flatMap((settings) => {
      const cost = this.#costOf(settings);
      return cost === undefined ? [] : [{ settings, cost }];
    });
    this.#figure.show(content(points, summary, this.#choose));
  }

  #drawMethods(summary: Summary) {
    const points = methodPoints(summary, (settings) => this.#costOf(settings));
    this.#methods.show(methodContent(points, this.#choose));
  }

  #costOf(settings: Settings): Cost | undefined {
    return this.#points.find((point) => isSame(point.settings, settings))?.cost;
  }
}

function choices({ settings, shape }: Summary): Settings[] {
  const fits = shape[settings.along] % settings.group === 0;
  const granularities: GranularityName[] = ["channel", "tensor", ...(fits ? (["group"] as const) : [])];
  const bitsOf = [...new Set([...BITS, settings.bits])];
  return granularities.flatMap((granularity) => bitsOf.map((bits) => ({ ...settings, granularity, bits })));
}

function isSame(a: Settings, b: Settings): boolean {
  const isOneMethod = a.rule === b.rule && a.zeroPoints === b.zeroPoints;
  return isOneMethod && a.bits === b.bits && a.granularity === b.granularity;
}

function nameOf({ bits, granularity, group }: Settings): string {
  return `${bits} bits, ${granularity === "group" ? `groups of ${group}` : `per ${granularity}`}`;
}

function content(points: readonly Point[], summary: Summary, choose: (settings: Settings) => void): Content {
  const { settings } = summary;
  return {
    title: "Error against bytes",
    explanation: "Higher is better, and further left is smaller. Choose a point to use its setting.",
    legend: [
      ["own", "per channel"],
      ["all", "per tensor"],
      ["group", `groups of ${settings.group} along axis ${settings.along}`],
    ],
    draw: (width) =>
      drawTradeOff(
        points.map((point) => ({
          bits: point.settings.bits,
          granularity: point.settings.granularity,
          name: nameOf(point.settings),
          bytes: bytesOf(point.cost),
          sqnr: point.cost.sqnr,
          isChosen: isSame(point.settings, settings),
          choose: () => choose(point.settings),
        })),
        width,
      ),
    table: () =>
      tableOf(
        "Error against bytes: integers as they are saved, and their scales",
        ["setting", "bytes", "SQNR", "MSE", "max error", "bytes if packed"],
        points.map((point) => [
          nameOf(point.settings),
          count(bytesOf(point.cost)),
          decibels(point.cost.sqnr),
          digits(point.cost.mse, 4),
          digits(point.cost.maxError, 4),
          count(point.cost.packedBytes + point.cost.packedScaleBytes),
        ]),
      ),
  };
}

import { svg } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import { bytes, count, decibels, digits } from "../format.js";
import type { Cost, GranularityName, Settings, Summary } from "../protocol.js";
import { type Content, Figure, tableOf } from "../see/figure.js";
import { linear, linearTicks, logarithmic } from "../see/ticks.js";

const BITS = [2, 3, 4, 5, 6, 7, 8, 16];
const MARGIN = { top: 26, right: 16, bottom: 44, left: 46 };
const HEIGHT = 340;
/** As far as a click may miss a point, in pixels. */
const TARGET = 12;

const styles: Record<GranularityName, string> = { channel: "own", tensor: "all", group: "group" };

interface Point {
  readonly settings: Settings;
  readonly cost: Cost;
}

/** Every number of bits with every granularity: error against bytes. A point that is chosen becomes the setting. */
export class CompareView {
  readonly #engine: Engine;
  readonly #choose: (settings: Settings) => void;
  readonly #figure = new Figure();
  #summary: Summary | undefined;
  #points: Point[] = [];
  /** What the points hold for: all but bits and granularity. */
  #basis = "";

  constructor(root: HTMLElement, engine: Engine, choose: (settings: Settings) => void) {
    this.#engine = engine;
    this.#choose = choose;
    root.append(this.#figure.element);
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
    this.#draw();
    for (const settings of choices(summary)) {
      if (this.#points.some((point) => isSame(point.settings, settings))) continue;
      const cost = await unlessInterrupted(this.#engine.ask("assess", settings));
      if (cost === undefined || this.#summary !== summary || this.#basis !== basis) return;
      this.#points.push({ settings, cost });
      this.#draw();
    }
  }

  #draw() {
    const summary = this.#summary;
    if (summary !== undefined) this.#figure.show(content(this.#points, summary, this.#choose));
  }
}

function choices({ settings, shape }: Summary): Settings[] {
  const fits = shape[settings.along] % settings.group === 0;
  const granularities: GranularityName[] = ["channel", "tensor", ...(fits ? (["group"] as const) : [])];
  const bitsOf = [...new Set([...BITS, settings.bits])];
  return granularities.flatMap((granularity) => bitsOf.map((bits) => ({ ...settings, granularity, bits })));
}

function isSame(a: Settings, b: Settings): boolean {
  return a.bits === b.bits && a.granularity === b.granularity;
}

function bytesOf({ cost }: Point): number {
  return cost.packedBytes + cost.scaleBytes;
}

function nameOf({ bits, granularity, group }: Settings): string {
  return `${bits} bits, ${granularity === "group" ? `groups of ${group}` : `per ${granularity}`}`;
}

function content(points: readonly Point[], summary: Summary, choose: (settings: Settings) => void): Content {
  const { settings } = summary;
  return {
    title: "Error against bytes",
    explanation:
      "Higher is better, further left is smaller. Choose a point to make it the setting; sizes are of packed integers and their scales.",
    legend: [
      ["own", "per channel"],
      ["all", "per tensor"],
      ["group", `groups of ${settings.group} along axis ${settings.along}`],
    ],
    draw: (width) => draw(points, summary, width, choose),
    table: () =>
      tableOf(
        "Error against bytes: integers packed, and their scales",
        ["setting", "bytes", "SQNR", "MSE", "max error"],
        points.map((point) => [
          nameOf(point.settings),
          count(bytesOf(point)),
          decibels(point.cost.sqnr),
          digits(point.cost.mse, 4),
          digits(point.cost.maxError, 4),
        ]),
      ),
  };
}

function draw(points: readonly Point[], summary: Summary, width: number, choose: (settings: Settings) => void) {
  const sizes = points.map(bytesOf);
  const sqnrs = points.map(({ cost }) => cost.sqnr).filter(Number.isFinite);
  const [least, most] = [Math.min(...sizes) * 0.9, Math.max(...sizes) * 1.1];
  const [bottom, top] = [Math.min(0, ...sqnrs), Math.max(10, ...sqnrs) * 1.05];
  const x = logarithmic([least, most], [MARGIN.left, width - MARGIN.right]);
  const y = linear([bottom, top], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const place = (point: Point) => ({ x: x(bytesOf(point)), y: y(Math.min(top, point.cost.sqnr)) });

  const picture = svg(
    "svg",
    { role: "group", "aria-label": "Error against bytes", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    svg("text", { class: "axis-title", x: 0, y: 11 }, "SQNR in dB"),
    svg("text", { class: "axis-title", x: width - MARGIN.right, y: HEIGHT - 4, "text-anchor": "end" }, "bytes"),
    ...linearTicks(bottom, top, 6).flatMap((value) => [
      svg("line", { class: "tick", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick-text", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)),
    ]),
  );
  if (points.length === 0) return picture;
  for (const value of byteTicks(least, most, Math.max(2, Math.floor(width / 110)))) {
    const at = { x: x(value), y: HEIGHT - MARGIN.bottom + 18, "text-anchor": "middle" };
    picture.append(
      svg("line", { class: "tick", x1: x(value), x2: x(value), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }),
      svg("text", { class: "tick-text", ...at }, bytes(value)),
    );
  }
  for (const granularity of ["tensor", "group", "channel"] as const) {
    const own = points
      .filter(({ settings }) => settings.granularity === granularity)
      .sort((a, b) => a.settings.bits - b.settings.bits);
    const line = own.map((point) => `${place(point).x.toFixed(1)},${place(point).y.toFixed(1)}`).join(" ");
    picture.append(svg("polyline", { class: `curve ${styles[granularity]}`, points: line }));
    for (const point of own) picture.append(pointElement(point, place(point), summary, choose));
  }
  return picture;
}

/** A point that can be clicked, and reached and chosen with the keyboard. */
function pointElement(
  { settings, cost }: Point,
  { x, y }: { x: number; y: number },
  summary: Summary,
  choose: (settings: Settings) => void,
): SVGElement {
  const isChosen = isSame(settings, summary.settings);
  const text = `${nameOf(settings)}: ${decibels(cost.sqnr)}, ${bytes(cost.packedBytes + cost.scaleBytes)}`;
  const style = `point ${styles[settings.granularity]}${isChosen ? " chosen" : ""}`;
  const element = svg(
    "g",
    { class: style, role: "button", tabindex: 0, "aria-label": text, "aria-pressed": String(isChosen) },
    svg("title", {}, text),
    svg("circle", { class: "target", "data-target": "", cx: x, cy: y, r: TARGET }),
    shapeOf(settings.granularity, x, y, isChosen ? 7 : 4.5),
    svg("text", { class: "tick-text small", ...labelPlaces[settings.granularity](x, y) }, String(settings.bits)),
  );
  element.addEventListener("click", () => choose(settings));
  element.addEventListener("keydown", ({ key }) => {
    if (key === "Enter" || key === " ") choose(settings);
  });
  return element;
}

/** On different sides, as the points of the granularities often lie close to each other. */
const labelPlaces: Record<GranularityName, (x: number, y: number) => Record<string, string | number>> = {
  channel: (x, y) => ({ x, y: y - 10, "text-anchor": "middle" }),
  tensor: (x, y) => ({ x: x - 9, y: y + 4, "text-anchor": "end" }),
  group: (x, y) => ({ x: x + 9, y: y + 12, "text-anchor": "start" }),
};

/** Told apart by form as well as by colour. */
function shapeOf(granularity: GranularityName, x: number, y: number, size: number): SVGElement {
  if (granularity === "channel") return svg("circle", { cx: x, cy: y, r: size });
  if (granularity === "tensor") return svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size });
  return svg("path", { d: `M${x} ${y - size * 1.3}L${x + size * 1.3} ${y + size}H${x - size * 1.3}Z` });
}

/** Round numbers of bytes: 1, 2 and 5 times powers of ten, as many as have room. */
function byteTicks(from: number, to: number, most: number): number[] {
  const powers = Array.from({ length: 16 }, (_, power) => 10 ** power);
  const all = [[1, 2, 5], [1, 3], [1]].map((digits) =>
    powers.flatMap((power) => digits.map((digit) => digit * power)).filter((value) => value >= from && value <= to),
  );
  return all.find((ticks) => ticks.length <= most) ?? (all[2] as number[]).filter((_, i) => i % 2 === 0);
}

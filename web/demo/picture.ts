import { html, svg } from "./dom.js";
import { counted, decibels, digits } from "./format.js";
import type { Bars } from "./protocol.js";

/** Pixels. */
const HEIGHT = 132;
const WIDEST_BAR = 56;
/** Bars closer than this touch, because gaps between them would only shimmer. */
const TOUCHING = 12;
const MARGIN = { top: 10, right: 6, bottom: 6, left: 54 };
const NAMES_HEIGHT = 20;

/** Bars for every channel: its range, and its SQNR with its own scale and with one scale for all. */
export class Picture {
  readonly #root: HTMLElement;
  #bars: Bars | undefined;
  #width = 0;

  constructor(root: HTMLElement) {
    this.#root = root;
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === this.#width) return;
      this.#width = contentRect.width;
      this.#draw();
    }).observe(root);
  }

  show(bars: Bars) {
    this.#bars = bars;
    this.#draw();
  }

  #draw() {
    const bars = this.#bars;
    if (bars === undefined || this.#width === 0) return;
    this.#root.replaceChildren(rangeFigure(bars, this.#width), sqnrFigure(bars, this.#width));
  }
}

function rangeFigure(bars: Bars, width: number): HTMLElement {
  const range = bars.highest.reduce((a, b) => Math.max(a, b));
  const chart = new Chart(bars, width, range);
  bars.highest.forEach((highest, i) => {
    if (bars.channelsPerBar > 1) chart.bar(i, highest, "own faint");
    chart.bar(i, bars.lowest[i], "own");
  });
  chart.line(range, "all");
  const label = `Range of ${counted(bars.channels, "channel")}, up to ${digits(range, 4)}.`;
  return figure(
    "Range of each channel",
    "With one scale for all, every channel has the scale of the line: a bar that reaches a tenth of it uses a tenth of the integers.",
    chart.finish(label, (value) => digits(value, 6)),
    [
      [
        "own",
        bars.channelsPerBar > 1
          ? `largest |weight| (dark: the least of ${bars.channelsPerBar} channels)`
          : "largest |weight|",
      ],
      ["line", "range of one scale for all"],
    ],
  );
}

function sqnrFigure(bars: Bars, width: number): HTMLElement {
  const finite = [...bars.perChannel, ...bars.perTensor].filter(Number.isFinite);
  const top = Math.max(10, ...finite);
  const chart = new Chart(bars, width, top);
  bars.perChannel.forEach((own, i) => {
    chart.bar(i, Math.min(own, top), "own");
    chart.bar(i, Math.min(bars.perTensor[i], top), "all", 0.5);
  });
  const worst = (values: Float64Array) => decibels(values.reduce((a, b) => Math.min(a, b)));
  const label = `SQNR of the worst channel: ${worst(bars.perChannel)} with its own scale, ${worst(bars.perTensor)} with one scale for all.`;
  return figure(
    "SQNR of each channel",
    "In dB: more is better, and 0 means that nothing of the channel is left.",
    chart.finish(label, (value) => `${value}`),
    [
      ["own", bars.channelsPerBar > 1 ? `own scale (worst of ${bars.channelsPerBar})` : "own scale"],
      ["all", "one scale for all"],
    ],
  );
}

function figure(title: string, explanation: string, chart: SVGElement, legend: readonly (readonly [string, string])[]) {
  const keys = legend.map(([name, text]) => html("li", {}, html("span", { class: `swatch ${name}` }), text));
  const caption = html("figcaption", {}, html("strong", {}, `${title}. `), explanation);
  return html("figure", {}, caption, html("ul", { class: "legend" }, ...keys), chart);
}

/** One chart: bars above a common baseline, with a few ticks on the left and names or indices below. */
class Chart {
  readonly #bars: Bars;
  readonly #width: number;
  readonly #top: number;
  readonly #shapes: SVGElement[] = [];

  /** @param top the value at the upper edge. */
  constructor(bars: Bars, width: number, top: number) {
    this.#bars = bars;
    this.#width = width;
    this.#top = top > 0 ? top : 1;
  }

  /** @param narrowing leaves of the bar behind it something to see on both sides. */
  bar(index: number, value: number, style: string, narrowing = 1) {
    const touching = this.#step < TOUCHING;
    const width = touching ? this.#step : Math.min(this.#step * 0.82, WIDEST_BAR) * narrowing;
    const y = this.#y(value);
    const x = this.#center(index) - width / 2;
    this.#shapes.push(svg("rect", { class: style, x, y, width, height: Math.max(0, this.#y(0) - y) }));
  }

  line(value: number, style: string) {
    const y = this.#y(value);
    this.#shapes.push(svg("line", { class: style, x1: MARGIN.left, x2: this.#width - MARGIN.right, y1: y, y2: y }));
  }

  finish(label: string, tickText: (value: number) => string): SVGElement {
    const right = this.#width - MARGIN.right;
    const ticks = ticksUpTo(this.#top).flatMap((value) => {
      const y = this.#y(value);
      return [
        svg("line", { class: "tick", x1: MARGIN.left, x2: right, y1: y, y2: y }),
        svg("text", { class: "tick-text", x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, tickText(value)),
      ];
    });
    const height = HEIGHT + NAMES_HEIGHT;
    const picture = {
      role: "img",
      "aria-label": label,
      width: this.#width,
      height,
      viewBox: `0 0 ${this.#width} ${height}`,
    };
    return svg("svg", picture, ...ticks, ...this.#shapes, ...this.#names(), ...this.#targets());
  }

  get #step(): number {
    return (this.#width - MARGIN.left - MARGIN.right) / this.#bars.highest.length;
  }

  #center(index: number): number {
    return MARGIN.left + (index + 0.5) * this.#step;
  }

  #y(value: number): number {
    const height = HEIGHT - MARGIN.top - MARGIN.bottom;
    return MARGIN.top + height * (1 - value / this.#top);
  }

  #names(): SVGElement[] {
    const length = this.#bars.highest.length;
    const longest = Math.max(...Array.from({ length }, (_, i) => this.#tickName(i).length));
    // About 7 pixels a character; where not all fit, every second, fifth, tenth ... is named.
    const every = niceStep(Math.ceil((7 * longest + 8) / this.#step));
    return Array.from({ length: Math.ceil(length / every) }, (_, i) => {
      const at = { x: this.#center(i * every), y: HEIGHT + 10, "text-anchor": "middle" };
      return svg("text", { class: "tick-text", ...at }, this.#tickName(i * every));
    });
  }

  #tickName(index: number): string {
    const { names, channelsPerBar } = this.#bars;
    return names?.[index] ?? String(index * channelsPerBar);
  }

  /** Areas under the pointer, each of which tells its channel's numbers. */
  #targets(): SVGElement[] {
    const { highest, perChannel, perTensor } = this.#bars;
    return Array.from(highest, (range, i) => {
      const text = `${barName(this.#bars, i)}: largest |weight| ${digits(range, 6)}; SQNR ${decibels(perChannel[i])} with its own scale, ${decibels(perTensor[i])} with one scale for all`;
      const area = { class: "target", x: MARGIN.left + i * this.#step, y: 0, width: this.#step, height: HEIGHT };
      return svg("rect", area, svg("title", {}, text));
    });
  }
}

function barName({ channels, channelsPerBar, names }: Bars, index: number): string {
  if (channelsPerBar === 1) return names?.[index] ?? String(index);
  const first = index * channelsPerBar;
  const last = Math.min(channels, first + channelsPerBar) - 1;
  return first === last ? String(first) : `${first}–${last}`;
}

/** 0 and two to four more round values. */
function ticksUpTo(top: number): number[] {
  const step = niceStep(top / 4);
  // Multiplying may leave 0.30000000000000004.
  return Array.from({ length: Math.floor(top / step) + 1 }, (_, i) => Number((i * step).toPrecision(12)));
}

/** The next of 1, 2, 5, 10, 20, 50 ... at or above a value. */
function niceStep(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((digit) => digit * power >= value) ?? 10);
}

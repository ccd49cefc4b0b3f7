import { svg } from "../dom.js";
import { decadeTicks, linear, linearTicks, logarithmic, niceStep, type Place } from "./ticks.js";

/** The height in pixels. */
const HEIGHT = 150;
const WIDEST_BAR = 56;
/** Bars closer than this touch, because gaps between them would only shimmer. */
const TOUCHING = 12;
const MARGIN = { top: 24, bottom: 6, axis: 58, noAxis: 6 };
const NAMES_HEIGHT = 20;

/** The quantity on an axis, and the way its values are written. */
export interface Axis {
  readonly title: string;
  readonly text: (value: number) => string;
}

export interface BarChartOptions {
  readonly names: readonly string[];
  readonly width: number;
  /** The value at the upper edge, and that at the lower edge of a logarithmic axis (otherwise 0). */
  readonly to: number;
  readonly from?: number;
  readonly left: Axis;
  /** Another measure of the same heights. */
  readonly right?: Axis;
}

/** Bars above a common baseline, with a few ticks at the sides and names below. */
export class BarChart {
  readonly #options: BarChartOptions;
  readonly #place: Place;
  readonly #ticks: readonly number[];
  readonly #right: number;
  readonly #shapes: SVGElement[] = [];

  constructor(options: BarChartOptions) {
    this.#options = options;
    const { from, to, width, right } = options;
    const top = to > 0 ? to : 1;
    const pixels = [HEIGHT - MARGIN.bottom, MARGIN.top] as const;
    this.#place = from === undefined ? linear([0, top], pixels) : logarithmic([from, top], pixels);
    this.#ticks = from === undefined ? linearTicks(0, top) : decadeTicks(from, top);
    this.#right = width - (right === undefined ? MARGIN.noAxis : MARGIN.axis);
  }

  /** @param narrowing is below 1 to leave the bar behind it visible on both sides. */
  bar(index: number, value: number, style: string, narrowing = 1) {
    const width = this.#barWidth * (this.#step < TOUCHING ? 1 : narrowing);
    const y = this.#place(Math.max(value, this.#options.from ?? 0));
    const height = HEIGHT - MARGIN.bottom - y;
    this.#shapes.push(svg("rect", { class: style, x: this.#center(index) - width / 2, y, width, height }));
  }

  /** A short line across a bar. */
  mark(index: number, value: number, style: string) {
    const [width, y] = [this.#barWidth, this.#place(value) - 1.5];
    this.#shapes.push(svg("rect", { class: style, x: this.#center(index) - width / 2, y, width, height: 3 }));
  }

  line(value: number, style: string) {
    const y = this.#place(value);
    this.#shapes.push(svg("line", { class: style, x1: MARGIN.axis, x2: this.#right, y1: y, y2: y }));
  }

  /**
   * @param label the text of the whole picture for screen readers.
   * @param chosen the bar to mark; -1 for none.
   * @param tell returns the text of a bar under the pointer.
   * @param choose called when a bar is clicked.
   */
  finish(label: string, chosen: number, tell: (bar: number) => string, choose: (bar: number) => void): SVGSVGElement {
    const { width, left, right } = this.#options;
    const height = HEIGHT + NAMES_HEIGHT;
    const size = { width, height, viewBox: `0 0 ${width} ${height}` };
    return svg(
      "svg",
      { role: "img", "aria-label": label, ...size },
      svg("text", { class: "axis-title", x: 0, y: 11 }, left.title),
      ...(right ? [svg("text", { class: "axis-title", x: width, y: 11, "text-anchor": "end" }, right.title)] : []),
      ...this.#gridLines(),
      ...(chosen < 0 ? [] : [svg("rect", { class: "chosen-bar", ...this.#column(chosen) })]),
      ...this.#shapes,
      ...this.#nameTexts(chosen),
      ...this.#options.names.map((_, bar) => this.#target(bar, tell, choose)),
    );
  }

  get #step(): number {
    return (this.#right - MARGIN.axis) / this.#options.names.length;
  }

  get #barWidth(): number {
    return this.#step < TOUCHING ? this.#step : Math.min(this.#step * 0.82, WIDEST_BAR);
  }

  #center(index: number): number {
    return MARGIN.axis + (index + 0.5) * this.#step;
  }

  #column(index: number) {
    return {
      x: MARGIN.axis + index * this.#step,
      y: MARGIN.top - 6,
      width: this.#step,
      height: HEIGHT - MARGIN.top + 6,
    };
  }

  #gridLines(): SVGElement[] {
    const { left, right } = this.#options;
    return this.#ticks.flatMap((value) => {
      const y = this.#place(value);
      const text = (x: number, anchor: string, content: string) =>
        svg("text", { class: "tick-text", x, y: y + 4, "text-anchor": anchor }, content);
      return [
        svg("line", { class: "tick", x1: MARGIN.axis, x2: this.#right, y1: y, y2: y }),
        text(MARGIN.axis - 6, "end", left.text(value)),
        ...(right ? [text(this.#right + 6, "start", right.text(value))] : []),
      ];
    });
  }

  #nameTexts(chosen: number): SVGElement[] {
    const { names } = this.#options;
    const longest = Math.max(...names.map(({ length }) => length));
    // A character takes about 7 pixels. If not all names fit, every second, fifth, tenth ... is shown.
    const every = niceStep(Math.ceil((7 * longest + 8) / this.#step));
    return Array.from({ length: Math.ceil(names.length / every) }, (_, i) => {
      const at = { x: this.#center(i * every), y: HEIGHT + 12, "text-anchor": "middle" };
      return svg("text", { class: i * every === chosen ? "tick-text chosen" : "tick-text", ...at }, names[i * every]);
    });
  }

  /** The area of a bar, which shows its numbers under the pointer. */
  #target(bar: number, tell: (bar: number) => string, choose: (bar: number) => void): SVGElement {
    const target = svg(
      "rect",
      { class: "target", "data-target": "", ...this.#column(bar) },
      svg("title", {}, tell(bar)),
    );
    target.addEventListener("click", () => choose(bar));
    return target;
  }
}

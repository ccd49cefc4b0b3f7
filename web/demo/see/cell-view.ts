import { scaleRules } from "channelwise/models";
import { html, svg } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import { count, typeset } from "../format.js";
import type { Cell, Settings, Summary } from "../protocol.js";
import type { Selection } from "../selection.js";
import { term } from "../terms.js";
import { type Content, Figure, tableOf } from "./figure.js";

/** The digits that tell float32 values apart, and show float64 values well enough. */
const DIGITS = 9;

const number = (value: number) => typeset(value, DIGITS);

/** The most pixels of the number line; on a wider one, integers would be far apart. */
const WIDEST_LINE = 560;

/** The chosen weight with every step of the formula, in real numbers. */
export class CellView {
  readonly #name = html("strong");
  readonly #steps = html("ol", { class: "steps" });
  readonly #line = new Figure();
  readonly #engine: Engine;
  readonly #selection: Selection;
  #summary: Summary | undefined;

  constructor(root: HTMLElement, engine: Engine, selection: Selection) {
    const name = html("p", { class: "cell-name" }, "The weight at ", this.#name, ": click another in a map.");
    root.append(name, this.#steps, this.#line.element);
    this.#engine = engine;
    this.#selection = selection;
    selection.onChange(() => unlessInterrupted(this.#draw()));
  }

  async show(summary: Summary) {
    this.#summary = summary;
    await this.#draw();
  }

  async #draw() {
    const summary = this.#summary;
    if (summary === undefined) return;
    const cell = await this.#engine.ask("cell", this.#selection.index);
    this.#name.textContent = cell.name;
    this.#steps.replaceChildren(...steps(cell, summary));
    this.#line.show(lineContent(cell, summary.settings));
  }
}

function steps(cell: Cell, summary: Summary): HTMLElement[] {
  const { arithmetic } = summary;
  const { weight, scale, zeroPoint, quotient, quantized, dequantized, error } = cell;
  const rounded = roundHalfEven(quotient) + (zeroPoint ?? 0);
  const isClamped = rounded !== quantized;
  const added =
    zeroPoint === undefined || zeroPoint === 0 ? "" : zeroPoint < 0 ? ` − ${-zeroPoint}` : ` + ${zeroPoint}`;
  const isHalf = Math.abs(quotient % 1) === 0.5;
  return [
    ...(zeroPoint === undefined ? scaleSteps(cell, summary) : zeroPointSteps(cell, summary)),
    step(
      "Divide",
      `${number(weight)} / ${inBrackets(scale)} = ${number(quotient)}`,
      `the weight in steps of the scale, as ${arithmetic}`,
    ),
    step(
      term("rounding", "Round"),
      `${number(quotient)}${added} → ${number(quantized)}`,
      isClamped
        ? `to ${number(rounded)}, which is clamped to ${number(quantized)}`
        : isHalf
          ? "a half goes to the even neighbour"
          : `to the nearest integer${added === "" ? "" : ", and the zero point is added"}`,
    ),
    step(
      term("dequantized", "Back"),
      `${added === "" ? number(quantized) : `(${number(quantized)}${added.replace(/[+−]/, (sign) => (sign === "+" ? "−" : "+"))})`} × ${inBrackets(scale)} = ${number(dequantized)}`,
      "programs compute with this value",
    ),
    step(
      "Error",
      `${number(weight)} − ${inBrackets(dequantized)} = ${number(error)}`,
      `${isClamped ? "more than half a step may be lost, since it is clamped" : `at most half a step, ${number(Math.abs(scale) / 2)}`}${weight === 0 ? "" : `; here ${typeset(Math.abs(error / weight) * 100, 3)} % of the weight`}`,
    ),
  ];
}

function step(title: string | Node, formula: string, note: string | Node): HTMLElement {
  return html(
    "li",
    {},
    html("span", { class: "step" }, title),
    html("code", {}, formula),
    html("span", { class: "note" }, note),
  );
}

const inBrackets = (value: number) => (value < 0 ? `(${number(value)})` : number(value));

/** The steps to a scale without a zero point. */
function scaleSteps(cell: Cell, { settings: { bits, rule, granularity } }: Summary): HTMLElement[] {
  const { largest, scale } = cell;
  const highest = 2 ** (bits - 1) - 1;
  const size = Math.abs(largest.value);
  const isMax = rule === scaleRules[0];
  const nothing = isMax && scale === 1 && size / highest !== 1;
  return [
    step(
      "Largest |weight|",
      `max = ${number(size)}`,
      `at ${largest.name}, of the ${count(cell.sharing)} weights that share ${sharers(cell, granularity)}`,
    ),
    step(
      term("scale", "Scale"),
      nothing ? "scale = 1" : isMax ? `scale = max / ${count(highest)} = ${number(scale)}` : `scale = ${number(scale)}`,
      nothing
        ? "the weights are all 0, or too small to have a scale"
        : !isMax
          ? `chosen by the rule ${rule}`
          : `the largest integer of ${bits} bits is 2${superscript(bits - 1)} − 1 = ${count(highest)}`,
    ),
  ];
}

/** The steps to a scale and its zero point. */
function zeroPointSteps(cell: Cell, { settings: { bits, rule, granularity } }: Summary): HTMLElement[] {
  const { range, scale, zeroPoint } = cell;
  const [least, most] = range;
  const isMax = rule === scaleRules[0];
  const [steps, lowest] = [2 ** bits - 1, -(2 ** (bits - 1))];
  const isNothing = least === most || scale === 1;
  return [
    step(
      "Range",
      `${number(least)} to ${number(most)}`,
      `with 0, of the ${count(cell.sharing)} weights that share ${sharers(cell, granularity)}`,
    ),
    step(
      term("scale", "Scale"),
      isMax && !isNothing
        ? `(${number(most)} − ${inBrackets(least)}) / ${count(steps)} = ${number(scale)}`
        : `scale = ${number(scale)}`,
      isMax ? `${bits} bits have ${count(steps)} steps` : `chosen by the rule ${rule}`,
    ),
    step(
      term("zeroPoints", "Zero point"),
      `zero point = ${number(zeroPoint ?? 0)}`,
      `0 becomes this one of the integers from ${number(lowest)} to ${number(-1 - lowest)}`,
    ),
  ];
}

function sharers({ channelName }: Cell, granularity: "channel" | "tensor" | "group"): string {
  if (granularity === "tensor") return "the one scale";
  return granularity === "group" ? "the scale of the group" : `the scale of ${channelName}`;
}

/** Only tells a reader whether the integer was clamped; the integer itself is the library's. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function superscript(value: number): string {
  return Array.from(String(value), (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
}

/** The two integers on either side of a place. */
function neighbours(place: number): number[] {
  const first = Math.floor(place) - 1;
  return [first, first + 1, first + 2, first + 3];
}

function lineContent(cell: Cell, { bits }: Settings): Content {
  const { quantized, weight, scale, zeroPoint } = cell;
  const place = cell.quotient + (zeroPoint ?? 0);
  const [, below, above] = neighbours(place);
  const lowest = -(2 ** (bits - 1));
  const from = zeroPoint === undefined ? "" : ` from the zero point, ${number(zeroPoint)}`;
  const standsFor = (integer: number) => (integer - (zeroPoint ?? 0)) * scale;
  const reach =
    zeroPoint === undefined
      ? ""
      : ` The integers reach from ${number(lowest)}, which is ${typeset(standsFor(lowest), 4)}, to ${number(-1 - lowest)}, which is ${typeset(standsFor(-1 - lowest), 4)}.`;
  return {
    title: "Where it lies among the integers",
    explanation: `The weight is ${number(cell.quotient)} steps of the scale${from}. It lies between ${number(below)} and ${number(above)}, and becomes ${number(quantized)}.${reach}`,
    legend: [
      ["all", "the weight"],
      ["plain", "integers and their values"],
    ],
    draw: (width) => numberLine(cell, place, Math.min(width, WIDEST_LINE)),
    table: () =>
      tableOf(
        "Where it lies among the integers",
        ["integer", "stands for", "away from the weight"],
        neighbours(place).map((integer) => [
          number(integer),
          number(standsFor(integer)),
          number(Math.abs(weight - standsFor(integer))),
        ]),
      ),
  };
}

/** A place between the integers around it, and the one it is rounded to. */
function numberLine({ quotient, quantized, scale, zeroPoint }: Cell, place: number, width: number): SVGSVGElement {
  const [height, margin] = [92, Math.min(48, width / 8)];
  const shown = neighbours(place);
  const [first] = shown;
  const x = (value: number) => margin + ((value - first) / 3) * (width - 2 * margin);
  const [y, at] = [52, x(place)];
  const label = `${number(quotient)} lies between ${shown[1]} and ${shown[2]}, and becomes ${quantized}.`;
  const size = { width, height, viewBox: `0 0 ${width} ${height}` };
  return svg(
    "svg",
    { class: "number-line", role: "img", "aria-label": label, ...size },
    svg("line", { class: "axis", x1: 8, x2: width - 8, y1: y, y2: y }),
    ...shown.flatMap((integer) => [
      svg("line", { class: "axis", x1: x(integer), x2: x(integer), y1: y - 7, y2: y + 7 }),
      svg(
        "text",
        { class: integer === quantized ? "chosen" : "tick-text", x: x(integer), y: y + 22, "text-anchor": "middle" },
        typeset(integer, DIGITS),
      ),
      svg(
        "text",
        { class: "tick-text small", x: x(integer), y: y + 36, "text-anchor": "middle" },
        integer === zeroPoint ? "zero point" : `= ${typeset((integer - (zeroPoint ?? 0)) * scale, 4)}`,
      ),
    ]),
    ...(shown.includes(quantized)
      ? [
          svg("path", {
            class: "arrow",
            d: `M${at} ${y - 12}Q${(at + x(quantized)) / 2} ${y - 40} ${x(quantized)} ${y - 10}`,
          }),
        ]
      : []),
    svg("circle", { class: "weight", cx: at, cy: y, r: 6 }),
    svg(
      "text",
      { class: "tick-text", x: at, y: 14, "text-anchor": at > width / 2 ? "end" : "start" },
      number(quotient),
    ),
  );
}

import { html, svg } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import { count, counted, decibels, digits, typeset } from "../format.js";
import type { Distribution, Levels, Settings, Summary } from "../protocol.js";
import type { Selection } from "../selection.js";
import { type Content, Figure, tableOf } from "./figure.js";
import { linear, linearTicks } from "./ticks.js";

/** Levels closer than this many pixels are drawn as one band. */
const CLOSEST = 2;
const MARGIN = 12;
/** The most names of channels that are offered; any can be typed. */
const MAX_OFFERED = 1000;

/** One channel, and all weights, on the number line: the weights, their levels, and their integers. */
export class DistributionView {
  readonly #engine: Engine;
  readonly #selection: Selection;
  readonly #channel = html("input", { id: "channel", list: "channel-names", autocomplete: "off", spellcheck: "false" });
  readonly #names = html("datalist", { id: "channel-names" });
  readonly #note = html("span", { class: "note" });
  readonly #why = new Figure();
  readonly #weights = new Figure();
  readonly #codes = new Figure();
  #summary: Summary | undefined;

  /** @param why the place of the picture of one channel @param root the place of those of all weights */
  constructor(why: HTMLElement, root: HTMLElement, engine: Engine, selection: Selection) {
    this.#engine = engine;
    this.#selection = selection;
    this.#channel.addEventListener("change", () => {
      if (this.#summary !== undefined) selection.selectChannel(channelCalled(this.#channel.value, this.#summary));
    });
    const field = html(
      "p",
      { class: "inline-field" },
      html("label", { for: "channel" }, "Channel"),
      this.#channel,
      this.#names,
      this.#note,
    );
    why.append(field, this.#why.element);
    root.append(html("div", { class: "figures" }, this.#weights.element, this.#codes.element));
    selection.onChange(() => unlessInterrupted(this.#drawChannel()));
  }

  async show(summary: Summary) {
    this.#summary = summary;
    const offered = (summary.channelNames ?? []).slice(0, MAX_OFFERED);
    this.#names.replaceChildren(...offered.map((name) => html("option", { value: name })));
    await this.#drawChannel();
    const all = await this.#engine.ask("distribution", { channel: undefined });
    this.#weights.show(weightsContent(all, summary));
    this.#codes.show(codesContent(all, summary));
  }

  async #drawChannel() {
    const summary = this.#summary;
    if (summary === undefined) return;
    const channel = this.#selection.channel ?? summary.mostGained;
    const distribution = await this.#engine.ask("distribution", { channel });
    this.#channel.value = summary.channelNames?.[channel] ?? String(channel);
    this.#note.textContent = this.#selection.channel === undefined ? "gains most from its own scale" : "";
    this.#why.show(whyContent(distribution, summary));
  }
}

/** The channel with this name, or with this index if no channel has the name. */
function channelCalled(text: string, { channelNames = [], channels }: Summary): number {
  const named = channelNames.indexOf(text.trim());
  return named === -1 ? Math.min(channels - 1, Math.max(0, Math.trunc(Number(text) || 0))) : named;
}

/** The reason for one scale for each channel: the same weights over the levels of either scale. */
function whyContent(distribution: Distribution, { settings }: Summary): Content {
  const { name, range, ownLevels = { scale: 1, zeroPoint: 0 }, tensorLevels, used, sqnr } = distribution;
  const { bits, zeroPoints } = settings;
  const reached = (levels: Levels) => {
    const [first, last] = stepsWithin(levels, bits, range);
    return Math.max(1, last - first + 1);
  };
  const [own, shared] = [reached(ownLevels), reached(tensorLevels)];
  const lost = Math.log2(Math.abs(tensorLevels.scale / ownLevels.scale));
  const textOf = ({ scale, zeroPoint }: Levels) =>
    `${typeset(scale, 3)}${zeroPoints ? ` and zero point ${typeset(zeroPoint, 5)}` : ""}`;
  const verdict =
    used.tensor === 1 && used.own > 1
      ? "With one scale for all, nothing of it is left."
      : lost < 0.05
        ? "One scale for all loses nothing here."
        : `One scale for all loses ${lost.toFixed(1)} of the ${settings.bits} bits.`;
  return {
    title: `The weights of ${name} and the values they can take`,
    explanation: `With its own scale they become ${counted(used.own, "different integer")} (${decibels(sqnr?.own ?? 0)}), with one scale for all ${count(used.tensor)} (${decibels(sqnr?.tensor ?? 0)}). ${verdict}`,
    legend: [
      ["plain", "weights of the channel"],
      ["own", `own scale, ${textOf(ownLevels)}: ${counted(own, "level")} in reach`],
      ["all", `one scale for all, ${textOf(tensorLevels)}: ${counted(shared, "level")} in reach`],
    ],
    draw: (width) => {
      const line = new NumberLine(distribution, width, 190);
      line.bars(24, 92);
      line.levels(ownLevels, settings, "own", 100, 124);
      line.levels(tensorLevels, settings, "all", 132, 156);
      return line.finish(
        `${counted(own, "level")} of its own scale and ${counted(shared, "level")} of the one scale for all lie in the range of ${name}.`,
      );
    },
    table: () => binsTable(`Weights of ${name}`, distribution),
  };
}

function weightsContent(distribution: Distribution, { settings }: Summary): Content {
  const { count: weights, range, levels: shown } = distribution;
  const levels =
    shown === undefined
      ? `Each ${settings.granularity} has levels of its own.`
      : `The lines below are the levels they are rounded to.${settings.zeroPoints ? ` ${codesText(shown, settings.bits)}` : ""}`;
  return {
    title: "All weights",
    explanation: `${counted(weights, "weight")} between −${digits(range, 4)} and ${digits(range, 4)}. ${levels}`,
    legend: [
      ["plain", "weights"],
      ...(shown === undefined ? [] : [["all", `levels of ${settings.bits} bits`] as const]),
    ],
    draw: (width) => {
      const line = new NumberLine(distribution, width, 168);
      line.bars(24, shown === undefined ? 134 : 104);
      if (shown !== undefined) line.levels(shown, settings, "all", 112, 134);
      return line.finish(`Histogram of ${counted(weights, "weight")}, up to ${digits(range, 4)} in size.`);
    },
    table: () => binsTable("All weights", distribution),
  };
}

function codesContent({ codes, codesPerBin, used, count: weights }: Distribution, { settings }: Summary): Content {
  const lowest = -(2 ** (settings.bits - 1));
  const most = codes.reduce((a, b) => Math.max(a, b));
  const binText = (bin: number) => {
    const first = lowest + bin * codesPerBin;
    return codesPerBin === 1 ? typeset(first, 6) : `${typeset(first, 6)} to ${typeset(first + codesPerBin - 1, 6)}`;
  };
  return {
    title: "Integers used",
    explanation: `${count(used.chosen)} of the ${count(-2 * lowest)} integers of ${settings.bits} bits are used.${codes[0] === 0 && codesPerBin === 1 && settings.rule === "max" && !settings.zeroPoints ? ` ${typeset(lowest, 6)} is not: the scales are symmetric.` : ""}`,
    legend: [["own", `how often each is used${codesPerBin > 1 ? ` (${codesPerBin} to a bar)` : ""}`]],
    draw: (width) => {
      const height = 168;
      const [top, bottom] = [24, 134];
      const x = linear([0, codes.length], [MARGIN, width - MARGIN]);
      const y = linear([0, Math.sqrt(most)], [bottom, top]);
      const ticks = linearTicks(lowest, -lowest - 1, 6).filter(Number.isInteger);
      return svg(
        "svg",
        {
          role: "img",
          "aria-label": `${count(used.chosen)} different integers are used.`,
          width,
          height,
          viewBox: `0 0 ${width} ${height}`,
        },
        svg("text", { class: "axis-title", x: 0, y: 11 }, `up to ${count(most)} weights (heights: square roots)`),
        ...Array.from(codes, (number, bin) => {
          const at = y(Math.sqrt(number));
          const shape = { x: x(bin), y: at, width: x(1) - x(0), height: bottom - at };
          return svg(
            "rect",
            { class: "own", ...shape },
            svg("title", {}, `${binText(bin)}: ${counted(number, "weight")}`),
          );
        }),
        svg("line", { class: "axis", x1: MARGIN, x2: width - MARGIN, y1: bottom, y2: bottom }),
        ...ticks.map((tick) =>
          svg(
            "text",
            { class: "tick-text", x: x((tick - lowest + 0.5) / codesPerBin), y: bottom + 16, "text-anchor": "middle" },
            typeset(tick, 6),
          ),
        ),
      );
    },
    table: () =>
      tableOf(
        `Integers used, of ${counted(weights, "weight")}`,
        ["integer", "weights"],
        Array.from(codes, (number, bin) => [binText(bin), count(number)]).filter(([, number]) => number !== "0"),
      ),
  };
}

/** The first and the last step of the scale from 0 that has an integer and lies within the range. */
function stepsWithin({ scale, zeroPoint }: Levels, bits: number, range: number): [first: number, last: number] {
  const most = Math.floor((range / Math.abs(scale)) * 1.0001);
  const least = -(2 ** (bits - 1));
  return [Math.max(-most, least - zeroPoint), Math.min(most, -1 - least - zeroPoint)];
}

/** The zero point, and what the least and the largest integer stand for. */
function codesText({ scale, zeroPoint }: Levels, bits: number): string {
  const least = -(2 ** (bits - 1));
  const standsFor = (code: number) => typeset((code - zeroPoint) * scale, 3);
  return `The zero point is ${typeset(zeroPoint, 5)}: integers from ${typeset(least, 5)} to ${typeset(-1 - least, 5)} stand for ${standsFor(least)} to ${standsFor(-1 - least)}.`;
}

function binsTable(title: string, { bins, range }: Distribution): HTMLTableElement {
  const edge = (bin: number) => typeset(((2 * bin) / bins.length - 1) * range, 4);
  return tableOf(
    title,
    ["between", "and", "weights"],
    Array.from(bins, (number, bin) => [edge(bin), edge(bin + 1), count(number)]).filter(
      ([, , number]) => number !== "0",
    ),
  );
}

/** A histogram over a number line from -range to range, and levels below it. */
class NumberLine {
  readonly #distribution: Distribution;
  readonly #width: number;
  readonly #height: number;
  readonly #range: number;
  readonly #shapes: SVGElement[] = [];

  constructor(distribution: Distribution, width: number, height: number) {
    this.#distribution = distribution;
    this.#width = width;
    this.#height = height;
    this.#range = distribution.range || 1;
  }

  bars(top: number, bottom: number) {
    const { bins } = this.#distribution;
    const most = bins.reduce((a, b) => Math.max(a, b));
    const y = linear([0, Math.sqrt(most)], [bottom, top]);
    const width = (this.#width - 2 * MARGIN) / bins.length;
    bins.forEach((number, bin) => {
      const at = y(Math.sqrt(number));
      const shape = { class: "plain", x: MARGIN + bin * width, y: at, width, height: bottom - at };
      if (number > 0) this.#shapes.push(svg("rect", shape, svg("title", {}, counted(number, "weight"))));
    });
    this.#shapes.push(
      svg("text", { class: "axis-title", x: 0, y: 11 }, `up to ${counted(most, "weight")} (heights: square roots)`),
      svg("line", { class: "axis", x1: MARGIN, x2: this.#width - MARGIN, y1: bottom, y2: bottom }),
    );
  }

  /** Marks what every integer stands for, or a band where they are too close to be told apart; and the zero point. */
  levels(levels: Levels, { bits, zeroPoints }: Settings, style: string, top: number, bottom: number) {
    const { scale } = levels;
    const [first, last] = stepsWithin(levels, bits, this.#range);
    const apart = Math.abs(this.#x(scale) - this.#x(0));
    if (apart < CLOSEST) {
      const ends = [this.#x(first * scale), this.#x(last * scale)];
      const x = Math.max(MARGIN, Math.min(...ends));
      const width = Math.min(this.#width - MARGIN, Math.max(...ends)) - x;
      this.#shapes.push(svg("rect", { class: `${style} band`, x, y: top, width, height: bottom - top }));
    } else {
      const strokes = Array.from({ length: Math.max(1, last - first + 1) }, (_, i) => {
        const x = this.#x((first + i) * scale);
        return `M${x.toFixed(2)} ${top}V${bottom}`;
      });
      this.#shapes.push(svg("path", { class: `level ${style}`, d: strokes.join("") }));
    }
    if (!zeroPoints) return;
    const x = this.#x(0);
    const text = { class: "tick-text small", x: x + 8, y: bottom + 9, "text-anchor": "start" };
    this.#shapes.push(
      svg("path", { class: `zero-point ${style}`, d: `M${x} ${bottom}l5 8h-10z` }),
      svg("text", text, `zero point ${typeset(levels.zeroPoint, 5)}`),
    );
  }

  finish(label: string): SVGSVGElement {
    const [width, height] = [this.#width, this.#height];
    const ticks = linearTicks(-this.#range, this.#range, 6).map((value) =>
      svg(
        "text",
        { class: "tick-text", x: this.#x(value), y: height - 12, "text-anchor": "middle" },
        typeset(value, 6),
      ),
    );
    const size = { width, height, viewBox: `0 0 ${width} ${height}` };
    return svg("svg", { role: "img", "aria-label": label, ...size }, ...this.#shapes, ...ticks);
  }

  #x(value: number): number {
    return MARGIN + ((value / this.#range + 1) / 2) * (this.#width - 2 * MARGIN);
  }
}

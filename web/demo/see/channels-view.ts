import { html } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import { count, counted, decibels, digits, typeset } from "../format.js";
import type { Bars, ChannelOrder, Summary } from "../protocol.js";
import type { Selection } from "../selection.js";
import { BarChart } from "./bar-chart.js";
import { type Content, Figure, tableOf } from "./figure.js";

/** More bars than this are too thin to be told apart. */
const MAX_BARS = 128;
/** If the largest range is more than so many times the smallest, equal steps would hide the small ones. */
const LOGARITHMIC = 20;

const orders: Record<ChannelOrder, string> = {
  worst: "lowest SQNR first",
  range: "largest range first",
  index: "as they lie",
};

/** Range, scale and error of every channel; a click chooses one. */
export class ChannelsView {
  readonly #engine: Engine;
  readonly #selection: Selection;
  readonly #onOrder: (order: ChannelOrder) => void;
  readonly #order = html("select", { id: "order" });
  readonly #ranges = new Figure();
  readonly #errors = new Figure();
  #summary: Summary | undefined;
  #bars: Bars | undefined;

  constructor(root: HTMLElement, engine: Engine, selection: Selection, onOrder: (order: ChannelOrder) => void) {
    this.#engine = engine;
    this.#selection = selection;
    this.#onOrder = onOrder;
    this.#order.append(...Object.entries(orders).map(([value, text]) => html("option", { value }, text)));
    this.#order.addEventListener("change", () => {
      this.#onOrder(this.order);
      unlessInterrupted(this.#ask());
    });
    const order = html("p", { class: "inline-field" }, html("label", { for: "order" }, "Channels"), this.#order);
    root.append(order, html("div", { class: "figures" }, this.#errors.element, this.#ranges.element));
    selection.onChange(() => this.#draw());
  }

  get order(): ChannelOrder {
    return this.#order.value as ChannelOrder;
  }

  async show(summary: Summary) {
    this.#summary = summary;
    await this.#ask();
  }

  async #ask() {
    this.#bars = await this.#engine.ask("channels", { order: this.order, bars: MAX_BARS });
    this.#draw();
  }

  #draw() {
    const [bars, summary] = [this.#bars, this.#summary];
    if (bars === undefined || summary === undefined) return;
    const choose = (bar: number) => this.#selection.selectChannel(bars.first[bar]);
    const chosen = bars.first.indexOf(this.#selection.channel ?? summary.mostGained);
    this.#errors.show(errorContent(bars, summary, chosen, choose));
    this.#ranges.show(rangeContent(bars, summary, chosen, choose));
  }
}

function rangeContent(
  bars: Bars,
  { settings, limits }: Summary,
  chosen: number,
  choose: (bar: number) => void,
): Content {
  const range = limits.weights;
  const steps = 2 ** (settings.bits - 1) - 1;
  const least = bars.lowest.reduce((least, value) => (value > 0 ? Math.min(least, value) : least), range);
  const isLogarithmic = range / least > LOGARITHMIC;
  return {
    title: "Range and scale of each channel",
    explanation: isLogarithmic
      ? "Each grid line is ten times the one below. With one scale for all, a bar half as high as the dashed line loses one bit."
      : "With one scale for all, a bar half as high as the dashed line loses one bit.",
    legend: [
      [
        "own",
        `largest |weight|${bars.channelsPerBar > 1 ? ` (dark: the least of ${bars.channelsPerBar} channels)` : ""}`,
      ],
      ["line", `one scale for all: ${typeset(range / steps, 4)}`],
    ],
    draw: (width) => {
      const chart = new BarChart({
        names: bars.names,
        width,
        ...(isLogarithmic ? { from: least / 2, to: range * 1.3 } : { to: range }),
        left: { title: "largest |weight|", text: (value) => typeset(value, 6) },
        right: { title: "scale", text: (value) => typeset(value / steps, 2) },
      });
      bars.highest.forEach((highest, i) => {
        if (bars.channelsPerBar > 1) chart.bar(i, highest, "own faint");
        chart.bar(i, bars.lowest[i], "own");
      });
      chart.line(range, "all");
      const label = `Range of ${counted(bars.channels, "channel")}, up to ${digits(range, 4)}.`;
      return chart.finish(label, chosen, (bar) => tell(bars, bar), choose);
    },
    table: () => table("Range and scale of each channel", bars, steps),
  };
}

function errorContent(bars: Bars, { settings }: Summary, chosen: number, choose: (bar: number) => void): Content {
  const finite = [...bars.channel, ...bars.tensor, ...(bars.group ?? [])].filter(Number.isFinite);
  const top = Math.max(10, ...finite);
  const worstOf = bars.channelsPerBar > 1 ? ` (worst of ${bars.channelsPerBar})` : "";
  return {
    title: "SQNR of each channel",
    explanation: "More is better. At 0 dB, nothing of the channel is left.",
    legend: [
      ["own", `own scale${worstOf}`],
      ["all", "one scale for all"],
      ...(bars.group ? [["group", `groups of ${settings.group}`] as const] : []),
    ],
    draw: (width) => {
      const chart = new BarChart({ names: bars.names, width, to: top, left: { title: "SQNR in dB", text: String } });
      bars.channel.forEach((own, i) => {
        chart.bar(i, Math.min(own, top), "own");
        chart.bar(i, Math.min(bars.tensor[i], top), "all", 0.5);
        if (bars.group) chart.mark(i, Math.min(bars.group[i], top), "group");
      });
      const worst = (values: Float64Array) => decibels(values.reduce((a, b) => Math.min(a, b)));
      const label = `SQNR of the worst channel: ${worst(bars.channel)} with its own scale, ${worst(bars.tensor)} with one scale for all.`;
      return chart.finish(label, chosen, (bar) => tell(bars, bar), choose);
    },
    table: () => table("SQNR of each channel", bars, 2 ** (settings.bits - 1) - 1),
  };
}

function tell({ names, highest, channel, tensor }: Bars, i: number): string {
  return `${names[i]}: largest |weight| ${typeset(highest[i], 6)}; SQNR ${decibels(channel[i])} with its own scale, ${decibels(tensor[i])} with one scale for all`;
}

function table(title: string, bars: Bars, steps: number): HTMLTableElement {
  const shared =
    bars.channelsPerBar > 1 ? `, ${count(bars.channelsPerBar)} channels to a line: largest range, worst SQNR` : "";
  return tableOf(
    `${title}${shared}`,
    [
      "channel",
      "largest |weight|",
      "scale",
      "SQNR, own scale",
      "SQNR, one scale for all",
      ...(bars.group ? ["SQNR, groups"] : []),
    ],
    bars.names.map((name, i) => [
      name,
      digits(bars.highest[i], 6),
      digits(bars.highest[i] / steps, 6),
      decibels(bars.channel[i]),
      decibels(bars.tensor[i]),
      ...(bars.group ? [decibels(bars.group[i])] : []),
    ]),
  );
}

import { svg } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import { count, counted, typeset } from "../format.js";
import type { ScaleErrors, Summary, TriedScale } from "../protocol.js";
import type { Selection } from "../selection.js";
import { type Content, Figure, tableOf } from "./figure.js";
import { linear, linearTicks } from "./ticks.js";

const HEIGHT = 240;
const MARGIN = { top: 24, right: 14, bottom: 50, left: 14 };
/** The picture ends at so many times the largest error that is marked. */
const ABOVE = 3;

/** The error of the weights that share a scale with the chosen one, against that scale. */
export class ScaleErrorsView {
  readonly #engine: Engine;
  readonly #selection: Selection;
  readonly #figure = new Figure();
  #summary: Summary | undefined;

  constructor(root: HTMLElement, engine: Engine, selection: Selection) {
    this.#engine = engine;
    this.#selection = selection;
    root.append(this.#figure.element);
    selection.onChange(() => unlessInterrupted(this.#draw()));
  }

  async show(summary: Summary) {
    this.#summary = summary;
    await this.#draw();
  }

  async #draw() {
    if (this.#summary === undefined) return;
    const errors = await this.#engine.ask("scaleErrors", this.#selection.index);
    this.#figure.show(content(errors, this.#summary));
  }
}

const TITLE = "Error against scale";

function content(errors: ScaleErrors, { settings: { rule } }: Summary): Content {
  const { unit, max, search, chosen, trials } = errors;
  const marks: readonly (readonly [name: string, style: string, tried: TriedScale])[] = [
    ["the maximum", "all", max],
    ["the search", "group", search],
    [`chosen, by ${rule}`, "own", chosen],
  ];
  return {
    title: TITLE,
    explanation: `${sentence(errors, rule)}${errors.every > 1 ? ` The curve is of every ${errors.every}th weight.` : ""}`,
    legend: [
      ["own", "chosen scale"],
      ["all", "scale of the largest |weight|"],
      ["group", "scale of the search"],
      ...(trials.length > 0 ? [["plain", `${counted(trials.length, "scale")} that the search tries`] as const] : []),
    ],
    draw: (width) => picture(errors, rule, width),
    table: () =>
      tableOf(
        TITLE,
        ["scale by", "scale", "of the maximum’s", "MSE", "less error"],
        marks.map(([name, , { scale, mse }]) => [
          name,
          typeset(scale * unit, 6),
          typeset(scale / max.scale, 4),
          typeset(mse * unit * unit, 4),
          gain(max.mse, mse),
        ]),
      ),
  };
}

/** The three errors, and what the search gains. */
function sentence({ count: weights, unit, zeroPoint, max, search, chosen, trials }: ScaleErrors, rule: string): string {
  const zero = zeroPoint === undefined ? "" : ` and the zero point ${typeset(zeroPoint, 5)}`;
  const shared =
    weights === 1 ? `One weight has this scale${zero}` : `${count(weights)} weights share this scale${zero}`;
  if (max.mse === 0) return `${shared}. With that of the maximum, none of them has an error.`;
  const of = (error: TriedScale) => typeset(error.mse * unit * unit, 3);
  const found =
    search.mse < max.mse
      ? `that of the search, ${typeset(Math.abs(search.scale / max.scale), 3)} of it${search.scale < 0 ? " and negative" : ""}, gives ${of(search)}: ${gain(max.mse, search.mse)} less`
      : trials.length > 0
        ? "the search finds none that is better"
        : "there is no search above 8 bits";
  return `${shared}. That of the maximum gives a mean squared error of ${of(max)}, and ${found}. The chosen one, by ${rule}, gives ${of(chosen)}.`;
}

/** How much less an error is, in dB. */
function gain(before: number, after: number): string {
  if (before === after) return "0 dB";
  return after === 0 ? "all of it" : `${typeset(10 * Math.log10(before / after), 3)} dB`;
}

/** The curve, a mark for each scale on it, and below it the scales that are tried. */
function picture(errors: ScaleErrors, rule: string, width: number): SVGSVGElement {
  const { unit, max, search, chosen, parts, positive, negative, trials } = errors;
  const marked = Math.max(max.mse, search.mse, chosen.mse);
  const top =
    ABOVE * marked ||
    Math.max(
      ...positive
        .slice()
        .sort()
        .subarray(0, parts.length / 2),
    ) ||
    1;
  const bottom = HEIGHT - MARGIN.bottom;
  const x = linear([parts[0], parts[parts.length - 1]], [MARGIN.left, width - MARGIN.right]);
  const y = linear([0, top], [bottom, MARGIN.top]);
  const curve = (values: Float64Array, style: string) =>
    svg("path", { class: `curve ${style}`, d: pathOf(values, top, (i) => x(parts[i]), y) });
  const hasNegative = search.scale < 0 || chosen.scale < 0;
  const place = ({ scale, mse }: TriedScale) => [x(Math.abs(scale / max.scale)), y(mse)] as const;
  const [atMax, atSearch, atChosen] = [max, search, chosen].map(place);
  const size = { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` };
  return svg(
    "svg",
    { role: "img", "aria-label": sentence(errors, rule), ...size },
    svg("text", { class: "axis-title", x: 0, y: 11 }, `mean squared error, up to ${typeset(top * unit * unit, 2)}`),
    svg("line", { class: "axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: bottom, y2: bottom }),
    ...linearTicks(parts[0], parts[parts.length - 1], Math.max(2, Math.floor(width / 60))).map((part) =>
      svg("text", { class: "tick-text", x: x(part), y: bottom + 28, "text-anchor": "middle" }, String(part)),
    ),
    svg(
      "text",
      { class: "axis-title", x: width / 2, y: HEIGHT - 6, "text-anchor": "middle" },
      "size of the scale, as a part of the maximum’s",
    ),
    svg("path", { class: "level tried", d: Array.from(trials, (part) => `M${x(part)} ${bottom}v9`).join("") }),
    curve(positive, "plain"),
    ...(hasNegative
      ? [
          curve(negative, "plain negative"),
          svg("text", { class: "tick-text small", x: width, y: 11, "text-anchor": "end" }, "dashed: negative scales"),
        ]
      : []),
    ...[atMax, atSearch].map(([cx]) => svg("line", { class: "tick", x1: cx, x2: cx, y1: MARGIN.top, y2: bottom })),
    svg("circle", { class: "mark own", cx: atChosen[0], cy: atChosen[1], r: 8 }),
    svg("path", { class: "mark all", d: diamond(...atMax) }),
    svg("rect", { class: "mark group", x: atSearch[0] - 4, y: atSearch[1] - 4, width: 8, height: 8 }),
  );
}

const diamond = (x: number, y: number) => `M${x} ${y - 6}l6 6l-6 6l-6-6z`;

/** A line through the values that are not above the picture. */
function pathOf(values: Float64Array, top: number, x: (i: number) => number, y: (value: number) => number): string {
  let isDrawing = false;
  return Array.from(values, (value, i) => {
    const wasDrawing = isDrawing;
    isDrawing = value <= top;
    return isDrawing ? `${wasDrawing ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}` : "";
  }).join("");
}

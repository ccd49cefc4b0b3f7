import { svg } from "../dom.js";
import { count, decibels, typeset } from "../format.js";
import type { Settings } from "../protocol.js";
import { type Content, tableOf } from "../see/figure.js";
import { linear, linearTicks } from "../see/ticks.js";
import { chartPoint } from "./chart-point.js";
import { type Method, type MethodPoint, methods } from "./methods.js";

const MARGIN = { top: 26, right: 16, bottom: 46, left: 46 };
const HEIGHT = 260;

/** The picture of methods, with its words and its table. */
export function methodContent(points: readonly MethodPoint[], choose: (settings: Settings) => void): Content {
  const nameOf = ({ method, settings }: MethodPoint) => `${settings.bits} bits, ${method.name}`;
  const gainOf = ({ gain }: MethodPoint) =>
    gain === undefined ? "–" : `${gain > 0 ? "+" : ""}${typeset(Number(gain.toFixed(2)), 4)} dB`;
  return {
    title: "Methods at equal bytes",
    explanation:
      "Each method is compared with the maximum of as many bytes, as zero points take bytes too. Higher is better. Choose a point to use its settings.",
    legend: [
      ["plain", "max"],
      ["all", "signed-max"],
      ["own", "search"],
      ["group", "zero points (the upper line with search)"],
    ],
    draw: (width) =>
      drawMethods(
        points,
        width,
        (point) => `${nameOf(point)}: ${typeset(point.bitsPerWeight, 4)} bits a weight, ${gainOf(point)}`,
        ({ settings }) => choose(settings),
      ),
    table: () =>
      tableOf(
        "Methods at equal bytes: integers and zero points packed, and scales",
        ["method", "bits a weight", "bytes", "SQNR", "against max at equal bytes"],
        points.map((point) => [
          nameOf(point),
          typeset(point.bitsPerWeight, 4),
          count(point.cost.packedBytes + point.cost.packedScaleBytes),
          decibels(point.cost.sqnr),
          gainOf(point),
        ]),
      ),
  };
}

/** What each method gains over the maximum of as many bytes, against the bits a weight; a point chooses its settings. */
function drawMethods(
  points: readonly MethodPoint[],
  width: number,
  textOf: (point: MethodPoint) => string,
  choose: (point: MethodPoint) => void,
): SVGSVGElement {
  const gains = points.flatMap(({ gain }) => (gain === undefined ? [] : [gain]));
  const [bottom, top] = [Math.min(-0.5, ...gains), Math.max(1, ...gains) * 1.08];
  const sizes = points.map(({ bitsPerWeight }) => bitsPerWeight);
  const [from, to] = [Math.min(...sizes, 2), Math.max(...sizes, 8)];
  const x = linear([from - 0.2, to + 0.2], [MARGIN.left, width - MARGIN.right]);
  const y = linear([bottom, top], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const picture = svg(
    "svg",
    { role: "group", "aria-label": "Methods at equal bytes", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    svg("text", { class: "axis-title", x: 0, y: 11 }, "dB more than max at equal bytes"),
    ...linearTicks(bottom, top, 5).flatMap((value) => [
      svg("line", { class: "tick", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick-text", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)),
    ]),
    ...linearTicks(from, to, 6).map((value) =>
      svg(
        "text",
        { class: "tick-text", x: x(value), y: HEIGHT - MARGIN.bottom + 18, "text-anchor": "middle" },
        String(value),
      ),
    ),
    svg(
      "text",
      { class: "axis-title", x: width / 2, y: HEIGHT - 8, "text-anchor": "middle" },
      "bits a weight, with scales and zero points",
    ),
  );
  for (const method of methods) {
    const own = points.filter((point) => point.method === method && point.gain !== undefined);
    const place = ({ bitsPerWeight, gain = 0 }: MethodPoint) => [x(bitsPerWeight), y(gain)] as const;
    const line = own.map((point) => place(point).map((at) => at.toFixed(1))).join(" ");
    picture.append(svg("polyline", { class: `curve ${method.style}${dashed(method)}`, points: line }));
    for (const point of own) picture.append(pointElement(point, place(point), textOf(point), () => choose(point)));
  }
  return picture;
}

/** Zero points have a broken line, as they have diamonds, so that colour is not all that tells methods apart. */
const dashed = ({ zeroPoints }: Method) => (zeroPoints ? " negative" : "");

function pointElement(
  { method, isChosen }: MethodPoint,
  [x, y]: readonly [number, number],
  text: string,
  choose: () => void,
): SVGElement {
  const size = isChosen ? 6.5 : 4;
  const half = 1.4 * size;
  const shape = method.zeroPoints
    ? svg("path", { d: `M${x} ${y - half}l${half} ${half}l${-half} ${half}l${-half} ${-half}z` })
    : svg("circle", { cx: x, cy: y, r: size });
  return chartPoint({ text, style: method.style, isChosen, x, y, choose }, shape);
}

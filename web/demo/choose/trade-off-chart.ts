import { svg } from "../dom.js";
import { bytes, decibels } from "../format.js";
import type { GranularityName } from "../protocol.js";
import { linear, linearTicks, logarithmic } from "../see/ticks.js";
import { chartPoint } from "./chart-point.js";

const MARGIN = { top: 26, right: 16, bottom: 30, left: 46 };
const HEIGHT = 280;

const styles: Record<GranularityName, string> = { channel: "own", tensor: "all", group: "group" };

/** The cost of a setting in bytes and in errors. The setting can be chosen. */
export interface TradeOff {
  readonly bits: number;
  readonly granularity: GranularityName;
  readonly name: string;
  readonly bytes: number;
  readonly sqnr: number;
  readonly isChosen: boolean;
  readonly choose: () => void;
}

/** Error against bytes: the points of each granularity on a line of their own. */
export function drawTradeOff(points: readonly TradeOff[], width: number): SVGSVGElement {
  const sizes = points.map(({ bytes }) => bytes);
  const sqnrs = points.map(({ sqnr }) => sqnr).filter(Number.isFinite);
  const [least, most] = [Math.min(...sizes) * 0.9, Math.max(...sizes) * 1.1];
  const [bottom, top] = [Math.min(0, ...sqnrs), Math.max(10, ...sqnrs) * 1.05];
  const x = logarithmic([least, most], [MARGIN.left, width - MARGIN.right]);
  const y = linear([bottom, top], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const place = ({ bytes, sqnr }: TradeOff) => ({ x: x(bytes), y: y(Math.min(top, sqnr)) });

  const picture = svg(
    "svg",
    { role: "group", "aria-label": "Error against bytes", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    svg("text", { class: "axis-title", x: 0, y: 11 }, "SQNR in dB"),
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
    const own = points.filter((point) => point.granularity === granularity).sort((a, b) => a.bits - b.bits);
    const line = own.map((point) => `${place(point).x.toFixed(1)},${place(point).y.toFixed(1)}`).join(" ");
    picture.append(svg("polyline", { class: `curve ${styles[granularity]}`, points: line }));
    for (const point of own) picture.append(pointElement(point, place(point)));
  }
  return picture;
}

function pointElement(
  { bits, granularity, name, bytes: size, sqnr, isChosen, choose }: TradeOff,
  { x, y }: { x: number; y: number },
): SVGElement {
  const text = `${name}: ${decibels(sqnr)}, ${bytes(size)}`;
  return chartPoint(
    { text, style: styles[granularity], isChosen, x, y, choose },
    shapeOf(granularity, x, y, isChosen ? 7 : 4.5),
    svg("text", { class: "tick-text small", ...labelPlaces[granularity](x, y) }, String(bits)),
  );
}

/** Labels stand beside the points, which stand above each other, and on different sides, since points often meet. */
const labelPlaces: Record<GranularityName, (x: number, y: number) => Record<string, string | number>> = {
  channel: (x, y) => ({ x: x + 9, y: y - 2, "text-anchor": "start" }),
  tensor: (x, y) => ({ x: x - 9, y: y + 4, "text-anchor": "end" }),
  group: (x, y) => ({ x: x + 9, y: y + 12, "text-anchor": "start" }),
};

/** Told apart by form as well as by colour. */
function shapeOf(granularity: GranularityName, x: number, y: number, size: number): SVGElement {
  if (granularity === "channel") return svg("circle", { cx: x, cy: y, r: size });
  if (granularity === "tensor") return svg("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size });
  return svg("path", { d: `M${x} ${y - size * 1.3}L${x + size * 1.3} ${y + size}H${x - size * 1.3}Z` });
}

/** Round numbers of bytes, as many as have room. */
function byteTicks(from: number, to: number, most: number): number[] {
  const powers = Array.from({ length: 16 }, (_, power) => 10 ** power);
  const all = [[1, 1.5, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]].map((digits) =>
    powers.flatMap((power) => digits.map((digit) => digit * power)).filter((value) => value >= from && value <= to),
  );
  return all.find((ticks) => ticks.length <= most) ?? (all.at(-1) as number[]).filter((_, i) => i % 2 === 0);
}

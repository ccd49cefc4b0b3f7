import { chartPoint } from "../choose/chart-point.js";
import { svg } from "../dom.js";
import { bytes } from "../format.js";
import { linear, linearTicks, logarithmic } from "../see/ticks.js";

const MARGIN = { top: 26, right: 24, bottom: 30, left: 46 };
const HEIGHT = 300;

/** The bytes of a setting and the share of vectors that it finds. The setting can be chosen. */
export interface RecallPoint {
  readonly name: string;
  /** A part of the name. */
  readonly label: string;
  readonly bytes: number;
  readonly recall: number;
  readonly isRescored: boolean;
  readonly isChosen: boolean;
  readonly choose: () => void;
}

/** Recall against bytes of a vector; with and without rescoring told apart by form as well as by colour. */
export function drawRecall(points: readonly RecallPoint[], width: number): SVGSVGElement {
  const sizes = points.map(({ bytes }) => bytes);
  const [least, most] = [Math.min(...sizes) * 0.8, Math.max(...sizes) * 1.25];
  const x = logarithmic([least, most], [MARGIN.left, width - MARGIN.right]);
  const y = linear([0, 1], [HEIGHT - MARGIN.bottom, MARGIN.top]);
  return svg(
    "svg",
    { role: "group", "aria-label": "Recall against bytes", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}` },
    svg("text", { class: "axis-title", x: 0, y: 11 }, "Recall"),
    ...linearTicks(0, 1, 5).flatMap((value) => [
      svg("line", { class: "tick", x1: MARGIN.left, x2: width - MARGIN.right, y1: y(value), y2: y(value) }),
      svg("text", { class: "tick-text", x: MARGIN.left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value)),
    ]),
    ...spread([...new Set(sizes)], x).map((value) =>
      svg(
        "text",
        { class: "tick-text", x: x(value), y: HEIGHT - MARGIN.bottom + 18, "text-anchor": "middle" },
        bytes(value),
      ),
    ),
    ...points.map((point) => pointElement(point, x(point.bytes), y(point.recall))),
  );
}

/** The sizes whose labels have room. */
function spread(sizes: readonly number[], x: (size: number) => number): number[] {
  const kept: number[] = [];
  for (const size of [...sizes].sort((a, b) => a - b)) {
    if (kept.length === 0 || x(size) - x(kept[kept.length - 1]) > 48) kept.push(size);
  }
  return kept;
}

function pointElement(
  { name, label, bytes: size, recall, isRescored, isChosen, choose }: RecallPoint,
  x: number,
  y: number,
): SVGElement {
  const text = `${name}: ${recall.toFixed(3)}, ${bytes(size)} a vector`;
  const r = isChosen ? 7 : 4.5;
  const shape = isRescored
    ? svg("rect", { x: x - r, y: y - r, width: 2 * r, height: 2 * r })
    : svg("circle", { cx: x, cy: y, r });
  // Rescored points stand above. What is a longer word stands beside its shorter neighbour.
  const at = { x, y: y + (label.includes(" ") ? 32 : 18), "text-anchor": "middle" };
  return chartPoint(
    { text, style: isRescored ? "all" : "own", isChosen, x, y, choose },
    shape,
    ...(isRescored ? [] : [svg("text", { class: "tick-text small", ...at }, label)]),
  );
}

import { svg } from "../dom.js";

/** A click may miss a point by so many pixels. */
const TARGET = 12;

/** A point of a chart, which chooses what it stands for. */
export interface ChartPoint {
  /** What a pointer and a screen reader are told. */
  readonly text: string;
  /** The class that gives its colour. */
  readonly style: string;
  readonly isChosen: boolean;
  readonly x: number;
  readonly y: number;
  readonly choose: () => void;
}

/** A point that can be clicked, and reached and chosen with the keyboard. The first of its parts is its shape. */
export function chartPoint({ text, style, isChosen, x, y, choose }: ChartPoint, ...parts: SVGElement[]): SVGElement {
  const element = svg(
    "g",
    {
      class: `point ${style}${isChosen ? " chosen" : ""}`,
      role: "button",
      tabindex: 0,
      "aria-label": text,
      "aria-pressed": String(isChosen),
    },
    svg("title", {}, text),
    svg("circle", { class: "target", "data-target": "", cx: x, cy: y, r: TARGET }),
    ...parts,
  );
  element.addEventListener("click", choose);
  element.addEventListener("keydown", ({ key }) => {
    if (key === "Enter" || key === " ") choose();
  });
  return element;
}

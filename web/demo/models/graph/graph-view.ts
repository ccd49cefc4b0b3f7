import type { UsingNode } from "channelwise/models";
import { html, svg } from "../../dom.js";
import { counted } from "../../format.js";
import { Figure, tableOf } from "../../see/figure.js";
import { fitting } from "../fitting.js";
import { type Box, layoutOf } from "./graph-layout.js";

/** Nodes in the picture; a weight that is shared may have thousands. */
const MOST_NODES = 12;
/** Pixels of a box with two lines, of the gap below it, and of a letter. */
const BOX_HEIGHT = 40;
const ROW_GAP = 12;
const LETTER = 7.2;

/** The operators of an .onnx model that use a weight, and what is around them. */
export class GraphView {
  readonly element = html("div", { class: "weight-graph" });
  readonly #figure = new Figure();

  constructor() {
    this.element.append(this.#figure.element);
  }

  show(weight: string, nodes: readonly UsingNode[]) {
    const shown = nodes.slice(0, MOST_NODES);
    const more = nodes.length - shown.length;
    const left = more === 0 ? "" : ` The table has ${counted(more, "more node")}.`;
    this.#figure.show({
      title: "Operators that use it",
      explanation: `To their left is what they also take, to their right what takes their output.${left}`,
      legend: [],
      draw: (width) => drawGraph(weight, shown, width),
      table: () =>
        tableOf(
          `Operators that use ${weight}.`,
          ["Node", "Operator", "Also takes", "Its output goes to"],
          nodes.map(({ name, operator, inputs, next, isLast }) => [
            name,
            operator,
            inputs.map((input) => input.name).join(", "),
            [...next, ...(isLast ? ["the output of the graph"] : [])].join(", "),
          ]),
        ),
    });
  }
}

function drawGraph(weight: string, nodes: readonly UsingNode[], width: number): SVGSVGElement {
  const { boxes, lines, columns, rows } = layoutOf(weight, nodes);
  const gap = Math.min(48, width / (columns * 4));
  const boxWidth = Math.min(240, (width - gap * (columns - 1)) / columns);
  const height = rows * (BOX_HEIGHT + ROW_GAP) - ROW_GAP + 2;
  const left = ({ column }: Box) => column * (boxWidth + gap);
  const middle = ({ row }: Box) => 1 + row * (BOX_HEIGHT + ROW_GAP) + BOX_HEIGHT / 2;
  const paths = lines.map(([from, to]) => {
    const [x, y] = [left(boxes[from]) + boxWidth, middle(boxes[from])];
    const [endX, endY] = [left(boxes[to]), middle(boxes[to])];
    const half = (endX - x) / 2;
    return svg("path", {
      class: "graph-line",
      d: `M${x},${y}C${x + half},${y} ${endX - half},${endY} ${endX},${endY}`,
    });
  });
  const texts = (box: Box) =>
    box.lines.map((line, i) => {
      const y = middle(box) + (box.lines.length === 1 ? 4 : 12 * i * 1.3 - 3);
      const style = i === 0 ? "graph-text" : "graph-text graph-name";
      return svg("text", { class: style, x: left(box) + 8, y }, fitting(line, Math.floor((boxWidth - 16) / LETTER)));
    });
  const drawn = boxes.map((box) =>
    svg(
      "g",
      {},
      svg("title", {}, box.lines.join(" ")),
      svg("rect", {
        class: `graph-box graph-${box.kind}`,
        ...{ x: left(box) + 1, y: middle(box) - BOX_HEIGHT / 2, rx: 6 },
        ...{ width: Math.max(1, boxWidth - 2), height: BOX_HEIGHT },
      }),
      ...texts(box),
    ),
  );
  const told = nodes.map(({ operator, name }) => `${operator} ${name}`).join(", ");
  return svg(
    "svg",
    {
      role: "img",
      "aria-label": `${weight} is used by ${told}`,
      ...{ width, height, viewBox: `0 0 ${width} ${height}` },
    },
    ...paths,
    ...drawn,
  );
}

import { html } from "../dom.js";
import { typeset } from "../format.js";
import type { Grid, MapName } from "../protocol.js";
import { inkOn, paint } from "./palette.js";
import { linearTicks } from "./ticks.js";
import type { Viewport } from "./viewport.js";

/** Pixels of the page: room for names of columns, for names or indices of rows, and what a cell needs to show its number. */
export const TOP = 18;
export const LEFT = { names: 58, indices: 40 };
const NUMBER = { width: 26, height: 14 };
export const FONT = "11px system-ui, sans-serif";
/** Five numbers of so many characters have room below the colours. */
const LONGEST = 6;

/** More device pixels for each pixel of the page than this are not seen, but computed. */
const MAX_DENSITY = 2;

const names: Record<MapName, string> = { weights: "Weights", quantized: "Integers", errors: "Errors" };

/** A cell and how it stands out. */
export interface Mark {
  readonly row: number;
  readonly column: number;
  readonly kind: "pointed" | "selected";
}

/** One canvas: a colour for each cell of a matrix, names or indices at its edges, and numbers where there is room. */
export class HeatMap {
  readonly element: HTMLElement;
  readonly canvas = html("canvas");
  readonly #name: MapName;
  readonly #note = html("span", { class: "note" });
  readonly #scale = html("canvas", { width: "200", height: "1" });
  readonly #scaleTexts = html("div", { class: "scale-texts" });
  readonly #colours = document.createElement("canvas");
  readonly #coloursAfter = document.createElement("canvas");
  #grid: Grid | undefined;
  /** The grid that is seen to the right of the divider. */
  #after: Grid | undefined;
  /** The place of the divider, from 0 at the left edge of the cells to 1 at the right one. */
  #divider = 1;
  #limit = 1;
  #density = 1;
  #left = LEFT.names;

  constructor(name: MapName) {
    this.#name = name;
    this.element = html(
      "div",
      { class: "map" },
      html("h3", {}, names[name], this.#note),
      this.canvas,
      html("div", { class: "colour-scale", "aria-hidden": "true" }, this.#scale, this.#scaleTexts),
    );
  }

  /** Says how its numbers come about. */
  explain(zeroPoints: boolean) {
    const integers = `weight / scale${zeroPoints ? " + zero point" : ""}, rounded`;
    this.#note.textContent = { weights: "as they came", quantized: integers, errors: "weight − dequantized" }[
      this.#name
    ];
  }

  /** Pixels of the page that the cells have. */
  get width(): number {
    return this.canvas.width / this.#density - this.#left;
  }

  get height(): number {
    return this.canvas.height / this.#density - TOP;
  }

  /** Pixels of the page to the left of the cells. */
  get left(): number {
    return this.#left;
  }

  /** The cells' places in the grid that this canvas can show. */
  get places(): { rows: number; columns: number } {
    return { rows: Math.ceil(this.height * this.#density), columns: Math.ceil(this.width * this.#density) };
  }

  /** @param height of the cells. @param left of that width. */
  resize(width: number, height: number, left: number) {
    this.#left = left;
    this.#density = Math.min(MAX_DENSITY, devicePixelRatio);
    this.canvas.width = Math.round(width * this.#density);
    this.canvas.height = Math.round((height + TOP) * this.#density);
  }

  clear() {
    this.#grid = this.#after = undefined;
  }

  /** Shows another grid of the same cells to the right of a divider. */
  divide(divider: number, after: Grid | undefined) {
    this.#divider = divider;
    this.#after = after;
    if (after !== undefined) this.#colour(this.#coloursAfter, after);
  }

  /** @param limit the |value| of the strongest colour; the largest of the grid where it is not known yet. */
  show(grid: Grid, limit?: number) {
    this.#grid = grid;
    this.#limit = limit ?? grid.values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    this.paint();
  }

  /** Colours the grid; again where the colours of the page change. */
  paint() {
    const grid = this.#grid;
    if (grid === undefined) return;
    this.#colour(this.#colours, grid);
    if (this.#after !== undefined) this.#colour(this.#coloursAfter, this.#after);
    const steps = Float64Array.from({ length: 200 }, (_, i) => {
      const place = (i - 99.5) / 99.5;
      return place * Math.abs(place);
    });
    this.#scale.getContext("2d")?.putImageData(paint(steps, 200, 1, 1), 0, 0);
    const textOf = (part: number) => typeset(part * this.#limit, this.#name === "quantized" ? 5 : 2);
    const all = [-1, -0.25, 0, 0.25, 1].map(textOf);
    const texts = all.every(({ length }) => length <= LONGEST) ? all : [-1, 0, 1].map(textOf);
    this.#scaleTexts.replaceChildren(...texts.map((text) => html("span", {}, text)));
  }

  #colour(canvas: HTMLCanvasElement, { rows, columns, values }: Grid) {
    canvas.width = columns;
    canvas.height = rows;
    canvas.getContext("2d")?.putImageData(paint(values, columns, rows, this.#limit), 0, 0);
  }

  draw(viewport: Viewport, marks: readonly Mark[]) {
    const context = this.canvas.getContext("2d");
    const grid = this.#grid;
    if (context === null) return;
    const { width, height } = this;
    context.setTransform(this.#density, 0, 0, this.#density, 0, 0);
    context.clearRect(0, 0, width + this.#left, height + TOP);
    if (grid === undefined) return;
    const [cellWidth, cellHeight] = [width / viewport.columns, height / viewport.rows];
    const x = (column: number) => this.#left + (column - viewport.column) * cellWidth;
    const y = (row: number) => TOP + (row - viewport.row) * cellHeight;

    context.save();
    context.beginPath();
    context.rect(this.#left, TOP, width, height);
    context.clip();
    context.imageSmoothingEnabled = false;
    const drawCells = (colours: HTMLCanvasElement, shown: Grid) => {
      const { row, rows, column, columns } = shown.window;
      context.drawImage(colours, x(column), y(row), columns * cellWidth, rows * cellHeight);
      if (cellWidth >= NUMBER.width && cellHeight >= NUMBER.height) this.#drawNumbers(context, shown, x, y, cellWidth);
    };
    drawCells(this.#colours, grid);
    if (this.#after !== undefined) {
      const divider = this.#left + this.#divider * width;
      context.save();
      context.beginPath();
      context.rect(divider, TOP, width, height);
      context.clip();
      drawCells(this.#coloursAfter, this.#after);
      context.restore();
      context.fillStyle = getComputedStyle(this.canvas).color;
      context.fillRect(divider - 1, TOP, 2, height);
    }
    for (const mark of marks) {
      const [markWidth, markHeight] = [Math.max(cellWidth, 5), Math.max(cellHeight, 5)];
      const left = x(mark.column) + (cellWidth - markWidth) / 2;
      const top = y(mark.row) + (cellHeight - markHeight) / 2;
      outline(context, left, top, markWidth, markHeight, mark.kind);
    }
    context.restore();
    this.#drawEdges(context, grid, viewport, x, y);
  }

  /** The parts of a picture of the map by itself, sizes in pixels of the page. */
  get parts() {
    const title = `${names[this.#name]}: ${this.#note.textContent}`;
    const texts = [...this.#scaleTexts.children].map(({ textContent }) => textContent ?? "");
    const { canvas } = this;
    return { canvas, density: this.#density, left: this.#left, title, scale: this.#scale, texts };
  }

  #drawNumbers(
    context: CanvasRenderingContext2D,
    { window, columns, values }: Grid,
    x: (column: number) => number,
    y: (row: number) => number,
    cellWidth: number,
  ) {
    context.font = FONT;
    context.textAlign = "center";
    context.textBaseline = "middle";
    const texts = fittingTexts(context, values, this.#name, cellWidth - 4);
    texts?.forEach((text, i) => {
      context.fillStyle = inkOn(values[i], this.#limit);
      const [row, column] = [window.row + Math.floor(i / columns), window.column + (i % columns)];
      context.fillText(text, x(column + 0.5), y(row + 0.5));
    });
  }

  /** Names of rows and columns where they fit, otherwise indices here and there. */
  #drawEdges(
    context: CanvasRenderingContext2D,
    { window, rowNames, columnNames }: Grid,
    viewport: Viewport,
    x: (column: number) => number,
    y: (row: number) => number,
  ) {
    context.font = FONT;
    context.fillStyle = getComputedStyle(this.canvas).color;
    context.textBaseline = "middle";
    context.textAlign = "right";
    const [bottom, right] = [viewport.row + viewport.rows, viewport.column + viewport.columns];
    const rowEvery = rowNames && y(1) - y(0) >= NUMBER.height ? 1 : undefined;
    for (const row of rowEvery ? range(window.row, window.rows) : indexTicks(viewport.row, bottom, 6)) {
      const name = rowEvery ? (rowNames?.[row - window.row] as string) : String(row);
      context.fillText(shorten(context, name, this.#left - 8), this.#left - 6, y(row + 0.5));
    }
    const widest = columnNames && Math.max(...columnNames.map((name) => context.measureText(name).width));
    const columnFit = widest !== undefined && x(1) - x(0) >= widest + 6;
    context.textAlign = "center";
    const most = Math.max(2, Math.floor(this.width / 60));
    for (const column of columnFit ? range(window.column, window.columns) : indexTicks(viewport.column, right, most)) {
      const name = columnFit ? (columnNames?.[column - window.column] as string) : String(column);
      // The last one may reach beyond its column, but not beyond the canvas.
      const most = this.#left + this.width - context.measureText(name).width / 2;
      context.fillText(name, Math.min(x(column + 0.5), most), TOP / 2);
    }
  }
}

function outline(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  width: number,
  height: number,
  kind: Mark["kind"],
) {
  // Black within white is seen on every colour.
  for (const [colour, lineWidth] of [
    ["#fff", kind === "selected" ? 5 : 3],
    ["#000", kind === "selected" ? 2.5 : 1.5],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    // Inside the cell, where it has room.
    const inset = Math.min(2, width / 4, height / 4);
    context.strokeRect(left + inset, top + inset, width - 2 * inset, height - 2 * inset);
  }
}

/** The numbers with as many digits as have room, up to three; undefined where one has none. */
function fittingTexts(context: CanvasRenderingContext2D, values: Float64Array, map: MapName, width: number) {
  const texts = Array.from(values, (value) =>
    // Integers have no more than five digits.
    (map === "quantized" ? [5] : [3, 2, 1])
      .map((significant) => typeset(value, significant))
      .find((text) => context.measureText(text).width <= width),
  );
  return texts.every((text) => text !== undefined) ? texts : undefined;
}

function shorten(context: CanvasRenderingContext2D, name: string, width: number): string {
  if (context.measureText(name).width <= width) return name;
  let length = name.length - 1;
  while (length > 1 && context.measureText(`${name.slice(0, length)}…`).width > width) length--;
  return `${name.slice(0, length)}…`;
}

function range(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

function indexTicks(from: number, to: number, most: number): number[] {
  return linearTicks(Math.max(0, from - 0.5), to - 0.5, Math.min(most, Math.max(1, to - from))).filter(
    Number.isInteger,
  );
}

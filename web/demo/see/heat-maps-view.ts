import { download, followWidth, html } from "../dom.js";
import { type Engine, unlessInterrupted } from "../engine.js";
import { count, typeset } from "../format.js";
import { channelOf, type Matrix, matrixOf } from "../matrix.js";
import { type Cell, type MapName, mapNames, type Opened, type Summary } from "../protocol.js";
import type { Selection } from "../selection.js";
import { HeatMap, LEFT, type Mark, TOP } from "./heat-map.js";
import { followColours } from "./palette.js";
import { Viewport } from "./viewport.js";

const ZOOM = 1.6;
/** Pixels that a pointer may move and still have clicked. */
const CLICK = 4;
/** Pixels of a row in a matrix of few rows. */
const ROW = 24;

/** Weights, integers and errors as three maps that are looked at, zoomed and moved together. */
export class HeatMapsView {
  readonly #engine: Engine;
  readonly #selection: Selection;
  readonly #maps = new Map<MapName, HeatMap>(mapNames.map((name) => [name, new HeatMap(name)]));
  readonly #viewport = new Viewport();
  readonly #frame: HTMLElement;
  readonly #seen = html("span", { class: "shown" });
  /** Weights are seen to the left of it, and what they become to the right. */
  readonly #divider = html("input", { type: "range", id: "divider", min: "0", max: "100", value: "100" });
  readonly #readout = html("p", { class: "readout" });
  readonly #status = html("p", { class: "visually-hidden", role: "status" });
  #shape: readonly number[] = [];
  #axis = 0;
  #matrix: Matrix = matrixOf([1, 1], 0);
  #summary: Summary | undefined;
  /** The cell under the pointer. */
  #pointed: number | undefined;
  #asking: Promise<void> | undefined;
  #askAgain = false;

  constructor(root: HTMLElement, engine: Engine, selection: Selection) {
    this.#engine = engine;
    this.#selection = selection;
    const button = (text: string, label: string, act: () => void) => {
      const made = html("button", { type: "button", class: "small", "aria-label": label }, text);
      made.addEventListener("click", () => {
        act();
        this.#changed();
      });
      return made;
    };
    const save = html("button", { type: "button", class: "small", "aria-label": "Save the maps as PNG" }, "PNG");
    save.addEventListener("click", () => this.#save());
    const tools = html(
      "div",
      { class: "map-tools", role: "group", "aria-label": "Part of the matrix" },
      button("+", "Zoom in", () => this.#zoomAtSelection(ZOOM)),
      button("−", "Zoom out", () => this.#zoomAtSelection(1 / ZOOM)),
      button("All", "All of the matrix", () => this.#viewport.fit(this.#matrix)),
      html("label", { for: "divider" }, "Before | after"),
      this.#divider,
      this.#seen,
      html("span", { class: "save" }, save),
    );
    const hint = html(
      "p",
      { class: "hint", id: "maps-hint" },
      "Click a cell to follow its weight. Drag to move. Zoom with +, − or Ctrl and the wheel.",
    );
    this.#frame = html(
      "div",
      {
        class: "maps",
        tabindex: "0",
        role: "application",
        "aria-label": "Maps of weights, integers and errors",
        "aria-describedby": "maps-hint",
      },
      ...[...this.#maps.values()].map(({ element }) => element),
    );
    root.append(tools, this.#frame, html("div", { class: "below-maps" }, this.#readout, hint), this.#status);
    for (const map of this.#maps.values()) this.#listenTo(map);
    this.#divider.addEventListener("input", () => unlessInterrupted(this.#ask()));
    this.#frame.addEventListener("keydown", (event) => this.#press(event));
    followWidth(this.#frame, () => this.#resize());
    followColours(() => {
      for (const map of this.#maps.values()) map.paint();
      this.#draw();
    });
    selection.onChange(() => this.#draw());
  }

  /** Shows newly opened weights before they are quantized. */
  async open({ shape }: Opened, axis: number) {
    this.#summary = undefined;
    this.#shape = shape;
    this.#lookAt(axis);
    for (const map of this.#maps.values()) map.clear();
    this.#resize();
    await this.#ask();
  }

  async show(summary: Summary) {
    this.#summary = summary;
    for (const map of this.#maps.values()) map.explain(summary.settings.zeroPoints);
    if (summary.settings.axis !== this.#axis) this.#lookAt(summary.settings.axis);
    this.#resize();
    await this.#ask();
  }

  #lookAt(axis: number) {
    this.#axis = axis;
    this.#matrix = matrixOf(this.#shape, axis);
    this.#viewport.fit(this.#matrix);
    this.#pointed = undefined;
  }

  #resize() {
    const { rows, columns } = this.#matrix;
    const wide = rows <= 16 || columns > 3 * rows;
    this.#frame.classList.toggle("wide", wide);
    for (const map of this.#maps.values()) {
      const width = Math.floor(map.element.clientWidth);
      if (width === 0) return;
      const left = wide ? LEFT.names : LEFT.indices;
      const cells = width - left;
      const height = wide
        ? Math.min(10 * ROW, Math.max(3 * ROW, rows <= 16 ? rows * ROW : (cells * rows) / columns))
        : Math.min(cells * 1.25, (cells * rows) / columns);
      map.resize(width, height, left);
    }
    this.#changed();
  }

  /** The viewport, the size or the numbers have changed. */
  #changed() {
    const { row, rows, column, columns } = this.#viewport.window;
    const part = (first: number, shown: number) => `${count(first)} to ${count(first + shown - 1)}`;
    this.#seen.textContent = this.#viewport.isWhole
      ? `All of ${count(rows)} × ${count(columns)}`
      : `Rows ${part(row, rows)}, columns ${part(column, columns)} of ${count(this.#matrix.rows)} × ${count(this.#matrix.columns)}`;
    this.#frame.classList.toggle("zoomed", !this.#viewport.isWhole);
    this.#draw();
    unlessInterrupted(this.#ask());
  }

  /** Asks for the grids of what is looked at now; one question at a time, the last one always. */
  #ask(): Promise<void> {
    this.#askAgain = true;
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce() {
    while (this.#askAgain) {
      this.#askAgain = false;
      const summary = this.#summary;
      for (const [map, heatMap] of this.#maps) {
        if ((summary === undefined && map !== "weights") || this.#shape.length === 0) break;
        const { rows, columns } = heatMap.places;
        if (rows <= 0 || columns <= 0) break;
        const given = { map, axis: this.#axis, window: this.#viewport.window, rows, columns };
        heatMap.show(await this.#engine.ask("map", given), summary?.limits[map]);
        const divider = this.#divider.valueAsNumber / 100;
        if (map === "weights")
          heatMap.divide(
            divider,
            summary && divider < 1 ? await this.#engine.ask("map", { ...given, map: "dequantized" }) : undefined,
          );
        this.#draw();
        if (this.#askAgain) break;
      }
    }
  }

  #draw() {
    const { columns } = this.#matrix;
    const mark = (index: number, kind: Mark["kind"]): Mark => ({
      row: Math.floor(index / columns),
      column: index % columns,
      kind,
    });
    const marks = this.#summary === undefined ? [] : [mark(this.#selection.index, "selected")];
    if (this.#pointed !== undefined) marks.push(mark(this.#pointed, "pointed"));
    for (const map of this.#maps.values()) map.draw(this.#viewport, marks);
  }

  #zoomAtSelection(factor: number) {
    const { columns } = this.#matrix;
    const [row, column] = [Math.floor(this.#selection.index / columns), this.#selection.index % columns];
    this.#viewport.reveal(row, column);
    const { row: top, rows, column: left, columns: width } = this.#viewport;
    this.#viewport.zoom(factor, (column + 0.5 - left) / width, (row + 0.5 - top) / rows);
  }

  #listenTo(map: HeatMap) {
    const { canvas } = map;
    /** The place of each pressed finger or button. */
    const pressed = new Map<number, { x: number; y: number }>();
    let moved = 0;
    const placeOf = ({ clientX, clientY }: MouseEvent) => {
      const { left, top } = canvas.getBoundingClientRect();
      return { x: (clientX - left - map.left) / map.width, y: (clientY - top - TOP) / map.height };
    };
    const distance = () => {
      const [a, b] = pressed.values();
      return Math.hypot((a.x - b.x) * map.width, (a.y - b.y) * map.height);
    };
    canvas.addEventListener("pointerdown", (event) => {
      pressed.set(event.pointerId, placeOf(event));
      if (pressed.size === 1) moved = 0;
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      const place = placeOf(event);
      const before = pressed.get(event.pointerId);
      if (before === undefined) {
        this.#point(place);
        return;
      }
      const [dx, dy] = [place.x - before.x, place.y - before.y];
      moved += Math.hypot(dx * map.width, dy * map.height);
      if (pressed.size === 2) {
        const apart = distance();
        pressed.set(event.pointerId, place);
        this.#viewport.zoom(distance() / (apart || 1), place.x, place.y);
      } else if (moved > CLICK) {
        pressed.set(event.pointerId, place);
        this.#viewport.move(-dx, -dy);
      } else {
        return;
      }
      this.#changed();
    });
    const release = (event: PointerEvent) => {
      if (!pressed.delete(event.pointerId) || event.type === "pointercancel" || moved > CLICK) return;
      const place = placeOf(event);
      if (place.x >= 0 && place.y >= 0) this.#select(this.#indexAt(place));
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", () => this.#point(undefined));
    canvas.addEventListener(
      "wheel",
      (event) => {
        // The wheel alone scrolls the page; trackpads report pinching as a wheel with Ctrl.
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        const { x, y } = placeOf(event);
        this.#viewport.zoom(Math.exp(-event.deltaY / 200), Math.max(0, x), Math.max(0, y));
        this.#changed();
      },
      { passive: false },
    );
  }

  #indexAt({ x, y }: { x: number; y: number }): number {
    const { row, column } = this.#viewport.cellAt(x, y);
    return row * this.#matrix.columns + column;
  }

  async #point(place: { x: number; y: number } | undefined) {
    const inside = place !== undefined && place.x >= 0 && place.y >= 0;
    const index = inside ? this.#indexAt(place) : undefined;
    if (index === this.#pointed) return;
    this.#pointed = index;
    this.#draw();
    if (index === undefined || this.#summary === undefined) {
      this.#readout.textContent = "";
      return;
    }
    const cell = await this.#cell(index);
    if (cell !== undefined && this.#pointed === index) this.#readout.textContent = cellText(cell);
  }

  #cell(index: number): Promise<Cell | undefined> {
    return unlessInterrupted(this.#engine.ask("cell", index));
  }

  #select(index: number) {
    if (this.#summary === undefined) return;
    this.#selection.selectWeight(index, channelOf(index, this.#shape, this.#axis));
  }

  async #press(event: KeyboardEvent) {
    if (this.#summary === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const { rows, columns } = this.#matrix;
    const step = event.shiftKey ? 10 : 1;
    const [row, column] = [Math.floor(this.#selection.index / columns), this.#selection.index % columns];
    const to = {
      ArrowUp: [row - step, column],
      ArrowDown: [row + step, column],
      ArrowLeft: [row, column - step],
      ArrowRight: [row, column + step],
      Home: [row, 0],
      End: [row, columns - 1],
    }[event.key];
    const zoom = { "+": ZOOM, "=": ZOOM, "-": 1 / ZOOM }[event.key];
    if (to !== undefined) {
      const clamp = (value: number, size: number) => Math.min(size - 1, Math.max(0, value));
      const [toRow, toColumn] = [clamp(to[0], rows), clamp(to[1], columns)];
      this.#viewport.reveal(toRow, toColumn);
      this.#select(toRow * columns + toColumn);
    } else if (zoom !== undefined) {
      this.#zoomAtSelection(zoom);
    } else if (event.key === "0") {
      this.#viewport.fit(this.#matrix);
    } else {
      return;
    }
    event.preventDefault();
    this.#changed();
    if (to === undefined) return;
    const cell = await this.#cell(this.#selection.index);
    if (cell !== undefined) this.#status.textContent = this.#readout.textContent = cellText(cell);
  }

  /** Saves the three maps in one file. */
  async #save() {
    const { pngOfMaps } = await import("./save-maps.js");
    download(await pngOfMaps([...this.#maps.values()]), "weights-integers-errors.png");
  }
}

function cellText({ name, weight, quantized, dequantized, error }: Cell): string {
  return `${name}: weight ${typeset(weight, 6)}, integer ${typeset(quantized, 6)}, back ${typeset(dequantized, 6)}, error ${typeset(error, 3)}`;
}

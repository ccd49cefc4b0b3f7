import { type HierarchyRectangularNode, hierarchy, treemap } from "d3-hierarchy";
import { html, svg } from "../dom.js";
import { bytes, counted, decibels } from "../format.js";
import { Figure, tableOf } from "../see/figure.js";
import { fitting, sharedStart } from "./fitting.js";
import { chosenErrors, chosenSetting, type ModelState, obstacle } from "./model-state.js";
import { energyLost, percent } from "./outcome/verdict.js";

/** Tiles on the page; the smallest tensors share the last of them. */
const MOST_TILES = 250;
/** Milliseconds between pictures while errors are measured. */
const PAUSE = 250;
/** Pixels of a letter. */
const LETTER = 7;

/** The classes of colours, from the least SQNR in dB that they stand for. */
const losses = [
  { least: 50, style: "loss-0", text: "50 dB and more" },
  { least: 40, style: "loss-1", text: "40 to 50 dB" },
  { least: 30, style: "loss-2", text: "30 to 40 dB" },
  { least: 20, style: "loss-3", text: "20 to 30 dB" },
  { least: -Infinity, style: "loss-4", text: "below 20 dB" },
] as const;

/** A tensor on the picture, or several small ones that share a tile. */
interface Tile {
  readonly name: string;
  readonly byteLength: number;
  readonly style: string;
  /** What became of it, in a few words. */
  readonly outcome: string;
  /** Undefined where several tensors share the tile. */
  readonly tensor: number | undefined;
}

/** A whole model as one picture: a tile for each tensor, as large as its bytes, in the colour of what it loses. */
export class ModelMap {
  readonly element: HTMLElement;
  readonly #look: (tensor: number) => void;
  readonly #figure = new Figure();
  #state: ModelState | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** A tile for each tensor, as they are drawn. */
  #tiles: readonly Tile[] = [];
  /** The tile that the keyboard is on. */
  #current = 0;

  /** @param look shows a tensor as a matrix */
  constructor(look: (tensor: number) => void) {
    this.#look = look;
    this.element = html("div", {}, this.#figure.element);
  }

  show(state: ModelState) {
    if (this.#state?.description !== state.description) this.#current = 0;
    this.#state = state;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (this.#state !== undefined) this.#draw(this.#state);
    }, PAUSE);
  }

  #draw(state: ModelState) {
    const tiles = tilesOf(state);
    if (areSame(tiles, this.#tiles)) return;
    this.#tiles = tiles;
    const legend = [...losses, { style: "loss-none", text: "kept" }];
    this.#figure.show({
      title: "Every tensor of the model",
      explanation:
        "A tile is as large as the bytes of its tensor, and as dark as its loss. Choose one to look into it.",
      legend: legend.map(({ style, text }) => [style, text] as const),
      draw: (width) => this.#drawTiles(gathered(tiles), width),
      table: () =>
        tableOf(
          "Every tensor, the largest first.",
          ["Tensor", "Bytes", "Outcome"],
          tiles.map(({ name, byteLength, outcome }) => [name, bytes(byteLength), outcome]),
        ),
    });
  }

  #drawTiles(tiles: readonly Tile[], width: number): SVGSVGElement {
    const height = Math.round(Math.max(200, Math.min(420, width / 2)));
    const root = hierarchy<{ children?: readonly Tile[] } | Tile>({ children: tiles }).sum((tile) =>
      "byteLength" in tile ? tile.byteLength : 0,
    );
    const laid = treemap<{ children?: readonly Tile[] } | Tile>().size([width, height]).padding(1)(root);
    const places = laid.leaves() as HierarchyRectangularNode<Tile>[];
    this.#current = Math.min(this.#current, places.length - 1);
    const elements = places.map((place, i) => this.#tile(place, i));
    const start = sharedStart(tiles.flatMap(({ name, tensor }) => (tensor === undefined ? [] : [name])));
    const picture = svg(
      "svg",
      {
        class: "model-map",
        role: "group",
        "aria-label": "Every tensor of the model; the arrow keys go from one to the next",
        ...{ width, height, viewBox: `0 0 ${width} ${height}` },
      },
      ...elements,
      ...places.flatMap((place) => labels(place, start)),
    );
    picture.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      const [before, now] = [this.#current, (this.#current + step + elements.length) % elements.length];
      elements[before].setAttribute("tabindex", "-1");
      elements[now].setAttribute("tabindex", "0");
      elements[now].focus();
      this.#current = now;
    });
    return picture;
  }

  #tile({ data, x0, y0, x1, y1 }: HierarchyRectangularNode<Tile>, i: number): SVGElement {
    const { name, byteLength, style, outcome, tensor } = data;
    const text = `${name}: ${bytes(byteLength)}, ${outcome}`;
    const [width, height] = [Math.max(0.5, x1 - x0), Math.max(0.5, y1 - y0)];
    const element = svg(
      "g",
      { class: `tile ${style}`, role: "button", tabindex: i === this.#current ? 0 : -1, "aria-label": text },
      svg("title", {}, text),
      svg("rect", { x: x0, y: y0, width, height }),
    );
    if (tensor === undefined) element.setAttribute("aria-disabled", "true");
    else {
      element.addEventListener("click", () => this.#look(tensor));
      element.addEventListener("keydown", ({ key }) => {
        if (key === "Enter" || key === " ") this.#look(tensor);
      });
    }
    return element;
  }
}

/** What of a tile's name and outcome it has room for. They lie above the tiles, whose names say the same. */
function labels(place: HierarchyRectangularNode<Tile>, start: string): SVGElement[] {
  const { data, x0, y0, x1, y1 } = place;
  const { style, outcome, tensor } = data;
  const name = data.name.replace(/\.weight$/, "");
  const letters = Math.floor((x1 - x0 - 8) / LETTER);
  const label = (text: string, line: number) =>
    svg("text", { class: `tile-text ${style}`, x: x0 + 5, y: y0 + 15 * line, "aria-hidden": "true" }, text);
  const own = tensor === undefined || name.length <= letters ? name : name.slice(start.length);
  return [
    ...(letters >= 5 && y1 - y0 >= 20 ? [label(fitting(own, letters), 1)] : []),
    ...(outcome.length <= letters && y1 - y0 >= 36 ? [label(outcome, 2)] : []),
  ];
}

/** A tile for each tensor, the largest first. */
function tilesOf(state: ModelState): Tile[] {
  const tiles = state.plan.tensors.map((_, tensor) => tileOf(state, tensor));
  return tiles.sort((a, b) => b.byteLength - a.byteLength);
}

/** The tiles that have room on the page: the smallest tensors share the last. */
function gathered(tiles: readonly Tile[]): readonly Tile[] {
  if (tiles.length <= MOST_TILES) return tiles;
  const others = tiles.slice(MOST_TILES - 1);
  const byteLength = others.reduce((sum, tile) => sum + tile.byteLength, 0);
  const outcome = "too small for tiles of their own";
  return [
    ...tiles.slice(0, MOST_TILES - 1),
    { name: counted(others.length, "tensor"), byteLength, style: "loss-none", outcome, tensor: undefined },
  ];
}

function areSame(some: readonly Tile[], others: readonly Tile[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ name, byteLength, outcome }, i) => {
      const other = others[i];
      return name === other.name && byteLength === other.byteLength && outcome === other.outcome;
    })
  );
}

function tileOf(state: ModelState, tensor: number): Tile {
  const { name, byteLength } = state.description.tensors[tensor];
  const common = { name, byteLength, tensor };
  const errors = chosenErrors(state, tensor);
  if (errors !== undefined) {
    const { style } = losses.find(({ least }) => errors.sqnr >= least) ?? losses[losses.length - 1];
    const lost =
      errors.sqnr === Infinity ? "exact" : `${decibels(errors.sqnr)}, ${percent(energyLost(errors.sqnr))} lost`;
    return { ...common, style, outcome: lost };
  }
  const reason = obstacle(state, tensor);
  if (reason !== undefined) return { ...common, style: "loss-none", outcome: reason };
  if (chosenSetting(state, tensor) !== undefined)
    return { ...common, style: "loss-unknown", outcome: "not measured yet" };
  return { ...common, style: "loss-none", outcome: "kept" };
}

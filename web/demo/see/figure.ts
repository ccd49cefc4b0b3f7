import { download, followWidth, html } from "../dom.js";

/** A key to a picture: a class that gives the colour, and what it stands for. */
export type Legend = readonly (readonly [style: string, text: string])[];

export interface FigureTexts {
  readonly title: string;
  readonly explanation: string;
  readonly legend: Legend;
}

/** What a figure shows: its texts, its picture at a width in pixels, and the same as a table. */
export interface Content extends FigureTexts {
  readonly draw: (width: number) => SVGSVGElement;
  readonly table: () => HTMLTableElement;
}

/** A picture with its title and legend, drawn anew when its width changes; also as a table, and to save. */
export class Figure {
  readonly element = html("figure", {});
  readonly #caption = html("figcaption", {});
  readonly #legend = html("ul", { class: "legend" });
  readonly #picture = html("div", { class: "picture" });
  readonly #tools: FigureTools;
  #content: Content | undefined;
  #width = 0;

  constructor() {
    this.#tools = new FigureTools(() => this.#content?.table() ?? html("table"), {
      SVG: async () => (await import("./save-picture.js")).svgFile(this.#svg()),
      PNG: async () => (await import("./save-picture.js")).pngFile(this.#svg()),
    });
    this.element.append(this.#caption, this.#legend, this.#picture, this.#tools.element);
    followWidth(this.#picture, (width) => {
      this.#width = width;
      this.#draw();
    });
  }

  show(content: Content) {
    this.#content = content;
    const { title, explanation, legend } = content;
    this.#caption.replaceChildren(html("strong", {}, `${title}. `), explanation);
    // A single colour needs no key: the title says what it is.
    this.#legend.hidden = legend.length < 2;
    this.#legend.replaceChildren(
      ...legend.map(([style, text]) => html("li", {}, html("span", { class: `swatch ${style}` }), text)),
    );
    this.#tools.name(title);
    this.#draw();
  }

  #draw() {
    if (this.#content === undefined || this.#width === 0) return;
    // The keyboard stays where it was, at what has the same name in the new picture.
    const focused =
      this.#picture.contains(document.activeElement) && document.activeElement?.getAttribute("aria-label");
    const picture = this.#content.draw(this.#width);
    this.#picture.replaceChildren(picture);
    if (focused) picture.querySelector<SVGElement>(`[aria-label="${CSS.escape(focused)}"]`)?.focus();
  }

  #svg(): SVGSVGElement {
    return this.#picture.querySelector("svg") as SVGSVGElement;
  }
}

/** Below a picture: the same as a table, and buttons that save it. */
export class FigureTools {
  readonly element: HTMLElement;
  readonly #table: () => HTMLTableElement;
  readonly #details: HTMLDetailsElement;
  readonly #of = html("span", { class: "visually-hidden" });
  readonly #buttons: HTMLButtonElement[];
  readonly #region = html("div", { class: "scroll", tabindex: "0", role: "region" });
  #title = "";

  /** @param files what gives the picture as a file of each type. */
  constructor(table: () => HTMLTableElement, files: Readonly<Record<string, () => Promise<Blob>>>) {
    this.#table = table;
    this.#details = html("details", {}, html("summary", {}, "As a table", this.#of), this.#region);
    this.#details.addEventListener("toggle", () => this.#fill());
    this.#buttons = Object.entries(files).map(([type, file]) => {
      const button = html("button", { type: "button", class: "small" }, type);
      button.addEventListener("click", async () => {
        download(await file(), `${this.#title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.${type.toLowerCase()}`);
      });
      return button;
    });
    this.element = html("div", { class: "tools" }, this.#details, html("div", { class: "save" }, ...this.#buttons));
  }

  /** Tells what is shown; an open table is made anew. */
  name(title: string) {
    this.#title = title;
    this.#of.textContent = `: ${title}`;
    this.#region.setAttribute("aria-label", `${title}, table`);
    for (const button of this.#buttons) button.setAttribute("aria-label", `Save “${title}” as ${button.textContent}`);
    this.#fill();
  }

  #fill() {
    this.#region.replaceChildren(...(this.#details.open ? [this.#table()] : []));
  }
}

/** A table of text: the first cell of every row is its header. */
export function tableOf(caption: string, headers: readonly string[], rows: readonly (readonly string[])[]) {
  const lines = rows.map(([name, ...cells]) =>
    html("tr", {}, html("th", { scope: "row" }, name), ...cells.map((text) => html("td", {}, text))),
  );
  return grid(caption, headers, lines);
}

export function grid(caption: string, headers: readonly string[], lines: readonly HTMLElement[]): HTMLTableElement {
  const heads = headers.map((text) => html("th", { scope: "col" }, text));
  return html(
    "table",
    { class: "grid" },
    html("caption", {}, html("span", {}, caption)),
    html("thead", {}, html("tr", {}, ...heads)),
    html("tbody", {}, ...lines),
  );
}

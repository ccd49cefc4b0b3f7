type Child = Node | string;

/** Makes an HTML element with attributes and children. */
export function html<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Makes an SVG element with attributes and children. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** The element of index.html with this id. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`index.html has no ${type.name} with id ${id}`);
  return element;
}

/** Changes the text of an element only if it differs, since every change lays out its surroundings again. */
export function setText(element: Element, text: string) {
  if (element.textContent !== text) element.textContent = text;
}

/** Reports the width of an element, in pixels, at first and after every change. */
export function followWidth(element: Element, changed: (width: number) => void) {
  let width: number | undefined;
  new ResizeObserver(([{ contentRect }]) => {
    if (contentRect.width === width) return;
    width = contentRect.width;
    // The change waits for another frame: it may change heights, which within an observation is an error.
    requestAnimationFrame(() => changed(contentRect.width));
  }).observe(element);
}

/** A wide table that scrolls by itself. It takes the focus, so that the arrow keys can scroll it. */
export function scrollRegion(label: string, ...children: Child[]): HTMLDivElement {
  return html("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, ...children);
}

/** Offers a file for saving, like a click on a link to it. */
export function download(blob: Blob, name: string) {
  const address = URL.createObjectURL(blob);
  html("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000); // the browser may read it after the click
}

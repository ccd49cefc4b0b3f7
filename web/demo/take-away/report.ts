import { html } from "../dom.js";

/** The controls, which a report leaves out. */
const CONTROLS =
  "button:not(.term, .link), input, textarea, progress, .tools .save, .visually-hidden, [hidden], [popover], .take, #maps-hint";

/**
 * A report as one file of HTML that needs nothing else: parts of the page as they stand, with all that is folded opened,
 * and pictures that are pixels as such.
 *
 * @param title its heading, plain text
 */
export function reportFile(title: string, parts: readonly Element[]): Blob {
  const rules = [...document.styleSheets].flatMap((sheet) => [...sheet.cssRules].map(({ cssText }) => cssText));
  const made = `channelwise made this on ${new Date().toISOString().slice(0, 10)}, without uploading the file.`;
  const main = html("main", {}, ...parts.map(readable));
  const page = html(
    "html",
    { lang: "en" },
    html(
      "head",
      {},
      html("meta", { charset: "utf-8" }),
      html("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
      html("meta", { name: "color-scheme", content: "light dark" }),
      html("title", {}, title),
      html("style", {}, ...rules, REPORT_RULES),
    ),
    html("body", {}, html("header", { class: "top" }, html("h1", {}, title), html("p", { class: "lead" }, made)), main),
  );
  return new Blob([`<!doctype html>\n${page.outerHTML}\n`], { type: "text/html" });
}

/** The page's own layout has columns for its controls. */
const REPORT_RULES =
  "body main{display:grid;grid-template:none/minmax(0,1fr)}body{max-width:75rem;padding-bottom:2rem}.scroll{max-height:none!important}";

/** A copy of a part of the page without its controls. */
function readable(part: Element): Element {
  const copy = part.cloneNode(true) as Element;
  const [originals, copies] = [part, copy].map((each) => [...each.querySelectorAll("canvas, select")]);
  for (const [i, original] of originals.entries()) {
    if (original instanceof HTMLCanvasElement) copies[i].replaceWith(pictureOf(original));
    else if (original instanceof HTMLSelectElement)
      copies[i].replaceWith(html("span", {}, original.selectedOptions[0]?.text ?? ""));
  }
  for (const control of copy.querySelectorAll(CONTROLS)) control.remove();
  for (const button of copy.querySelectorAll("button")) button.replaceWith(...button.childNodes);
  for (const details of copy.querySelectorAll("details")) details.open = true;
  for (const label of copy.querySelectorAll("label")) if (label.children.length === 0) label.remove();
  for (const element of [copy, ...copy.querySelectorAll("[id], [tabindex], [inert]")])
    for (const name of ["inert", "hidden", ...(element.matches("pre, .scroll") ? [] : ["tabindex"])])
      element.removeAttribute(name);
  return copy;
}

function pictureOf(canvas: HTMLCanvasElement): HTMLImageElement {
  const { width, height } = canvas.getBoundingClientRect();
  return html("img", {
    src: canvas.toDataURL(),
    width: String(Math.round(width)),
    height: String(Math.round(height)),
    alt: "",
  });
}

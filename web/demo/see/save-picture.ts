import { html, svg } from "../dom.js";

/** The styles of shapes and text in style sheets, which a file of its own must contain itself. */
const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "stroke-opacity",
  "font-family",
  "font-size",
  "font-weight",
  "font-variant-numeric",
  "shape-rendering",
];

/** The number of pixels of a .png for each pixel of the page. */
const DENSITY = 2;

/** The pixels around a picture, and of a line of its heading. */
const MARGIN = 12;
const LINE = 20;

/** A picture of the page as a file that looks the same by itself, with its title and legend above it. */
export function svgFile(picture: SVGSVGElement): Blob {
  const copy = picture.cloneNode(true) as SVGSVGElement;
  const originals = picture.querySelectorAll("*");
  for (const [i, element] of copy.querySelectorAll("*").entries()) {
    const style = getComputedStyle(originals[i]);
    for (const name of STYLES) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute("class");
  }
  for (const target of copy.querySelectorAll("[data-target]")) target.remove();

  const { width, height } = picture.viewBox.baseVal;
  const heading = headingOf(picture);
  const top = LINE * heading.length + 4;
  const background = getComputedStyle(picture.closest(".card") as Element).backgroundColor;
  const size = { width: width + 2 * MARGIN, height: top + height + 2 * MARGIN };
  const viewBox = `${-MARGIN} ${-MARGIN} ${size.width} ${size.height}`;
  const back = svg("rect", { x: -MARGIN, y: -MARGIN, ...size, fill: background });
  const body = svg("g", { transform: `translate(0 ${top})` }, ...copy.childNodes);
  const whole = svg("svg", { xmlns: "http://www.w3.org/2000/svg", ...size, viewBox }, back, ...heading, body);
  return new Blob([new XMLSerializer().serializeToString(whole)], { type: "image/svg+xml" });
}

/** The title of a picture and the lines of its legend. */
function headingOf(picture: SVGSVGElement): SVGElement[] {
  const figure = picture.closest("figure") as Element;
  const { color, fontFamily } = getComputedStyle(figure);
  const line = (text: string, i: number, x: number, weight: number) =>
    svg(
      "text",
      { x, y: LINE * i + 14, fill: color, "font-family": fontFamily, "font-size": 13, "font-weight": weight },
      text,
    );
  const title = (figure.querySelector("figcaption strong") as Element).textContent ?? "";
  const legend = [...figure.querySelectorAll(".legend li")].map((item, i) => {
    const { backgroundColor, borderTopColor, borderTopWidth } = getComputedStyle(item.firstElementChild as Element);
    const isLine = borderTopWidth !== "0px";
    const swatch = isLine
      ? svg("path", {
          d: `M0 ${LINE * (i + 1) + 10}h12`,
          stroke: borderTopColor,
          "stroke-width": 2,
          "stroke-dasharray": "5 2",
        })
      : svg("rect", { y: LINE * (i + 1) + 4, width: 12, height: 12, fill: backgroundColor });
    return svg("g", {}, swatch, line(item.textContent ?? "", i + 1, 19, 400));
  });
  return [line(title.replace(/\. $/, ""), 0, 0, 600), ...legend];
}

export async function pngFile(picture: SVGSVGElement): Promise<Blob> {
  const address = URL.createObjectURL(svgFile(picture));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = html("canvas");
    canvas.width = image.width * DENSITY;
    canvas.height = image.height * DENSITY;
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await pngOf(canvas);
  } finally {
    URL.revokeObjectURL(address);
  }
}

export function pngOf(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) =>
    canvas.toBlob((blob) => (blob === null ? reject(new Error("The picture is too large to save.")) : resolve(blob))),
  );
}

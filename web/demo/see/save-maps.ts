import { html } from "../dom.js";
import { FONT, type HeatMap } from "./heat-map.js";
import { pngOf } from "./save-picture.js";

/** Pixels of the page for the name above a map, and for the colours below it. */
const TITLE = 24;
const KEY = 40;

/** Maps below each other, each with its name and its colours, as a file. */
export function pngOfMaps(maps: readonly HeatMap[]): Promise<Blob> {
  const pictures = maps.map(pictureOf);
  const all = html("canvas");
  all.width = Math.max(...pictures.map(({ width }) => width));
  all.height = pictures.reduce((sum, { height }) => sum + height, 0);
  const context = all.getContext("2d");
  if (context !== null) {
    context.fillStyle = getComputedStyle(maps[0].element.closest(".card") as Element).backgroundColor;
    context.fillRect(0, 0, all.width, all.height);
    let top = 0;
    for (const picture of pictures) {
      context.drawImage(picture, 0, top);
      top += picture.height;
    }
  }
  return pngOf(all);
}

function pictureOf({ element, parts }: HeatMap): HTMLCanvasElement {
  const { canvas, density, left, title, scale, texts } = parts;
  const picture = html("canvas");
  const [width, height] = [canvas.width / density, canvas.height / density];
  picture.width = canvas.width;
  picture.height = (TITLE + height + KEY) * density;
  const context = picture.getContext("2d");
  if (context === null) return picture;
  context.scale(density, density);
  context.fillStyle = getComputedStyle(element).color;
  context.textBaseline = "middle";
  context.font = `600 ${FONT}`;
  context.fillText(title, left, TITLE / 2);
  context.drawImage(canvas, 0, TITLE, width, height);
  const below = TITLE + height + 6;
  context.drawImage(scale, left, below, scale.width, 8);
  context.font = FONT;
  context.textAlign = "center";
  for (const [i, text] of texts.entries())
    context.fillText(text, left + (scale.width * i) / (texts.length - 1), below + 18);
  return picture;
}

// Text as the models see it, rendered in Chromium, in the font that every Debian with Chromium has.

import { chromium } from "playwright";
import { chromiumPath } from "../setup.mjs";

/**
 * Text to draw, black on white: each word from x on, with its middle at y, in pixels.
 * @typedef {{ width: number, height: number, words: { text: string, x: number, y: number, size: number }[] }} Drawing
 */

/**
 * Pixels row by row, four bytes each: red, green, blue, alpha.
 * @typedef {{ width: number, height: number, rgba: Uint8Array<ArrayBuffer> }} Image
 */

/** @typedef {{ lines: Image[], page: Image }} Pictures */

/** The text of the lines. */
export const lines = [
  "One scale for every channel",
  "Weights become small integers",
  "The largest weight sets the scale",
  "4096 rows, 1024 columns, 8 bits",
  "Rounding goes to the nearest even",
  "A quarter of the bytes, the same text",
  "Nothing leaves this machine",
  "Invoice 2024-117: 38.46 EUR",
  "Please read this line aloud",
  "Kernels run in 2 MB of memory",
  "Small channels keep their detail",
  "Zero stays exactly zero",
];

const font = "DejaVu Sans";

/**
 * Every line as a picture of its own, with the 48 pixels of height that the models for lines take.
 * @type {Drawing[]}
 */
const lineDrawings = lines.map((text) => ({ width: 480, height: 48, words: [{ text, x: 8, y: 24, size: 24 }] }));

/**
 * All lines on one page, in several sizes.
 * @type {Drawing}
 */
const pageDrawing = {
  width: 480,
  height: 320,
  words: lines.map((text, i) => ({ text, x: 16 + 24 * (i % 3), y: 24 + 25 * i, size: 12 + 2 * (i % 4) })),
};

/**
 * Draws the lines, and a page with all of them.
 * @returns {Promise<Pictures>}
 */
export async function drawPictures() {
  const executablePath = chromiumPath();
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    timeout: 0, // a slow machine may take as long as it needs
    args: ["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
  });
  try {
    const page = await browser.newPage();
    const drawings = [...lineDrawings, pageDrawing];
    const drawn = await page.evaluate(draw, { drawings, font });
    const images = drawn.map((pixels, i) => {
      const { width, height } = drawings[i];
      return { width, height, rgba: Uint8Array.from(Buffer.from(pixels, "base64")) };
    });
    return { lines: images.slice(0, -1), page: images[images.length - 1] };
  } finally {
    await browser.close();
  }
}

/**
 * Draws in the page.
 * @param {{ drawings: Drawing[], font: string }} work
 * @returns the pixels of each drawing, in base64
 */
function draw({ drawings, font }) {
  return drawings.map(({ width, height, words }) => {
    const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
      new OffscreenCanvas(width, height).getContext("2d")
    );
    context.fillStyle = "white";
    context.fillRect(0, 0, width, height);
    context.fillStyle = "black";
    context.textBaseline = "middle";
    for (const { text, x, y, size } of words) {
      context.font = `${size}px "${font}"`;
      context.fillText(text, x, y);
    }
    const { data } = context.getImageData(0, 0, width, height);
    return btoa(Array.from(data, (byte) => String.fromCharCode(byte)).join(""));
  });
}

/**
 * The same text upside down.
 * @param {Image} image
 * @returns {Image}
 */
export function turned({ width, height, rgba }) {
  const pixels = new Uint32Array(rgba.slice().buffer).reverse();
  return { width, height, rgba: new Uint8Array(pixels.buffer) };
}

/**
 * Colours for values from -1 to 1: blue below 0 and orange above, which people with any kind of colour blindness can
 * tell apart. The colour grows with the square root of the value, so that small values are visible beside large ones.
 */

type Colour = readonly [red: number, green: number, blue: number];

/** The colours from -1 over 0 to 1. */
const stops: Readonly<Record<"light" | "dark", readonly Colour[]>> = {
  light: [
    [8, 48, 107],
    [49, 117, 189],
    [150, 193, 230],
    [247, 247, 245],
    [253, 194, 132],
    [221, 109, 19],
    [117, 47, 3],
  ],
  dark: [
    [178, 215, 255],
    [88, 156, 240],
    [38, 81, 140],
    [24, 29, 38],
    [128, 66, 14],
    [232, 134, 44],
    [255, 222, 173],
  ],
};

/** The number of steps on either side of 0. */
const STEPS = 255;

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Red, green, blue and alpha in one number each, as ImageData holds them. */
let colours = coloursOf(stops.light);

function coloursOf(stops: readonly Colour[]): Uint32Array {
  return Uint32Array.from({ length: 2 * STEPS + 1 }, (_, i) => {
    const place = (i / (2 * STEPS)) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(place));
    const [red, green, blue] = stops[low].map((from, c) =>
      Math.round(from + (stops[low + 1][c] - from) * (place - low)),
    );
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}

/** Follows the colour scheme of the page, and reports changes. */
export function followColours(changed: () => void) {
  const choose = () => {
    colours = coloursOf(stops[dark.matches ? "dark" : "light"]);
  };
  choose();
  dark.addEventListener("change", () => {
    choose();
    changed();
  });
}

function stepOf(value: number, limit: number): number {
  const size = Math.min(1, Math.sqrt(Math.abs(value / limit)));
  return STEPS + Math.round(value < 0 ? -STEPS * size : STEPS * size);
}

/** Paints values of up to +-limit, row by row. */
export function paint(values: Float64Array, columns: number, rows: number, limit: number): ImageData {
  const pixels = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) pixels[i] = colours[stepOf(values[i], limit || 1)];
  return new ImageData(new Uint8ClampedArray(pixels.buffer), columns, rows);
}

/** Black or white, whichever is readable on the colour of the value. */
export function inkOn(value: number, limit: number): string {
  const colour = colours[stepOf(value, limit || 1)];
  const [red, green, blue] = [colour & 255, (colour >> 8) & 255, (colour >> 16) & 255];
  return 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
}

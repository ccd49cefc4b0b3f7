import type { TextMatrix } from "channelwise/text";

const columnNames = Array.from({ length: 8 }, (_, i) => `w${i}`);
const rows = {
  edges: [0.42, -0.31, 0.18, 0.05, -0.47, 0.26, -0.12, 0.39],
  corners: [-0.21, 0.34, 0.08, -0.29, 0.11, -0.37, 0.25, 0.02],
  outlier: [11.8, -3.2, 7.45, -12.6, 0.9, 5.15, -8.3, 2.7],
  texture: [0.062, -0.048, 0.071, 0.033, -0.015, 0.054, -0.069, 0.027],
  faint: [0.0031, -0.0012, 0.0024, -0.0028, 0.0007, 0.0019, -0.0033, 0.0015],
  colour: [1.35, -0.82, 0.64, 1.12, -1.48, 0.29, 0.97, -0.56],
};

const lines = [["channel", ...columnNames], ...Object.entries(rows).map(([name, values]) => [name, ...values])];

/** A matrix that shows why channels matter: one row has a large range, and two have very small ones. */
export const example = lines.map((cells) => `${cells.join(", ")}\n`).join("");

/** The result of parseMatrix for the example, so that the first visit needs no parser. */
export function exampleMatrix(): TextMatrix {
  const rowNames = Object.keys(rows);
  return {
    values: Float64Array.from(Object.values(rows).flat()),
    shape: [rowNames.length, columnNames.length],
    layout: "separated by commas",
    notes: [
      "Line 1 names the columns (channel, w0, w1, w2 …).",
      "Column 1 names the rows (edges, corners, outlier, texture …).",
    ],
    rowNames,
    columnNames,
  };
}

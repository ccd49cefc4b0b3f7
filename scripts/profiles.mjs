// npm run profiles: writes the tables of docs/profiles.md. A test checks that they are current.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const file = fileURLToPath(new URL("../docs/profiles.md", import.meta.url));
const marker = "<!-- npm run profiles writes what follows. -->\n";

/** A row with ties, and one whose codes differ between quotients and products with a reciprocal. */
const ties = [127, 0.5, 1.5, -0.5, -127];
const near = floats([0x400356ba, 0x3fd823e4, 0xbfd823e4]);

/** The float32 numbers of some bits. @param {number[]} bits */
function floats(bits) {
  return Array.from(new Float32Array(Uint32Array.from(bits).buffer));
}

/**
 * The text of the document with tables of the library's profiles.
 * @param {string} text
 * @param {typeof import("channelwise/profiles")} library
 */
export function withTables(text, { profiles, quantizeAs }) {
  const names = /** @type {(keyof typeof profiles)[]} */ (Object.keys(profiles));
  const formulas = names.map((name) => {
    const { bits, scale, code } = profiles[name];
    return `| \`${name}\` | ${bits.join(", ")} | ${scale} | ${code.formula} |`;
  });
  const rows = names.map((name) => {
    const cells = [ties, near].map((row) => {
      const { quantized, scales, zeroPoints } = quantizeAs(name, Float32Array.from(row), {
        shape: [1, row.length],
        bits: 8,
      });
      const zero = zeroPoints ? `, z ${zeroPoints[0]}` : "";
      return `s ${Number(scales[0].toPrecision(5))}${zero}: ${quantized.join(", ")}`;
    });
    return `| \`${name}\` | ${cells.join(" | ")} |`;
  });
  const tables = [
    ["| profile | bits | scale s | code |", "| --- | --- | --- | --- |", ...formulas],
    ["| profile | ties | near a tie |", "| --- | --- | --- |", ...rows],
  ];
  const [said] = text.split(marker);
  return `${said}${marker}\n${tables.map((lines) => `${lines.join("\n")}\n`).join("\n")}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { build } = await import("./bench/library.mjs");
  build();
  writeFileSync(file, withTables(readFileSync(file, "utf8"), await import("channelwise/profiles")));
}

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "channelwise";
import { writeNpy } from "channelwise/npy";
import { parseMatrix } from "channelwise/text";
import type { Locator, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { example } from "../../web/demo/bring/example.js";
import { uniform } from "../lib/random.js";
import { reference } from "../lib/reference.js";
import { cells, openForEach, openTables, shows, text } from "./page.js";

const { values: weights, rowNames, columnNames } = parseMatrix(example);
const shape = [6, 8];
const { quantized, scales, dequantized } = reference(weights, { shape });
const one = reference(weights, { shape, granularity: "tensor" });

let page: Page;
let folder: string;

// As wide as a level of 8 bits needs to be a line.
openForEach(
  { viewport: { width: 1920, height: 1000 } },
  (opened) => {
    ({ page } = opened);
    return openTables(page);
  },
  { kept: true },
);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A number as the page writes it. */
const typeset = (value: number, digits: number) => String(Number(value.toPrecision(digits))).replaceAll("-", "\u2212");

const figure = (title: string) => page.locator("figure", { hasText: title });

/** The table of a picture, without its header. */
async function tableOf(title: string): Promise<string[][]> {
  const details = figure(title).locator("details");
  if (!(await details.evaluate((element) => (element as HTMLDetailsElement).open))) {
    await details.locator("summary").click();
    await details.locator("table").waitFor();
  }
  return (await cells(details.locator("table"))).slice(1);
}

/** The SQNR in dB, as the page writes it. */
function sqnr(values: Float64Array, restored: ArrayLike<number>): string {
  const energy = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((sum, number) => sum + number * number, 0);
  const noise = energy(values.map((value, i) => value - restored[i]));
  return noise === 0 ? "exact" : `${(10 * Math.log10(energy(values) / noise)).toFixed(2)} dB`;
}

const rowOf = <A extends Float64Array | Int8Array>(values: A, row: number) =>
  values.subarray(row * 8, row * 8 + 8) as A;

async function openNpy(values: Float32Array, dimensions: number[]) {
  const file = join(folder, "weights.npy");
  writeFileSync(file, writeNpy(values, dimensions));
  await page.getByLabel("Open a file").setInputFiles(file);
  const layout = `${dimensions.join(" × ")}, float32`;
  await shows(() => text(page.locator("#understood"))).toBe(layout);
  await page.locator("#results[aria-busy=false]").waitFor();
}

describe("the maps", () => {
  const readout = () => text(page.locator(".readout"));
  const seen = () => text(page.locator(".map-tools .shown"));
  const map = (name: "Weights" | "Integers" | "Errors") =>
    page
      .locator(".map")
      .filter({ has: page.getByRole("heading", { name }) })
      .locator("canvas")
      .first();

  /** The middle of a cell, in pixels from the map's corner, while the whole matrix is visible. */
  async function placeOf(canvas: Locator, row: number, column: number, [rows, columns] = [6, 8]) {
    const { width = 0, height = 0 } = (await canvas.boundingBox()) ?? {};
    // Few rows have names to the left, many have indices.
    const [left, top] = [rows > 16 ? 40 : 58, 18];
    return {
      x: left + ((column + 0.5) / columns) * (width - left),
      y: top + ((row + 0.5) / rows) * (height - top),
    };
  }

  /** Red, green and blue of the pixels around a place, one after the other. */
  function coloursAround(canvas: Locator, { x, y }: { x: number; y: number }, reach: number) {
    return canvas.evaluate(
      (element, [x, y, reach]) => {
        const source = element as HTMLCanvasElement;
        const density = source.width / source.clientWidth;
        const copy = new OffscreenCanvas(source.width, source.height).getContext("2d", { willReadFrequently: true });
        if (copy === null) throw new Error("no canvas");
        copy.drawImage(source, 0, 0);
        const size = 2 * reach + 1;
        const { data } = copy.getImageData(x * density - reach, y * density - reach, size, size);
        return Array.from({ length: size * size }, (_, i) => Array.from(data.subarray(4 * i, 4 * i + 3)));
      },
      [x, y, reach],
    );
  }

  it("tell the cell under the pointer, whichever of them it is over", async () => {
    for (const name of ["Weights", "Integers", "Errors"] as const) {
      await page.mouse.move(0, 0);
      await map(name).hover({ position: await placeOf(map(name), 2, 3) });
      const index = 2 * 8 + 3;
      await shows(readout).toBe(
        `${rowNames?.[2]}, ${columnNames?.[3]}: weight ${typeset(weights[index], 6)}, integer ${typeset(quantized[index], 6)}, ` +
          `back ${typeset(dequantized[index], 6)}, error ${typeset(weights[index] - dequantized[index], 3)}`,
      );
    }
  });

  it("colour what is below 0 blue and what is above orange, in light and dark", async () => {
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const [name, values] of [
        ["Weights", weights],
        ["Integers", quantized],
        ["Errors", weights.map((weight, i) => weight - dequantized[i])],
      ] as const) {
        // The row of the outlier has strong colours in all three maps.
        for (const column of [1, 3, 5, 6]) {
          // No number is written at the edge of a cell.
          const { x, y } = await placeOf(map(name), 2, column);
          const [[red, , blue]] = await coloursAround(map(name), { x: x - 30, y }, 0);
          const value = values[2 * 8 + column];
          if (value === 0) expect(Math.abs(red - blue)).toBeLessThan(20);
          else expect(Math.sign(red - blue), `${name} ${column}`).toBe(Math.sign(value));
        }
      }
    }
  });

  it("lose no outlier where many cells share a pixel", async () => {
    // The matrix has more than 2^24 weights.
    const [rows, columns] = [4099, 4097];
    const outliers = [200 * columns + 40, 700 * columns + 4096, 4098 * columns + 850];
    const values = new Float32Array(rows * columns).fill(0.0001);
    for (const index of outliers) values[index] = -1;
    await openNpy(values, [rows, columns]);
    for (const index of outliers) {
      const place = [Math.floor(index / columns), index % columns] as const;
      // A place between pixels may belong to the neighbouring pixel.
      const around = await coloursAround(map("Weights"), await placeOf(map("Weights"), ...place, [rows, columns]), 2);
      expect(around).toContainEqual([8, 48, 107]); // the strongest blue
    }
  });

  it("show weights to the left of a divider, and what they become to the right", async () => {
    await page.getByLabel("Bits", { exact: true }).fill("2");
    await shows(() => text(page.locator("#verdict"))).toMatch(/^2 bits/);
    const colour = async (column: number) => {
      const { x, y } = await placeOf(map("Weights"), 2, column);
      return String(await coloursAround(map("Weights"), { x: x - 30, y }, 0));
    };
    const before = [await colour(1), await colour(6)];
    await page.getByLabel("Before | after").fill("50");
    // Of the row of the outlier, -8.3 becomes -12.6.
    await shows(() => colour(6)).not.toBe(before[1]);
    expect(await colour(1)).toBe(before[0]);
    await page.getByLabel("Before | after").fill("100");
    await shows(() => colour(6)).toBe(before[1]);
  });

  it("are zoomed and moved, by buttons, pointer and wheel", async () => {
    await openNpy(uniform("float32", 400 * 300, 8), [400, 300]);
    await shows(seen).toBe("All of 400 × 300");
    const all = page.getByRole("button", { name: "All of the matrix" });
    await page.getByRole("button", { name: "Zoom in" }).click();
    await shows(seen).toBe("Rows 0 to 250, columns 0 to 187 of 400 × 300");
    await all.click();
    await shows(seen).toBe("All of 400 × 300");

    // The wheel alone scrolls the page; with Ctrl it zooms at the pointer.
    await map("Weights").hover({ position: await placeOf(map("Weights"), 399, 299, [400, 300]) });
    await page.mouse.wheel(0, -10);
    await shows(seen).toBe("All of 400 × 300");
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -140); // by a factor of e^(140/200)
    await page.keyboard.up("Control");
    // The first wheel event scrolled the page: the pointer is a few rows above the last one.
    await shows(seen).toMatch(/^Rows (19\d|20\d) to 39\d, columns 1(49|50) to 299 of 400 × 300$/);
    const before = await seen();

    const { x, y } = await placeOf(map("Weights"), 200, 150, [400, 300]);
    const box = await map("Weights").boundingBox();
    await page.mouse.move((box?.x ?? 0) + x, (box?.y ?? 0) + y);
    await page.mouse.down();
    await page.mouse.move((box?.x ?? 0) + x + 40, (box?.y ?? 0) + y + 40, { steps: 4 });
    await page.mouse.up();
    await shows(seen).not.toBe(before);
    // The movement chose no other weight.
    expect(await text(page.locator(".cell-name strong"))).toBe("[0, 0]");
    await page.mouse.move(0, 0);
  });

  it("are read and moved with the keyboard alone", async () => {
    const maps = page.getByRole("application", { name: "Maps of weights, integers and errors" });
    await maps.focus();
    const name = () => text(page.locator(".cell-name strong"));
    for (const [key, cell] of [
      ["ArrowDown", "corners, w0"],
      ["ArrowRight", "corners, w1"],
      ["End", "corners, w7"],
      ["ArrowRight", "corners, w7"],
      ["Shift+ArrowDown", "colour, w7"],
      ["Home", "colour, w0"],
      ["ArrowUp", "faint, w0"],
    ] as const) {
      await page.keyboard.press(key);
      await shows(name).toBe(cell);
    }
    await shows(() => text(page.locator("#maps [role=status]"))).toMatch(/^faint, w0: weight 0\.0031, integer 119, /);
    await page.keyboard.press("+");
    await shows(seen).toMatch(/^Rows \d to \d, columns 0 to \d of 6 × 8$/);
    await page.keyboard.press("0");
    await shows(seen).toBe("All of 6 × 8");
  });

  it("are saved as one picture", async () => {
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save the maps as PNG" }).click(),
    ]);
    expect(saved.suggestedFilename()).toBe("weights-integers-errors.png");
    const contents = readFileSync(await saved.path());
    expect(contents.subarray(1, 4).toString()).toBe("PNG");
    expect(contents.readUInt32BE(16)).toBeGreaterThan(500);
  });
});

describe("one weight", () => {
  const steps = async () =>
    (await page.locator(".steps code").allInnerTexts()).map((step) => step.replace(/\s+/g, " "));
  const number = (value: number) => typeset(value, 9);

  it("is followed through the formula with its real numbers", async () => {
    const canvas = page.locator(".map canvas").first();
    const { width = 0, height = 0 } = (await canvas.boundingBox()) ?? {};
    await canvas.click({ position: { x: 58 + (6.5 / 8) * (width - 58), y: 18 + (5.5 / 6) * (height - 18) } });
    await shows(() => text(page.locator(".cell-name strong"))).toBe("colour, w6");
    const index = 5 * 8 + 6;
    const [weight, scale] = [weights[index], scales[5]];
    await shows(steps).toEqual([
      `max = ${number(1.48)}`,
      `scale = max / 127 = ${number(scale)}`,
      `${number(weight)} / ${number(scale)} = ${number(weight / scale)}`,
      `${number(weight / scale)} → ${quantized[index]}`,
      `${quantized[index]} × ${number(scale)} = ${number(dequantized[index])}`,
      `${number(weight)} − ${number(dequantized[index])} = ${number(weight - dequantized[index])}`,
    ]);
    // The channel's figures are those of its channel.
    expect(await page.getByLabel("Channel", { exact: true }).inputValue()).toBe("colour");

    await page.getByLabel("tensor", { exact: true }).check();
    await shows(steps).toContain(`scale = max / 127 = ${number(one.scales[0])}`);
    await page.getByLabel("Bits", { exact: true }).fill("3");
    await shows(steps).toContain(`scale = max / 3 = ${number(12.6 / 3)}`);
  });

  it("shares its scale with its group alone, along any axis", async () => {
    await page.getByLabel("group", { exact: true }).check();
    await page.getByLabel("Groups along").selectOption("0");
    await page.getByLabel("Group size").fill("3");
    await page.getByRole("application").focus();
    const groups = reference(weights, { shape, granularity: { group: 3, along: 0 } });
    for (const [keys, row, column] of [
      [["End"], 0, 7],
      [["ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft"], 3, 6],
    ] as const) {
      for (const key of keys) await page.keyboard.press(key);
      const scale = groups.scales[groups.channelOf(row * 8 + column)];
      await shows(steps).toContain(`scale = max / 127 = ${number(scale)}`);
      expect((await steps())[3]).toMatch(new RegExp(`→ ${typeset(groups.quantized[row * 8 + column], 6)}$`));
    }
    expect(await text(page.locator(".steps"))).toContain("of the 3 weights that share the scale of the group");
  });

  it("has its words explained where they stand", async () => {
    const explanation = page.locator("#term");
    await page.getByRole("button", { name: "Scale", exact: true }).click();
    await explanation.waitFor();
    await shows(() => text(explanation)).toContain("largest |weight|");
    await page.keyboard.press("Escape");
    expect(await explanation.isVisible()).toBe(false);
  });
});

describe("the channels", () => {
  const own = Array.from({ length: 6 }, (_, row) => sqnr(rowOf(weights, row), rowOf(dequantized as Float64Array, row)));
  const shared = Array.from({ length: 6 }, (_, row) =>
    sqnr(rowOf(weights, row), rowOf(one.dequantized as Float64Array, row)),
  );
  const lines = (order: number[]) => order.map((row) => [rowNames?.[row], own[row], shared[row]]);
  const shown = async () => (await tableOf("SQNR of each channel")).map((row) => [row[0], row[3], row[4]]);

  it("are put in order: as they lie, the worst first, the largest first", async () => {
    await shows(shown).toEqual(lines([0, 1, 2, 3, 4, 5]));
    await page.getByLabel("Channels", { exact: true }).selectOption("worst");
    const worst = [0, 1, 2, 3, 4, 5].sort((a, b) => Number.parseFloat(own[a]) - Number.parseFloat(own[b]));
    await shows(shown).toEqual(lines(worst));
    await page.getByLabel("Channels", { exact: true }).selectOption("range");
    await shows(shown).toEqual(lines([2, 5, 0, 1, 3, 4]));
  });

  it("show their range and scale beside the one scale for all", async () => {
    const rows = await tableOf("Range and scale of each channel");
    expect(rows.map((row) => [row[0], Number(row[2])])).toEqual(
      Array.from(scales, (scale, row) => [rowNames?.[row], Number(scale.toPrecision(6))]),
    );
    expect(await text(figure("Range and scale of each channel").locator(".legend"))).toContain(
      `one scale for all: ${typeset(one.scales[0], 4)}`,
    );
  });

  it("are chosen by a click on a bar", async () => {
    await figure("SQNR of each channel").locator("rect.target").nth(3).click();
    await shows(() => page.getByLabel("Channel", { exact: true }).inputValue()).toBe("texture");
    await shows(() => text(page.locator("#why figcaption"))).toContain("The weights of texture");
  });

  it("share bars where there are many", async () => {
    const values = uniform("float32", 1000 * 4, 2);
    await openNpy(values, [1000, 4]);
    const { scales } = reference(values, { shape: [1000, 4] });
    const rows = await tableOf("Range and scale of each channel");
    expect(rows.length).toBe(125);
    const largest = Math.max(...scales.subarray(8, 16));
    expect([rows[1][0], rows[1][2]]).toEqual(["8", String(Number(largest.toPrecision(6)))]);
  });
});

describe("why one scale for each channel", () => {
  it("is shown with the channel that gains most, and any other", async () => {
    const caption = () => text(page.locator("#why figcaption"));
    expect(await caption()).toBe(
      "The weights of faint and the values they can take. With its own scale they become 8 different integers (51.81 dB), " +
        "with one scale for all 1 (0.00 dB). With one scale for all, nothing of it is left.",
    );
    expect(await page.locator("#why path.level.own").getAttribute("d")).toMatch(/^(M[\d.]+ \d+V\d+){255}$/);
    expect(await page.locator("#why path.level.all").getAttribute("d")).toMatch(/^M[\d.]+ \d+V\d+$/);

    await page.getByLabel("Channel", { exact: true }).fill("0");
    await page.keyboard.press("Enter");
    await shows(() => page.getByLabel("Channel", { exact: true }).inputValue()).toBe("edges");
    await page.getByLabel("Channel", { exact: true }).fill("texture");
    await page.keyboard.press("Enter");
    await shows(caption).toMatch(/^The weights of texture /);
    await page.getByLabel("Channel", { exact: true }).fill("edges");
    await page.keyboard.press("Enter");
    const codes = (values: ArrayLike<number>) => new Set(Array.from(values).slice(0, 8)).size;
    const lost = Math.log2(one.scales[0] / scales[0]).toFixed(1);
    await shows(caption).toBe(
      `The weights of edges and the values they can take. With its own scale they become ${codes(quantized)} different integers ` +
        `(${sqnr(rowOf(weights, 0), dequantized)}), with one scale for all ${codes(one.quantized)} (${sqnr(rowOf(weights, 0), one.dequantized)}). ` +
        `One scale for all loses ${lost} of the 8 bits.`,
    );
  });
});

it("a channel that is chosen along one axis is left where another axis has fewer", async () => {
  await page.getByLabel("Channel axis").selectOption("1");
  const channel = page.getByLabel("Channel", { exact: true });
  await shows(() => text(page.locator("#why figcaption"))).not.toMatch(/^The weights of faint /);
  await channel.fill("7");
  await page.keyboard.press("Enter");
  await shows(() => text(page.locator("#why figcaption"))).toContain(`The weights of ${columnNames?.[7]} `);
  await page.getByLabel("Channel axis").selectOption("0");
  await shows(() => text(page.locator("#why figcaption"))).toMatch(/^The weights of faint /);
});

describe("the error against the scale", () => {
  it("is shown for the weights that share a scale, with the three scales and what the search gains", async () => {
    await page.locator("#of-scale > summary").click();
    await page.getByLabel("Bits", { exact: true }).fill("4");
    await page.getByLabel("Rule for scales").selectOption("signed-max");
    const channelwise = await load();
    const [max, search, chosen] = (["max", "search", "signed-max"] as const).map((scales) => {
      const result = channelwise.quantize(rowOf(weights, 0), { granularity: "tensor", bits: 4, scales });
      return { scale: result.scales[0], mse: result.mse };
    });
    const saved = `${typeset(10 * Math.log10(max.mse / search.mse), 3)} dB`;
    await shows(async () => (await tableOf("Error against scale")).map((row) => [row[0], row[1], row[3]])).toEqual(
      Object.entries({ "the maximum": max, "the search": search, "chosen, by signed-max": chosen }).map(
        ([name, { scale, mse }]) => [name, typeset(scale, 6), typeset(mse, 4)],
      ),
    );
    const picture = figure("Error against scale").locator("svg");
    const said = await picture.getAttribute("aria-label");
    for (const words of ["8 weights", saved, ...[max, search, chosen].map(({ mse }) => typeset(mse, 3))])
      expect(said).toContain(words);
    expect((await picture.locator(".tried").getAttribute("d"))?.match(/M/g)).toHaveLength(16);
    await page.getByLabel("Rule for scales").selectOption("max");
    await page.getByLabel("Bits", { exact: true }).fill("8");
    await shows(() => text(figure("Error against scale").locator("figcaption"))).toMatch(/The chosen one, by max/);
  });
});

describe("where the weights lie", () => {
  it("is counted: weights in bins, and every integer used", async () => {
    const counts = new Map<string, number>();
    for (const code of quantized) counts.set(typeset(code, 6), (counts.get(typeset(code, 6)) ?? 0) + 1);
    const rows = await tableOf("Integers used");
    expect(new Map(rows.map(([code, count]) => [code, Number(count)]))).toEqual(counts);
    expect(await text(figure("Integers used").locator("figcaption"))).toContain(`${counts.size} of the 256 integers`);

    // The levels of all weights are shown if there is one scale for all.
    const levels = figure("All weights").locator(".level");
    expect(await levels.count()).toBe(0);
    await page.getByLabel("tensor", { exact: true }).check();
    await shows(() => levels.getAttribute("d")).toMatch(/^(M[\d.]+ \d+V\d+){255}$/);
    await page.getByLabel("channel", { exact: true }).check();
    await shows(() => levels.count()).toBe(0);

    const bins = await tableOf("All weights");
    expect(bins.reduce((sum, [, , count]) => sum + Number(count), 0)).toBe(48);
    const parsed = bins.map((bin) => bin.map((cell) => Number(cell.replace("\u2212", "-"))));
    for (const [from, to, count] of parsed) {
      const inside = weights.filter((weight) => weight >= from && (weight < to || to === 12.6)).length;
      // Edges are written with four digits.
      expect(Math.abs(inside - count)).toBeLessThanOrEqual(1);
    }
  });
});

describe("other settings", () => {
  const rows = () => tableOf("Error against bytes");

  it("are measured: every number of bits with every granularity", async () => {
    await shows(async () => (await rows()).length).toBe(24);
    const channelwise = await load();
    const expected = ["channel", "tensor", { group: 4, along: 1 }] as const;
    const names = ["per channel", "per tensor", "groups of 4"];
    const wanted = expected.flatMap((granularity, g) =>
      [2, 3, 4, 5, 6, 7, 8, 16].map((bits) => {
        const result = channelwise.quantize(weights, { shape, bits, granularity });
        const bytes = result.quantized.byteLength + result.scales.byteLength;
        return [`${bits} bits, ${names[g]}`, String(bytes), `${result.sqnr.toFixed(2)} dB`];
      }),
    );
    expect((await rows()).map((row) => row.slice(0, 3))).toEqual(wanted);
  });

  it("are compared by method at equal bytes", async () => {
    await page.locator("#methods > summary").click();
    await page.getByLabel("Bits", { exact: true }).fill("4");
    await shows(async () => (await tableOf("Methods at equal bytes")).length).toBe(35);
    const channelwise = await load();
    // All bytes of the maximum, and its SQNR, at every number of bits.
    const ofMax = [2, 3, 4, 5, 6, 7, 8].map((bits) => {
      const { sqnr } = channelwise.quantize(weights, { shape, bits });
      return [6 * bits + 6 * 8, sqnr] as const;
    });
    const gained = async (name: string) => (await tableOf("Methods at equal bytes")).find(([each]) => each === name);
    const four = { shape, bits: 4 } as const;
    const search = channelwise.quantize(weights, { ...four, scales: "search" });
    const plus = (gain: number) => `${gain > 0 ? "+" : ""}${typeset(Number(gain.toFixed(2)), 4)} dB`;
    expect(await gained("4 bits, search")).toEqual([
      "4 bits, search",
      "12",
      "72",
      `${search.sqnr.toFixed(2)} dB`,
      plus(search.sqnr - ofMax[2][1]),
    ]);
    // Six zero points of 4 bits take 3 bytes, half a step to the maximum of 5 bits, which has 6 bytes more.
    const zeroed = channelwise.quantize(weights, { ...four, zeroPoints: true });
    const between = (ofMax[2][1] + ofMax[3][1]) / 2;
    expect((await gained("4 bits, zero points"))?.slice(1)).toEqual([
      "12.5",
      "75",
      `${zeroed.sqnr.toFixed(2)} dB`,
      plus(zeroed.sqnr - between),
    ]);
    await page.getByRole("button", { name: /^5 bits, zero points, search:/ }).click();
    await shows(() => text(page.locator("#verdict"))).toMatch(/^5 bits per channel with zero points/);
    expect(await page.getByLabel("Rule for scales").inputValue()).toBe("search");
    // By key, since the search lies right above it.
    await page.getByRole("button", { name: /^8 bits, max:/ }).press("Enter");
    await shows(() => text(page.locator("#verdict"))).toMatch(/^8 bits per channel: /);
  });

  it("become the settings where a point is chosen, by click or key", async () => {
    await shows(async () => (await rows()).length).toBe(24);
    const point = (name: string) => page.getByRole("button", { name: new RegExp(`^${name}:`) });
    await point("5 bits, per tensor").click();
    await shows(() => page.getByLabel("Bits", { exact: true }).inputValue()).toBe("5");
    expect(await page.getByLabel("tensor", { exact: true }).isChecked()).toBe(true);
    await shows(() => text(page.locator("#verdict"))).toMatch(/^5 bits per tensor: 384 bytes become 56 bytes/);
    expect(await point("5 bits, per tensor").getAttribute("aria-label")).toMatch(/, 56 bytes$/);
    await shows(() => point("5 bits, per tensor").getAttribute("aria-pressed")).toBe("true");

    await point("3 bits, groups of 4").focus();
    await page.keyboard.press("Enter");
    await shows(() => text(page.locator("#verdict"))).toMatch(
      /^3 bits in groups of 4.* dB \([^)]+\) in groups of 4\.$/,
    );
    // The keyboard focus stays.
    const focused = await page.evaluate(() => document.activeElement?.getAttribute("aria-label"));
    expect(focused).toMatch(/^3 bits, groups of 4:/);
  });
});

it("shapes and sizes of every kind are drawn", async () => {
  for (const [matrix, sqnr] of [
    ["0 0\n0 0", "exact"],
    ["5", "exact"],
    ["1 2 3 4 5 6 7", ""],
    ["3\n3\n3", "exact"],
    ["1e308 -1.7e308\n1e300 2", ""],
    ["5e-324 1e-320\n1e-310 0", ""],
    ["1e-300 1\n1e300 3", ""],
    ["[[[[1,2],[3,4]],[[5,6],[7,8]]],[[[1,2],[3,4]],[[5,6],[7,-8]]]]", "48.74 dB"],
  ]) {
    await page.getByLabel("Or paste a matrix").fill(matrix);
    for (const [bits, granularity] of [
      [16, "group"],
      [2, "tensor"],
      [8, "channel"],
    ] as const) {
      await page.getByLabel("Bits", { exact: true }).fill(String(bits));
      await page.getByLabel(granularity, { exact: true }).check();
      await shows(() => text(page.locator("#verdict"))).toMatch(new RegExp(`^${bits} bits (in|per) ${granularity}`));
      await page.locator("#results[aria-busy=false]").waitFor();
      const broken = await page.evaluate(() =>
        [...document.querySelectorAll("svg *")].flatMap((shape) =>
          [...shape.attributes].filter(({ name, value }) => name !== "aria-label" && /NaN|Infinity/.test(value)),
        ),
      );
      expect(broken, matrix).toEqual([]);
    }
    expect(await text(page.locator("#verdict")), matrix).toContain(`SQNR ${sqnr}`);
    if (sqnr === "exact") expect(await text(page.locator("#verdict"))).toContain("No channel loses anything");
    expect(await text(page.locator("#input-error"))).toBe("");
  }
});

it("pictures are drawn anew for every width of the page, without an error of it", async () => {
  /** The number of pictures that are as wide as their place. The number line is so only in a narrow place. */
  const fitting = () =>
    page
      .locator(".picture:visible")
      .evaluateAll(
        (places) => places.filter((place) => place.clientWidth === place.firstElementChild?.clientWidth).length,
      );
  const pictures = await page.locator(".picture:visible").count();
  for (const width of [390, 1440, 768, 320, 1024]) {
    await page.setViewportSize({ width, height: 740 });
    await shows(async () => pictures - (await fitting())).toBeLessThanOrEqual(1);
  }
});

describe("a picture as a file", () => {
  async function save(title: string, type: "SVG" | "PNG") {
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: `Save “${title}” as ${type}` }).click(),
    ]);
    return { name: saved.suggestedFilename(), contents: readFileSync(await saved.path()) };
  }

  it("of vectors has its colours in it", async () => {
    const { name, contents } = await save("SQNR of each channel", "SVG");
    expect(name).toBe("sqnr-of-each-channel.svg");
    const alone = await page.context().newPage();
    await alone.setContent(contents.toString());
    const seen = await alone.evaluate(() => {
      const fills = [...document.querySelectorAll("rect")].map((rect) => getComputedStyle(rect).fill);
      return { fills: new Set(fills).size, texts: [...document.querySelectorAll("text")].map((t) => t.textContent) };
    });
    await alone.close();
    expect(contents.toString()).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(seen.fills).toBeGreaterThanOrEqual(3); // background, own scale, one scale for all
    expect(seen.texts).toEqual(
      expect.arrayContaining(["SQNR of each channel", "own scale", "one scale for all", "outlier"]),
    );
  });

  it("of pixels is twice as large as on the page, with a margin", async () => {
    const { contents } = await save("Error against bytes", "PNG");
    const { width } = (await figure("Error against bytes").locator("svg").boundingBox()) ?? { width: 0 };
    expect(contents.readUInt32BE(16)).toBe(2 * Math.round(width + 24));
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "channelwise";
import { blobSink, openModel, planModel, quantizeModel } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import type { Page } from "playwright";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { uniform } from "../lib/random.js";
import { type Layout, reference } from "../lib/reference.js";
import {
  axeFindsNothing,
  cells,
  isOneFile,
  numbersOf,
  openForEach,
  openTables,
  shows,
  tableOf,
  text,
  totalsOf,
} from "./page.js";

let page: Page;
let folder: string;

openForEach(
  {},
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

const paste = (matrix: string) => page.getByLabel("Or paste a matrix").fill(matrix);

/** Opens a file as a person does who picks it from a folder. */
async function open(name: string, contents: string | Uint8Array) {
  const path = join(folder, name);
  writeFileSync(path, contents);
  await page.getByLabel("Open a file").setInputFiles(path);
}

/** Numbers as tables show them. */
const shown = (values: ArrayLike<number>, digits = 6) =>
  Array.from(values, (value) => Number(value.toPrecision(digits)));

function rowsOf<T>(values: readonly T[], columns: number): T[][] {
  return Array.from({ length: values.length / columns }, (_, row) => values.slice(row * columns, (row + 1) * columns));
}

/** Expects that every table shows the reference's numbers. */
async function showsTables(
  weights: Float32Array | Float64Array,
  layout: Layout,
  bits = 8,
  columns = layout.shape.at(-1) as number,
) {
  const { dequantized } = reference(weights, layout, bits);
  await showsCodes(weights, layout, bits, columns);
  await shows(() => numbersOf(page, "Dequantized")).toEqual(rowsOf(shown(dequantized), columns));
  const errors = Array.from(weights, (weight, i) => weight - dequantized[i]);
  await shows(() => numbersOf(page, "Errors")).toEqual(rowsOf(shown(errors, 4), columns));
  await shows(() => numbersOf(page, "Weights")).toEqual(rowsOf(shown(weights), columns));
}

/** Expects that integers and scales are those of the reference. */
async function showsCodes(
  weights: Float32Array | Float64Array,
  layout: Layout,
  bits = 8,
  columns = layout.shape.at(-1) as number,
) {
  const { scales, quantized } = reference(weights, layout, bits);
  await shows(() => numbersOf(page, "Integers")).toEqual(rowsOf(Array.from(quantized), columns));
  const shownScales = async () => (await tableOf(page, "Scales")).slice(1).map((row) => Number(row[1]));
  await shows(shownScales).toEqual(shown(scales));
}

/** It takes seconds to read. */
const longText = () => "0.125,0.5,-0.25,1\n".repeat(4_000_000);

const problem = () => text(page.locator("#input-error"));
const understood = () => text(page.locator("#understood"));
const notes = () => text(page.locator("#notes"));

describe("a pasted matrix", () => {
  it("is quantized into readable tables, with the figures that Python gives", async () => {
    await paste("0.1, -2.5, 0.7\n100, 3, -41.5");
    await showsTables(Float64Array.of(0.1, -2.5, 0.7, 100, 3, -41.5), { shape: [2, 3] });
    // round(x / s), s = max|x| / 127, by hand: 0.1 / 0.019685 = 5.08, 0.7 / 0.019685 = 35.56; 3 / 0.787402 = 3.81, ...
    expect(await numbersOf(page, "Integers")).toEqual([
      [5, -127, 36],
      [127, 4, -53],
    ]);
    // sum((x - q * s)^2) / 6 and max|x - q * s| of Python's floats
    expect(await totalsOf(page)).toEqual({
      SQNR: "51.86 dB",
      MSE: "0.0127359",
      "Max error": "0.232283",
      "Bytes before": "48 bytes",
      "Bytes after": "22 bytes",
      Ratio: "2.18 : 1",
    });
    expect(await understood()).toBe("2 × 3, separated by commas");
  });

  it("keeps the names of its rows and columns", async () => {
    await paste("name;left;right\nupper;1,5;2\nlower;0,25;-4");
    await shows(() => tableOf(page, "Weights")).toEqual([
      ["row", "left", "right"],
      ["upper", "1.5", "2"],
      ["lower", "0.25", "-4"],
    ]);
    const names = (await tableOf(page, "Scales")).map(([name]) => name);
    expect(names).toEqual(["channel", "upper", "lower"]);
  });

  it("can be a tensor of nested arrays", async () => {
    await paste("[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]");
    const weights = Float64Array.of(1, 2, 3, 4, 5, 6, 7, 8);
    // The channel axis makes the rows, or the columns if it is the last.
    await showsTables(weights, { shape: [2, 2, 2] }, 8, 4);
    expect((await tableOf(page, "Integers")).map(([name]) => name)).toEqual(["axis 0", "0", "1"]);
    expect((await tableOf(page, "Integers"))[0]).toEqual(["axis 0", "0, 0", "0, 1", "1, 0", "1, 1"]);
    await page.getByLabel("Channel axis").selectOption("2");
    await showsTables(weights, { shape: [2, 2, 2], axis: 2 });
    expect((await tableOf(page, "Integers")).map(([name]) => name)).toEqual([
      "axes 0, 1",
      "0, 0",
      "0, 1",
      "1, 0",
      "1, 1",
    ]);
  });

  it("compares a scale for each channel with one for all", async () => {
    await paste("127 -3\n1 0.25");
    const comparison = page.getByRole("region", { name: "Comparison" }).locator("table");
    await shows(() => cells(comparison)).toEqual([
      ["Figure", "per channelchosen", "per tensor"],
      ["SQNR", "96.20 dB", "54.12 dB"],
      ["Worst channel", "54.38 dB", "12.30 dB"],
      ["MSE", "9.68752e-7", "0.015625"],
      ["Max error", "0.0019685", "0.25"],
      ["Scales", "2", "1"],
      ["Bytes", "20", "12"],
      ["Ratio", "1.60 : 1", "2.67 : 1"],
    ]);
  });

  it("is computed in float32 where that is chosen", async () => {
    const values = Array.from(uniform("float64", 12, 3), (value) => Number(value.toFixed(4)));
    await paste(JSON.stringify(rowsOf(values, 4)));
    await page.getByLabel("float32").check();
    await showsCodes(Float32Array.from(values), { shape: [3, 4] });
    expect(await totalsOf(page)).toMatchObject({ "Bytes before": "48 bytes", "Bytes after": "24 bytes" });
    await page.getByLabel("float64").check();
    await showsCodes(Float64Array.from(values), { shape: [3, 4] });
    expect(await totalsOf(page)).toMatchObject({ "Bytes before": "96 bytes", "Bytes after": "36 bytes" });
  });

  it("follows bits, axis and granularity", async () => {
    const weights = uniform("float64", 24, 5).map((value) => Number(value.toFixed(3)));
    const matrix = rowsOf(Array.from(weights), 6);
    await paste(matrix.map((row) => row.join(" ")).join("\n"));
    for (const bits of [4, 12, 2, 16]) {
      await page.getByLabel("Bits", { exact: true }).fill(String(bits));
      await showsCodes(weights, { shape: [4, 6] }, bits);
    }
    await page.getByLabel("Bits", { exact: true }).fill("8");
    await page.getByLabel("Channel axis").selectOption("1");
    await showsCodes(weights, { shape: [4, 6], axis: 1 });
    await page.getByLabel("tensor", { exact: true }).check();
    await showsCodes(weights, { shape: [4, 6], granularity: "tensor" });
    await page.getByLabel("group", { exact: true }).check();
    await showsCodes(weights, { shape: [4, 6], granularity: { group: 3, along: 1 } });
    await page.getByLabel("Group size").fill("2");
    await showsCodes(weights, { shape: [4, 6], granularity: { group: 2, along: 1 } });
    await page.getByLabel("Groups along").selectOption("0");
    await showsCodes(weights, { shape: [4, 6], granularity: { group: 2, along: 0 } });
  });

  // A page from the disk may not be given the clipboard by a test.
  it.skipIf(isOneFile)("may be too long for a text box", async () => {
    const weights = uniform("float64", 100 * 200, 9);
    const matrix = rowsOf(Array.from(weights), 200)
      .map((row) => row.join("\t"))
      .join("\n");
    await page.evaluate((copied) => navigator.clipboard.writeText(copied), matrix);
    await page.getByLabel("Or paste a matrix").focus();
    await page.keyboard.press("Control+V");
    await shows(understood).toBe("100 × 200, separated by tabs");
    expect(await text(page.locator("#opened-name"))).toBe("pasted text");
  });
});

describe("what was read", () => {
  const told =
    "“# by hand” in line 1 was passed over as a comment. Line 2 names the columns (a, b). Column 1 names the rows (x, y). " +
    "“0,5” was read as 0.5.";
  const matrix = "# by hand\n\ta\tb\nx\t0,5\t1\ny\t2\t-0,25\n";

  it("is said below a pasted matrix, and no longer when something else is pasted", async () => {
    await paste(matrix);
    await shows(notes).toBe(told);
    expect(await page.locator("#notes").getAttribute("aria-live")).toBe("polite");
    await paste("1 2\n3 x");
    await shows(problem).toBe("Line 2, column 2: “x” is not a number.");
    expect(await notes()).toBe("");
    await paste("1 2\n3 4");
    await shows(understood).toBe("2 × 2, separated by spaces");
    expect(await notes()).toBe("");
  });

  it("is said of a file", async () => {
    await open("weights.tsv", matrix);
    await shows(notes).toBe(told);
    expect(await numbersOf(page, "Weights")).toEqual([
      [0.5, 1],
      [2, -0.25],
    ]);
  });

  it("may be an object with an array", async () => {
    await open("weights.json", '{ "w": [[1, -2], [0.5, 4]] }');
    await shows(understood).toBe("2 × 2, nested arrays");
  });
});

describe("text that is no matrix", () => {
  it("is named by line and column beside the input, which is kept", async () => {
    const matrix = "1, 2, 3\n4, 5, 6\n7, oops, 9";
    await paste(matrix);
    await shows(problem).toBe("Line 3, column 2: “oops” is not a number.");
    expect(await page.getByLabel("Or paste a matrix").inputValue()).toBe(matrix);
    expect(await page.getByLabel("Or paste a matrix").getAttribute("aria-invalid")).toBe("true");

    await page.getByRole("button", { name: "Show it in the text" }).click();
    expect(await page.evaluate(() => getSelection()?.toString())).toBe("oops");
    await page.keyboard.type("8");
    await shows(() => numbersOf(page, "Weights")).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ]);
    expect(await page.locator("#input-problem").isVisible()).toBe(false);
  });

  it("is named with its place", async () => {
    for (const [matrix, message] of [
      ["1 2 3\n4 5", "Line 2 has 2 cells and line 1 has 3; rows must be of one length."],
      ["[[1, 2], [3, null]]", "Line 1, row 2, column 2: “null” is not a number."],
      ["1 2\n3 nan", "Line 2, column 2: “nan” is not finite; weights must be."],
    ]) {
      await paste(matrix);
      await shows(problem).toBe(message);
    }
  });

  it("is named where float32 cannot hold it", async () => {
    await paste("1 2\n3 1e39");
    await shows(() => numbersOf(page, "Weights")).toEqual([
      [1, 2],
      [3, 1e39],
    ]);
    await page.getByLabel("float32").check();
    await shows(problem).toBe(
      "Element [1, 1] is 1e+39, more than float32 can hold (3.4e38): compute in float64, or scale the weights down.",
    );
  });

  it("leaves nothing to show when the text is cleared", async () => {
    await paste("");
    await page.getByText("Paste a matrix, open a file or choose a sample").waitFor();
    expect(await page.locator("#results").isVisible()).toBe(false);
  });
});

it("a group size that does not divide the axis is told beside it, with those that do", async () => {
  await page.getByLabel("group", { exact: true }).check();
  await page.getByLabel("Group size").fill("3");
  await shows(() => text(page.locator("#group-error"))).toBe(
    "3 does not divide 8, the length of axis 1. Possible sizes: 1, 2, 4, 8.",
  );
  await page.getByLabel("Group size").fill("4");
  await shows(async () => (await tableOf(page, "Scales")).length).toBe(1 + 6 * 2);
  expect(await page.locator("#group-error").isVisible()).toBe(false);
});

describe("a file", () => {
  it("of every kind is read", async () => {
    for (const [name, contents, layout] of [
      ["weights.csv", "a,b\n1,-2\n0.5,4\n", "2 × 2, separated by commas"],
      ["weights.tsv", "1\t-2\n0.5\t4\n", "2 × 2, separated by tabs"],
      ["weights.json", "[[1, -2], [0.5, 4]]", "2 × 2, nested arrays"],
      ["weights.txt", "1 -2\r\n0.5 4\r\n", "2 × 2, separated by spaces"],
      ["float64.npy", writeNpy(Float64Array.of(1, -2, 0.5, 4), [2, 2]), "2 × 2, float64"],
    ] as const) {
      await open(name, contents);
      await shows(understood).toBe(layout);
      await shows(() => numbersOf(page, "Weights")).toEqual([
        [1, -2],
        [0.5, 4],
      ]);
      expect(await text(page.locator("#opened-name"))).toBe(name);
      await page.getByRole("button", { name: "Back to pasted text" }).click();
      await shows(understood).toBe("6 × 8, separated by commas");
    }
  });

  it("of float32 is computed in float32", async () => {
    const weights = uniform("float32", 2 * 3 * 4, 11);
    await open("float32.npy", writeNpy(weights, [2, 3, 4]));
    await shows(understood).toBe("2 × 3 × 4, float32");
    await page.getByLabel("Channel axis").selectOption("2");
    await showsTables(weights, { shape: [2, 3, 4], axis: 2 });
    expect(await page.getByLabel("float64").isDisabled()).toBe(true);
  });

  it("can be dropped anywhere, and left again for the pasted text", async () => {
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["1,2\n3,4"], "dropped.csv"));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    });
    await shows(() => numbersOf(page, "Weights")).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await page.getByRole("button", { name: "Back to pasted text" }).click();
    await shows(understood).toBe("6 × 8, separated by commas");
  });

  it("leaves the arithmetic that was chosen for text", async () => {
    await open("float32.npy", writeNpy(Float32Array.of(1, 2), [1, 2]));
    await shows(() => page.getByLabel("float32").isChecked()).toBe(true);
    await page.getByRole("button", { name: "Back to pasted text" }).click();
    await shows(() => page.getByLabel("float64").isChecked()).toBe(true);
  });

  it("that cannot be used is named", async () => {
    for (const [name, contents, message] of [
      [
        "short.npy",
        writeNpy(new Float32Array(6), [2, 3]).subarray(0, 140),
        /^short\.npy, byte 140: the file ends here/,
      ],
      ["integers.npy", writeNpy(new Int8Array(6), [2, 3]), /^integers\.npy holds integers, not weights: .*float32/],
      ["nan.npy", writeNpy(Float32Array.of(1, 2, 3, NaN), [2, 2]), /^Element \[1, 1\] is NaN; weights must be finite/],
      ["empty.npy", writeNpy(new Float32Array(), [0, 3]), /^Shape \[0, 3\] has no elements/],
      ["bad.csv", "a,b\n1,2\n3,x\n", /^Line 3, column 2: “x” is not a number\.$/],
      ["weights.dat", Uint8Array.of(1, 0, 0, 2), /^weights\.dat cannot be opened\. The page opens matrices as \.npy/],
      ["empty.csv", "", /^There are no numbers here\.$/],
    ] as const) {
      await open(name, contents);
      await shows(problem).toMatch(message);
    }
  });
});

describe("take away", () => {
  const weights = uniform("float64", 6, 21);
  const answer = reference(weights, { shape: [2, 3] }, 8);

  beforeEach(async () => {
    await paste(
      `x\ty\tz\n${rowsOf(Array.from(weights), 3)
        .map((row) => row.join("\t"))
        .join("\n")}`,
    );
    await shows(understood).toBe("2 × 3, separated by tabs");
    await shows(() => numbersOf(page, "Integers")).toEqual(rowsOf(Array.from(answer.quantized), 3));
  });

  async function download(label: string) {
    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: label }).click(),
    ]);
    return { name: saved.suggestedFilename(), contents: readFileSync(await saved.path()) };
  }

  const lines = (values: ArrayLike<number>, separator: string) =>
    [["x", "y", "z"], ...rowsOf(Array.from(values), 3)].map((row) => `${row.join(separator)}\n`).join("");

  it("integers and dequantized values as .csv, with every digit", async () => {
    for (const [what, values] of [
      ["quantized", answer.quantized] as const,
      ["dequantized", answer.dequantized] as const,
    ]) {
      const label = `Download ${what === "quantized" ? "integers" : "dequantized"} as .csv`;
      const { name, contents } = await download(label);
      expect([name, contents.toString()]).toEqual([`weights.${what}.csv`, lines(values, ",")]);
    }
  });

  it("scales as .csv, with the errors of each", async () => {
    const { name, contents } = await download("Download scales as .csv");
    const [header, ...rows] = contents
      .toString()
      .trimEnd()
      .split("\n")
      .map((line) => line.split(","));
    expect([name, header]).toEqual(["weights.scales.csv", ["channel", "scale", "mse", "max_error", "sqnr_db"]]);
    expect(rows.map((row) => [row[0], Number(row[1]), Number(row[3])])).toEqual(
      Array.from(answer.scales, (scale, row) => [String(row), scale, answer.maxErrors[row]]),
    );
  });

  it("everything as .npy", async () => {
    expect((await download("Download integers as .npy")).contents).toEqual(
      Buffer.from(writeNpy(answer.quantized, [2, 3])),
    );
    expect((await download("Download scales as .npy")).contents).toEqual(Buffer.from(writeNpy(answer.scales, [2])));
    const { name, contents } = await download("Download dequantized as .npy");
    expect([name, contents]).toEqual(["weights.dequantized.npy", Buffer.from(writeNpy(answer.dequantized, [2, 3]))]);
    await page.getByLabel("Bits", { exact: true }).fill("12");
    const { quantized } = reference(weights, { shape: [2, 3] }, 12);
    await shows(() => numbersOf(page, "Integers")).toEqual(rowsOf(Array.from(quantized), 3));
    expect((await download("Download integers as .npy")).contents).toEqual(Buffer.from(writeNpy(quantized, [2, 3])));
  });

  it("everything as .safetensors and .npz, as the library writes them", async () => {
    const model = await openModel(new File([writeNpy(weights, [2, 3])], "weights.npy"));
    for (const [as, dialect] of [
      ["safetensors", "plain"],
      ["npz", "npz"],
    ] as const) {
      const { name, contents } = await download(`Download everything as .${as}`);
      expect(name).toBe(`weights.quantized.${as}`);
      const sink = blobSink();
      await quantizeModel(await load(), planModel(model, { dialect, include: ["*"] }), sink);
      expect(contents).toEqual(Buffer.from(await (await sink.blob()).arrayBuffer()));
    }
  });

  it("each array as .json, nested as its shape is", async () => {
    for (const [what, values] of [
      ["integers", rowsOf(Array.from(answer.quantized), 3)],
      ["dequantized", rowsOf(Array.from(answer.dequantized), 3)],
      ["scales", Array.from(answer.scales)],
    ] as const) {
      const { name, contents } = await download(`Download ${what} as .json`);
      expect(name).toBe(`weights.${what === "integers" ? "quantized" : what}.json`);
      expect(JSON.parse(contents.toString())).toEqual(values);
    }
    await page.getByLabel("tensor", { exact: true }).check();
    const { scales } = reference(weights, { shape: [2, 3], granularity: "tensor" });
    await shows(async () => JSON.parse((await download("Download scales as .json")).contents.toString())).toBe(
      scales[0],
    );
  });

  it("the reference program's dictionary as .json", async () => {
    await paste("1 0.5 0.001953125\n127 0.5 2.5"); // the second row's scale is 1; mse and max_error need rounding
    await shows(() => numbersOf(page, "Integers")).toEqual([
      [127, 64, 0],
      [127, 0, 2],
    ]);
    const { name, contents } = await download("Download everything as .json");
    expect(name).toBe("weights.quantized.json");
    // json.dumps of the result of Python's reference algorithm, without its .0 after whole numbers
    expect(contents.toString()).toBe(
      '{"scales": [0.00787402, 1], "quantized": [[127, 64, 0], [127, 0, 2]], "dequantized": [[1, 0.5039370078740157, 0], [127, 0, 2]], "mse": 0.08333655, "max_error": 0.5}\n',
    );
  });

  // A page from the disk may not be given the clipboard by a test.
  it.skipIf(isOneFile)("copies that spreadsheets take", async () => {
    const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole("button", { name: "Copy integers" }).click();
    await page.getByText("Integers copied.").waitFor();
    expect(await clipboard()).toBe(lines(answer.quantized, "\t"));
    await page.getByRole("button", { name: "Copy everything" }).click();
    await page.getByText("Everything copied.").waitFor();
    expect(JSON.parse(await clipboard())).toMatchObject({ quantized: rowsOf(Array.from(answer.quantized), 3) });
  });
});

// The page in one file has no samples.
it.skipIf(isOneFile)("real weights are samples, with their own channel axis", async () => {
  const samples = page.getByLabel("Sample");
  const options = await samples.locator("option").allInnerTexts();
  await samples.selectOption({ label: options.find((option) => option.includes("510 × 256")) as string });
  await shows(understood).toBe("510 × 256, float32");
  await shows(async () => (await tableOf(page, "Scales")).length).toBe(1 + 50);
  const texts = await page
    .locator(".scale-texts span")
    .evaluateAll((texts) => texts.map((text) => [text.scrollWidth <= text.clientWidth + 1, text.textContent]));
  expect(texts.filter(([fits]) => !fits)).toEqual([]);
  await samples.selectOption({ label: options.find((option) => option.includes("5 × 5 × 8 × 32")) as string });
  await shows(understood).toBe("5 × 5 × 8 × 32, float32");
  expect(await page.getByLabel("Channel axis").inputValue()).toBe("3");
  await shows(async () => (await tableOf(page, "Scales")).length).toBe(1 + 32);
  await samples.selectOption("example");
  await shows(understood).toBe("6 × 8, separated by commas");
});

it("tells the result in short beside the settings on a phone", async () => {
  await page.setViewportSize({ width: 390, height: 600 });
  await page.getByLabel("Bits", { exact: true }).evaluate((bits) => bits.scrollIntoView({ block: "center" }));
  await page.getByLabel("Bits", { exact: true }).fill("9");
  const short = page.locator("#in-short");
  await shows(() => text(short)).toMatch(/^9 bits per channel: 384 bytes become 144 bytes, SQNR [\d.]+ dB\.$/);
  const { y = 0, height = 0 } = (await short.boundingBox()) ?? {};
  expect([y >= 0, y + height]).toEqual([true, 600]);
});

describe("a large matrix", () => {
  const side = 4096;
  const weights = uniform("float32", side * side, 1);
  const file = writeNpy(weights, [side, side]);
  // Whether the sign can be seen is not checked: short work does not show it.
  const busy = () => page.locator("#busy").evaluate((sign) => !(sign as HTMLElement).hidden);

  it("never blocks the page, is seen through a window that moves, and is saved", async () => {
    await page.evaluate(() => {
      const tasks: number[] = [];
      new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
        type: "longtask",
      });
      Object.assign(window, { longTasks: tasks });
    });
    await open("large.npy", file);
    await shows(understood).toBe("4096 × 4096, float32");
    await shows(busy).toBe(false);
    // Opening it again moves nothing on the page, so the click can follow at once.
    await page.locator(".controls summary").scrollIntoViewIfNeeded();
    const place = await page.locator(".controls summary").boundingBox();
    await open("large.npy", file);
    await page.mouse.click((place?.x ?? 0) + 20, (place?.y ?? 0) + 10);
    const answered = await page.evaluate(() => ({
      open: document.querySelector<HTMLDetailsElement>(".controls details")?.open,
      busy: document.getElementById("busy")?.hidden === false,
    }));
    expect(answered).toEqual({ open: true, busy: true });

    await shows(busy).toBe(false);
    const longest = await page.evaluate(() => Math.max(0, ...(window as unknown as { longTasks: number[] }).longTasks));
    console.log(`4096 x 4096: longest task of the main thread ${longest === 0 ? "under 50" : longest.toFixed(0)} ms`);

    const { quantized, scales } = reference(weights, { shape: [side, side] });
    expect((await numbersOf(page, "Integers"))[0]).toEqual(Array.from(quantized.subarray(0, 20)));
    expect((await tableOf(page, "Scales"))[1][1]).toBe(String(Number(scales[0].toPrecision(6))));

    const window = async () => {
      const table = await tableOf(page, "Weights");
      return [table[0][1], table[1][0], Number(table[1][1]), table.length - 1, table[0].length - 1];
    };
    const weight = (row: number, column: number) => Number(weights[row * side + column].toPrecision(6));
    await shows(window).toEqual(["0", "0", weight(0, 0), 50, 20]);
    await page.getByRole("button", { name: "Next rows" }).click();
    await page.getByRole("button", { name: "Next columns" }).click();
    await shows(window).toEqual(["20", "50", weight(50, 20), 50, 20]);
    await page.getByRole("navigation", { name: "Rows" }).getByLabel("from").fill("4095");
    await page.keyboard.press("Enter");
    await shows(window).toEqual(["20", "4046", weight(4046, 20), 50, 20]);
    expect(await page.getByRole("button", { name: "Next rows" }).getAttribute("aria-disabled")).toBe("true");
    await page.getByRole("button", { name: "Copy integers" }).click();
    await page.getByText("16,777,216 numbers are too many to copy").waitFor();

    const [saved] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download integers as .npy" }).click(),
    ]);
    expect(saved.suggestedFilename()).toBe("large.quantized.npy");
    expect(readFileSync(await saved.path()).equals(writeNpy(quantized, [side, side]))).toBe(true);
  });

  it("gives way at once to newer input, and can be cancelled", async () => {
    await open("long.csv", longText());
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("Cancelled. Change a setting to start again.").waitFor();
    expect(await busy()).toBe(false);

    await page.getByLabel("Bits", { exact: true }).fill("4");
    await page.locator("#busy").waitFor();
    await page.getByRole("button", { name: "Back to pasted text" }).click();
    await paste("7 1\n1 -7");
    await shows(() => numbersOf(page, "Integers")).toEqual([
      [7, 1],
      [1, -7],
    ]);
    expect(await busy()).toBe(false);
  });
});

it("can be used with the keyboard alone", async () => {
  await page.getByRole("tab", { name: "Scales" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.locator("#panel caption", { hasText: "Integers" }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe("Integers");
  await page.keyboard.press("End");
  await page.locator("#panel caption", { hasText: "Weights" }).waitFor();
  await page.keyboard.press("ArrowRight");
  await page.locator("#panel caption", { hasText: "Scale and errors" }).waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("region");
});

describe("in light and dark colours", () => {
  const findsNothing = (part?: string) => axeFindsNothing(page, part);

  it("axe finds nothing in the example and its tables", async () => {
    await findsNothing();
    await tableOf(page, "Integers");
    await findsNothing("#tables");
    await page.locator(".controls summary").click();
    await findsNothing(".controls");
  });

  it("axe finds nothing in pictures that are zoomed, opened as tables and explained", async () => {
    await page.getByLabel("group", { exact: true }).check();
    for (const summary of await page.locator("figure summary:visible").all()) await summary.click();
    await page.locator("figure table").nth(5).waitFor();
    await page.getByRole("button", { name: "Zoom in" }).click();
    await page.getByRole("button", { name: "SQNR", exact: true }).click();
    await page.locator("#term").waitFor();
    await page.getByRole("button", { name: /^8 bits, per tensor/ }).waitFor();
    await findsNothing();
  });

  it("axe finds nothing where something is wrong, or nothing there", async () => {
    await page.getByLabel("group", { exact: true }).check();
    await page.getByLabel("Group size").fill("3");
    await page.locator("#group-error").waitFor();
    await findsNothing(".controls");
    await paste("1 2\n3 x");
    await page.locator("#input-error").waitFor();
    await findsNothing("#bring");
    await paste("");
    await page.locator("#nothing").waitFor();
    await findsNothing();
  });

  it("axe finds nothing in an open file with many rows and columns", async () => {
    await open("many.npy", writeNpy(uniform("float32", 300 * 200, 4), [300, 200]));
    await shows(understood).toBe("300 × 200, float32");
    await tableOf(page, "Integers");
    await page.getByRole("button", { name: "Next rows" }).waitFor();
    await findsNothing("#bring, #tables");
  });

  it("axe finds nothing while it is busy", async () => {
    await open("long.csv", longText());
    await page.locator("#busy").waitFor();
    await findsNothing("#busy");
    expect(await page.locator("#busy").isVisible()).toBe(true);
  });

  it("fits a phone, and a window at 200 %, without scrolling sideways", async () => {
    // A small phone, and a window of 1280 pixels at 200 %.
    for (const width of [640, 320]) {
      await page.setViewportSize({ width, height: 740 });
      for (const tab of ["Scales", "Integers"] as const) {
        await tableOf(page, tab);
        await shows(() => page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
      }
    }
    await findsNothing();
  });
});

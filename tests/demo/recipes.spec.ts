import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateRawSync } from "node:zlib";
import { load } from "channelwise";
import { readNpy, writeNpy } from "channelwise/npy";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uniform } from "../lib/random.js";
import { type Layout, reference } from "../lib/reference.js";
import { numbersOf, openForEach, openTables, shows, tableOf, text } from "./page.js";

/** The folder is inside this package, so that the code finds the package by name. */
const folder = fileURLToPath(new URL("../../build/tests/recipes-run/", import.meta.url));

let page: Page;
let url: string;

openForEach(
  {},
  (opened) => {
    ({ page, url } = opened);
  },
  { kept: true },
);

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function copy(name: string): Promise<string> {
  // The page may still say that something else was copied.
  await page.evaluate(() => navigator.clipboard.writeText(""));
  await page.getByRole("button", { name: `Copy ${name}` }).click();
  const copied = () => page.evaluate(() => navigator.clipboard.readText());
  await shows(copied).not.toBe("");
  return copied();
}

/** Opens a link in a page of its own. */
async function other(link: string) {
  const opened = await page.context().newPage();
  await opened.goto(link);
  return opened;
}

describe("the code", () => {
  /** The results of the page's code in Node. */
  async function run() {
    writeFileSync(join(folder, "recipe.mjs"), await copy("code"));
    writeFileSync(
      join(folder, "run.mjs"),
      `const said = [];
       console.log = (...values) => said.push(...values);
       await import("./recipe.mjs");
       const [quantized, scales] = said.map((value) => (ArrayBuffer.isView(value) ? [value.constructor.name, ...value] : value));
       process.stdout.write(JSON.stringify({ quantized, scales }));`,
    );
    return JSON.parse(execFileSync(process.execPath, ["run.mjs"], { cwd: folder, encoding: "utf8" }));
  }

  function expected(weights: Float32Array | Float64Array, layout: Layout, bits: number) {
    const { quantized, scales } = reference(weights, layout, bits);
    return {
      quantized: [quantized.constructor.name, ...quantized],
      scales: [scales.constructor.name, ...scales],
    };
  }

  const verdict = () => text(page.locator("#verdict"));

  it("of a pasted matrix has its numbers in it", async () => {
    const weights = uniform("float64", 12, 31);
    await page
      .getByLabel("Or paste a matrix")
      .fill(JSON.stringify([[...weights.subarray(0, 6)], [...weights.subarray(6)]]));
    await page.getByLabel("group", { exact: true }).check();
    await page.getByLabel("Bits", { exact: true }).fill("5");
    await shows(verdict).toMatch(/^5 bits in groups of 3/);
    const layout = { shape: [2, 6], granularity: { group: 3, along: 1 } };
    expect(await run()).toEqual(expected(weights, layout, 5));
    await page.getByLabel("float32").check();
    await shows(verdict).toMatch(/48 bytes become/);
    expect(await run()).toEqual(expected(Float32Array.from(weights), layout, 5));
  });

  it("of a file reads it", async () => {
    const weights = uniform("float32", 4 * 50, 32);
    const file = writeNpy(weights, [4, 50]);
    writeFileSync(join(folder, "it's mine.npy"), file);
    await page.getByLabel("Open a file").setInputFiles(join(folder, "it's mine.npy"));
    await page.getByLabel("Channel axis").selectOption("1");
    await page.getByLabel("Bits", { exact: true }).fill("12");
    await shows(verdict).toMatch(/^12 bits per channel: 800 bytes become 600 bytes/);
    expect(await run()).toEqual(expected(weights, { shape: [4, 50], axis: 1 }, 12));
    expect(await copy("command line")).toBe(
      "npx channelwise quantize 'it'\\''s mine.npy' --include '*' --bits 12 --axis 1",
    );
  });

  it("has zero points where they are chosen, as the link and the pictures have", async () => {
    const weights = uniform("float64", 64, 34).map((weight) => weight + 0.4) as Float64Array;
    await page
      .getByLabel("Or paste a matrix")
      .fill(JSON.stringify([[...weights.subarray(0, 32)], [...weights.subarray(32)]]));
    await page.getByLabel("Bits", { exact: true }).fill("4");
    await page.getByLabel("Rule for scales").selectOption("signed-max");
    await page.getByLabel("Zero points", { exact: true }).check();
    await page.getByText("signed-max has no zero points").waitFor();
    await page.getByLabel("Rule for scales").selectOption("search");
    await shows(verdict).toMatch(/^4 bits per channel with zero points/);
    const options = { shape: [2, 32], bits: 4, scales: "search", zeroPoints: true, dequantize: true } as const;
    const { quantized, scales, zeroPoints, dequantized, sqnr } = (await load()).quantize(weights, options);
    expect(await run()).toEqual({ quantized: ["Int8Array", ...quantized], scales: ["Float64Array", ...scales] });
    expect(await verdict()).toContain(`SQNR ${sqnr.toFixed(2)} dB`);
    expect(await copy("command line")).toContain("--bits 4 --scales search --zero-points --axis 0");

    const followed = page.locator("#one-weight");
    const typeset = (value: number) => String(Number(value.toPrecision(9))).replaceAll("-", "\u2212");
    expect(await text(followed)).toContain(`zero point = ${typeset(zeroPoints[0])}`);
    expect(await text(followed)).toContain(`= ${typeset(dequantized[0])}`);
    await page.locator("#of-scale > summary").click();
    await shows(() => text(page.locator("#scale-errors"))).toContain(`the zero point ${typeset(zeroPoints[0])}`);
    await shows(() => page.locator("#why .zero-point").count()).toBe(2);
    expect(await text(page.locator("#maps"))).toContain("weight / scale + zero point, rounded");
    await openTables(page);
    expect((await tableOf(page, "Scales")).map((row) => row[2])).toEqual([
      "Zero point",
      ...Array.from(zeroPoints, String),
    ]);

    expect(JSON.parse(await copy("zero points"))).toEqual([...zeroPoints]);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download zero points as .npy" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("weights.zero-points.npy");
    expect(readNpy(new Uint8Array(readFileSync(await download.path())))).toEqual({ weights: zeroPoints, shape: [2] });

    const opened = await other(await copy("link"));
    await shows(() => text(opened.locator("#verdict"))).toBe(await verdict());
    await opened.close();
    await page.getByLabel("Zero points", { exact: true }).uncheck();
    await shows(verdict).toMatch(/^4 bits per channel: /);
    await shows(() => page.getByRole("button", { name: "Copy zero points" }).isVisible()).toBe(false);
  });

  it("of a text file reads it", async () => {
    const weights = uniform("float64", 300, 33);
    writeFileSync(join(folder, "many.csv"), `${[...weights].join(",")}\n`);
    await page.getByLabel("Open a file").setInputFiles(join(folder, "many.csv"));
    await page.getByLabel("tensor", { exact: true }).check();
    await shows(verdict).toMatch(/^8 bits per tensor: 2,400 bytes become 308 bytes/);
    expect(await run()).toEqual(expected(weights, { shape: [1, 300], granularity: "tensor" }, 8));
    expect(await copy("command line")).toBe(
      "npx channelwise quantize many.csv --include '*' --bits 8 --granularity tensor",
    );
  });
});

describe("a link", () => {
  /** Follows a link from the page itself, which takes it as it does at its start. Before, another text is in the box. */
  const follow = async (fragment: string) => {
    await page.getByLabel("Or paste a matrix").fill("");
    await page.evaluate((fragment) => {
      location.hash = fragment;
    }, fragment);
  };

  it("restores settings and a small matrix, which no server sees", async () => {
    await page.getByLabel("Or paste a matrix").fill("name;a;b\nü;1,5;-3\nz;0,25;4");
    await page.getByLabel("group", { exact: true }).check();
    await page.getByLabel("Groups along").selectOption("0");
    await page.getByLabel("Bits", { exact: true }).fill("4");
    await page.getByLabel("float32").check();
    await shows(() => text(page.locator("#verdict"))).toMatch(/^4 bits in groups of 2: 16 bytes/);
    const shown = [await text(page.locator("#verdict")), await page.getByLabel("Or paste a matrix").inputValue()];
    const link = await copy("link");
    expect(new URL(link).search).toBe("");

    const opened = await other(link);
    await shows(() => text(opened.locator("#verdict"))).toBe(shown[0]);
    expect(await opened.getByLabel("Or paste a matrix").inputValue()).toBe(shown[1]);
    expect(await opened.getByLabel("Groups along").inputValue()).toBe("0");
    await opened.close();
  });

  it("names a sample", async () => {
    const samples = page.getByLabel("Sample");
    const options = await samples.locator("option").allInnerTexts();
    await samples.selectOption({ label: options.find((option) => option.includes("5 × 5 × 8 × 32")) as string });
    await shows(() => text(page.locator("#understood"))).toBe("5 × 5 × 8 × 32, float32");
    await page.getByLabel("Bits", { exact: true }).fill("3");
    await shows(() => text(page.locator("#verdict"))).toMatch(/^3 bits/);
    const opened = await other(await copy("link"));
    await shows(() => text(opened.locator("#verdict"))).toBe(await text(page.locator("#verdict")));
    await opened.close();
  });

  it("to a file carries the settings, and waits for it", async () => {
    const file = { name: "w.npy", mimeType: "", buffer: Buffer.from(writeNpy(uniform("float32", 64, 3), [8, 8])) };
    await page.getByLabel("Open a file").setInputFiles(file);
    await page.getByLabel("Channel axis").selectOption("1");
    await page.getByLabel("Bits", { exact: true }).fill("6");
    await shows(() => text(page.locator("#verdict"))).toMatch(/^6 bits per channel: 256 bytes/);
    await page.getByRole("button", { name: "Copy link" }).click();
    await page.getByText("It restores the settings. Open the weights there too.").waitFor();
    const opened = await other(await page.evaluate(() => navigator.clipboard.readText()));
    await opened.getByText("Paste a matrix, open a file").waitFor();
    await opened.getByLabel("Open a file").setInputFiles(file);
    await shows(() => text(opened.locator("#verdict"))).toBe(await text(page.locator("#verdict")));
    expect(await opened.getByLabel("Channel axis").inputValue()).toBe("1");
    await opened.close();
  });

  it("that is damaged is told, and the example shown", async () => {
    for (const [fragment, message] of [
      ["#bits=99&matrix=AAAA", "The link's bits is “99”; it must be a whole number from 2 to 16."],
      ["#bits=8&matrix=AAAA", /^The link's matrix is damaged/],
      ["#sample=nothing", "The link names the sample “nothing”, which this page does not have."],
      ["#bits=8&scales=row", "The link's scales are “row”; they must be channel, tensor or group: with a size."],
    ] as const) {
      await follow(fragment);
      const told = shows(() => text(page.locator("#input-error")));
      await (typeof message === "string" ? told.toBe(message) : told.toMatch(message));
      await shows(() => text(page.locator("#verdict"))).toMatch(/^8 bits per channel: 384 bytes/);
    }
  });

  const fragment = (matrix: string | Uint8Array) =>
    `#bits=8&matrix=${deflateRawSync(matrix, { level: 9 }).toString("base64url")}`;

  const refused: [string, string, RegExp][] = [
    [
      "of 65 KB that unpacks to 50 MB",
      fragment(Buffer.alloc(50_000_000, "1 ")),
      /^The link has [\d,]+ characters; this page makes and takes up to 7,000\. Ask for the matrix as a file\.$/,
    ],
    ["of 260 KB", `#matrix=${"A".repeat(260_000)}`, /^The link has 260,008 characters; /],
    [
      "that is short and unpacks to 4 MB",
      fragment(Buffer.alloc(4_000_000, "1 ")),
      /^The link's matrix has more than 200,000 bytes; .* Ask for the matrix as a file\.$/,
    ],
    [
      "that is one byte too long",
      fragment("1 ".repeat(100_000).concat("1")),
      /^The link's matrix has more than 200,000 b/,
    ],
    ["that says no text", fragment(Uint8Array.of(0x31, 0xff, 0x32)), /^The link's matrix is damaged/],
    ["with a long value", `#bits=${"9".repeat(5000)}`, /^The link's bits is “9{40}…”; it must be a whole number/],
    [
      "with a group of no size",
      `#scales=group:${"9".repeat(400)}`,
      /^The link's scales are “group:9{34}…”; they must be/,
    ],
  ];

  it("is refused before it takes long", async () => {
    for (const [kind, fragment, message] of refused) {
      await follow(fragment);
      await shows(() => text(page.locator("#input-error")), `one ${kind}`).toMatch(message);
      await shows(() => text(page.locator("#verdict")), `one ${kind}`).toMatch(/^8 bits per channel: 384 bytes/);
      await shows(() => page.getByLabel("Or paste a matrix").inputValue(), `one ${kind}`).toMatch(/^channel,/);
      expect(await page.getByLabel("Or paste a matrix").getAttribute("aria-invalid")).toBe("false");
    }
  });

  it("carries a matrix of as many bytes as it may unpack to, and no longer one", async () => {
    const matrix = "1 ".repeat(100_000);
    await page.getByLabel("Or paste a matrix").fill(matrix);
    await shows(() => text(page.locator("#understood"))).toBe("1 × 100000, separated by spaces");
    await shows(() => text(page.locator("#verdict"))).toMatch(/: 800 KB become /);
    const opened = await other(await copy("link"));
    await shows(() => text(opened.locator("#understood"))).toBe("1 × 100000, separated by spaces");
    await opened.close();
    await page.getByLabel("Or paste a matrix").fill(`${matrix}1`);
    await shows(() => text(page.locator("#understood"))).toBe("1 × 100001, separated by spaces");
    await shows(() => page.locator("#busy").isVisible()).toBe(false);
    await page.getByRole("button", { name: "Copy link" }).click();
    await page.getByText("It restores the settings. Open the weights there too.").waitFor();
  });

  it("is followed where it comes last", async () => {
    await page.evaluate(
      async ([first, second]) => {
        location.hash = first;
        // The first one is noticed, but neither is unpacked yet.
        await new Promise((resolve) => addEventListener("hashchange", resolve, { once: true }));
        location.hash = second;
      },
      [fragment("5 6 7"), "#bits=4&scales=tensor"],
    );
    await page.getByText("Paste a matrix, open a file").waitFor();
    await page.getByLabel("Or paste a matrix").fill("7 -7");
    await shows(() => text(page.locator("#verdict"))).toMatch(/^4 bits per tensor/);
  });

  it("can be followed from the page itself", async () => {
    await page.goto(`${url}#bits=2&scales=tensor&axis=0`);
    await page.getByText("Paste a matrix, open a file").waitFor();
    await page.getByLabel("Or paste a matrix").fill("3 -3");
    await shows(() => text(page.locator("#verdict"))).toMatch(/^2 bits per tensor/);
    await openTables(page);
    expect(await numbersOf(page, "Integers")).toEqual([[1, -1]]);
  });
});

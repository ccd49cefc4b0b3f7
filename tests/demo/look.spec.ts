import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fileOf, type TensorToWrite } from "../lib/files/safetensors-file.js";
import { ggufFile } from "../lib/gguf/gguf-file.js";
import { tinyModel } from "../lib/gguf/tiny-models.js";
import { float, modelBytes, node as onnxNode, tensor } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { axeFindsNothing, openForEach, seeAll, shows, text } from "./page.js";

let page: Page;
let folder: string;

openForEach(
  {},
  (opened) => {
    ({ page } = opened);
  },
  { kept: true },
);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function open(name: string, contents: Uint8Array) {
  const path = join(folder, name);
  writeFileSync(path, contents);
  await page.getByLabel("Open a file").setInputFiles(path);
  await shows(() => text(page.locator("#model-heading"))).toBe(name);
  await shows(() => text(page.locator("#model-verdict"))).toMatch(/loss/);
}

async function openGguf() {
  const bytes = ggufFile(tinyModel({ architecture: "llama", layers: 1, columns: 256, hidden: 512 }));
  writeFileSync(join(folder, "tiny.gguf"), bytes);
  await page.getByLabel("Open a file").setInputFiles(join(folder, "tiny.gguf"));
  await page.getByText(/^Measured with/).waitFor();
}

async function openSeveral() {
  const names = ["model-with-a-long-name-of-somebody.safetensors", "m-00001-of-00002.safetensors"];
  for (const name of names) writeFileSync(join(folder, name), model());
  writeFileSync(join(folder, "broken.safetensors"), "no model");
  const paths = [...names, "broken.safetensors"].map((name) => join(folder, name));
  await page.getByLabel("Open a file").setInputFiles(paths);
  await shows(() => text(page.locator(".queue tbody tr").nth(1))).toMatch(/Part 2 of 2 is not here/);
  await shows(() => text(page.locator(".queue tbody tr").nth(2))).toMatch(/failed: broken/);
}

/** More than stand in the table at a time. */
const tensors = Array.from(
  { length: 60 },
  (_, i): TensorToWrite => ({
    name: `encoder.blocks.${i}.attention/projection_with_a_long_name.weight`,
    dtype: "F32",
    shape: [64, 64],
    data: uniform("float32", 64 * 64, i),
  }),
);
const model = () => fileOf(tensors);
const onnx = () =>
  modelBytes({
    opset: 17,
    graph: {
      node: [onnxNode("Conv", ["x", "w"], ["y"])],
      initializer: [tensor("w", [24, 8, 3, 3], uniform("float32", 24 * 72, 8))],
      input: [float("x", [1, 8, 16, 16])],
      output: [float("y")],
    },
  });

it("the example is at most 3,000 pixels high on a desktop, and three quarters of a window of 2,560 wide", async () => {
  await page.setViewportSize({ width: 1440, height: 900 });
  await seeAll(page);
  expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBeLessThanOrEqual(3000);
  await page.setViewportSize({ width: 2560, height: 1440 });
  const { width = 0 } = (await page.locator("main").boundingBox()) ?? {};
  expect(width).toBeGreaterThan(0.7 * 2560);
});

/** The selects whose chosen text has no room, and what is wider than the window. */
const clipped = () =>
  page.evaluate(() => {
    const selects = [...document.querySelectorAll("select")].filter((select) => select.checkVisibility());
    const narrow = selects.filter((select) => {
      const natural = select.cloneNode() as HTMLSelectElement;
      natural.append(new Option(select.selectedOptions[0]?.text));
      natural.style.width = "max-content";
      natural.style.position = "absolute";
      natural.removeAttribute("id");
      select.after(natural);
      const isNarrow = natural.offsetWidth > select.offsetWidth + 1;
      natural.remove();
      return isNarrow;
    });
    return [
      ...narrow.map((select) => `${select.id || select.ariaLabel}: ${select.selectedOptions[0].text}`),
      ...(document.documentElement.scrollWidth > innerWidth ? [`${document.documentElement.scrollWidth} wide`] : []),
    ];
  });

/** The words of tables that stand on two lines; names of tensors and files, in the first column, may. */
const brokenWords = () =>
  page.evaluate(() => {
    const isBroken = (text: Text, { index, 0: word }: RegExpMatchArray) => {
      const range = document.createRange();
      range.setStart(text, index ?? 0);
      range.setEnd(text, (index ?? 0) + word.length);
      return new Set(Array.from(range.getClientRects(), ({ top }) => top)).size > 1;
    };
    const cells = [...document.querySelectorAll("#outcome table :is(thead th, td)")];
    return cells.flatMap((cell) =>
      [...cell.childNodes].flatMap((node) =>
        node instanceof Text
          ? [...node.data.matchAll(/\S+/g)].filter((word) => isBroken(node, word)).map(([word]) => word)
          : [],
      ),
    );
  });

/** What of the maps' tools lies over the heading beside them. */
const overHeading = () =>
  page.evaluate(() => {
    const range = document.createRange();
    range.selectNodeContents(document.getElementById("maps-heading") as HTMLElement);
    const heading = range.getBoundingClientRect();
    return [...document.querySelectorAll<HTMLElement>(".map-tools > *")]
      .filter((tool) => {
        const { left, right, top, bottom } = tool.getBoundingClientRect();
        const isBeside = right <= heading.left || left >= heading.right;
        return right > left && !isBeside && top < heading.bottom && bottom > heading.top;
      })
      .map(({ innerText }) => innerText);
  });

describe("at every width", () => {
  it.each([
    ["the example", async () => {}],
    ["a model of many weights with long names", () => open("model.safetensors", model())],
    ["an ONNX model", () => open("net.onnx", onnx())],
    ["a GGUF", () => openGguf()],
    ["a list of files, one of which cannot be read", () => openSeveral()],
  ])("%s has no clipped select, and scrolls only down", async (_, opened) => {
    await opened();
    for (const [width, height] of [
      [390, 844],
      [768, 1024],
      [1440, 900],
      [2560, 1440],
    ]) {
      await page.setViewportSize({ width, height });
      await shows(clipped, `at ${width} pixels`).toEqual([]);
      expect(await brokenWords(), `at ${width} pixels`).toEqual([]);
      expect(await overHeading(), `at ${width} pixels`).toEqual([]);
    }
  });
});

it("counts begin at 1", async () => {
  await open("model.safetensors", model());
  expect(await text(page.locator("#model .pager .shown"))).toBe("Tensors 1 to 50 of 60");
  expect(await page.getByLabel("from", { exact: true }).inputValue()).toBe("1");
  await page.getByLabel("from", { exact: true }).fill("11");
  await page.keyboard.press("Enter");
  expect(await text(page.locator("#model .pager .shown"))).toBe("Tensors 11 to 60 of 60");
});

it("a setting of a matrix that makes no difference is said to make none", async () => {
  await page.getByLabel("Or paste a matrix").fill("1 -1\n2 -2");
  await shows(() => text(page.locator("#understood"))).toBe("2 × 2, separated by spaces");
  const verdict = () => text(page.locator("#verdict"));
  await shows(verdict).toMatch(/^8 bits .* 32 bytes become /); // there is something to compare with
  await page.locator("#bits").fill("7");
  await shows(verdict).toMatch(/^7 bits .* The last change made no difference\.$/);
  await page.locator("#settings").getByLabel("tensor", { exact: true }).check();
  await shows(verdict).not.toContain("no difference");
});

describe("in light and dark colours", () => {
  it("axe finds nothing in models on a phone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open("model.safetensors", model());
    await axeFindsNothing(page);
    await open("net.onnx", onnx());
    await page.getByRole("button", { name: "Compare the outputs" }).click();
    await page.getByText(/a run/).waitFor();
    await axeFindsNothing(page);
  });
});

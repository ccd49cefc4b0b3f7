import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";
import { load } from "channelwise";
import { blobSink, openModel, planModel, quantizeModel } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import type { Browser, Page } from "playwright";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { buildOneFile } from "../../scripts/one-file.mjs";
import { float, modelBytes, node, tensor } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { launchChromium, newPage } from "../packaging/browser.js";
import { cells, numbersOf, oneFile, openPage, openTables, shows, text } from "./page.js";

// The page in one file, opened from the disk.

let browser: Browser;
let page: Page;
let complaints: string[];
let requests: string[];

beforeAll(async () => {
  // npm test has built it.
  if (process.env.CHANNELWISE_ONE_FILE !== "built") await buildOneFile(oneFile);
  browser = await launchChromium();
});

afterAll(() => browser?.close());

beforeEach(async () => {
  const opened = await newPage(browser);
  requests = [];
  opened.on("request", (request) => requests.push(request.url()));
  ({ page, complaints } = await openPage(opened, pathToFileURL(oneFile).href));
});

afterEach(async () => {
  await page.close();
  expect(complaints).toEqual([]);
  expect(requests.filter((url) => !/^(file|blob|data):/.test(url))).toEqual([]);
});

it("quantizes what is pasted, and a file", async () => {
  const { quantized } = (await load()).quantize([
    [1, -2],
    [3, 5],
  ]);
  await openTables(page);
  await page.getByLabel("Or paste a matrix").fill("1, -2\n3, 5\n");
  const rows = [Array.from(quantized.subarray(0, 2)), Array.from(quantized.subarray(2))];
  await shows(() => numbersOf(page, "Integers")).toEqual(rows);
  const weights = uniform("float32", 6, 1);
  await page.locator("#file").setInputFiles({
    name: "weights.npy",
    mimeType: "application/octet-stream",
    buffer: Buffer.from(writeNpy(weights, [3, 2])),
  });
  const codes = Array.from((await load()).quantize(weights, { shape: [3, 2] }).quantized);
  await shows(async () => (await numbersOf(page, "Integers")).flat()).toEqual(codes);
});

it("saves a model as the library writes it, and runs both", async () => {
  await page.evaluate(() => Reflect.deleteProperty(window, "showSaveFilePicker"));
  const graph = {
    node: [node("Conv", ["x", "w"], ["y"])],
    initializer: [tensor("w", [24, 8, 3, 3], uniform("float32", 24 * 72, 8))],
    input: [float("x", [undefined, 8, undefined, undefined])],
    output: [float("y")],
  };
  const model = modelBytes({ opset: 17, graph });
  await page.locator("#file").setInputFiles({
    name: "net.onnx",
    mimeType: "application/octet-stream",
    buffer: Buffer.from(model),
  });
  await shows(() => text(page.locator("#save .button"))).toMatch(/^Save ./);
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("#save .button").click()]);
  const sink = blobSink();
  await quantizeModel(await load(), planModel(await openModel(new File([model], "net.onnx"))), sink);
  expect(Buffer.from(await (await sink.blob()).arrayBuffer()).equals(readFileSync(await download.path()))).toBe(true);

  await page.getByRole("button", { name: "Run both" }).click();
  const outputs = page.getByRole("region", { name: "Outputs" }).locator("table");
  const [name, shape] = [0, 5];
  await shows(async () => (await cells(outputs))[1]?.filter((_, i) => i === name || i === shape)).toEqual([
    ...["y", "1 × 24 × 62 × 62 float32"],
  ]);
});

it("is served by the command line, which Ctrl-C ends", async () => {
  const commandLine = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const served = spawn(process.execPath, [commandLine, "page", "--port", "0"], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [told] = await once(createInterface(served.stdout), "line");
  const [address] = /http:\S+/.exec(told) as RegExpExecArray;
  const bytes = Buffer.from(await (await fetch(address)).arrayBuffer());
  expect(bytes.equals(readFileSync(oneFile))).toBe(true);
  served.kill("SIGINT");
  expect((await once(served, "exit"))[0]).toBe(130);
});

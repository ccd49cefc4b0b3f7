import type { Granularity } from "channelwise";
import { blobSink, openModel, planModel, quantizeModel, type Rules } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { describe, expect, it } from "vitest";
import { example } from "../../web/demo/bring/example.js";
import { fragmentOf } from "../../web/demo/link.js";
import { fileOf } from "../lib/files/safetensors-file.js";
import { float, modelBytes, node, tensor } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import {
  channelwise,
  click,
  element,
  enter,
  fieldValue,
  openFile,
  openForEach,
  openPage,
  paste,
  saved,
  shows,
  showsResultOf,
  textOf,
} from "./page.js";

openForEach();

const matrix = (seed: number) => Array.from({ length: 6 }, (_, row) => Array.from(uniform("float64", 4, seed + row)));

it("shows the example", async () => {
  const [, ...rows] = example.trim().split("\n");
  await showsResultOf(rows.map((row) => row.split(",").slice(1).map(Number)));
});

it("quantizes what is pasted, with every change of the settings", async () => {
  await paste(matrix(1));
  await showsResultOf(matrix(1));
  await enter("#bits", "4");
  await showsResultOf(matrix(1), { bits: 4 });
  await enter("#axis", "1");
  await showsResultOf(matrix(1), { bits: 4, axis: 1 });
  for (const [value, granularity] of [
    ["tensor", "tensor"],
    ["group", { group: 2, along: -1 }],
  ] satisfies [string, Granularity][]) {
    await click(`[name=granularity][value=${value}]`);
    if (value === "group") await enter("#group", "2");
    await showsResultOf(matrix(1), { bits: 4, granularity });
  }
  await paste(matrix(2));
  await showsResultOf(matrix(2), { bits: 4, granularity: { group: 2, along: -1 } });
});

it("quantizes a .npy file, and then what is pasted", async () => {
  const weights = uniform("float32", 24, 3);
  const rows = Array.from({ length: 6 }, (_, row) => weights.slice(row * 4, (row + 1) * 4));
  await openFile("weights.npy", writeNpy(weights, [6, 4]));
  await showsResultOf(rows);
  await enter("#bits", "12");
  await showsResultOf(rows, { bits: 12 });
  await click("#close");
  await paste(matrix(4));
  await showsResultOf(matrix(4), { bits: 12 });
});

it("saves what it shows, and goes on", async () => {
  await paste(matrix(5));
  await showsResultOf(matrix(5));
  await click("[aria-label='Download integers as .npy']");
  const { quantized } = channelwise.quantize(matrix(5));
  expect(await saved("weights.quantized.npy")).toEqual(writeNpy(quantized, [6, 4]));
  await enter("#bits", "3");
  await showsResultOf(matrix(5), { bits: 3 });
});

it("opens a link", async () => {
  const text = matrix(6)
    .map((row) => row.join(","))
    .join("\n");
  const { fragment } = await fragmentOf({
    settings: { bits: 4, granularity: "tensor", axis: 0, group: 2, along: 1, arithmetic: "float64" },
    text,
  });
  await openPage(fragment);
  await showsResultOf(matrix(6), { bits: 4, granularity: "tensor" });
});

it("quantizes a sample of real weights", async () => {
  await element("#sample optgroup");
  await enter("#sample", "0");
  await shows(() => textOf("#understood")).toBe("510 × 256, float32");
  await shows(() => textOf("#verdict")).toMatch(/^8 bits per channel: 522 KB become 133 KB, SQNR 44\.43 dB/);
});

it("makes a point of the picture of all settings the setting", async () => {
  await paste(matrix(7));
  await showsResultOf(matrix(7));
  await click("#trade-off [aria-label^='5 bits, per tensor:']");
  await showsResultOf(matrix(7), { bits: 5, granularity: "tensor" });
});

it("saves pictures, of vectors and of pixels", async () => {
  await shows(() => textOf("#verdict")).toMatch(/^8 bits per channel/);
  await click("[aria-label='Save “SQNR of each channel” as SVG']");
  const picture = new DOMParser().parseFromString(
    new TextDecoder().decode(await saved("sqnr-of-each-channel.svg")),
    "image/svg+xml",
  );
  expect(Array.from(picture.querySelectorAll("text"), (text) => text.textContent)).toContain("outlier");

  await click("[aria-label='Save the maps as PNG']");
  const maps = await createImageBitmap(new Blob([await saved("weights-integers-errors.png")]));
  const canvas = new OffscreenCanvas(maps.width, maps.height).getContext("2d") as OffscreenCanvasRenderingContext2D;
  canvas.drawImage(maps, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, maps.width, maps.height).data.buffer);
  expect(new Set(pixels).size).toBeGreaterThan(48); // one colour for each weight of the example, and those of text
});

describe("a model in .safetensors", () => {
  const data = uniform("float32", 64 * 96, 8);
  const file = fileOf([{ name: "layer.weight", dtype: "F32", shape: [96, 64], data }]);

  /**
   * Expects that the page saves what the library writes. Each name is used once, since a browser overwrites nothing.
   */
  async function saves(name: string, rules: Rules) {
    const model = await openModel(new File([file], "model.safetensors"));
    const sink = blobSink();
    await quantizeModel(channelwise, planModel(model, rules), sink);
    await shows(() => textOf("#save .button")).toBe(`Save ${name}`);
    await click("#save .button");
    expect(await saved(name)).toEqual(new Uint8Array(await (await sink.blob()).arrayBuffer()));
  }

  it("is measured and saved, and left for what is pasted", async () => {
    await openFile("model.safetensors", file);
    for (const bits of [8, 5]) {
      await enter("#model-bits", String(bits));
      const { sqnr } = channelwise.quantize(data, { shape: [96, 64], bits });
      await shows(() => textOf(".tensors tbody td:nth-of-type(4)")).toContain(`${sqnr.toFixed(2)} dB`);
      await saves(`model-int${bits}.safetensors`, { bits });
    }
    await click("#close");
    await paste(matrix(9));
    await showsResultOf(matrix(9));
  });

  it("has its tensors looked at, and what is found there taken back", async () => {
    await openFile("other.safetensors", file);
    await click(".tensors tbody th button");
    await shows(() => textOf("#understood")).toBe("96 × 64, float32");
    await enter("#bits", "3");
    await shows(() => textOf("#verdict")).toMatch(/^3 bits per channel/);
    await click("#use-for-model");
    await shows(() => fieldValue(".tensors tbody select")).toMatch(/^3 channel/);
    await saves("other-int8.safetensors", { overrides: { "layer.weight": { bits: 3 } } });
  });
});

it("saves a model in .onnx, runs it beside its original, and goes on", async () => {
  const graph = {
    node: [node("MatMul", ["x", "w"], ["y"])],
    initializer: [tensor("w", [64, 96], uniform("float32", 64 * 96, 10))],
    input: [float("x", [1, 64])],
    output: [float("y")],
  };
  const file = modelBytes({ opset: 17, graph });
  await openFile("net.onnx", file);
  await shows(() => textOf("#save .button")).toBe("Save net_int8.onnx");
  await click("#save .button");
  const sink = blobSink();
  await quantizeModel(channelwise, planModel(await openModel(file)), sink);
  expect(await saved("net_int8.onnx")).toEqual(new Uint8Array(await (await sink.blob()).arrayBuffer()));

  await click(".run-buttons button");
  await shows(() => textOf("[aria-label=Outputs] tbody")).toMatch(
    /^y\s+[\d.]+ dB\s+(0\.9999|1\.0000)\d\d\s.*\s1 × 96 float32\s*$/s,
  );

  await click("#close");
  await paste(matrix(11));
  await showsResultOf(matrix(11));
});

import { type Granularity, load, type QuantizeOptions } from "channelwise";
import { blobSink, openModel, planModel, quantizeModel } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commands } from "vitest/browser";
import { example } from "../../web/demo/bring/example.js";
import { fileOf } from "../lib/files/safetensors-file.js";
import { float, modelBytes, node, tensor } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { longestWait } from "../longest-wait.js";

// The page in a frame, used through its elements: that takes no driver, under which WebKit has no private files.

const channelwise = await load();

let frame: HTMLIFrameElement;
let page: Document;
let complaints: string[];

beforeEach(async () => {
  frame = document.createElement("iframe");
  Object.assign(frame, { width: 1280, height: 900, src: "/page/" });
  document.body.append(frame);
  await new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  page = frame.contentDocument as Document;
  complaints = [];
  page.defaultView?.addEventListener("error", ({ message }) => complaints.push(message));
  page.defaultView?.addEventListener("unhandledrejection", ({ reason }) => complaints.push(String(reason)));
  page.addEventListener("securitypolicyviolation", ({ violatedDirective }) => complaints.push(violatedDirective));
  (await element("#tables summary")).click();
});

afterEach(() => {
  frame.remove();
  expect(complaints).toEqual([]);
});

/** Waits for what the page comes to show, since everything is computed in its workers. */
function shows<T>(read: () => T) {
  return expect.poll(read, { timeout: longestWait });
}

const textOf = (selector: string) => page.querySelector<HTMLElement>(selector)?.innerText;

/** An element, once it is there. */
async function element<T extends HTMLElement = HTMLElement>(selector: string): Promise<T> {
  await shows(() => page.querySelector(selector)).not.toBeNull();
  return page.querySelector(selector) as T;
}

/** Types or chooses a value. */
async function enter(selector: string, value: string) {
  const field = await element<HTMLInputElement>(selector);
  field.value = value;
  for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
}

async function openFile(name: string, contents: Uint8Array<ArrayBuffer>) {
  const { DataTransfer, File } = page.defaultView as Window & typeof globalThis;
  const transfer = new DataTransfer();
  transfer.items.add(new File([contents], name));
  const input = await element<HTMLInputElement>("#file");
  input.files = transfer.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

/** The numbers of a table, without the names of its rows and columns. */
function numbersOf(tab: "Integers" | "Dequantized") {
  const button = page.getElementById(`tab-${tab}`);
  if (button?.ariaSelected === "false") button.click();
  if (!textOf("#panel caption")?.startsWith(tab)) return undefined;
  const [, ...rows] = page.querySelectorAll<HTMLTableRowElement>("#panel tr");
  return rows.map((row) => Array.from(row.cells, (cell) => Number(cell.textContent)).slice(1));
}

/** Sees that the page shows what the library gives in this engine, whose bits are those of Node. */
async function showsResultOf(rows: number[][] | Float32Array[], options: QuantizeOptions = {}) {
  const { quantized, dequantized } = channelwise.quantize(rows as number[][], { ...options, dequantize: true });
  const columns = rows[0].length;
  const inRows = (values: ArrayLike<number>) =>
    rows.map((_, row) => Array.from(values).slice(row * columns, (row + 1) * columns));
  await shows(() => numbersOf("Integers")).toEqual(inRows(quantized));
  const digits = Array.from(dequantized, (value) => Number(value.toPrecision(6)));
  await shows(() => numbersOf("Dequantized")).toEqual(inRows(digits));
}

const matrix = (seed: number) => Array.from({ length: 6 }, (_, row) => Array.from(uniform("float64", 4, seed + row)));
const paste = (rows: number[][]) => enter("#text", rows.map((row) => row.join(",")).join("\n"));

/** The file that the browser saved under this name. */
async function saved(name: string): Promise<Uint8Array> {
  await shows(() => commands.savedFile(name)).not.toBeNull();
  return Uint8Array.from(atob((await commands.savedFile(name)) as string), (character) => character.charCodeAt(0));
}

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
    (await element(`[name=granularity][value=${value}]`)).click();
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
  (await element("#close")).click();
  await paste(matrix(4));
  await showsResultOf(matrix(4), { bits: 12 });
});

it("saves what it shows, and goes on", async () => {
  await paste(matrix(5));
  await showsResultOf(matrix(5));
  (await element("[aria-label='Download integers as .npy']")).click();
  const { quantized } = channelwise.quantize(matrix(5));
  expect(await saved("weights.quantized.npy")).toEqual(writeNpy(quantized, [6, 4]));
  await enter("#bits", "3");
  await showsResultOf(matrix(5), { bits: 3 });
});

describe("a model", () => {
  /** Sees that the newest question is answered after a file was opened, saved and left. */
  async function goesOn() {
    (await element("#close")).click();
    await paste(matrix(6));
    await showsResultOf(matrix(6));
  }

  it("in .safetensors is measured and saved", async () => {
    const data = uniform("float32", 64 * 96, 7);
    const file = fileOf([{ name: "layer.weight", dtype: "F32", shape: [96, 64], data }]);
    await openFile("model.safetensors", file);
    for (const bits of [8, 5]) {
      await enter("#model-bits", String(bits));
      const model = await openModel(new File([file], "model.safetensors"));
      const sink = blobSink();
      await quantizeModel(channelwise, planModel(model, { bits }), sink);
      const { sqnr } = channelwise.quantize(data, { shape: [96, 64], bits });
      await shows(() => textOf(".tensors tbody td:nth-of-type(4)")).toContain(`${sqnr.toFixed(2)} dB`);
      await shows(() => textOf("#model .button")).toBe(`Save model-int${bits}.safetensors`);
      (await element("#model .button")).click();
      expect(await saved(`model-int${bits}.safetensors`)).toEqual(
        new Uint8Array(await (await sink.blob()).arrayBuffer()),
      );
    }
    await goesOn();
  });

  it("in .onnx is saved", async () => {
    const graph = {
      node: [node("MatMul", ["x", "w"], ["y"])],
      initializer: [tensor("w", [64, 96], uniform("float32", 64 * 96, 8))],
      input: [float("x", [1, 64])],
      output: [float("y")],
    };
    const file = modelBytes({ opset: 17, graph });
    await openFile("net.onnx", file);
    await shows(() => textOf("#model .button")).toBe("Save net_int8.onnx");
    (await element("#model .button")).click();
    const sink = blobSink();
    await quantizeModel(channelwise, planModel(await openModel(file)), sink);
    expect(await saved("net_int8.onnx")).toEqual(new Uint8Array(await (await sink.blob()).arrayBuffer()));
    await goesOn();
  });
});

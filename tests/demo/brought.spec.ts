import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { writeNpy } from "channelwise/npy";
import type { Page } from "playwright";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fileOf } from "../lib/files/safetensors-file.js";
import { float, modelBytes, node as onnxNode, tensor } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { openForEach, shows, text } from "./page.js";

let page: Page;
let folder: string;
let place: string;

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

beforeEach(() => {
  place = mkdtempSync(join(folder, "brought-"));
});

type Files = Readonly<Record<string, string | Uint8Array>>;

/** Writes files, also into folders, and gives their paths. */
function written(files: Files): string[] {
  return Object.entries(files).map(([name, contents]) => {
    const path = join(place, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, contents);
    return path;
  });
}

/** Opens files as a person does who picks them from a folder. */
const pick = (files: Files) => page.getByLabel("Open a file").setInputFiles(written(files));

/** Drops files and folders, by their names, as a person does from the desktop. */
async function drop(files: Files, ...names: string[]) {
  written(files);
  const session = await page.context().newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    const data = { items: [], files: names.map((name) => join(place, name)), dragOperationsMask: 1 };
    await session.send("Input.dispatchDragEvent", { type, x: 200, y: 200, data });
  }
}

const heading = () => text(page.locator("#model-heading"));
const passedOver = async () => (await page.locator("#passed-over p").allInnerTexts()).sort();
const problem = () => text(page.locator("#input-error"));

const weights = { name: "layer.weight", dtype: "F32", shape: [96, 64], data: uniform("float32", 96 * 64, 2) } as const;
const safetensors = (name: string = weights.name) => fileOf([{ ...weights, shape: [...weights.shape], name }]);
const npy = writeNpy(uniform("float32", 64, 3), [8, 8]);

function onnx(location?: string) {
  const inside = tensor("w", [64, 96], weights.data);
  const { rawData: _, ...outside } = inside;
  const external = { ...outside, dataLocation: 1, externalData: [{ key: "location", value: location }] };
  return modelBytes({
    opset: 17,
    graph: {
      node: [onnxNode("MatMul", ["x", "w"], ["y"])],
      initializer: [location === undefined ? inside : (external as typeof outside)],
      input: [float("x", [1, 64])],
      output: [float("y")],
    },
  });
}

const bytes = (contents: Uint8Array | string) => Array.from(Buffer.from(contents));

// It comes first, since the page is kept: no model was shown before.
it("a matrix that comes before the first model could be shown is what is shown", async () => {
  await page.evaluate((contents) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(contents)], "first.safetensors"));
    const input = document.getElementById("file") as HTMLInputElement;
    input.files = transfer.files;
    input.dispatchEvent(new Event("change"));
    return new Promise<void>((resolve) => {
      // When the model is being opened, and what shows it is being loaded.
      new MutationObserver((_, observer) => {
        observer.disconnect();
        const sample = document.getElementById("sample") as HTMLSelectElement;
        sample.value = "example";
        sample.dispatchEvent(new Event("change"));
        resolve();
      }).observe(document.getElementById("nothing") as HTMLElement, { attributes: true, childList: true });
    });
  }, bytes(safetensors()));
  const loaded = () =>
    page.evaluate(() => performance.getEntriesByType("resource").some(({ name }) => /model-view.*\.js$/.test(name)));
  await shows(loaded).toBe(true);
  await shows(() => text(page.locator("#understood"))).toBe("6 × 8, separated by commas");
  await shows(() => page.locator("#results").isVisible()).toBe(true);
  expect(await page.locator("#model").isVisible()).toBe(false);
  // No worker was started for what nobody waits for.
  expect(page.workers()).toHaveLength(1);
});

describe("of files that are brought together, one model is opened, and the others are listed or named:", () => {
  const models: [string, Files, string, string[], string[]][] = [
    [
      "several .onnx files, of which one is called model",
      { "decoder.onnx": onnx(), "model.onnx": onnx(), "model_q4.onnx": onnx() },
      "model.onnx",
      ["model.onnx", "decoder.onnx", "model_q4.onnx"],
      [],
    ],
    [
      "several .onnx files, and what lies beside them",
      { "a.onnx": onnx(), "b.onnx": onnx(), "config.json": "{}", ".DS_Store": "", LICENSE: "MIT", "c.gguf": "GGUF" },
      "a.onnx",
      ["a.onnx", "b.onnx", "c.gguf"],
      ["Hidden files: .DS_Store", "Not part of the open weights: config.json, LICENSE"],
    ],
    [
      "a model and other kinds of the same",
      { "model.safetensors": safetensors(), "model.onnx": onnx(), "pytorch_model.bin": "PK", "tokenizer.json": "{}" },
      "model.safetensors",
      ["model.safetensors", "model.onnx"],
      ["Not part of the open weights: tokenizer.json"],
    ],
    [
      "shards, and one that the index does not name",
      {
        "model.safetensors.index.json": JSON.stringify({ weight_map: { a: "1.safetensors", b: "2.safetensors" } }),
        "1.safetensors": safetensors("a"),
        "2.safetensors": safetensors("b"),
        "adapter.safetensors": safetensors("c"),
      },
      "model.safetensors.index.json",
      [],
      ["Other weights, which can be opened separately: adapter.safetensors"],
    ],
    [
      "a TensorFlow.js model, and weights of another",
      {
        "model.json": JSON.stringify({
          weightsManifest: [{ paths: ["a.bin"], weights: [{ name: "w", shape: [96, 64], dtype: "float32" }] }],
        }),
        "a.bin": new Uint8Array(weights.data.buffer),
        "b.bin": new Uint8Array(4),
        "vocab.json": "{}",
      },
      "model.json",
      [],
      ["Not part of the open weights: vocab.json", "Other weights, which can be opened separately: b.bin"],
    ],
  ];

  it("the model that the names tell", async () => {
    for (const [kind, files, name, listed, others] of models) {
      await pick(files);
      await shows(heading, kind).toBe(`${name}`);
      expect(await page.locator("#queue tbody th").allInnerTexts(), kind).toEqual(listed);
      await shows(passedOver, kind).toEqual(others);
      expect(await text(page.locator("#opened-name")), kind).toBe(name);
      // They are named for as long as this is open.
      await page.getByRole("button", { name: "Back to pasted text" }).click();
      await pick({ "alone.npy": npy });
      await shows(() => text(page.locator("#understood")), kind).toBe("8 × 8, float32");
      expect(await page.locator("#passed-over").isVisible(), kind).toBe(false);
    }
  });

  it("a model whose data are beside it counts the files that it needs, and is written as many", async () => {
    await pick({ "net.onnx": onnx("net.weights"), "net.weights": new Uint8Array(weights.data.buffer), notes: "" });
    await shows(() => text(page.locator("#outcome .hint").first())).toMatch(/^ONNX, opset 17, 2 files, 1 tensor, /);
    await shows(passedOver).toEqual(["Not part of the open weights: notes"]);
    await pick({ "whole.onnx": onnx(), "net.weights": "", notes: "" });
    await shows(() => text(page.locator("#outcome .hint").first())).toMatch(/^ONNX, opset 17, 1 tensor, /);
    await shows(passedOver).toEqual(["Not part of the open weights: net.weights, notes"]);
    await shows(() => text(page.locator("#save .button"))).toBe("Save whole_int8.onnx");
  });

  it("several matrices", async () => {
    await pick({ "a.csv": "1 2\n3 4", "b.npy": npy, "c.npy": npy, "readme.txt": "" });
    await shows(heading).toBe("b.npy");
    expect(await page.locator("#queue tbody th").allInnerTexts()).toEqual(["b.npy", "c.npy", "a.csv"]);
    await shows(passedOver).toEqual(["Not part of the open weights: readme.txt"]);
  });

  it("a folder with folders in it", async () => {
    const files = {
      "repository/config.json": "{}",
      "repository/.gitattributes": "",
      "repository/model.safetensors": safetensors(),
      "repository/onnx/model.onnx": onnx(),
      "repository/.cache/lock": "",
    };
    await drop(files, "repository");
    await shows(heading).toBe("model.safetensors");
    await shows(passedOver).toEqual([
      "Folders, which can be dropped separately: .cache, onnx",
      "Hidden files: .gitattributes",
      "Not part of the open weights: config.json",
    ]);
  });

  it("two folders with files of the same name", async () => {
    const files = { "a/model.safetensors": safetensors("a"), "b/model.safetensors": safetensors("b") };
    await drop(files, "a", "b");
    await shows(heading).toBe("model.safetensors");
    await shows(() => page.locator(".tensors tbody th").allInnerTexts()).toEqual(["a"]);
    expect(await passedOver()).toEqual(["Further files of the same name: model.safetensors"]);
  });
});

describe("where nothing can be opened, that is told with the names of what is there:", () => {
  const nothing: [string, Files, RegExp][] = [
    [
      "descriptions alone",
      { "config.json": "{}", "tokenizer.json": "{}" },
      /^None of these can be opened: config\.json, tokenizer\.json\. The page opens matrices as /,
    ],
    [
      "a model of PyTorch with its description",
      { "config.json": "{}", "pytorch_model.bin": "PK" },
      /^pytorch_model\.bin cannot be opened: .* if it is PyTorch's, save it as \.safetensors\./,
    ],
    [
      "an index without its shards",
      { "model.safetensors.index.json": '{"weight_map": {"a": "1.safetensors"}}', "config.json": "{}" },
      /needs 1\.safetensors; give it too/,
    ],
  ];

  it("files", async () => {
    for (const [kind, files, message] of nothing) {
      await pick(files);
      await shows(problem, kind).toMatch(message);
      expect(await page.locator("#results").isVisible(), kind).toBe(false);
      await page.getByRole("button", { name: "Back to pasted text" }).click();
      await shows(() => text(page.locator("#understood"))).toBe("6 × 8, separated by commas");
    }
  });

  it("a folder of folders", async () => {
    await drop({ "repository/onnx/model.onnx": onnx(), "repository/fp16/model.onnx": onnx() }, "repository");
    await shows(problem).toMatch(/^There are no files in the folder\. Drop one of the folders in it: fp16, onnx\./);
  });
});

describe("what is brought last is what is shown", () => {
  /** Chooses files in the page, one choice right after the other. */
  const pickAtOnce = (...choices: (readonly [name: string, contents: number[]])[]) =>
    page.evaluate(async (choices) => {
      const input = document.getElementById("file") as HTMLInputElement;
      const files = choices.map(([name, contents]) => new File([Uint8Array.from(contents)], name));
      for (const file of files) {
        const transfer = new DataTransfer();
        transfer.items.add(file);
        input.files = transfer.files;
        input.dispatchEvent(new Event("change"));
      }
      // As long as the page may take to look at their first bytes.
      for (const file of files) await file.slice(0, 1024).arrayBuffer();
    }, choices);

  it("however long the one before takes to tell what it is", async () => {
    await pickAtOnce(["slow", bytes("9 9 9")], ["newer.csv", bytes("1,2\n3,4\n5,6")]);
    await shows(() => text(page.locator("#understood"))).toBe("3 × 2, separated by commas");
    expect(await text(page.locator("#opened-name"))).toBe("newer.csv");
    await pickAtOnce(["unreadable.dat", [0, 1, 2]], ["newest.csv", bytes("1,2\n3,4")]);
    await shows(() => text(page.locator("#understood"))).toBe("2 × 2, separated by commas");
    expect([await text(page.locator("#opened-name")), await problem()]).toEqual(["newest.csv", ""]);
  });

  it("of two models, and only it is announced", async () => {
    await page.evaluate(() => {
      const said: string[] = [];
      const announcement = document.getElementById("announcement") as HTMLElement;
      new MutationObserver(() => said.push(announcement.textContent ?? "")).observe(announcement, { childList: true });
      Object.assign(window, { said });
    });
    // The second comes when the first is read, and not yet planned.
    await page.evaluate((contents) => {
      const outcome = document.getElementById("outcome") as HTMLElement;
      const observer = new MutationObserver(() => {
        if (!document.getElementById("model-heading")?.textContent?.includes("first")) return;
        observer.disconnect();
        const transfer = new DataTransfer();
        transfer.items.add(new File([Uint8Array.from(contents)], "second.safetensors"));
        const input = document.getElementById("file") as HTMLInputElement;
        input.files = transfer.files;
        input.dispatchEvent(new Event("change"));
      });
      observer.observe(outcome, { childList: true, subtree: true, characterData: true });
    }, bytes(safetensors()));
    await pick({ "first.safetensors": safetensors() });
    await shows(heading).toBe("second.safetensors");
    const said = () => page.evaluate(() => (window as unknown as { said: string[] }).said);
    await shows(said).toContain("second.safetensors is open.");
    expect((await said()).filter((text) => text.includes("first"))).toEqual([]);
    expect(await page.locator("#model").evaluate((model: HTMLElement) => model.inert)).toBe(false);
    expect(await page.locator("#model").isVisible()).toBe(true);
  });
});

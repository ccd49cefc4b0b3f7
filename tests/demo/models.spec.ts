import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { load } from "channelwise";
import {
  blobSink,
  compareNodes,
  keepNodes,
  measureModel,
  openModel,
  planModel,
  quantizeModel,
  type Rules,
} from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { zipSync } from "fflate";
import type { Download, Page } from "playwright";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decibels, bytes as formatBytes } from "../../web/demo/format.js";
import { fileOf, safetensorsFile, type TensorToWrite } from "../lib/files/safetensors-file.js";
import { dataType, float, modelBytes, node as onnxNode, tensor } from "../lib/onnx/models.js";
import { run } from "../lib/onnx/runtime.js";
import { uniform } from "../lib/random.js";
import { axeFindsNothing, cells, openForEach, shows, text } from "./page.js";

let page: Page;
let url: string;
let folder: string;

openForEach(
  {},
  (opened) => {
    ({ page, url } = opened);
  },
  { kept: true, isSeen: false },
);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Opens files as a person does who picks them from a folder. */
async function open(files: Readonly<Record<string, string | Uint8Array>>) {
  const paths = Object.entries(files).map(([name, contents]) => {
    const path = join(folder, name);
    writeFileSync(path, contents);
    return path;
  });
  await page.getByLabel("Open a file").setInputFiles(paths);
}

const float32 = (name: string, shape: number[], seed: number): TensorToWrite => {
  const elements = shape.reduce((a, b) => a * b, 1);
  return { name, dtype: "F32", shape, data: uniform("float32", elements, seed) };
};

/** Layers of several kinds: as in a model of PyTorch. */
const tensors: TensorToWrite[] = [
  float32("embed_tokens.weight", [200, 32], 1),
  float32("layers.0.up.weight", [96, 64], 2),
  float32("layers.0.down.weight", [64, 96], 3),
  { name: "layers.0.gate.weight", dtype: "BF16", shape: [96, 64], data: new Uint16Array(96 * 64).fill(0x3f80) },
  float32("layers.0.norm.weight", [64], 5),
  { name: "ids", dtype: "I64", shape: [3], data: BigInt64Array.of(1n, 2n, 3n) },
];
const model = () => fileOf(tensors, { format: "pt" });

const heading = () => text(page.locator("#model-heading"));
const row = (name: string) => page.locator(".tensors tbody tr", { has: page.locator("th", { hasText: name }) });
const choiceOf = (name: string) => page.getByLabel(`What is done with ${name}`);
/** Bytes before and after. */
const sizes = () => text(page.locator(".becomes-file strong"));
const tile = async (name: string) =>
  text(page.locator("#outcome .totals > div", { hasText: name }).locator("dd").first());

/** The cells of the table, as a person reads them: name, shape, size, what is done, SQNR and largest error. */
const rows = () =>
  page.locator(".tensors tbody tr").evaluateAll((rows) =>
    rows.map((row) =>
      Array.from((row as HTMLTableRowElement).cells, (cell) => {
        const choice = cell.querySelector("select");
        const note = cell.querySelector("p")?.innerText ?? "";
        return choice === null
          ? cell.innerText.replace("\n", " | ")
          : [choice.selectedOptions[0].text, note].join(" ").trim();
      }),
    ),
  );

/** Presses Save and gives the files that come as downloads. */
async function save(): Promise<Record<string, Uint8Array<ArrayBuffer>>> {
  const files: Record<string, Uint8Array<ArrayBuffer>> = {};
  await shows(() => text(page.locator("#save .button"))).toMatch(/^Save ./);
  const names = (await text(page.locator("#save .button"))).replace("Save ", "").split(" and ");
  const take = async (download: Download) => {
    files[download.suggestedFilename()] = Uint8Array.from(readFileSync(await download.path()));
  };
  page.on("download", take);
  await page.locator("#save .button").click();
  await shows(async () => Object.keys(files).sort()).toEqual(names.sort());
  page.off("download", take);
  return files;
}

/** What the library writes in Node. */
async function written(files: Readonly<Record<string, string | Uint8Array>>, rules: Rules) {
  const opened = await openModel(
    Object.entries(files).map(([name, contents]) => new File([contents as BlobPart], name)),
  );
  const sink = blobSink();
  await quantizeModel(await load(), planModel(opened, rules), sink);
  return new Uint8Array(await (await sink.blob()).arrayBuffer());
}

const recipe = (name: "Code" | "Command line") =>
  text(page.locator("#model, #results").getByLabel(name, { exact: true }).locator("code").filter({ visible: true }));

/** Runs the code and the command that the page gives, where the files are. */
async function runRecipes(files: Readonly<Record<string, string | Uint8Array>>) {
  // Inside this package, so that the code finds it by its name.
  const place = mkdtempSync(fileURLToPath(new URL("../../build/tests/models-", import.meta.url)));
  const sayings: Record<string, string> = {};
  const made: Record<string, Record<string, Uint8Array>> = {};
  const commandLine = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  try {
    for (const name of ["Code", "Command line"] as const) {
      const cwd = join(place, name);
      mkdirSync(cwd);
      for (const [file, contents] of Object.entries(files)) writeFileSync(join(cwd, file), contents);
      writeFileSync(join(cwd, "recipe.mjs"), await recipe("Code"));
      const command = (await recipe("Command line")).replace(
        "npx channelwise",
        `"${process.execPath}" "${commandLine}"`,
      );
      const run = name === "Code" ? `"${process.execPath}" recipe.mjs` : command;
      sayings[name] = execFileSync("sh", ["-c", run], { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
      const outputs = readdirSync(cwd).filter((file) => !(file in files) && file !== "recipe.mjs");
      made[name] = Object.fromEntries(outputs.map((file) => [file, Uint8Array.from(readFileSync(join(cwd, file)))]));
    }
  } finally {
    rmSync(place, { recursive: true });
  }
  return { sayings, made };
}

/** Sees that code and command write the files that Save writes. */
async function makesTheSame(files: Readonly<Record<string, string | Uint8Array>>, saved: Record<string, Uint8Array>) {
  expect((await runRecipes(files)).made).toEqual({ Code: saved, "Command line": saved });
}

/** Without a dialog to choose a file in, which no test can answer. */
const withoutPicker = () => page.evaluate(() => Reflect.deleteProperty(window, "showSaveFilePicker"));

describe("a .safetensors file", () => {
  it("is told tensor by tensor: what is in it, what is done with each, and why", async () => {
    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    expect(await text(page.locator("#outcome .hint").first())).toMatch(/^safetensors, 6 tensors, \d+(\.\d+)? KB$/);
    await page.locator("#model").getByLabel("Order").selectOption("file");
    await shows(async () => (await rows()).map(([name, , , what]) => [name, what])).toEqual([
      ["embed_tokens.weight", "8 bits per channel, axis 0"],
      ["layers.0.up.weight", "8 bits per channel, axis 0"],
      ["layers.0.down.weight", "8 bits per channel, axis 0"],
      ["layers.0.gate.weight", "8 bits per channel, axis 0"],
      ["layers.0.norm.weight", "kept a vector"],
      ["ids", "int64; only floats are quantized"],
    ]);
    expect((await rows())[1].slice(1, 3)).toEqual(["96 × 64 | float32", "24.6 KB | → 6,528 bytes"]);
    expect(await tile("Quantized")).toBe("4");
  });

  it("is measured: SQNR and largest error of each weight as the library gives them, the worst first", async () => {
    await open({ "model.safetensors": model() });
    const opened = await openModel(new File([model()], "model.safetensors"));
    const sink = blobSink();
    const { tensors: summaries, byteLength } = await quantizeModel(await load(), planModel(opened), sink);
    const quantized = summaries.flatMap((summary) => (summary.quantize ? [summary] : []));
    const expected = quantized.sort((a, b) => a.sqnr - b.sqnr);
    await shows(async () => (await rows()).slice(0, 4).map(([name, , , , sqnr]) => [name, sqnr])).toEqual(
      expected.map(({ tensor, sqnr }) => [tensor, sqnr === Infinity ? "exact" : `${sqnr.toFixed(2)} dB`]),
    );
    expect(await tile("Worst weight")).toBe(`${expected[0].sqnr.toFixed(2)} dB`);
    expect(await sizes()).toMatch(new RegExp(` → ${(byteLength / 1000).toFixed(1)} KB$`));
    let [signal, noise] = [0, 0];
    for (const { tensor, mse, sqnr } of quantized.filter(({ mse }) => mse > 0)) {
      const elements = tensors.find(({ name }) => name === tensor)?.shape.reduce((a, b) => a * b, 1) as number;
      noise += mse * elements;
      signal += mse * elements * 10 ** (sqnr / 10);
    }
    expect(await tile("SQNR")).toBe(`${(10 * Math.log10(signal / noise)).toFixed(2)} dB`);
  });

  it("is saved as the library writes it in Node", async () => {
    await withoutPicker();
    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    expect(await save()).toEqual({
      "model-int8.safetensors": await written({ "model.safetensors": model() }, {}),
    });
    await shows(() => text(page.locator("#save-heading ~ * .told"))).toMatch(
      /^model-int8\.safetensors is in your downloads: /,
    );
  });

  it("is saved as it was chosen: for all, and for some of its weights", async () => {
    await withoutPicker();
    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    await page.locator("#model-bits").fill("6");
    await page.locator("#model-controls").getByLabel("group", { exact: true }).check();
    await page.locator("#model-group").fill("16");
    await choiceOf("embed_tokens.weight").selectOption("keep");
    await choiceOf("layers.0.up.weight").selectOption("4 channel");
    await shows(async () => (await row("layers.0.up.weight").locator("td").allInnerTexts())[3]).toMatch(/ dB$/);
    const rules: Rules = {
      bits: 6,
      granularity: { group: 16, along: -1 },
      exclude: ["embed_tokens.weight"],
      overrides: { "layers.0.up.weight": { bits: 4, granularity: "channel" } },
    };
    const saved = await save();
    expect(saved).toEqual({ "model-int6.safetensors": await written({ "model.safetensors": model() }, rules) });
    await makesTheSame({ "model.safetensors": model() }, saved);
    expect(await recipe("Command line")).toBe(
      "npx channelwise quantize model.safetensors --dialect plain --bits 6 --granularity group:16 " +
        "--override 'embed_tokens.weight=keep' --include layers.0.up.weight --override 'layers.0.up.weight=4,,channel'",
    );
  });

  it("is saved in every dialect", async () => {
    await withoutPicker();
    const files = { "model.safetensors": fileOf(tensors.filter(({ dtype }) => dtype !== "BF16")) };
    await open(files);
    await shows(heading).toBe("model.safetensors");
    for (const [dialect, file] of [
      ["comfyui", "model-int8-comfyui.safetensors"],
      ["compressed-tensors", "model-w8a16.safetensors"],
      ["compressed-tensors-w8a8", "model-w8a8.safetensors"],
      ["npz", "model-int8.npz"],
    ] as const) {
      await page.getByLabel("Save as").selectOption(dialect);
      await shows(() => text(page.locator("#save .button"))).toBe(`Save ${file}`);
      expect(await save()).toEqual({ [file]: await written(files, { dialect }) });
      const config = page.getByText("Add this to the model’s config.json");
      expect(await config.count()).toBe(dialect.startsWith("compressed") ? 1 : 0);
    }
  });

  it("is measured with scales as the dialect stores them", async () => {
    const halves = Uint16Array.from(new Uint32Array(uniform("float32", 96 * 64, 9).buffer), (bits) => bits >>> 16);
    const file = fileOf([{ name: "layers.0.up.weight", dtype: "BF16", shape: [96, 64], data: halves }]);
    await open({ "model.safetensors": file });
    const opened = await openModel(new File([file], "model.safetensors"));
    const shown: string[] = [];
    for (const dialect of ["plain", "compressed-tensors", "comfyui"] as const) {
      await page.getByLabel("Save as").selectOption(dialect);
      const [measured] = await measureModel(await load(), planModel(opened, { dialect }));
      const sqnr = decibels("sqnr" in measured ? measured.sqnr : Number.NaN);
      await shows(async () => (await rows())[0][4]).toBe(sqnr);
      shown.push(sqnr);
    }
    expect(shown[1]).not.toBe(shown[0]);
  });

  it("is written into the file that the person chooses", async () => {
    // The dialog cannot be answered in a test: its answer, a file's handle, is one of the browser's own.
    await page.evaluate(() => {
      window.showSaveFilePicker = async ({ suggestedName }) => {
        const folder = await navigator.storage.getDirectory();
        return folder.getFileHandle(`chosen ${suggestedName}`, { create: true });
      };
    });
    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    await page.locator("#save .button").click();
    await shows(() => text(page.locator("#save-heading ~ * .told"))).toMatch(
      /^chosen model-int8\.safetensors is saved: /,
    );
    const bytes = await page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      const handle = await folder.getFileHandle("chosen model-int8.safetensors");
      return Array.from(new Uint8Array(await (await handle.getFile()).arrayBuffer()));
    });
    expect(Uint8Array.from(bytes)).toEqual(await written({ "model.safetensors": model() }, {}));
  });

  it("is quantized along the axis that is chosen, for all or for one", async () => {
    await withoutPicker();
    const files = { "model.safetensors": model() };
    await open(files);
    await shows(heading).toBe("model.safetensors");
    await page.locator("#model-axis").selectOption("-1");
    await shows(async () => (await rows()).find(([name]) => name === "layers.0.up.weight")?.[3]).toBe(
      "8 bits per channel, axis 1",
    );
    // One is looked at as a matrix, and what is found there is taken back.
    await page.getByRole("button", { name: "layers.0.down.weight", exact: true }).click();
    await shows(() => text(page.locator("#understood"))).toBe("64 × 96, float32");
    expect(await page.locator("#axis").inputValue()).toBe("1");
    await page.locator("#bits").fill("4");
    await page.locator("#axis").selectOption("0");
    await page.getByRole("button", { name: "Use these settings for it" }).click();
    await shows(() => choiceOf("layers.0.down.weight").inputValue()).toBe("4 channel 0");
    const rules: Rules = { axis: -1, overrides: { "layers.0.down.weight": { bits: 4, axis: 0 } } };
    const saved = await save();
    expect(saved).toEqual({ "model-int8.safetensors": await written(files, rules) });
    await makesTheSame(files, saved);

    await page.locator("#model-controls").getByLabel("group", { exact: true }).check();
    await page.locator("#model-axis").selectOption("0");
    await shows(() => text(page.locator("#save .button"))).toBe("Save model-int8.safetensors");
    const grouped: Rules = { ...rules, granularity: { group: 32, along: 0 } };
    const overrides = { "layers.0.down.weight": { bits: 4, axis: 0, granularity: "channel" } } as const;
    await shows(async () => Object.values(await save())).toEqual([await written(files, { ...grouped, overrides })]);
  });

  it("keeps to what the dialect can hold", async () => {
    await open({ "model.safetensors": model() });
    await page.getByLabel("Save as").selectOption("compressed-tensors");
    const options = () => choiceOf("layers.0.up.weight").locator("option").allInnerTexts();
    await shows(options).toEqual([
      "8 bits per channel, axis 0",
      "keep as it is",
      ...["per channel", "in groups of 32", "per tensor"].flatMap((way) => [`8 bits ${way}`, `4 bits ${way}`]),
    ]);
    await page.locator("#model-bits").fill("5");
    await shows(() => text(page.locator("#model-controls .problem"))).toBe(
      "bits is 5; the dialect compressed-tensors holds 8, 4",
    );
    // What stands there is not what was asked for.
    expect(await page.locator("#model").evaluate((model: HTMLElement) => model.inert)).toBe(true);
    await page.locator("#model-bits").fill("4");
    await shows(() => page.locator("#model").evaluate((model: HTMLElement) => model.inert)).toBe(false);
    await shows(() => page.locator("#model-controls .problem").isVisible()).toBe(false);
  });

  it("takes none of the choices that are refused, however fast they come, and those that can be done", async () => {
    await open({ "model.safetensors": model() });
    const [up, down] = ["layers.0.up.weight", "layers.0.down.weight"];
    const chosen = async () => [await choiceOf(up).inputValue(), await choiceOf(down).inputValue()];
    await choiceOf(up).selectOption("8 tensor");
    await shows(chosen).toEqual(["8 tensor", ""]);
    /** Chooses a dialect of 8 bits, and at once what it does not hold. */
    const chooseAtOnce = (choices: (readonly [string, string])[]) =>
      page.evaluate((choices) => {
        const choose = (selector: string, value: string) => {
          const select = document.querySelector(selector) as HTMLSelectElement;
          select.value = value;
          select.dispatchEvent(new Event("change"));
        };
        choose("#model-target", "comfyui");
        for (const [name, value] of choices) choose(`[aria-label="What is done with ${name}"]`, value);
      }, choices);
    const hasOptions = async (bits: string) => (await choiceOf(down).locator("option").allInnerTexts()).includes(bits);

    await chooseAtOnce([
      [up, "4 channel"],
      [down, "4 channel"],
      [up, "4 channel"],
    ]);
    await shows(() => hasOptions("4 bits per channel")).toBe(false);
    await shows(chosen).toEqual(["8 tensor", ""]);
    await choiceOf(down).selectOption("8 tensor");
    await shows(() => text(choiceOf(down).locator("option").first())).toBe("as all"); // where one of its own holds
    expect(await chosen()).toEqual(["8 tensor", "8 tensor"]);

    await page.getByLabel("Save as").selectOption("plain");
    await shows(() => hasOptions("4 bits per channel")).toBe(true);
    await chooseAtOnce([
      [up, "4 channel"],
      [down, "keep"],
    ]);
    await shows(() => hasOptions("4 bits per channel")).toBe(false);
    await shows(chosen).toEqual(["8 tensor", "keep"]);
    expect(await page.locator("#model").evaluate((model: HTMLElement) => model.inert)).toBe(false);
  });

  it("shows what every number of bits costs every weight, and takes the one that is chosen", async () => {
    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    const cell = (name: string, setting: string) => page.getByRole("button", { name: `${name}, ${setting}: SQNR` });
    const channelwise = await load();
    for (const [columns, setting, granularity] of [
      ["channel", "per channel", "channel"],
      ["tensor", "per tensor", "tensor"],
      ["group", "in groups of 32", { group: 32, along: 1 }],
    ] as const) {
      await page.locator("#model").getByLabel("Columns").selectOption(columns);
      for (const bits of [2, 4, 8, 16]) {
        const weights = tensors[1].data as Float32Array;
        const { sqnr } = channelwise.quantize(weights, { shape: [96, 64], bits, granularity });
        await shows(() => text(cell("layers.0.up.weight", `${bits} bits ${setting}`))).toMatch(
          new RegExp(`: SQNR\\s+${sqnr.toFixed(1)}\\s`),
        );
      }
    }
    await cell("layers.0.up.weight", "4 bits in groups of 32").click();
    await shows(() => cell("layers.0.up.weight", "4 bits in groups of 32").getAttribute("aria-pressed")).toBe("true");
    await page.locator("#model").getByLabel("Columns").selectOption("done");
    await shows(() => choiceOf("layers.0.up.weight").inputValue()).toBe("4 32");
    await page.locator("#model").getByLabel("Columns").selectOption("tensor");
    await page.getByRole("button", { name: "3 bits per tensor, for all" }).click();
    await shows(() => page.locator("#model-bits").inputValue()).toBe("3");
    await page.locator("#model").getByLabel("Columns").selectOption("done");
    await shows(
      async () =>
        (await row("layers.0.down.weight").locator("select").inputValue()) === "" &&
        (await text(row("layers.0.down.weight"))),
    ).toMatch(/3 bits per tensor/);
  });

  it("compares all settings of the model, and finds the smallest that is good enough for each weight", async () => {
    await withoutPicker();
    const files = { "model.safetensors": model() };
    await open(files);
    await shows(heading).toBe("model.safetensors");
    await page.getByRole("button", { name: "Compare all settings" }).focus();
    await page.keyboard.press("Enter");
    const figure = page.locator("figure", { hasText: "Error of the model against its bytes" });
    await shows(() => figure.locator("summary").evaluate((summary) => summary === document.activeElement)).toBe(true);
    await page.keyboard.press("Enter");
    const opened = await openModel(new File([model()], "model.safetensors"));
    /** What a choice gives: bytes of the file, and the SQNR of each weight. */
    const costs = async (rules: Rules) => {
      const { tensors, byteLength } = await quantizeModel(await load(), planModel(opened, rules), blobSink());
      return { byteLength, sqnrs: tensors.flatMap((one) => (one.quantize ? [[one.tensor, one.sqnr] as const] : [])) };
    };
    const expected: string[][] = [];
    for (const [name, granularity] of [
      ["per channel", "channel"],
      ["per tensor", "tensor"],
      ["in groups of 32", { group: 32, along: -1 }],
    ] as const) {
      for (const bits of [2, 3, 4, 5, 6, 7, 8, 16]) {
        const { byteLength, sqnrs } = await costs({ bits, granularity });
        const worst = decibels(Math.min(...sqnrs.map(([, sqnr]) => sqnr)));
        expected.push([`${bits} bits ${name}`, formatBytes(byteLength), worst]);
      }
    }
    const shown = async () => (await cells(figure.locator("table"))).slice(1).map((row) => [row[0], row[1], row[3]]);
    await shows(shown).toEqual(expected);
    await figure.getByRole("button", { name: /^4 bits in groups of 32:/ }).click();
    await shows(() => page.locator("#model-bits").inputValue()).toBe("4");
    expect(await page.locator("#model-controls").getByLabel("group", { exact: true }).isChecked()).toBe(true);

    await page.getByLabel("Save as").selectOption("compressed-tensors");
    const rules = { dialect: "compressed-tensors", bits: 4, granularity: { group: 32, along: -1 } } as const;
    const { sqnrs } = await costs(rules);
    const least = [...sqnrs].sort(([, a], [, b]) => a - b)[1][1].toFixed(6);
    const short = sqnrs.filter(([, sqnr]) => sqnr < Number(least)).map(([name]) => name);
    expect(short.length).toBeGreaterThan(0);
    await page.getByLabel("At least").fill(least);
    await page.getByRole("button", { name: "Choose the fewest bytes" }).click();
    await shows(() => choiceOf(short[0]).inputValue()).toBe("8 32");
    const overrides = Object.fromEntries(short.map((name) => [name, { bits: 8 }]));
    const saved = await save();
    expect(Object.values(saved)).toEqual([await written(files, { ...rules, overrides })]);
    await makesTheSame(files, saved);
    await page.getByRole("button", { name: "Use one setting for all again" }).click();
    await shows(async () => Object.values(await save())).toEqual([await written(files, rules)]);
    await axeFindsNothing(page, "#model");
  });

  it("chooses bits for each weight, from the smallest file to the best", async () => {
    await withoutPicker();
    const files = { "model.safetensors": model() };
    await open(files);
    await shows(heading).toBe("model.safetensors");
    await page.getByLabel("Save as").selectOption("compressed-tensors");
    await page.getByRole("button", { name: "Choose bits for each weight" }).focus();
    await page.keyboard.press("Enter");
    const slider = page.getByLabel("From the smallest file to the best");
    await shows(() => slider.evaluate((range) => range === document.activeElement)).toBe(true);
    const figures = page.locator("#mix-figures");
    const sizes: number[] = [];
    for (const key of ["Home", "ArrowRight", "End"]) {
      const before = await text(figures);
      await slider.press(key);
      await shows(() => text(figures)).not.toBe(before);
      // What is saved has the bytes and the worst weight that the slider tells.
      const [told, name, sqnr] =
        /^(.+?), .* in the mean; (.+) suffers most: (.+)$/.exec(await text(figures))?.slice(1) ?? [];
      let saved: Record<string, Uint8Array> = {};
      await shows(async () => {
        saved = await save();
        return formatBytes(Object.values(saved)[0].length);
      }).toBe(told);
      sizes.push(Object.values(saved)[0].length);
      await makesTheSame(files, saved);
      await shows(async () => (await rows()).find(([weight]) => weight === name)?.[4]).toBe(sqnr);
      expect(await slider.isVisible()).toBe(true);
    }
    expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
    await axeFindsNothing(page, "#model");
    // Other choices are other ways.
    await page.getByLabel("Save as").selectOption("plain");
    await shows(() => slider.isHidden()).toBe(true);
  });

  it("says which share of its bytes stays floats, and why", async () => {
    await open({ "model.safetensors": model() });
    const kept = page.locator("#kept-floats");
    await shows(() => text(kept.locator("summary"))).toBe("0.3 % of the bytes stay floats (256 bytes)");
    await kept.locator("summary").click();
    expect(await kept.locator("li").allInnerTexts()).toEqual(["256 bytes in 1 tensor: a vector"]);
    // vLLM reads the embedding as floats.
    await page.getByLabel("Save as").selectOption("compressed-tensors");
    await shows(() => text(kept.locator("summary"))).toMatch(/^2\d\.\d % of the bytes stay floats \(25\.9 KB\)$/);
    await shows(() => kept.locator("li").allInnerTexts()).toEqual([
      expect.stringMatching(/^25\.6 KB in 1 tensor: .*embedding/),
      "256 bytes in 1 tensor: a vector",
    ]);
    await choiceOf("layers.0.up.weight").selectOption("keep");
    await shows(() => kept.locator("li").allInnerTexts()).toContain("24.6 KB in 1 tensor: chosen");
  });

  it("chooses one setting for layers that vLLM joins, and warns of a mix", async () => {
    await withoutPicker();
    const layer = (name: string, seed: number, outlier = 1): TensorToWrite => {
      const data = uniform("float32", 64 * 64, seed) as Float32Array;
      // So that 4 bits have too few dB.
      for (let i = 0; i < data.length; i += 64) data[i] *= outlier;
      return { name: `layers.0.self_attn.${name}.weight`, dtype: "F32", shape: [64, 64], data };
    };
    const layers = [layer("q_proj", 1), layer("k_proj", 2), layer("v_proj", 3, 40), layer("o_proj", 4)];
    const [q, k, v, o] = layers.map(({ name }) => name);
    const files = { "model.safetensors": fileOf(layers) };
    await open(files);
    await shows(heading).toBe("model.safetensors");
    const chosen = () => Promise.all([q, k, v, o].map((name) => choiceOf(name).inputValue()));
    const warning = page.locator("#model-warnings");
    await page.locator("#model-bits").fill("4");
    await page.getByLabel("At least").fill("20");
    await page.getByLabel("Save as").selectOption("compressed-tensors");
    await page.getByRole("button", { name: "Choose the fewest bytes" }).click();
    await shows(chosen).toEqual(["8 channel", "8 channel", "8 channel", ""]);
    expect(await warning.isVisible()).toBe(false);
    const overrides = Object.fromEntries([q, k, v].map((name) => [name, { bits: 8 }]));
    const rules: Rules = { dialect: "compressed-tensors", bits: 4, overrides };
    expect(Object.values(await save())).toEqual([await written(files, rules)]);

    await choiceOf(k).selectOption("keep");
    await shows(() => text(warning)).toBe(
      "vLLM joins q_proj, k_proj, v_proj of layers.0.self_attn but refuses layers that are quantized in different ways: " +
        "8 bits per channel (q_proj, v_proj), kept (k_proj).",
    );
    await axeFindsNothing(page, "#outcome");
    await page.getByLabel("Save as").selectOption("plain");
    await shows(() => warning.isVisible()).toBe(false);
  });

  it("opens a weight as a matrix, and comes back", async () => {
    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    await page.getByRole("button", { name: "layers.0.gate.weight", exact: true }).click();
    await shows(() => text(page.locator("#understood"))).toBe("96 × 64, float32");
    expect(await text(page.locator("#of-model"))).toContain("layers.0.gate.weight");
    await shows(() => page.locator("#results").isVisible()).toBe(true);
    expect(await page.locator("#model").isVisible()).toBe(false);
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight)); // what lies there is loaded
    for (const name of [/^Code$/, /^Command line$/]) {
      await page.locator("#take-away summary", { hasText: name }).click();
    }
    await shows(async () => (await recipe("Command line")).length).toBeGreaterThan(0);
    const { sayings, made } = await runRecipes({ "model.safetensors": model() });
    // All weights are 1: the scale of each channel is 1 / 127, and nothing is lost but what float32 cannot hold.
    expect(sayings.Code).toMatch(/^Int8Array\(6144\) \[\s*127, 127,/);
    const [file] = Object.values(made["Command line"]);
    const { tensors: quantized } = await openModel(file, { name: "made.safetensors" });
    expect(quantized.filter(({ dtype }) => dtype === "int8").map(({ name }) => name)).toEqual(["layers.0.gate.weight"]);
    await page.getByRole("button", { name: "Back to model.safetensors" }).click();
    expect(await page.locator("#model").isVisible()).toBe(true);
    expect(await page.locator("#results").isVisible()).toBe(false);
  });

  it("says which weight is not finite, and keeps it when told to", async () => {
    await withoutPicker();
    const broken = uniform("float32", 64 * 64, 9);
    broken[65] = Number.NaN;
    const files = {
      "model.safetensors": fileOf([tensors[1], { name: "broken.weight", dtype: "F32", shape: [64, 64], data: broken }]),
    };
    await open(files);
    const problem = page.locator("#outcome .problem");
    await shows(() => text(problem)).toMatch(
      /^broken\.weight cannot be quantized: element \[1, 1\] is NaN; weights must be finite\./,
    );
    expect(await tile("Quantized")).toBe("1");
    expect(await page.locator("#save .button").getAttribute("aria-disabled")).toBe("true");
    await page.locator("#save .button").click({ force: true });
    await shows(() => text(page.locator("#save-heading ~ * [role=alert]"))).toMatch(
      /^Nothing was saved: .*broken\.weight/,
    );
    await page.getByRole("button", { name: "Keep it as it is" }).click();
    await shows(() => problem.isVisible()).toBe(false);
    expect(Object.values(await save())).toEqual([await written(files, { exclude: ["broken.weight"] })]);
  });
});

describe("other formats", () => {
  const bytesOf = ({ data: { buffer, byteOffset, byteLength } }: TensorToWrite) =>
    new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);

  /** Opened, told, and saved as the library writes it. */
  async function opensAndSaves(files: Record<string, string | Uint8Array>, name: string, about: RegExp, rules = {}) {
    await withoutPicker();
    await open(files);
    await shows(heading).toBe(`${name}`);
    expect(await text(page.locator("#outcome .hint").first())).toMatch(about);
    expect(Object.values(await save())).toEqual([await written(files, rules)]);
  }

  it("can be shards with their index", async () => {
    const shards = [tensors.slice(0, 2), tensors.slice(2)];
    const nameOf = (i: number) => `model-0000${i + 1}-of-00002.safetensors`;
    const weight_map = Object.fromEntries(shards.flatMap((shard, i) => shard.map(({ name }) => [name, nameOf(i)])));
    await opensAndSaves(
      {
        [nameOf(1)]: fileOf(shards[1]),
        "model.safetensors.index.json": JSON.stringify({ metadata: {}, weight_map }),
        [nameOf(0)]: fileOf(shards[0]),
      },
      "model.safetensors.index.json",
      /^safetensors, 3 files, 6 tensors, /,
    );
    await shows(() => text(page.locator("#save-heading ~ * .told"))).toMatch(
      /^model-int8\.safetensors is in your downloads/,
    );
    expect(await text(page.locator("#save-heading ~ * .hint").first())).toContain("The shards become one file.");
  });

  it("can be shards without all of them, which is said", async () => {
    await open({
      "m-00001-of-00003.safetensors": model(),
      "m-00003-of-00003.safetensors": fileOf([float32("w", [64, 64], 9)]),
    });
    await shows(heading).toBe("m-00001-of-00003.safetensors");
    await shows(() => text(page.locator("#model-warnings"))).toMatch(/^Part 2 of 3 is not here, /);
    await open({ "m-00003-of-00003.safetensors": fileOf([float32("w", [64, 64], 9)]) });
    await shows(() => text(page.locator("#model-warnings"))).toMatch(/^Part 1 and 1 more part of 3 are not here, /);
    await open({ "m-00001-of-00001.safetensors": model() });
    await shows(heading).toBe("m-00001-of-00001.safetensors");
    await shows(() => text(page.locator("#save .button"))).toMatch(/^Save /);
    expect(await page.locator("#model-warnings").isVisible()).toBe(false);
  });

  it("can be arrays of numpy", async () => {
    const arrays = Object.fromEntries(
      tensors.slice(1, 3).map(({ name, shape, data }) => [`${name}.npy`, writeNpy(data as Float32Array, shape)]),
    );
    await opensAndSaves({ "arrays.npz": zipSync(arrays) }, "arrays.npz", /^numpy arrays, 2 tensors, /);
  });

  it("tells what of them is passed over", async () => {
    const passedOver = page.locator("#model-passed-over");
    const kernel = float32("dense/kernel", [96, 64], 4);
    const labels = writeNpy(new Float32Array(2), [2]);
    labels.set(new TextEncoder().encode("<U1"), new TextDecoder("latin1").decode(labels).indexOf("<f4"));
    const array = writeNpy(kernel.data as Float32Array, kernel.shape);
    const zip = zipSync({ "kernel.npy": array, "labels.npy": labels, "__MACOSX/._kernel.npy": new Uint8Array(9) });
    await opensAndSaves({ "arrays.npz": zip }, "arrays.npz", /^numpy arrays, 1 tensor, /);
    expect(await text(passedOver)).toMatch(
      /^The saved file leaves out labels\.npy: .*'<U1'.*; __MACOSX\/\._kernel\.npy: .*macOS/,
    );

    const weights = [
      { name: "words", shape: [1], dtype: "string" },
      { name: kernel.name, shape: kernel.shape, dtype: "float32" },
    ];
    const word = Uint8Array.of(2, 0, 0, 0, 0x6f, 0x6b);
    const files = {
      "model.json": JSON.stringify({ weightsManifest: [{ paths: ["a.bin"], weights }] }),
      "a.bin": Uint8Array.of(...word, ...bytesOf(kernel)),
    };
    await opensAndSaves(files, "model.json", /^TensorFlow\.js, 2 files, 1 tensor, /);
    expect(await text(passedOver)).toMatch(/^The saved file leaves out words: its elements are text, not numbers\.$/);

    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    expect(await passedOver.isVisible()).toBe(false);
  });

  it("can be a TensorFlow.js model", async () => {
    const kernel = float32("dense/kernel", [96, 64], 4);
    const conv = float32("conv/kernel", [3, 3, 8, 32], 5);
    const weights = [kernel, conv].map(({ name, shape }) => ({ name, shape, dtype: "float32" }));
    const files = {
      "model.json": JSON.stringify({ weightsManifest: [{ paths: ["a.bin", "b.bin"], weights }] }),
      "a.bin": bytesOf(kernel),
      "b.bin": bytesOf(conv),
    };
    await opensAndSaves(files, "model.json", /^TensorFlow\.js, 3 files, 2 tensors, /);
    expect((await rows()).map(([name, , , what]) => [name, what]).sort()).toEqual([
      ["conv/kernel", "8 bits per channel, axis 3"],
      ["dense/kernel", "8 bits per channel, axis 1"],
    ]);
    await page.locator("#model-controls").getByLabel("group", { exact: true }).check();
    await shows(async () => (await rows()).map(([, , , what]) => what).sort()).toEqual([
      "8 bits in groups of 32, axis 0",
      "kept groups of 32 do not divide 8",
    ]);
  });

  it("can be ONNX", async () => {
    const graph = {
      node: [onnxNode("MatMul", ["x", "w"], ["y"]), onnxNode("MatMul", ["y", "v"], ["z"])],
      initializer: [
        tensor("w", [64, 96], uniform("float32", 64 * 96, 6)),
        tensor("v", [96, 4], uniform("float32", 96 * 4, 7)),
        { ...tensor("half", [8, 16], new Float32Array(64)), dataType: dataType.FLOAT16 },
      ],
      input: [float("x", [4, 64])],
      output: [float("z")],
    };
    const file = modelBytes({ opset: 17, graph });
    await withoutPicker();
    await open({ "net.onnx": file });
    await shows(heading).toBe("net.onnx");
    expect(await text(page.locator("#outcome .hint").first())).toMatch(/^ONNX, opset 17, 3 tensors, /);
    await shows(async () => (await rows()).map(([name, , , what]) => [name, what])).toEqual([
      ["w", "8 bits per channel, axis 1"],
      ["v", "kept small: 384 elements"],
      ["half", "no node uses it"],
    ]);
    expect((await rows())[2].slice(1, 3)).toEqual(["8 × 16 | float16", "256 bytes"]);
    await page.locator("#model-axis").selectOption("0");
    await page.getByLabel("Opset").selectOption("21");
    await shows(async () => (await rows())[0][3]).toBe("8 bits per channel, axis 0");
    await choiceOf("v").selectOption("4 32 0");
    await shows(async () => (await row("v").locator("td").allInnerTexts())[3]).toMatch(/ dB$/);

    const saved = await save();
    const model = await openModel(file);
    const plan = planModel(model, {
      bits: 8,
      axis: 0,
      opset: 21,
      include: ["v"],
      overrides: { v: { bits: 4, granularity: { group: 32 } } },
    });
    const sink = blobSink();
    await quantizeModel(await load(), plan, sink);
    expect(saved).toEqual({ "net_int8.onnx": new Uint8Array(await (await sink.blob()).arrayBuffer()) });
    expect(await sizes()).toMatch(new RegExp(` → ${saved["net_int8.onnx"].length.toLocaleString("en")} bytes$`));
    await makesTheSame({ "net.onnx": file }, saved);
  });

  it("is measured in ONNX in the form in which it is written, and looked at along its own axis", async () => {
    const graph = {
      node: [onnxNode("MatMul", ["x", "w"], ["y"])],
      initializer: [tensor("w", [97, 64], uniform("float32", 97 * 64, 8))],
      input: [float("x", [1, 97])],
      output: [float("y")],
    };
    const file = modelBytes({ opset: 17, graph });
    const measured = async (rules: Rules) => {
      const [measured] = await measureModel(await load(), planModel(await openModel(file), rules));
      return decibels(measured.quantize ? measured.sqnr : Number.NaN);
    };
    await open({ "net.onnx": file });
    await shows(heading).toBe("net.onnx");
    await page.locator("#model-bits").fill("4");
    await page.locator("#model-controls").getByLabel("group", { exact: true }).check();
    const shown = async () => (await rows())[0][4];
    const grouped: Rules = { bits: 4, granularity: { group: 32 } };
    const inBlocks = await measured({ ...grouped, target: "wasm" });
    await shows(shown).toBe(inBlocks);
    await page.locator("#model-target").selectOption("webgpu");
    const packed = await measured({ ...grouped, target: "webgpu" });
    // Both have the same groups along the 97 that a channel sums over, of which the last is shorter.
    expect(packed).toBe(inBlocks);
    await shows(shown).toBe(packed);
    await page.locator("#model-target").selectOption("wasm");
    await page.getByLabel("Opset").selectOption("21");

    await choiceOf("w").selectOption("keep");
    await page.getByRole("button", { name: "w", exact: true }).click();
    await shows(() => text(page.locator("#understood"))).toBe("97 × 64, float32");
    expect(await page.locator("#axis").inputValue()).toBe("1");
    await page.locator("input[name=granularity][value=group]").check();
    await page.locator("#along").selectOption("1");
    await page.locator("#group").fill("32");
    await page.getByRole("button", { name: "Use these settings for it" }).click();
    // Channels along 0, whose groups lie along 1.
    await shows(() => choiceOf("w").inputValue()).toBe("8 32 0");
    await shows(shown).toBe(await measured({ ...grouped, bits: 8, axis: 0, opset: 21 }));
  });

  it("can be ONNX with its data in a file beside it", async () => {
    const weights = uniform("float32", 64 * 96, 6);
    const { rawData: _, ...outside } = tensor("w", [64, 96], weights);
    const graph = {
      node: [onnxNode("MatMul", ["x", "w"], ["y"])],
      initializer: [
        { ...outside, dataLocation: 1, externalData: [{ key: "location", value: "net.data" }] } as typeof outside,
      ],
      input: [float("x", [1, 64])],
      output: [float("y")],
    };
    await withoutPicker();
    await open({ "net.onnx": modelBytes({ opset: 17, graph }) });
    await shows(() => text(page.locator("#input-error"))).toMatch(/net\.onnx, tensor w, byte \d+: .*net\.data/);
    await open({ "net.onnx": modelBytes({ opset: 17, graph }), "net.data": new Uint8Array(weights.buffer) });
    await shows(heading).toBe("net.onnx");
    const saved = await save();
    const model = await openModel([
      new File([modelBytes({ opset: 17, graph })], "net.onnx"),
      new File([weights], "net.data"),
    ]);
    const [sink, dataSink] = [blobSink(), blobSink()];
    await quantizeModel(await load(), planModel(model), sink, {
      external: { location: "net_int8.onnx.data", sink: dataSink },
    });
    expect(saved).toEqual({
      "net_int8.onnx": new Uint8Array(await (await sink.blob()).arrayBuffer()),
      "net_int8.onnx.data": new Uint8Array(await (await dataSink.blob()).arrayBuffer()),
    });
    await makesTheSame(
      { "net.onnx": modelBytes({ opset: 17, graph }), "net.data": new Uint8Array(weights.buffer) },
      saved,
    );
  });
});

describe("an ONNX model and its quantized form, side by side", () => {
  const channels = 24;
  const graph = {
    node: [onnxNode("Conv", ["x", "w"], ["h"]), onnxNode("Relu", ["h"], ["y"])],
    initializer: [tensor("w", [channels, 8, 3, 3], uniform("float32", channels * 72, 8))],
    input: [float("x", [undefined, 8, undefined, undefined])],
    output: [float("y")],
  };
  const file = modelBytes({ opset: 17, graph });
  const table = () => cells(page.getByRole("region", { name: "Outputs" }).locator("table"));

  /** What the page should show, by the same runtime in Node. */
  async function expected(quantized: Uint8Array, data: Float32Array, dims: number[]) {
    const [{ y: floats }, { y: others }] = [
      await run(file, { x: { data, dims } }),
      await run(quantized, { x: { data, dims } }),
    ];
    const [a, b] = [Array.from(floats.data), Array.from(others.data)];
    const dot = (u: number[], v: number[]) => u.reduce((sum, value, i) => sum + value * v[i], 0);
    const difference = a.map((value, i) => value - b[i]);
    return [
      "y",
      `${(10 * Math.log10(dot(a, a) / dot(difference, difference))).toFixed(2)} dB`,
      (dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))).toFixed(6),
      String(Number(Math.max(...difference.map(Math.abs)).toPrecision(3))),
      String(Number(Math.max(...a.map(Math.abs)).toPrecision(3))),
      `${floats.dims.join(" × ")} float32`,
    ];
  }

  it("are compared on the input that is given", async () => {
    await withoutPicker();
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    await open({ "net.onnx": file });
    await shows(heading).toBe("net.onnx");
    const quantized = Object.values(await save())[0];
    expect(requests.filter((url) => url.includes("ort-wasm"))).toEqual([]);

    await page.getByRole("button", { name: "Run both" }).click();
    await shows(async () => (await table())[0]).toEqual([
      "Output",
      "SQNR",
      "Cosine",
      "Max difference",
      "Largest",
      "Shape",
    ]);
    expect(requests.filter((url) => url.includes("ort-wasm")).every((address) => address.startsWith(url))).toBe(true);
    expect(await text(page.locator("#model .told", { hasText: "a run" }))).toMatch(
      /^Float [\d.]+ ms, quantized [\d.]+ ms a run \(median of \d\)\.$/,
    );
    expect([(await table())[1][0], (await table())[1][5]]).toEqual(["y", "1 × 24 × 62 × 62 float32"]);

    await page.getByLabel("Filled").selectOption("ones");
    await page.getByLabel("x2", { exact: true }).fill("5");
    await page.getByLabel("x3", { exact: true }).fill("7");
    await page.getByRole("button", { name: "Run both" }).click();
    await shows(async () => (await table())[1]).toEqual(
      await expected(quantized, new Float32Array(8 * 35).fill(1), [1, 8, 5, 7]),
    );

    const data = uniform("float32", 2 * 8 * 48, 11);
    const path = join(folder, "x.npy");
    writeFileSync(path, writeNpy(data, [2, 8, 6, 8]));
    await page.getByLabel("Filled").selectOption("file");
    await page.getByLabel("File", { exact: true }).setInputFiles(path);
    await page.getByRole("button", { name: "Run both" }).click();
    await shows(async () => (await table())[1]).toEqual(await expected(quantized, data, [2, 8, 6, 8]));
    await axeFindsNothing(page, "[aria-labelledby=run-heading]");
  });

  it("are compared node by node, and single ones stay float", async () => {
    const deep = {
      node: [onnxNode("Conv", ["x", "w"], ["h"]), onnxNode("Relu", ["h"], ["r"]), onnxNode("Conv", ["r", "v"], ["y"])],
      initializer: [
        tensor("w", [channels, 8, 3, 3], uniform("float32", channels * 72, 8)),
        tensor("v", [channels, channels, 3, 3], uniform("float32", channels ** 2 * 9, 9)),
      ],
      input: [float("x", [1, 8, 12, 12])],
      output: [float("y")],
    };
    const bytes = modelBytes({ opset: 17, graph: deep });
    const x = { data: new Float32Array(8 * 144).fill(1), dims: [1, 8, 12, 12] };
    const opened = (bytes: Uint8Array<ArrayBuffer>) => openModel(new File([bytes], "net.onnx"));
    const runOnes = async (bytes: Uint8Array) =>
      Object.fromEntries(Object.entries(await run(bytes, { x })).map(([name, y]) => [name, { ...y, type: "float32" }]));
    const compared = await compareNodes(
      await opened(bytes),
      await opened(await written({ "net.onnx": bytes }, {})),
      runOnes,
    );
    const rows = compared.nodes.map(({ node, tensors, sqnr }) => [
      `${node}Conv of ${tensors}`,
      decibels(sqnr),
      "Keep this one float",
    ]);
    const nodes = () => cells(page.getByRole("region", { name: "Nodes" }).locator("table"));
    const told = () => text(page.locator("#model .told").first());

    await open({ "net.onnx": bytes });
    await shows(heading).toBe("net.onnx");
    await page.getByRole("button", { name: "Run both" }).click();
    await page.getByLabel("Filled").selectOption("ones");
    await shows(async () => (await nodes()).length).toBe(3);
    await page.getByRole("button", { name: "Run both" }).click();
    await shows(async () => (await nodes()).slice(1)).toEqual(rows);
    await axeFindsNothing(page, "[aria-labelledby=run-heading]");
    const size = page.viewportSize();
    await page.setViewportSize({ width: 360, height: 740 });
    const region = page.getByRole("region", { name: "Nodes" });
    await shows(() => region.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
    if (size) await page.setViewportSize(size);

    await page.getByLabel("Least SQNR of each output").fill("200");
    await page.getByRole("button", { name: "Keep nodes float until then" }).click();
    await shows(told).toMatch(
      /^The worst output has .* No float nodes give 200 dB: the best is .* with 1 weight float\.$/,
    );
    expect(await choiceOf("w").inputValue()).toBe("");
    const found = await keepNodes(await load(), await opened(bytes), { run: runOnes, minOutputSqnr: 46 });
    expect(found.kept.length).toBe(1);
    const [{ tensor: kept }] = found.kept;
    await page.getByLabel("Least SQNR of each output").fill("46");
    await page.getByRole("button", { name: "Keep nodes float until then" }).click();
    await shows(told).toBe(
      `The worst output has ${decibels(found.before[0].sqnr)} with all weights quantized, and ${decibels(found.after[0].sqnr)} with 1 weight float. Run both again to see what it brings.`,
    );
    await shows(() => choiceOf(kept).inputValue()).toBe("keep");

    await page.getByRole("button", { name: "Run both" }).click();
    await shows(async () => (await nodes()).length).toBe(2);
    await page.getByRole("button", { name: "Keep this one float" }).click();
    await shows(told).toMatch(/ node stays float\. Run both again/);
    for (const name of ["w", "v"]) await shows(() => choiceOf(name).inputValue()).toBe("keep");
  });

  it("are not run on what does not fit, which is said", async () => {
    await open({ "net.onnx": file });
    await shows(heading).toBe("net.onnx");
    await page.getByRole("button", { name: "Run both" }).click();
    await shows(async () => (await table()).length).toBe(2);
    const problem = page.locator("#run-heading ~ * .problem");
    await page.getByLabel("x2", { exact: true }).fill("2");
    await page.getByRole("button", { name: "Run both" }).click();
    await shows(() => text(problem)).toMatch(/\S/);
    await page.getByLabel("Filled").selectOption("file");
    await page.getByRole("button", { name: "Run both" }).click();
    await shows(() => text(problem)).toBe("Choose the .npy file for input x.");
    const path = join(folder, "wrong.npy");
    writeFileSync(path, writeNpy(new Float32Array(6), [2, 3]));
    await page.getByLabel("File", { exact: true }).setInputFiles(path);
    await page.getByRole("button", { name: "Run both" }).click();
    await shows(() => text(problem)).toBe("Input x has the shape [x0, 8, x2, x3], and wrong.npy [2, 3].");
  });
});

describe("a sample", () => {
  it.each([
    ["Basic Pitch, the model", "model.json", /^TensorFlow\.js, 2 files, /],
    ["PP-OCRv4 recognition, the model", "ch_PP-OCRv4_rec_infer.onnx", /^ONNX, opset \d+, /],
  ])("is a whole model: %s", async (label, name, about) => {
    await page.getByLabel("Sample").selectOption({ label });
    await shows(heading).toBe(`${name}`);
    expect(await text(page.locator("#outcome .hint").first())).toMatch(about);
    await shows(() => tile("Worst weight")).toMatch(/^\d+\.\d\d dB$/);
  });
});

describe("what cannot be opened", () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 548105171\n`;
  const webPage = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head></html>\n";

  const files: [string, Record<string, string | Uint8Array>, RegExp][] = [
    ["of a kind that is not read", { "model.gguf": "GGUF\0\0" }, /^model\.gguf/],
    [
      "of no kind that is known",
      { "picture.png": Uint8Array.of(0x89, 0x50, 0, 0) },
      /The page opens matrices as \.npy/,
    ],
    [
      "cut short",
      { "cut.safetensors": model().subarray(0, 1000) },
      /^cut\.safetensors, tensor embed_tokens\.weight, byte 40: .*cut short/,
    ],
    [
      "without a file that it needs",
      { "model.json": JSON.stringify({ weightsManifest: [{ paths: ["a.bin"], weights: [] }] }) },
      /^model\.json needs a\.bin; give it too/,
    ],
    [
      "an archive of other things",
      { "book.npz": zipSync({ "text.txt": Uint8Array.of(1) }) },
      /has no arrays of numbers/,
    ],
    ["no ONNX model", { "not.onnx": "hello" }, /^not\.onnx, byte \d+: /],
    ...["model.safetensors", "model.onnx", "weights.npz", "weights.npy", "weights.csv", "model.json"].flatMap(
      (name): [string, Record<string, string>, RegExp][] => [
        [
          `of Git LFS for ${name}`,
          { [name]: pointer },
          new RegExp(`^${name}(, byte 0| cannot be opened): .*git lfs pull`),
        ],
        [
          `of the web for ${name}`,
          { [name]: webPage },
          new RegExp(`^${name}(, byte 0| cannot be opened): .*a web page`),
        ],
      ],
    ),
    [
      "that is quantized already",
      { "quantized.safetensors": fileOf(tensors, { quantization_config: "{}" }) },
      /^quantized\.safetensors is quantized already; open the float model it was made from\./,
    ],
  ];

  it("is told where it was brought, and the page goes on", async () => {
    for (const [kind, brought, message] of files) {
      await open(brought);
      await shows(() => text(page.locator("#input-error")), `a file ${kind}`).toMatch(message);
      expect(await page.locator("#model").isVisible(), kind).toBe(false);
    }
    await page.getByRole("button", { name: "Back to pasted text" }).click();
    await shows(() => text(page.locator("#understood"))).toBe("6 × 8, separated by commas");
  });
});

it("takes files that are dropped on the page", async () => {
  const bytes = Array.from(model());
  await page.evaluate((bytes) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([Uint8Array.from(bytes)], "dropped.safetensors"));
    document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, bytes);
  await shows(heading).toBe("dropped.safetensors");
});

it("takes a folder that is dropped, and of its files those of the model", async () => {
  const shards = [tensors.slice(0, 2), tensors.slice(2)];
  const dropped = mkdtempSync(join(folder, "dropped-"));
  writeFileSync(join(dropped, "tokenizer.json"), "{}");
  for (const [i, shard] of shards.entries()) {
    writeFileSync(join(dropped, `model-0000${i + 1}-of-000002.safetensors`), fileOf(shard));
  }
  const session = await page.context().newCDPSession(page);
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    const data = { items: [], files: [dropped], dragOperationsMask: 1 };
    await session.send("Input.dispatchDragEvent", { type, x: 200, y: 200, data });
  }
  await shows(heading).toBe("model-00001-of-000002.safetensors");
  expect(await text(page.locator("#outcome .hint").first())).toMatch(/^safetensors, 2 files, 6 tensors, /);
});

describe("a large file", () => {
  const [count, rows, columns] = [3, 4096, 8192];
  const byteLength = 4 * rows * columns;
  let file: string;

  /** Layers of zeros, which take no room on the disk. */
  beforeAll(() => {
    const header = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [
        `layers.${i}.weight`,
        { dtype: "F32", shape: [rows, columns], data_offsets: [i * byteLength, (i + 1) * byteLength] },
      ]),
    );
    const start = safetensorsFile(header);
    file = join(folder, "large.safetensors");
    writeFileSync(file, start);
    truncateSync(file, start.length + count * byteLength);
  });

  /** The handle that the dialog would give, of a file of the browser's own. */
  const picksFile = () =>
    page.evaluate(() => {
      window.showSaveFilePicker = async ({ suggestedName }) => {
        const folder = await navigator.storage.getDirectory();
        return folder.getFileHandle(suggestedName, { create: true });
      };
    });
  beforeEach(() =>
    page.evaluate(async () => {
      const folder = await navigator.storage.getDirectory();
      for await (const name of folder.keys()) await folder.removeEntry(name);
    }),
  );

  const fileSizes = () =>
    page.evaluate(async () => {
      const sizes: Record<string, number> = {};
      const folder = (await navigator.storage.getDirectory()) as unknown as AsyncIterable<
        [string, FileSystemFileHandle]
      >;
      for await (const [name, handle] of folder) sizes[name] = (await handle.getFile()).size;
      return sizes;
    });

  it("is measured and saved with progress, while the page answers clicks; its weights open in part", async () => {
    await picksFile();
    await page.evaluate(() => {
      const tasks: number[] = [];
      new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
        entryTypes: ["longtask"],
      });
      Object.assign(window, { longTasks: tasks });
    });
    await page.getByLabel("Open a file").setInputFiles(file);
    await shows(heading).toBe("large.safetensors");
    const measuring = page.getByRole("progressbar", { name: "Measuring errors" });
    await measuring.waitFor();
    await page.locator("#model").getByLabel("Find").fill("layers.2");
    expect(await page.locator(".tensors tbody tr").count()).toBe(1);
    expect(await measuring.isVisible()).toBe(true);

    // What is cancelled leaves no file, and can be saved again.
    await page.locator("#save .button").click();
    const saving = page.getByRole("progressbar", { name: "Saving" });
    await saving.waitFor();
    await page.locator("#save-heading ~ * .progress").getByRole("button", { name: "Cancel" }).click();
    await shows(() => text(page.locator("#save-heading ~ * .told"))).toBe("Cancelled. Nothing was saved.");
    expect(await fileSizes()).toEqual({});
    expect(await saving.isVisible()).toBe(false);

    await page.locator("#save .button").click();
    await saving.waitFor();
    await page.locator("#model").getByLabel("Find").fill("layers.");
    expect(await page.locator(".tensors tbody tr").count()).toBe(3);
    expect(await saving.isVisible()).toBe(true);
    await page.getByText(/^\d+(\.\d+)? MB of 403 MB, .*MB\/s, \d+ s left, layers\.\d+\.weight$/).waitFor();
    await shows(() => text(page.locator("#save-heading ~ * .told"))).toMatch(
      /^large-int8\.safetensors is saved: 101 MB, /,
    );
    expect(Object.keys(await fileSizes())).toEqual(["large-int8.safetensors"]);
    const longest = await page.evaluate(() => Math.max(0, ...(window as unknown as { longTasks: number[] }).longTasks));
    console.log(`403 MB: longest task of the main thread ${longest === 0 ? "under 50" : longest.toFixed(0)} ms`);

    // As many first rows as 2^24 weights are.
    await page.getByRole("button", { name: "layers.1.weight", exact: true }).click();
    await shows(() => text(page.locator("#of-model-part"))).toBe(
      "layers.1.weight: [2048, 8192] of [4096, 8192]: the 16,777,216 weights that come first",
    );
    await shows(() => text(page.locator(".map-tools .shown"))).toBe("All of 2,048 × 8,192");
    await page.locator("#results[aria-busy=false]").waitFor();
    expect(await text(page.locator("#verdict"))).toMatch(/^8 bits per channel: 67\.1 MB become 16\.8 MB, SQNR exact\./);
  });
});

describe("in light and dark colours", () => {
  const findsNothing = () => axeFindsNothing(page);

  it("axe finds nothing in a model of many tensors, where one is wrong and nothing was saved", async () => {
    const broken = uniform("float32", 64 * 64, 9);
    broken[65] = Number.NaN;
    const more = Array.from({ length: 50 }, (_, i) => float32(`more.${i}.weight`, [32, 64], i));
    const wrong = { name: "broken.weight", dtype: "F32", shape: [64, 64], data: broken };
    await withoutPicker();
    await open({ "model.safetensors": fileOf([...tensors, ...more, wrong]) });
    await page.getByRole("button", { name: "Keep it as it is" }).waitFor();
    await page.getByRole("button", { name: "Next tensors" }).click();
    await page.locator("#save .button").click({ force: true });
    await page.getByText("Nothing was saved").waitFor();
    await findsNothing();
  });

  it("axe finds nothing in a saved model, and in one of its weights", async () => {
    await withoutPicker();
    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    await page.getByLabel("Save as").selectOption("compressed-tensors");
    await page.getByRole("button", { name: "Save model-w8a16.safetensors" }).waitFor();
    await save();
    await page.getByText("Add this to the model’s config.json").click();
    await page.locator("#model").getByLabel("Columns").selectOption("group");
    await page.getByRole("button", { name: "4 bits in groups of 32, for all" }).waitFor();
    await findsNothing();
    await page.locator("#model").getByLabel("Columns").selectOption("done");
    await page.getByRole("button", { name: "layers.0.up.weight", exact: true }).click();
    await shows(() => text(page.locator("#understood"))).toBe("96 × 64, float32");
    await shows(() => page.locator("#results").getAttribute("aria-busy")).toBe("false");
    await axeFindsNothing(page, "#of-model");
  });

  it("a model fits a phone without scrolling sideways", async () => {
    await page.setViewportSize({ width: 320, height: 740 });
    await open({ "model.safetensors": model() });
    await shows(heading).toBe("model.safetensors");
    for (const columns of ["group", "done"]) {
      await page.locator("#model").getByLabel("Columns").selectOption(columns);
      await page
        .getByText(columns === "done" ? "Choose a name to see its weights." : "These are SQNR in dB and bytes")
        .waitFor();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    }
  });
});

it("can be used with the keyboard alone", async () => {
  await open({ "model.safetensors": model() });
  await shows(heading).toBe("model.safetensors");
  await page.locator("#model").getByLabel("Find").focus();
  await page.keyboard.type("up");
  await shows(async () => (await rows()).length).toBe(1);
  await choiceOf("layers.0.up.weight").focus();
  await page.keyboard.press("k"); // keep as it is
  await shows(() => choiceOf("layers.0.up.weight").inputValue()).toBe("keep");
  await shows(() => tile("Quantized")).toBe("3");
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe(
    "What is done with layers.0.up.weight",
  );
  await page.getByRole("button", { name: "layers.0.up.weight", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Back to model.safetensors" }).focus();
  await page.keyboard.press("Enter");
  expect(await page.locator("#model").isVisible()).toBe(true);
});

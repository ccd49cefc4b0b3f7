// Workers read weights from files of Node and write codes into them. The results are those of the calling thread.

import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { appendFile, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { load as loadAlone } from "channelwise";
import {
  blobSink,
  compareModels,
  dequantizeModel,
  fileSink,
  type Model,
  NonFiniteError,
  openModel,
  planModel,
  quantizeModel,
  type Rules,
  StoppedError,
} from "channelwise/models";
import { load } from "channelwise/parallel";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FileLender, lentBy } from "../../../dist/io/lent-files.js";
import { uniform } from "../random.js";
import { quantized } from "./run.js";
import { bytesOf, safetensorsFile } from "./safetensors-file.js";

const channelwise = await loadAlone();
const parallel = await load({ workers: 2 });
afterAll(() => parallel.close());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-workers-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

/** Finite weights of any type. */
const data = {
  F32: (count: number) => uniform("float32", count, 1),
  F64: (count: number) => uniform("float64", count, 2),
  F16: (count: number) => Uint16Array.from({ length: count }, (_, i) => ((i + 1) * 40503) & 0xbfff),
  BF16: (count: number) => new Uint16Array(uniform("float32", count, 4).buffer).filter((_, i) => i % 2 === 1),
};

function modelFile(dtype: keyof typeof data, shape: number[]) {
  const count = shape.reduce((a, b) => a * b, 1);
  const weights = data[dtype](count);
  const bytes = new Uint8Array(weights.byteLength + 3);
  bytes.set(bytesOf(weights), 3);
  const header = {
    "a.flags": { dtype: "U8", shape: [3], data_offsets: [0, 3] }, // makes the weights begin anywhere
    "a.weight": { dtype, shape, data_offsets: [3, bytes.length] },
  };
  return safetensorsFile(header, bytes);
}

/** Counts the bytes of all files that pass through the calling thread. */
async function counted<R>(work: () => Promise<R>): Promise<{ result: R; read: number; written: number }> {
  const handle = await open("/dev/null");
  const calls = Object.getPrototypeOf(handle) as typeof handle;
  await handle.close();
  const spies = [vi.spyOn(calls, "read"), vi.spyOn(calls, "write")] as const;
  try {
    const result = await work();
    const [read, written] = spies.map(({ mock }) => mock.calls.reduce((sum, [, , length]) => sum + Number(length), 0));
    return { result, read, written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

/** Quantizes an open file into another. */
async function quantizedByWorkers(model: Model, rules?: Rules) {
  const { result, ...passed } = await counted(async () => {
    return quantizeModel(parallel, planModel(model, rules), await fileSink(at("out")));
  });
  return { ...passed, summary: result, file: readFileSync(at("out")) };
}

const wide = [1030, 1100]; // two chunks, and a number of rows that panels do not divide
const rules: [string, keyof typeof data, number[], Rules, { codes?: "through" }][] = [
  ["rows", "F32", wide, {}, {}],
  ["rows of float64", "F64", wide, {}, {}],
  ["rows of float16", "F16", wide, {}, {}],
  ["rows at 12 bits", "F32", wide, { bits: 12 }, {}],
  ["columns", "BF16", wide, { axis: 1 }, {}],
  ["columns in strips", "F32", [300, 9000], { axis: 1 }, {}],
  ["a middle axis", "F32", [3, 400, 1100], { axis: 1 }, {}],
  ["one scale", "F32", wide, { granularity: "tensor" }, {}],
  ["a row of many chunks", "F32", [2, 1_500_000], {}, {}],
  ["groups down the columns", "F32", [1024, 1100], { granularity: { group: 64, along: 0 } }, {}],
  [
    "4 bits packed, groups",
    "F32",
    [1030, 1088],
    { dialect: "compressed-tensors", bits: 4, granularity: { group: 32, along: 1 } },
    {},
  ],
  ["4 bits packed, scales of bfloat16", "BF16", [1030, 1088], { dialect: "compressed-tensors", bits: 4 }, {}],
  ["4 bits packed, rows of many chunks", "F32", [2, 1_500_000], { dialect: "compressed-tensors", bits: 4 }, {}],
  [
    "groups that end within a word",
    "F32",
    [1030, 1104],
    { dialect: "compressed-tensors", bits: 4, granularity: { group: 12, along: 1 } },
    { codes: "through" },
  ],
  ["8 bits packed", "F16", [1030, 1100], { dialect: "compressed-tensors" }, {}],
  ["rows that end within a word", "F32", [1030, 1101], { dialect: "compressed-tensors" }, { codes: "through" }],
  ["an archive", "F32", wide, { dialect: "npz" }, { codes: "through" }],
];

describe("files that workers read and write", () => {
  it.each(rules)("%s: the same bytes and figures", async (_, dtype, shape, rules, { codes }) => {
    const file = modelFile(dtype, shape);
    writeFileSync(at("in.safetensors"), file);
    const expected = await quantized(await openModel(file, { name: "in.safetensors" }), rules);
    const model = await openModel(at("in.safetensors"));
    const { summary, file: made, read, written } = await quantizedByWorkers(model, rules);
    await model.close();
    expect(Buffer.compare(made, expected.file)).toBe(0);
    expect(summary).toEqual(expected.summary);
    expect(read).toBe(3);
    const elements = shape.reduce((a, b) => a * b, 1);
    if (codes === "through") expect(written).toBe(made.length);
    else expect(written).toBeLessThanOrEqual(made.length - elements / 2);
  });

  it.each(rules)("%s: the same floats and figures back", async (_, dtype, shape, rules) => {
    const file = modelFile(dtype, shape);
    writeFileSync(at("in.safetensors"), file);
    const { file: stored } = await quantized(await openModel(file, { name: "in.safetensors" }), rules);
    const name = rules.dialect === "npz" ? "in.npz" : "quantized.safetensors";
    writeFileSync(at(name), stored);
    const inMemory = [
      await openModel(file, { name: "in.safetensors" }),
      await openModel(new Uint8Array(stored), { name }),
    ] as const;
    const sink = blobSink();
    await dequantizeModel(channelwise, inMemory[1], sink);
    const expected = Buffer.from(await (await sink.blob()).arrayBuffer());
    const inFiles = [await openModel(at("in.safetensors")), await openModel(at(name))] as const;
    const { read, written } = await counted(async () => {
      await dequantizeModel(parallel, inFiles[1], await fileSink(at("out")));
    });
    expect(Buffer.compare(readFileSync(at("out")), expected)).toBe(0);
    const elements = shape.reduce((a, b) => a * b, 1);
    expect(written).toBeLessThan(elements);
    if (!rules.dialect) expect(read).toBeLessThan(elements / 2); // scales are read; packed codes pass through
    const compared = await counted(() => compareModels(parallel, ...inFiles));
    expect(compared.result).toEqual(await compareModels(channelwise, ...inMemory));
    expect(compared.result.tensors).toMatchObject([{ result: "same" }, { result: "near" }]);
    for (const model of [...inMemory, ...inFiles]) await model.close();
  });

  it.each(["<f4", ">f4"])("a .npy file of type %s", async (descr) => {
    const weights = data.F32(1030 * 1100);
    const bytes = bytesOf(weights).slice();
    if (descr === ">f4") for (let i = 0; i < bytes.length; i += 4) bytes.subarray(i, i + 4).reverse();
    const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (1030, 1100)}\n`;
    const start = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 0xff, header.length >> 8];
    const file = Buffer.concat([Uint8Array.from(start), Buffer.from(header), bytes]);
    writeFileSync(at("in.npy"), file);
    const expected = await quantized(await openModel(file, { name: "in.npy" }), { include: ["*"] });
    const model = await openModel(at("in.npy"));
    const { file: made, read } = await quantizedByWorkers(model, { include: ["*"] });
    await model.close();
    expect(Buffer.compare(made, expected.file)).toBe(0);
    expect(read).toBe(descr === "<f4" ? 0 : bytes.length); // bytes in another order pass through to be swapped
  });

  it("name the weight that is not finite, and leave no file", async () => {
    for (const rules of [{}, { granularity: "tensor" }] as const) {
      const file = modelFile("F32", wide);
      new DataView(file.buffer).setUint32(file.length - 4 * 1100, 0x7fc00000, true);
      writeFileSync(at("in.safetensors"), file);
      const model = await openModel(at("in.safetensors"));
      const error = await quantizedByWorkers(model, rules).catch((reason: unknown) => reason);
      await model.close();
      expect(error).toBeInstanceOf(NonFiniteError);
      expect(error).toMatchObject({ tensor: "a.weight", index: 1029 * 1100 });
      expect(readdirSync(folder)).toEqual(["in.safetensors"]);
    }
  });

  it("that shrink meanwhile end the run, and leave no file", async () => {
    writeFileSync(at("in.safetensors"), modelFile("F32", wide));
    const model = await openModel(at("in.safetensors"));
    truncateSync(at("in.safetensors"), 1_000_000);
    const error = await quantizedByWorkers(model).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoppedError);
    expect(String(error)).toMatch(/a\.weight.*in\.safetensors ended at byte 1000000: it changed while it was read/);
    await model.close();
    expect(readdirSync(folder)).toEqual(["in.safetensors"]);
  });

  it.each([Number.NaN, 1e30])("that hold other weights when they are read again end the run: %d", async (value) => {
    const file = modelFile("F32", wide);
    writeFileSync(at("in.safetensors"), file);
    const model = await openModel(at("in.safetensors"));
    const descriptor = openSync(at("in.safetensors"), "r+");
    const sink = await fileSink(at("out.safetensors"));
    let [before, isChanged] = [0, false];
    const error = await quantizeModel(parallel, planModel(model, { granularity: "tensor" }), sink, {
      onProgress: ({ tensor, done, total }) => {
        if (tensor !== "a.weight") before = done;
        else if (!isChanged && 2 * (done - before) >= total - before) {
          // Everything has been read once, to find the range.
          writeSync(descriptor, new Uint8Array(Float32Array.of(value).buffer), 0, 4, file.length - 4);
          isChanged = true;
        }
      },
    }).catch((reason: unknown) => reason);
    closeSync(descriptor);
    await model.close();
    expect(isChanged).toBe(true);
    expect(String(error)).toMatch(/a\.weight: weights changed while they were quantized/);
    expect(readdirSync(folder)).toEqual(["in.safetensors"]);
  });

  it("that have no room end the run with the system's code", async () => {
    writeFileSync(at("in.safetensors"), modelFile("F32", wide));
    const model = await openModel(at("in.safetensors"));
    const full = await open("/dev/full", "w");
    let aborted = false;
    const nothing = async () => {};
    const abort = async () => {
      aborted = true;
    };
    const sink = lentBy({ write: nothing, close: nothing, abort }, new FileLender("full", full.fd).lend);
    const error = await quantizeModel(parallel, planModel(model), sink).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StoppedError);
    expect((error as StoppedError).cause).toMatchObject({ code: "ENOSPC" });
    expect(aborted).toBe(true);
    await full.close();
    await model.close();
  });

  it("stay open until they are read, when the model is closed meanwhile, and are lent no more", async () => {
    const file = modelFile("F32", wide);
    writeFileSync(at("in.safetensors"), file);
    const model = await openModel(at("in.safetensors"));
    let closing: Promise<void> | undefined;
    let second: Promise<unknown> | undefined;
    const late = await fileSink(at("late"));
    await quantizeModel(parallel, planModel(model), await fileSink(at("out")), {
      onProgress: ({ tensor }) => {
        if (tensor !== "a.weight" || closing) return;
        closing = model.close();
        second = quantizeModel(parallel, planModel(model, { include: ["*"] }), late).catch((error) => error);
      },
    });
    await closing;
    const expected = await quantized(await openModel(file, { name: "in.safetensors" }));
    expect(Buffer.compare(readFileSync(at("out")), expected.file)).toBe(0);
    expect(await second).toBeInstanceOf(StoppedError);
    expect(((await second) as StoppedError).cause).toMatchObject({
      code: "EBADF",
      message: expect.stringMatching(/in\.safetensors is closed$/),
    });
    expect(readdirSync(folder)).toEqual(["in.safetensors", "out"]);
  });

  it("are not written any more when their sink was aborted", async () => {
    writeFileSync(at("in.safetensors"), modelFile("F32", [4000, 1100]));
    const model = await openModel(at("in.safetensors"));
    const sink = await fileSink(at("out"));
    let other: Promise<void> | undefined;
    const run = quantizeModel(parallel, planModel(model), sink, {
      onProgress: ({ tensor }) => {
        // Another file takes the descriptor that becomes free.
        if (tensor === "a.weight") other ??= sink.abort().then(() => appendFile(at("other"), "mine"));
      },
    });
    expect(await run.catch((error) => error)).toMatchObject({ code: "EBADF" });
    await other;
    expect(readFileSync(at("other"), "utf8")).toBe("mine");
    await model.close();
  });

  it("are gone when the workers are closed while the thread is busy", () => {
    writeFileSync(at("in.safetensors"), modelFile("F32", [4000, 1100]));
    const library = pathToFileURL(join(import.meta.dirname, "../../../dist")).href;
    const program = `
      import { planModel, fileSink, openModel, quantizeModel } from "${library}/models.js";
      import { load } from "${library}/parallel.js";
      const parallel = await load({ workers: 1 });
      const model = await openModel("in.safetensors");
      await quantizeModel(parallel, planModel(model), await fileSink("out"), {
        onProgress({ tensor }) {
          if (tensor !== "a.weight") return;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 150); // an answer comes meanwhile
          parallel.close();
        },
      }).catch((error) => console.log(error.cause.message));
      await model.close();`;
    const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: folder,
      encoding: "utf8",
    });
    expect({ stdout, status }).toEqual({ stdout: expect.stringMatching(/^channelwise was closed/), status: 0 });
    expect(readdirSync(folder)).toEqual(["in.safetensors"]);
  });
});

// Workers encode blocks, of files of Node also read them. The results are those of the calling thread.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load as loadAlone } from "channelwise";
import {
  compareModels,
  type FileTypeName,
  fileSink,
  inspectModel,
  measureModel,
  NonFiniteError,
  openModel,
  planModel,
  quantizeModel,
  StoppedError,
} from "channelwise/models";
import { load } from "channelwise/parallel";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import { bytesOf, ggufFile, tensorType } from "./gguf-file.js";
import { narrow, weightsOf } from "./tiny-models.js";

const alone = await loadAlone();
const parallel = await load({ workers: 2 });
afterAll(() => parallel.close());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "channelwise-gguf-workers-"));
});
afterEach(() => rmSync(folder, { recursive: true }));
const at = (name: string) => join(folder, name);

/** Rows of three stretches, of a length that divides none. */
const shape = [1100, 1280];
const count = shape[0] * shape[1];

function writeModel(type: "F16" | "BF16" | "F32", change = (_: Float32Array) => {}) {
  const tensor = (name: string, seed: number) => {
    const floats = weightsOf(seed, count);
    change(floats);
    const data = bytesOf(type === "F32" ? floats : narrow(type, floats));
    return { name, type: tensorType[type], shape, data };
  };
  const keys = [{ name: "general.architecture", type: "string" as const, value: "llama" }];
  writeFileSync(
    at("model.gguf"),
    ggufFile({ keys, tensors: [tensor("blk.0.attn_q.weight", 1), tensor("blk.0.ffn_up.weight", 2)] }),
  );
}

const open = () => openModel(at("model.gguf"));

describe.each(["F16", "BF16", "F32"] as const)("a GGUF of %s", (stored) => {
  it.each<FileTypeName>(["Q4_K_M", "Q8_0", "F16", "BF16"])("gives the same %s with workers", async (type) => {
    writeModel(stored);
    const model = await open();
    const run = async (channelwise: typeof alone | typeof parallel, name: string) => {
      const summary = await quantizeModel(channelwise, planModel(model, { type }), await fileSink(at(name)));
      return { summary, file: readFileSync(at(name)) };
    };
    const [one, two] = [await run(alone, "one.gguf"), await run(parallel, "two.gguf")];
    expect(two.summary).toEqual(one.summary);
    expect(Buffer.compare(two.file, one.file)).toBe(0);
    await model.close();
  });
});

it("the figures are those of a comparison with the file, also of tensors of many blocks of the engine", async () => {
  writeModel("F16");
  const model = await open();
  const plan = planModel(model, { type: "Q4_K_S" });
  const { tensors } = await quantizeModel(parallel, plan, await fileSink(at("out.gguf")));
  const written = await openModel(at("out.gguf"));
  const compared = await compareModels(parallel, model, written);
  for (const summary of tensors) {
    const other = compared.tensors.find(({ tensor }) => tensor === summary.tensor);
    expect(summary.quantize && other?.result === "near").toBe(true);
    if (!summary.quantize || other?.result !== "near") continue;
    expect(summary.mse / other.mse).toBeCloseTo(1, 12);
    expect(summary.sqnr).toBeCloseTo(other.sqnr, 9);
    expect(summary.maxError).toBe(other.maxError);
  }
  expect((await inspectModel(written)).blocks).toHaveLength(2);
  await Promise.all([model.close(), written.close()]);
});

it("a weight that is not finite is named, and nothing is left", async () => {
  const place = 1280 * 900 + 7;
  writeModel("F32", (floats) => {
    floats[place] = Number.NaN;
  });
  const model = await open();
  for (const channelwise of [alone, parallel]) {
    const error = await quantizeModel(
      channelwise,
      planModel(model, { type: "Q6_K" }),
      await fileSink(at("out.gguf")),
    ).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(NonFiniteError);
    expect(error).toMatchObject({ index: place, channel: 900, tensor: "blk.0.attn_q.weight" });
  }
  expect(readdirSync(folder)).toEqual(["model.gguf"]);
  await model.close();
});

it("is ended by the signal, and leaves nothing", async () => {
  writeModel("F16");
  const model = await open();
  const controller = new AbortController();
  const onProgress = ({ done, total }: { done: number; total: number }) => {
    if (done > total / 3) controller.abort(new Error("enough"));
  };
  const options = { signal: controller.signal, onProgress };
  const run = quantizeModel(parallel, planModel(model, { type: "Q4_K_M" }), await fileSink(at("out.gguf")), options);
  const error = await run.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(StoppedError);
  expect((error as StoppedError).cause).toMatchObject({ message: "enough" });
  expect(existsSync(at("out.gguf"))).toBe(false);
  expect(readdirSync(folder)).toEqual(["model.gguf"]);
  // The workers go on with other work.
  await expect(measureModel(parallel, planModel(model, { type: "Q8_0" }))).resolves.toHaveLength(2);
  await model.close();
});

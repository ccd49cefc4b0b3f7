import { load, type QuantizedWeights } from "channelwise";
import {
  blobSink,
  compareModels,
  dequantizeModel,
  inspectModel,
  openModel,
  planModel,
  type Rules,
  readFloats,
} from "channelwise/models";
import { load as loadParallel } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { runnerOf } from "../../../dist/workers/runner-of.js";
import { floatsFrom, randomBits } from "../random.js";
import { expectSameBits } from "../same-bits.js";
import { openSafetensors, quantized } from "./run.js";
import { fileOf, parseSafetensors } from "./safetensors-file.js";

const channelwise = await load();
const parallel = await loadParallel({ workers: 2 });
afterAll(() => parallel.close());

const shape = [43, 96];
const next = randomBits(1);
const weights = floatsFrom("float32", 43 * 96, () => (next() / 2 ** 32) * (next() / 2 ** 32 + 0.1) - 0.2);
const original = await openSafetensors(fileOf([{ name: "up.weight", dtype: "F32", shape, data: weights }]));

const groups = { group: 32, along: 1 } as const;
const cases: [string, Rules][] = [
  ["plain, int8", { bits: 8 }],
  ["plain, int8 of 4 bits in groups", { bits: 4, granularity: groups, scales: "search" }],
  ["plain, int8 of columns", { bits: 8, axis: 1 }],
  ["plain, one scale", { bits: 6, granularity: "tensor" }],
  ["plain, int16", { bits: 16 }],
  ["plain, int16 of 12 bits in groups along the first axis", { bits: 12, granularity: { group: 43, along: 0 } }],
  ["npz, int8 in groups", { dialect: "npz", bits: 8, granularity: groups }],
  ["npz, int16", { dialect: "npz", bits: 11 }],
  [
    "compressed-tensors, 4 bits in groups",
    { dialect: "compressed-tensors", bits: 4, granularity: groups, scales: "search" },
  ],
  ["compressed-tensors, 8 bits in rows", { dialect: "compressed-tensors", bits: 8 }],
];

describe.each(cases)("zero points in a file: %s", (_, rules) => {
  const { bits = 8, axis, granularity, scales } = rules;
  const direct = channelwise.quantize(weights, {
    ...{ shape, bits, zeroPoints: true, dequantize: true },
    ...(axis !== undefined && { axis }),
    ...(granularity && { granularity }),
    ...(scales && { scales }),
  });

  it.each([
    ["one thread", channelwise],
    ["workers", parallel],
  ] as const)("are read back and stand for the weights of quantize, on %s", async (_, engine) => {
    const { file, summary } = await quantized(original, { ...rules, zeroPoints: true }, engine as typeof channelwise);
    const model = await openModel(file, { name: rules.dialect === "npz" ? "model.npz" : "model.safetensors" });
    const { quantized: found, unreadable, kept } = await inspectModel(model);
    expect([unreadable, kept]).toEqual([[], []]);
    expect(found[0]).toMatchObject({ name: "up.weight", shape, zeroPoints: true });
    const [{ readScales, byteLength }] = found;
    // It is internal.
    const { readCodes } = found[0] as unknown as {
      readCodes(engine: object, start: number, count: number): Promise<Int16Array | Int32Array>;
    };
    expect(byteLength).toBe(model.tensors.reduce((sum, each) => sum + each.byteLength, 0));
    expectSameBits(await readScales(), direct.scales, "scales");
    const codes = await readCodes(runnerOf(channelwise).engine, 5, 200);
    const places = Float64Array.from(codes, (code, i) => code * direct.scales[placeOf(direct, i + 5)]);
    expectSameBits(Float32Array.from(places), direct.dequantized.subarray(5, 205), "codes less zero points");

    const floats = blobSink();
    await dequantizeModel(engine, model, floats);
    const [tensor] = (await openSafetensors(new Uint8Array(await (await floats.blob()).arrayBuffer()))).tensors;
    expectSameBits(await readFloats(tensor), direct.dequantized, "dequantized");

    const { tensors } = await compareModels(engine, original, model);
    expect(tensors[0]).toMatchObject({ result: "near", maxError: direct.maxError });
    expect(summary.tensors[0]).toMatchObject({ quantize: true, maxError: direct.maxError, sqnr: direct.sqnr });
    expect(summary.tensors[0].bytesAfter).toBe(byteLength);
  });
});

/** The index of the scale of a weight. */
function placeOf({ granularity, axis }: Pick<QuantizedWeights, "granularity" | "axis">, i: number): number {
  const [row, column] = [Math.floor(i / 96), i % 96];
  if (granularity === "tensor") return 0;
  if (typeof granularity === "object" && granularity.along === 1) return row * 3 + Math.floor(column / 32);
  return typeof granularity === "object" || axis === 1 ? column : row;
}

it("lie in words down the rows, as compressed-tensors packs them", async () => {
  const rules = { dialect: "compressed-tensors", bits: 4, granularity: groups, zeroPoints: true } as const;
  const { file, summary } = await quantized(original, rules);
  const { tensors, data } = parseSafetensors(file);
  expect(tensors["up.weight_zero_point"]).toMatchObject({ dtype: "I32", shape: [6, 3] });
  const words = new Uint32Array(data["up.weight_zero_point"].buffer);
  const { zeroPoints } = channelwise.quantize(weights, { shape, bits: 4, granularity: groups, zeroPoints: true });
  for (let row = 0; row < 48; row++)
    for (let group = 0; group < 3; group++) {
      const field = (words[(row >> 3) * 3 + group] >>> (4 * (row & 7))) & 15;
      expect(field).toBe(row < 43 ? zeroPoints[row * 3 + group] + 8 : 0);
    }
  const config = JSON.parse(summary.metadata.quantization_config);
  expect(config.config_groups.group_0.weights).toMatchObject({ num_bits: 4, symmetric: false, group_size: 32 });
});

it("are refused by dialects whose readers take none, and damaged ones are reported", async () => {
  for (const [dialect, reader] of [
    ["comfyui", "ComfyUI"],
    ["compressed-tensors-w8a8", "vLLM"],
  ] as const) {
    expect(() => planModel(original, { dialect, zeroPoints: true })).toThrow(
      `zeroPoints is true, and ${reader} takes no zero points: leave it out`,
    );
  }
  expect(() => planModel(original, { zeroPoints: true, scales: "signed-max" })).toThrow("with zeroPoints it must be");
  // With zero points, a search gives positive scales, which vLLM takes.
  expect(
    planModel(original, { dialect: "compressed-tensors", zeroPoints: true, scales: "search" }).decisions[0].quantize,
  ).toBe(true);
  const codes = { name: "a.weight", dtype: "I8", shape: [2, 4], data: new Int8Array(8) };
  const scales = { name: "a.weight_scale", dtype: "F32", shape: [2, 1], data: new Float32Array(2) };
  const zeros = { name: "a.weight_zero_point", dtype: "I8", shape: [3, 1], data: new Int8Array(3) };
  const { unreadable } = await inspectModel(await openSafetensors(fileOf([codes, scales, zeros])));
  expect(unreadable[0].reason).toBe("a.weight_zero_point must hold 2 numbers of type int8, one for each scale");
});

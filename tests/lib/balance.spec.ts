import { load, type QuantizeOptions } from "channelwise";
import { balance } from "channelwise/balance";
import {
  compareModels,
  dequantizeModel,
  measureWays,
  openModel,
  planModel,
  type Rules,
  readFloats,
} from "channelwise/models";
import { load as loadParallel } from "channelwise/parallel";
import { afterAll, describe, expect, it } from "vitest";
import { openSafetensors, quantized } from "./files/run.js";
import { fileOf, parseSafetensors } from "./files/safetensors-file.js";
import { quantized as quantizedModel, sink, source } from "./onnx/memory.js";
import { float, modelBytes, node, tensor } from "./onnx/models.js";
import { floatsFrom, randomBits } from "./random.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await load();
const parallel = await loadParallel({ workers: 2 });
afterAll(() => parallel.close());

const shape = [64, 96];
const next = randomBits(5);
const normal = () => [0, 0, 0, 0].reduce((sum) => sum + next() / 2 ** 32, -2);
const given = { float32: floatsFrom("float32", 64 * 96, normal), float64: floatsFrom("float64", 64 * 96, normal) };

/** The law once more, from its text, with groups as lists of places. */
function balanced(
  weights: Float32Array | Float64Array,
  codes: Int8Array | Int16Array,
  scales: ArrayLike<number>,
  zeroPoints: ArrayLike<number> | undefined,
  bits: number,
  placesOf: (group: number) => number[],
) {
  const round = weights instanceof Float32Array ? Math.fround : (x: number) => x;
  const result = codes.slice();
  for (let group = 0; group < scales.length; group++) {
    const scale = scales[group];
    const zero = zeroPoints?.[group] ?? 0;
    const error = (place: number) => round(weights[place] - round((result[place] - zero) * scale));
    let sum = placesOf(group).reduce((all, place) => all + error(place), 0);
    while (Math.abs(sum) > Math.abs(scale) / 2) {
      const step = Math.sign(sum) * Math.sign(scale);
      const inRange = (code: number) => code >= -(2 ** (bits - 1)) && code < 2 ** (bits - 1);
      const candidates = placesOf(group).filter(
        (place) => Math.sign(error(place)) === Math.sign(sum) && inRange(result[place] + step),
      );
      if (candidates.length === 0) break;
      const largest = Math.max(...candidates.map((place) => Math.abs(error(place))));
      const moved = candidates.find((place) => Math.abs(error(place)) === largest) as number;
      result[moved] += step;
      sum -= Math.sign(sum) * Math.abs(scale);
    }
  }
  return result;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const alongRows = { group: 32, along: 1 };
const alongColumns = { group: 16, along: 0 };
type Options = Omit<QuantizeOptions, "packed" | "shape" | "dtype" | "into" | "errors"> & { bits: number };
const cases: [string, Options][] = [
  ["4 bits in rows", { bits: 4, granularity: alongRows }],
  ["4 bits in rows, searched, of either sign", { bits: 4, granularity: alongRows, scales: "search" }],
  ["4 bits in columns with zero points", { bits: 4, granularity: alongColumns, zeroPoints: true, scales: "search" }],
  ["2 bits in columns", { bits: 2, granularity: alongColumns, scales: "signed-max" }],
  ["12 bits in rows", { bits: 12, granularity: alongRows }],
];

describe.each(cases)("balanced: %s", (_, options) => {
  const isAlongRows = options.granularity === alongRows;
  const placesOf = (group: number) =>
    isAlongRows
      ? range(32).map((i) => group * 32 + i)
      : range(16).map((o) => (Math.floor(group / 96) * 16 + o) * 96 + (group % 96));

  it.each(["float32", "float64"] as const)("moves the codes that the law says, with %s", (type) => {
    const weights = given[type];
    const before = channelwise.quantize(weights, { ...options, shape, dequantize: true });
    const { scales, zeroPoints, bits, sqnr, mse } = before;
    const codes = before.quantized as Int8Array | Int16Array;
    const expected = balanced(weights, codes, scales, zeroPoints, bits, placesOf);
    expect(expected).not.toEqual(codes);
    const result = balance(weights, { ...before, quantized: codes });
    expectSameBits(result.quantized, expected, "codes");
    const plain = channelwise.dequantize({ ...before, quantized: expected });
    expectSameBits(result.dequantized, plain, "values");
    // With 2 bits, there are groups in which no more codes can move.
    for (const [group, scale] of bits > 2 ? scales.entries() : []) {
      const sum = placesOf(group).reduce((all, place) => all + weights[place] - plain[place], 0);
      expect(Math.abs(sum)).toBeLessThan(Math.abs(scale) * 0.501);
    }
    // Codes that lie nearest to a tie cost little.
    expect(result.sqnr).toBeLessThan(sqnr);
    if (bits > 2) expect(result.sqnr).toBeGreaterThan(sqnr - 0.6);
    expect(result.mse).toBeGreaterThan(mse);
  });
});

describe("balanced models", () => {
  const weights = given.float32;
  const rulesOf: [string, Rules][] = [
    ["plain", { bits: 4, granularity: { group: 32 }, scales: "search", balance: true }],
    ["npz", { bits: 8, dialect: "npz", granularity: { group: 16, along: 0 }, balance: true }],
    ["compressed-tensors", { bits: 4, dialect: "compressed-tensors", granularity: { group: 32 }, balance: true }],
  ];

  it.each(rulesOf)("have the codes of balance(): %s", async (name, rules) => {
    const original = await openSafetensors(fileOf([{ name: "up.weight", dtype: "F32", shape, data: weights }]));
    const { file, summary } = await quantized(original, rules);
    expect((await quantized(original, rules, parallel as never)).file).toEqual(file);
    const model = await openModel(file, { name: name === "npz" ? "a.npz" : "a.safetensors" });
    const { tensors } = await compareModels(channelwise, original, model);
    const direct = { shape, bits: rules.bits as number, scales: rules.scales ?? ("max" as const) };
    const result = channelwise.quantize(weights, { ...direct, granularity: rules.granularity as { group: number } });
    const { sqnr, maxError } = balance(weights, result);
    expect(planModel(original, rules).decisions[0]).toMatchObject({ scheme: { balance: true } });
    expect(tensors[0]).toMatchObject({ result: "near" });
    expect(summary.tensors[0]).toMatchObject({ sqnr: expect.closeTo(sqnr, 5), maxError: expect.closeTo(maxError, 6) });
    if (name !== "plain") return;
    expectSameBits(parseSafetensors(file).data["up.weight"], new Uint8Array(result.quantized.buffer), "codes");
  });

  it.each(["portable", "webgpu"] as const)("have the codes of balance() in .onnx models for %s", async (target) => {
    const rules: Rules = { target, opset: 21, bits: 4, granularity: { group: 32 }, zeroPoints: true, balance: true };
    const graph = {
      node: [node("MatMul", ["x", "w"], ["y"])],
      initializer: [tensor("w", shape, weights)],
      input: [float("x", [2, 64])],
      output: [float("y")],
    };
    const original = modelBytes({ opset: 13, graph });
    const { bytes, errors } = await quantizedModel(original, rules);
    const granularity = { group: 32, along: 0 };
    const result = channelwise.quantize(weights, { shape, bits: 4, zeroPoints: true, granularity, dequantize: true });
    const { dequantized, sqnr } = balance(weights, result);
    expect(errors[0]).toMatchObject({ sqnr: expect.closeTo(sqnr, 5) });
    const floats = sink();
    await dequantizeModel(channelwise, await openModel(source(bytes)), floats.sink);
    const [back] = (await openModel(source(floats.bytes()))).tensors;
    expectSameBits(await readFloats(back), dequantized, "weights");
  });

  it("get mixes of groups alone", async () => {
    const model = await openSafetensors(fileOf([{ name: "up.weight", dtype: "F32", shape, data: weights }]));
    const { ways, measured } = await measureWays(channelwise, model, undefined, { balance: true, bits: 4 });
    expect(ways.map(({ granularity }) => granularity)).toEqual([{ group: 64 }, { group: 128 }, { group: 32 }]);
    expect(measured.map(([each]) => each?.scheme.balance)).toEqual([undefined, undefined, true]); // 96 columns
  });

  it("name the weight that is not finite, and what cannot be balanced", async () => {
    const broken = weights.slice();
    broken[700] = Number.NaN;
    const model = await openSafetensors(fileOf([{ name: "up.weight", dtype: "F32", shape, data: broken }]));
    await expect(quantized(model, rulesOf[0][1])).rejects.toMatchObject({ index: 700 });
    expect(() => planModel(model, { balance: true })).toThrow(
      'balance is for groups, and granularity is "channel": give { group: 32 }, or so',
    );
    expect(() => planModel(model, { balance: 1 as never })).toThrow("balance must be true or false");
    const { group, along } = { group: 6144, along: 0 };
    const flat = channelwise.quantize(weights, { shape: [6144], granularity: { group, along } });
    expect(() => balance(weights, flat)).toThrow("balance is for groups of at most 1024 weights, and these have 6144");
    expect(() => balance(weights.subarray(1), { ...flat, granularity: alongRows, shape })).toThrow(
      "weights has 6143 elements; it must have 6144",
    );
    const packed = channelwise.quantize(weights, { shape, bits: 4, granularity: alongRows, packed: true });
    expect(() => balance(weights, packed as never)).toThrow("balance before packing");
  });
});

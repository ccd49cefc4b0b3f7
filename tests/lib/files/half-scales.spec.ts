import { load } from "channelwise";
import { compareModels } from "channelwise/models";
import { describe, expect, it } from "vitest";
import { infinityOf, numberOf } from "../half-numbers.js";
import { randomBits } from "../random.js";
import { reference } from "../reference.js";
import { expectSameBits } from "../same-bits.js";
import { openSafetensors, quantized } from "./run.js";
import { bytesOf, fileOf, parseSafetensors } from "./safetensors-file.js";

const channelwise = await load();
const shape = (rows: number, columns: number) => ({ shape: [rows, columns] });

/** The codes in a file of compressed-tensors with 4 or 8 bits, whose rows fill whole words. */
function unpacked(words: Uint8Array, bits: 4 | 8): Int8Array<ArrayBuffer> {
  const perByte = 8 / bits;
  return Int8Array.from({ length: words.length * perByte }, (_, i) => {
    const field = (words[Math.floor(i / perByte)] >> (bits * (i % perByte))) & (2 ** bits - 1);
    return field - 2 ** (bits - 1);
  });
}

/** The tensors that a model has in the form of compressed-tensors. */
async function written(
  dtype: string,
  data: ArrayBufferView,
  rows: number,
  columns: number,
  bits: 4 | 8,
  group?: number,
) {
  const model = await openSafetensors(fileOf([{ name: "a.weight", dtype, ...shape(rows, columns), data }]));
  const granularity = group ? { group, along: 1 } : "channel";
  const { file, summary } = await quantized(model, {
    dialect: "compressed-tensors",
    include: ["*"],
    bits,
    granularity,
  });
  const parts = parseSafetensors(file);
  const { tensors } = await compareModels(channelwise, model, await openSafetensors(file));
  return {
    codes: unpacked(parts.data["a.weight_packed"], bits),
    scales: parts.data["a.weight_scale"],
    scaleDtype: parts.tensors["a.weight_scale"].dtype,
    reported: summary.tensors[0] as { mse: number; maxError: number; sqnr: number },
    really: tensors[0] as { mse: number; maxError: number; sqnr: number },
  };
}

function expectReportedIsReally({ reported, really }: Awaited<ReturnType<typeof written>>) {
  expect(reported.maxError).toBe(really.maxError);
  expect(Math.abs(reported.mse - really.mse)).toBeLessThanOrEqual(2e-6 * really.mse);
  if (reported.sqnr !== really.sqnr) expect(reported.sqnr).toBeCloseTo(really.sqnr, 4);
}

describe.each([
  ["F16", "float16"],
  ["BF16", "bfloat16"],
] as const)("scales stored as %s", (dtype, type) => {
  const infinity = infinityOf[type];
  const floatsOf = (halves: Uint16Array) => Float32Array.from(halves, (half) => numberOf(half, type));

  /** Rows for the first magnitudes, or for all: the largest weight of each, among others of either sign. */
  function rowsOf(rows: number, seed: number): Uint16Array<ArrayBuffer> {
    const next = randomBits(seed);
    return Uint16Array.from({ length: rows * 8 }, (_, i) => {
      const top = Math.floor(i / 8) + 1;
      return i % 8 === 3 ? top : (next() & 0x8000) | (next() % (top + 1));
    });
  }

  it.each([
    [8, "of every magnitude", infinity - 1, undefined],
    [4, "of every magnitude", infinity - 1, 8],
    // Large rows would otherwise hide these in the figures of all.
    [8, "that are subnormal", 400, 8],
    [4, "that are subnormal", 40, undefined],
  ] as const)("are what codes and figures are made of: %i bits, scales %s", async (bits, _, rows, group) => {
    const halves = rowsOf(rows, bits);
    const result = await written(dtype, halves, rows, 8, bits, group);
    const expected = reference(floatsOf(halves), shape(rows, 8), bits, type);
    const stored = new Uint16Array(result.scales.slice().buffer);
    expect(result.scaleDtype).toBe(dtype);
    expectSameBits(floatsOf(stored), expected.scales as Float32Array<ArrayBuffer>, "scales");
    expectSameBits(result.codes, expected.quantized as Int8Array<ArrayBuffer>, "codes");
    expect(result.reported.maxError).toBe(expected.maxErrors.reduce((a, b) => Math.max(a, b)));
    expectReportedIsReally(result);
  });

  it("that become 0 are 1, with codes of 0, and the error is all there was", async () => {
    const halves = Uint16Array.of(1, 0x8001, 0, 1, 1, 1, 1, 1);
    const result = await written(dtype, halves, 1, 8, 8);
    expect(floatsOf(new Uint16Array(result.scales.slice().buffer))).toEqual(Float32Array.of(1));
    expect(result.codes.every((code) => code === 0)).toBe(true);
    expect(result.reported).toMatchObject({ maxError: numberOf(1, type), sqnr: 0 });
    expectReportedIsReally(result);
  });
});

describe("scales of float64 weights, stored as F32", () => {
  it.each([4, 8] as const)("are what codes and figures are made of at %i bits", async (bits) => {
    const next = randomBits(7);
    // Some scales lie between two float32, or below their normal numbers; some weights are next to ties of the rounded
    // scale.
    const rows = 500;
    const weights = Float64Array.from({ length: rows * 8 }, (_, i) => {
      const size = 2 ** ((Math.floor(i / 8) % 40) * 7 - 150);
      return (next() / 2 ** 31 - 1) * size;
    });
    const result = await written("F64", weights, rows, 8, bits);
    const expected = reference(weights, shape(rows, 8), bits, "float32");
    expect(result.scaleDtype).toBe("F32");
    expectSameBits(result.scales, bytesOf(Float32Array.from(expected.scales)), "scales");
    expectSameBits(result.codes, expected.quantized as Int8Array<ArrayBuffer>, "codes");
    expect(result.reported.maxError).toBe(expected.maxErrors.reduce((a, b) => Math.max(a, b)));
  });
});

import { load } from "channelwise";
import { compareModels, type Model, openModel, type Rules, type TensorSummary } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { zipSync } from "fflate";
import { beforeAll, describe, expect, it } from "vitest";
import { basicPitchModel, kokoroVoices } from "../../../scripts/data.mjs";
import { quantized } from "./run.js";

// The SQNR that other quantizers of the same rule found on the same weights, in dB.

/** The SQNR in dB of all float32 tensors that were quantized, taken together. */
function totalSqnr(tensors: readonly TensorSummary[]): number {
  let [signal, noise] = [0, 0];
  for (const each of tensors) {
    if (!each.quantize) continue;
    const squares = (each.mse * each.bytesBefore) / 4;
    noise += squares;
    signal += squares * 10 ** (each.sqnr / 10);
  }
  return 10 * Math.log10(signal / noise);
}

/** Quantizes a model, and compares the output with the original. */
async function roundTrip(model: Model, rules: Rules) {
  const { file, summary } = await quantized(model, rules);
  const written = await openModel(file, { name: rules.dialect === "npz" ? "quantized.npz" : "quantized.safetensors" });
  const { tensors, missing, added } = await compareModels(await load(), model, written);
  expect([missing, added]).toEqual([[], []]);
  expect(tensors.map(({ result }) => result)).toEqual(
    summary.tensors.map(({ quantize }) => (quantize ? "near" : "same")),
  );
  return summary.tensors;
}

describe("Basic Pitch, a TensorFlow.js model", () => {
  it.each<[Rules, number]>([
    [{}, 45.3],
    [{ granularity: "tensor" }, 45.25],
  ])("has the known figures by %j: %f dB", async (rules, expected) => {
    const model = await openModel(await basicPitchModel());
    expect(model).toMatchObject({ format: "tfjs", name: "model.json" });
    const matrices = model.tensors.filter(({ dtype, shape }) => dtype === "float32" && shape.length >= 2);
    const tensors = await roundTrip(model, { ...rules, include: matrices.map(({ name }) => name), exclude: ["*"] });
    expect(tensors.filter(({ quantize }) => quantize)).toHaveLength(33);
    expect(totalSqnr(tensors)).toBeCloseTo(expected, 2);
    await model.close();
  });

  it("keeps its vectors, indices and small kernels by itself", async () => {
    const model = await openModel(await basicPitchModel());
    const tensors = await roundTrip(model, {});
    const reasons = new Set(tensors.flatMap((each) => (each.quantize ? [] : each.reason.replace(/\d+ el/, "n el"))));
    expect(reasons).toEqual(
      new Set(["int32; only floats are quantized", "a vector", "a single number", "small: n elements"]),
    );
    expect(tensors.filter(({ quantize }) => quantize)).toHaveLength(21);
    await model.close();
  });
});

describe("Kokoro's voices", () => {
  /** All voices as an archive of arrays. */
  let archive: Uint8Array<ArrayBuffer>;

  beforeAll(async () => {
    const arrays = (await kokoroVoices()).map(({ name, weights, shape }) => [`${name}.npy`, writeNpy(weights, shape)]);
    archive = zipSync(Object.fromEntries(arrays), { level: 1 });
  });

  it.each<[Rules, number]>([
    [{}, 42.75],
    [{ granularity: "tensor" }, 33.77],
    [{ dialect: "npz" }, 42.75],
  ])("have the known figures as arrays of a .npz file, by %j: %f dB", async (rules, expected) => {
    const tensors = await roundTrip(await openModel(archive, { name: "voices.npz" }), rules);
    expect(tensors.filter(({ quantize }) => quantize)).toHaveLength(54);
    expect(totalSqnr(tensors)).toBeCloseTo(expected, 2);
  });

  it.each<[Rules, number]>([
    [{}, 42.75],
    [{ granularity: "tensor" }, 28.36],
  ])("have the known figures as one .npy file, by %j: %f dB", async (rules, expected) => {
    const voices = await kokoroVoices();
    const all = new Float32Array(voices.length * 510 * 256);
    for (const [i, { weights }] of voices.entries()) all.set(weights, i * 510 * 256);
    const model = await openModel(writeNpy(all, [voices.length * 510, 256]), { name: "voices.npy" });
    expect(totalSqnr(await roundTrip(model, rules))).toBeCloseTo(expected, 2);
  });
});

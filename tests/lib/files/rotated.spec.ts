import { load } from "channelwise";
import {
  blobSink,
  compareModels,
  dequantizeModel,
  inspectModel,
  measureModel,
  openModel,
  planModel,
  quantizeModel,
  readFloats,
} from "channelwise/models";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { openSafetensors } from "./run.js";
import { fileOf } from "./safetensors-file.js";

const channelwise = await load();
const [rows, columns] = [5, 2 * 256];
const weights = uniform("float32", rows * columns, 1).map((weight, i) => (i % 97 === 0 ? 20 * weight : weight));

/** The sign of an element of the Kronecker power of ConvRot's matrix: -1 for each digit to the base 4 whose pair adds up to 3. */
function sign(i: number, j: number): number {
  if (i === 0 && j === 0) return 1;
  return ((i % 4) + (j % 4) === 3 ? -1 : 1) * sign(Math.floor(i / 4), Math.floor(j / 4));
}

/** Rows times the matrix, element by element. */
function rotated(values: ArrayLike<number>, group: number): Float64Array {
  const digits = Math.log2(group) / 2;
  // Digits above the highest one of both are pairs of zeros.
  const element = (i: number, j: number) => sign(i, j) / 2 ** digits;
  return Float64Array.from({ length: values.length }, (_, at) => {
    const [begin, j] = [at - (at % group), at % group];
    let sum = 0;
    for (let i = 0; i < group; i++) sum += values[begin + i] * element(i, j);
    return sum;
  });
}

/** A file as ComfyUI has it. */
function fileWith(group: number, marker: object) {
  const turned = Float32Array.from(rotated(weights, group));
  const { quantized, scales } = channelwise.quantize(turned, { shape: [rows, columns] });
  const text = new TextEncoder().encode(JSON.stringify(marker));
  const values = turned.map((_, i) => quantized[i] * scales[Math.floor(i / columns)]);
  const file = fileOf([
    { name: "a.weight", dtype: "I8", shape: [rows, columns], data: quantized },
    { name: "a.weight_scale", dtype: "F32", shape: [rows, 1], data: scales },
    { name: "a.comfy_quant", dtype: "U8", shape: [text.length], data: text },
  ]);
  return { file, back: rotated(values, group) };
}

describe("layers that ComfyUI rotated", () => {
  it.each([
    [256, { format: "int8_tensorwise", convrot: true }],
    [256, { format: "int8_tensorwise", params: { convrot: true, convrot_groupsize: 256 } }],
    [16, { format: "int8_tensorwise", convrot: true, convrot_groupsize: 16 }],
    [4, { format: "int8_tensorwise", convrot: true, convrot_groupsize: 4 }],
  ])("are turned back, in groups of %i", async (group, marker) => {
    const { file, back } = fileWith(group, marker);
    const model = await openSafetensors(file);
    expect((await inspectModel(model)).quantized).toMatchObject([{ name: "a.weight", rotation: group }]);

    const sink = blobSink();
    await dequantizeModel(channelwise, model, sink);
    const [tensor] = (await openModel(await sink.blob(), { name: "floats.safetensors" })).tensors;
    const floats = await readFloats(tensor);
    expect(floats).toHaveLength(rows * columns);
    expect(floats.every((value, i) => Math.abs(value - back[i]) <= 2 ** -23 * Math.max(1, Math.abs(back[i])))).toBe(
      true,
    );

    const original = await openSafetensors(
      fileOf([{ name: "a.weight", dtype: "F32", shape: [rows, columns], data: weights }]),
    );
    const [compared] = (await compareModels(channelwise, original, model)).tensors;
    expect(compared).toMatchObject({ result: "near" });
    if (compared.result === "near") expect(compared.sqnr).toBeGreaterThan(35);
  });

  it("are no others", async () => {
    const { file } = fileWith(4, { format: "int8_tensorwise", convrot: false });
    const [tensor] = (await inspectModel(await openSafetensors(file))).quantized;
    expect(tensor.rotation).toBeUndefined();
  });
});

describe("layers that are rotated where they lose less", () => {
  const normal = uniform("float32", 12 * 64 * 256, 2);
  const sumOf = (at: number) => Array.from({ length: 12 }, (_, k) => normal[12 * at + k]).reduce((a, b) => a + b);
  const rowsOf = (value: (i: number) => number) => Float32Array.from({ length: 64 * 256 }, (_, i) => value(i));
  const gaussian = rowsOf((i) => sumOf(i));
  const outliers = gaussian.map((weight, i) => (i % 256 === 7 || i % 256 === 90 ? 20 * weight : weight));
  // Student's t with 4 degrees of freedom: a chi-squared number is -2 times a sum of two logarithms.
  const uniforms = uniform("float32", 2 * 64 * 2048, 3).map((each) => (each + 1) / 2 + 2 ** -25);
  const tails = Float32Array.from({ length: 64 * 2048 }, (_, i) => {
    return gaussian[i % gaussian.length] / Math.sqrt(-Math.log(uniforms[2 * i] * uniforms[2 * i + 1]) / 2);
  });
  const layer = (name: string, data: Float32Array, shape = [64, 256]) => ({ name, dtype: "F32", shape, data });
  const file = fileOf([
    layer("outliers.weight", outliers),
    layer("tails.weight", tails, [64, 2048]),
    // Rotated, it would overflow.
    layer(
      "huge.weight",
      rowsOf((i) => 3e38 * sign(0, i % 256)),
    ),
    layer("narrow.weight", outliers, [128, 128]),
    layer(
      "sparse.weight",
      gaussian.map((weight, i) => (i % 256 === 3 ? weight : 0)),
    ),
  ]);
  const rules = { dialect: "comfyui", convrot: true } as const;

  it("are never worse, and much better with outliers; the file says which they are", async () => {
    const model = await openSafetensors(file);
    const without = await measureModel(channelwise, planModel(model, { dialect: "comfyui" }));
    const plan = planModel(model, rules);
    const sink = blobSink();
    const { tensors, byteLength } = await quantizeModel(channelwise, plan, sink);
    const gains = tensors.map((tensor, i) => {
      const other = without[i];
      if (!tensor.quantize || !other.quantize) throw new Error(tensor.tensor);
      return { name: tensor.tensor, isRotated: tensor.isRotated, gain: tensor.sqnr - other.sqnr };
    });
    expect(gains.map(({ name, isRotated }) => [name, isRotated])).toEqual([
      ["outliers.weight", true],
      ["tails.weight", true],
      ["huge.weight", false],
      ["narrow.weight", undefined],
      ["sparse.weight", false],
    ]);
    expect(gains[0].gain).toBeGreaterThan(12);
    expect(gains[1].gain).toBeGreaterThan(8);
    expect(gains.every(({ gain }) => gain >= 0 || Number.isNaN(gain))).toBe(true);
    expect(await measureModel(channelwise, plan)).toEqual(tensors);

    const blob = await sink.blob();
    expect(blob.size).toBe(byteLength);
    const written = await openModel(blob, { name: "written.safetensors" });
    const { quantized, dialect } = await inspectModel(written);
    expect(dialect).toBe("comfyui");
    expect(quantized.map(({ rotation }) => rotation !== undefined)).toEqual(gains.map(({ isRotated }) => !!isRotated));
    const compared = (await compareModels(channelwise, model, written)).tensors;
    compared.forEach((each, i) => {
      const tensor = tensors[i];
      if (each.result === "near" && tensor.quantize && each.sqnr !== Infinity)
        expect(Math.abs(each.sqnr - tensor.sqnr)).toBeLessThan(0.01);
    });
  });

  it("are of ComfyUI alone", async () => {
    const model = await openSafetensors(file);
    expect(() => planModel(model, { convrot: true })).toThrow(/needs the dialect comfyui/);
    expect(() => planModel(model, { ...rules, convrot: 1 as never })).toThrow(/convrot must be true or false/);
  });
});

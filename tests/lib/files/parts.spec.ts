import { fairPart, inspectModel, joinShards, openModel, type Rules } from "channelwise/models";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { openSafetensors, quantized } from "./run.js";
import { fileOf } from "./safetensors-file.js";

describe("fairPart", () => {
  const files = fc.array(fc.record({ size: fc.nat({ max: 1000 }) }), { maxLength: 40 });

  it("gives every file to one part, in order", () => {
    fc.assert(
      fc.property(files, fc.integer({ min: 1, max: 20 }), (all, of) => {
        const parts = Array.from({ length: of }, (_, i) => fairPart(all, i + 1, of));
        expect(parts.flat()).toHaveLength(all.length);
        expect(new Set(parts.flat()).size).toBe(all.length);
        for (const part of parts)
          expect(part.map((file) => all.indexOf(file))).toEqual(
            [...part.map((file) => all.indexOf(file))].sort((a, b) => a - b),
          );
      }),
    );
  });

  it("takes as many parts as a call takes no arguments", () => {
    const all = [{ size: 1 }, { size: 3 }, { size: 2 }];
    const [small, large, middle] = all;
    expect([1, 2, 3, 200_000].map((part) => fairPart(all, part, 200_000))).toEqual([[large], [middle], [small], []]);
  });

  it("gives no part more than a file above its share", () => {
    fc.assert(
      fc.property(files, fc.integer({ min: 1, max: 20 }), (all, of) => {
        const total = all.reduce((sum, { size }) => sum + size, 0);
        const largest = Math.max(0, ...all.map(({ size }) => size));
        for (let part = 1; part <= of; part++) {
          expect(fairPart(all, part, of).reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(
            total / of + largest,
          );
        }
      }),
    );
    const shards = [5, 5, 5, 1, 4, 4].map((size) => ({ size }));
    expect([1, 2, 3].map((part) => fairPart(shards, part, 3).map(({ size }) => size))).toEqual([
      [5, 4],
      [5, 4],
      [5, 1],
    ]);
  });

  it.each([
    [0, 3, "part is 0; it must be an integer from 1 to 3"],
    [4, 3, "part is 4; it must be an integer from 1 to 3"],
    [1.5, 3, "part is 1.5"],
    [1, 0, "of is 0; it must be an integer from 1 on"],
    ["1", 3, 'part is "1"'],
  ])("refuses part %j of %j", (part, of, message) => {
    expect(() => fairPart([], part as number, of)).toThrow(RangeError);
    expect(() => fairPart([], part as number, of)).toThrow(message);
  });
});

describe("joinShards", () => {
  const shard = (names: string[]) =>
    fileOf(
      names.map((name) => ({ name, dtype: "F32", shape: [64, 32], data: uniform("float32", 64 * 32, name.length) })),
      { format: "pt" },
    );
  const parts = [
    ["a.weight", "gate.weight"],
    ["bb.weight", "lm_head.weight"],
  ];

  /** Each part is quantized on its own, as by machines that do not know of each other. */
  async function written(rules: Rules, rulesOfSecond = rules) {
    return Promise.all(
      parts.map(async (names, i) => {
        const source = await openSafetensors(shard(names));
        const { file } = await quantized(source, i === 0 ? rules : rulesOfSecond);
        return new File([file], `model-0000${i + 1}-of-00002.safetensors`);
      }),
    );
  }
  const joined = async (files: File[]) => joinShards(await Promise.all(files.map((file) => openModel(file))));

  it("makes an index with which the parts open as one", async () => {
    const files = await written({ dialect: "comfyui", exclude: ["gate.*"] });
    const { index, quantizationConfig } = await joined(files);
    expect(quantizationConfig).toBeUndefined();
    const model = await openModel([...files, new File([JSON.stringify(index)], "model.safetensors.index.json")]);
    expect(model.tensors.map(({ name }) => name)).toEqual(Object.keys(index.weight_map));
    expect(index.weight_map).toMatchObject({ "gate.weight": files[0].name, "bb.comfy_quant": files[1].name });
    expect(index.metadata.total_size).toBe(model.tensors.reduce((sum, { byteLength }) => sum + byteLength, 0));
  });

  it.each([
    [{ dialect: "compressed-tensors", bits: 4, granularity: { group: 16, along: 1 } }, "pack-quantized"],
    [{ dialect: "compressed-tensors-w8a8" }, "int-quantized"],
  ] as [Rules, string][])("joins what the parts say of themselves: %j", async (rules, format) => {
    const { quantizationConfig } = await joined(await written({ ...rules, exclude: ["gate.*"] }));
    const whole = await quantized(await openSafetensors(shard(parts.flat())), { ...rules, exclude: ["gate.*"] });
    expect(quantizationConfig).toEqual(JSON.parse(whole.summary.metadata.quantization_config));
    expect(quantizationConfig).toMatchObject({ format, ignore: ["gate", "lm_head"] });
  });

  it.each<Rules>([{ dialect: "comfyui" }, {}])("names parts that seem to be of another model: %j", async (rules) => {
    const [first, second] = await written(rules);
    expect((await joined([first, second])).warnings).toEqual([]);
    const both = `${second.name} and ${first.name}`;
    const advice = "see whether both are of one model, and of one run";
    const floats = new File([shard(parts[1])], second.name);
    const seen = `${second.name} has no quantized tensors, although bb.weight is such as ${first.name} has quantized: ${advice}`;
    expect((await joined([first, floats])).warnings).toEqual([seen]);
    // The same is said where they are opened together.
    expect((await inspectModel(await openModel([first, floats]))).warnings).toEqual([seen]);
    const norms = [{ name: "norm.weight", dtype: "F32", shape: [64], data: new Float32Array(64) }];
    const ofRun = new File([fileOf(norms, { format: "pt" })], second.name);
    expect((await joined([first, ofRun])).warnings).toEqual([]);
    const other = new File([fileOf(norms, { format: "tf" })], second.name);
    expect((await joined([first, other])).warnings).toEqual([`${both} differ in format of their metadata: ${advice}`]);
  });

  it("refuses parts that do not belong together", async () => {
    const [first, second] = await written({ dialect: "comfyui" });
    await expect(joined([first, new File([second], "model-00002-of-00003.safetensors")])).rejects.toThrow(
      /are not shards of one model: one is of 2 shards, the other of 3; join those of one model/,
    );
    await expect(joined([first, first])).rejects.toThrow(/are both shard 1 of 2/);
    await expect(joined(await written({ dialect: "comfyui" }, {}))).rejects.toThrow(
      "the shards are of several dialects: comfyui, plain",
    );
    await expect(joined([second, new File(["1,2\n3,4"], "a.csv")])).rejects.toThrow("a.csv is of format text");
  });
});

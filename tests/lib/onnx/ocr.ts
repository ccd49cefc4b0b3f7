import { beforeAll, describe, expect, it } from "vitest";
import { evaluate, type OnnxRuntime } from "../../../scripts/ocr/evaluate.mjs";
import { type ModelName, readCharacters, readOcrModels } from "../../../scripts/ocr/packages.mjs";
import { drawPictures } from "../../../scripts/ocr/pictures.mjs";
import { quantizeVariants, totalSqnr } from "../../../scripts/ocr/variants.mjs";

const int8 = ["int8, per channel", "int8, per channel, for wasm", "int8, per tensor"];

/** The variants of each model that are compared. The first takes most of the time. */
const variants: Record<ModelName, string[]> = {
  rec: [...int8, "4 bits, groups of 32", "int8, MatMul 4 bits"],
  det: [...int8, "4 bits, per tensor", "4 bits, groups of 32", "4 bits, groups of 32, opset 21"],
  cls: [...int8, "int8, MatMul 4 bits"],
};

/** Runs three published models on rendered text in one of the runtimes, float32 and quantized. */
export function describeOcr(runtimeName: string, loadRuntime: () => Promise<OnnxRuntime>) {
  let figures: Record<ModelName, Record<string, Record<string, number>>>;
  const weights = { rec: {}, det: {}, cls: {} } as Record<ModelName, Record<string, number>>;
  const sizes = { rec: {}, det: {}, cls: {} } as Record<ModelName, Record<string, number>>;

  beforeAll(async () => {
    const runtime = await loadRuntime();
    const [pictures, characters, models] = [await drawPictures(), await readCharacters(), await readOcrModels()];
    const judged: Partial<typeof figures> = {};
    for (const [model, file] of Object.entries(models) as [ModelName, (typeof models)[ModelName]][]) {
      const files: Parameters<typeof evaluate>[2] = { float32: file.bytes };
      for (const { variant, tensors, bytes } of await quantizeVariants(file, variants[model])) {
        files[variant] = bytes;
        weights[model][variant] = totalSqnr(tensors);
      }
      for (const [variant, bytes] of Object.entries(files)) sizes[model][variant] = bytes.length;
      judged[model] = await evaluate(runtime, model, files, pictures, characters);
    }
    figures = judged as typeof figures;
  });

  describe(`in ${runtimeName}`, () => {
    it("the models have the SQNR per weight that other quantizers of the same rule found", () => {
      const both = ({ "int8, per channel": channel, "int8, per tensor": tensor }: Record<string, number>) =>
        [channel, tensor].map((decibels) => decibels.toFixed(2));
      expect(both(weights.det)).toEqual(["38.70", "21.21"]);
      expect(both(weights.rec)).toEqual(["38.46", "20.19"]);
      expect(both(weights.cls)).toEqual(["44.30", "40.00"]);
    });

    it("a quarter of the bytes is left, and less where MatMul has 4 bits", () => {
      for (const model of ["rec", "det"] as const) {
        expect(sizes[model]["int8, per channel"] / sizes[model].float32).toBeLessThan(0.28);
      }
      expect(sizes.det["4 bits, groups of 32, opset 21"] / sizes.det.float32).toBeLessThan(0.19);
      expect(sizes.rec["int8, MatMul 4 bits"] / sizes.rec.float32).toBeLessThan(0.24);
    });

    it("lines are read with one scale per channel as well as with float weights, and with one per tensor not at all", () => {
      const rates = Object.fromEntries(
        Object.entries(figures.rec).map(([name, each]) => [name, each.characterErrorRate]),
      );
      expect(rates.float32).toBeLessThan(0.06);
      expect(rates["int8, per channel"]).toBeLessThan(rates.float32 + 0.02);
      expect(rates["int8, per channel, for wasm"]).toBeLessThan(rates.float32 + 0.02);
      expect(rates["int8, per tensor"]).toBe(1);
      expect(rates["4 bits, groups of 32"]).toBeLessThan(0.9);
      expect(rates["int8, MatMul 4 bits"]).toBeLessThan(rates.float32 + 0.02);
    });

    it("text is found on a page where float weights find it, and less so with one scale per tensor", () => {
      const { "int8, per channel": channel, "int8, per tensor": tensor, "4 bits, per tensor": worst } = figures.det;
      expect(channel.cosine).toBeGreaterThan(0.995);
      expect(channel.sqnr).toBeGreaterThan(22);
      expect(channel.overlap).toBeGreaterThan(0.97);
      expect(channel.sqnr - tensor.sqnr).toBeGreaterThan(6);
      // The arithmetic is the same, whether codes are packed or not.
      const { "4 bits, groups of 32": stored, "4 bits, groups of 32, opset 21": packed } = figures.det;
      expect(packed.sqnr).toBeCloseTo(stored.sqnr, 1);
      expect(worst.overlap).toBeLessThan(0.1);
    });

    it("the orientation of lines is the same", () => {
      for (const variant of ["int8, per channel", "int8, per channel, for wasm", "int8, MatMul 4 bits"]) {
        expect(figures.cls[variant].agreement).toBe(1);
        expect(figures.cls[variant].sqnr).toBeGreaterThan(30);
      }
    });
  });
}

import { load } from "channelwise";
import { type ProfileName, profiles, quantizeAs } from "channelwise/profiles";
import { describe, expect, it } from "vitest";
import golden from "./golden.jsonl?raw";

interface Answer {
  readonly profile: ProfileName;
  readonly bits: number;
  readonly weights: readonly string[];
  readonly scale: string;
  readonly zeroPoint: number;
  readonly codes: readonly number[];
}

const answers = golden
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Answer);

/** A float32 of the hexadecimal digits of its bits. */
const float = (digits: string) => new Float32Array(Uint32Array.of(Number.parseInt(digits, 16)).buffer)[0];
const digits = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0].toString(16).padStart(8, "0");

describe.each(Object.keys(profiles) as ProfileName[])("%s", (profile) => {
  const own = answers.filter((answer) => answer.profile === profile);

  it("gives the scales, zero points and codes that reference.py gives", () => {
    expect(new Set(own.map(({ bits }) => bits))).toEqual(new Set(profiles[profile].bits));
    for (const { bits, weights, scale, zeroPoint, codes } of own) {
      const result = quantizeAs(profile, Float32Array.from(weights, float), { shape: [1, weights.length], bits });
      const { scales, zeroPoints = [0], quantized } = result;
      const found = { weights, scale: digits(scales[0]), zeroPoint: zeroPoints[0], codes: Array.from(quantized) };
      expect(found).toEqual({ weights, scale, zeroPoint, codes });
    }
  });

  it("has results that dequantize takes, with their errors", async () => {
    const { dequantize } = await load();
    const rows = own.filter(({ weights }) => weights.length === 64);
    const weights = Float32Array.from(
      rows.flatMap((row) => row.weights),
      float,
    );
    const result = quantizeAs(profile, weights, { shape: [rows.length, 64] });
    const errors = dequantize(result).map((value, i) => Math.abs(value - weights[i]));
    expect(result.maxError).toBe(errors.reduce((a, b) => Math.max(a, b)));
    expect(result.mse).toBeCloseTo(errors.reduce((sum, error) => sum + error * error, 0) / weights.length, 6);
    expect(result.sqnr).toBeGreaterThan(15);
  });
});

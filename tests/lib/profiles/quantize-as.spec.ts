import { NonFiniteError, type ProfileName, profiles, quantizeAs } from "channelwise/profiles";
import { describe, expect, it } from "vitest";

const weights = Float32Array.from({ length: 4 * 6 * 8 }, (_, i) => Math.sin(i * i) * (1 + (i % 5)));

describe("quantizeAs", () => {
  it("takes channels along any axis, groups and tensors alike", () => {
    const byMiddle = quantizeAs("torch", weights, { shape: [4, 6, 8], axis: 1 });
    expect(byMiddle).toMatchObject({ scaleShape: [6], axis: 1, bits: 8, granularity: "channel" });
    for (let channel = 0; channel < 6; channel++) {
      const places = [...weights.keys()].filter((i) => Math.floor(i / 8) % 6 === channel);
      const alone = quantizeAs(
        "torch",
        weights.filter((_, i) => places.includes(i)),
        { shape: [1, places.length] },
      );
      expect(byMiddle.scales[channel]).toBe(alone.scales[0]);
      expect(places.map((i) => byMiddle.quantized[i])).toEqual(Array.from(alone.quantized));
    }
    const grouped = quantizeAs("matmulnbits-asymmetric", weights, {
      shape: [24, 8],
      granularity: { group: 4 },
    });
    expect(grouped).toMatchObject({ scaleShape: [24, 2], axis: undefined, bits: 4 });
    expect(quantizeAs("comfyui", weights, { shape: [192], granularity: "tensor" }).scaleShape).toEqual([]);
  });

  it("refuses what a tool does not have, and wrong arguments", () => {
    const shape = [24, 8];
    expect(() => quantizeAs("torch", weights, { shape, bits: 4 })).toThrow(/bits is 4; torch has codes of 8 bits/);
    expect(() => quantizeAs("torch", weights, { shape, granularity: { group: 4 } })).toThrow(/torch has no groups/);
    expect(() => quantizeAs("no" as ProfileName, weights, { shape })).toThrow(/profile must be one of .*torch/);
    expect(() => quantizeAs("toString" as ProfileName, weights, { shape })).toThrow(TypeError);
    expect(() => quantizeAs("torch", [1] as unknown as Float32Array, { shape })).toThrow(/must be a Float32Array/);
    expect(() => quantizeAs("torch", weights, { shape, scales: "max" } as never)).toThrow(/options has no "scales"/);
    expect(() => quantizeAs("torch", weights, { shape: [5] })).toThrow(/has 5 elements/);
    const broken = weights.slice();
    broken[11] = NaN;
    expect(() => quantizeAs("torch", broken, { shape })).toThrow(NonFiniteError);
  });

  it("leaves a channel of zeros zero with every profile", () => {
    for (const name of Object.keys(profiles) as ProfileName[]) {
      const { quantized, zeroPoints = [0], sqnr } = quantizeAs(name, new Float32Array(4), { shape: [1, 4] });
      expect(Array.from(quantized, (code) => code - zeroPoints[0])).toEqual([0, 0, 0, 0]);
      expect(sqnr).toBe(Infinity);
    }
  });
});

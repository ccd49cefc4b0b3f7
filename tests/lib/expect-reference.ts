import type { Channelwise } from "channelwise";
import { expect } from "vitest";
import type { Floats } from "./random.js";
import { type Layout, reference } from "./reference.js";
import { expectSameBits, expectSameDouble } from "./same-bits.js";

/**
 * Fails unless the library gives the bits of reference.ts: codes, scales, dequantized values in both ways, and errors.
 */
export function expectReference(channelwise: Channelwise, weights: Floats, layout: Layout, bits = 8): void {
  const expected = reference(weights, layout, bits);
  const result = channelwise.quantize(weights, { ...layout, bits, dequantize: true, errors: "channel" });
  expect(result.scaleShape).toEqual(expected.scaleShape);
  expectSameBits(result.scales, expected.scales, "scales");
  expectSameBits(result.quantized, expected.quantized, "quantized");
  expectSameBits(result.dequantized, expected.dequantized, "dequantized");
  expectSameBits(result.perChannel.maxError, expected.maxErrors, "perChannel.maxError");
  expectSameDouble(
    result.maxError,
    expected.maxErrors.reduce((a, b) => Math.max(a, b)),
    "maxError",
  );
  expectSameBits(channelwise.dequantize(result), expected.dequantized, "dequantize()");

  // Outputs must not depend on which others are asked for.
  const bare = channelwise.quantize(weights, { ...layout, bits, errors: false });
  expectSameBits(bare.scales, expected.scales, "scales alone");
  expectSameBits(bare.quantized, expected.quantized, "quantized alone");
}

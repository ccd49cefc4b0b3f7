// Chromium has Float16Array, and Node has it from version 24 on.

import { load } from "channelwise";
import { expect, it } from "vitest";
import { expectSameBits } from "./same-bits.js";

declare const Float16Array: new (buffer: ArrayBuffer) => ArrayLike<number>;

it("a Float16Array is taken for what it is", async () => {
  const channelwise = await load();
  const bits = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).filter((half) => (half & 0x7c00) < 0x7c00);
  const weights = new Float16Array(bits.buffer);
  const options = { shape: [bits.length, 1], bits: 2, dequantize: true } as const;
  const { dequantized, ...rest } = channelwise.quantize(weights as unknown as Uint16Array, options);
  expectSameBits(
    dequantized,
    Float32Array.from(weights, (weight) => weight + 0),
    "dequantized",
  );
  expect(rest).toMatchObject({ mse: 0, bits: 2 });
  expect(() => channelwise.quantize(weights as unknown as Uint16Array, { ...options, dtype: "bfloat16" })).toThrow(
    'dtype is "bfloat16", but weights is Float16Array',
  );
});

import { load } from "channelwise";
import { describe, expect, it } from "vitest";
import { openSafetensors, quantized } from "./run.js";
import { fileOf, parseSafetensors } from "./safetensors-file.js";

const channelwise = await load();

/** float16 or bfloat16 bits as numbers, from their definition. */
function numberOf(half: number, exponentBits: 5 | 8): number {
  const fractionBits = 15 - exponentBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  const exponent = (half >> fractionBits) & (2 ** exponentBits - 1);
  const fraction = half & (2 ** fractionBits - 1);
  if (exponent === 2 ** exponentBits - 1) return Number.POSITIVE_INFINITY;
  const magnitude =
    exponent === 0
      ? fraction * 2 ** (1 - bias - fractionBits)
      : (1 + fraction / 2 ** fractionBits) * 2 ** (exponent - bias);
  return half & 0x8000 ? -magnitude : magnitude;
}

describe.each([
  ["F16", 5],
  ["BF16", 8],
] as const)("scales stored as %s", (dtype, exponentBits) => {
  it("are the nearest to the core's, and even where two are", async () => {
    // One row for every magnitude that the type has; its scale is a 127th of it.
    const infinity = exponentBits === 5 ? 0x7c00 : 0x7f80;
    const rows = infinity - 1;
    const halves = new Uint16Array(rows * 4);
    for (let row = 0; row < rows; row++) halves[row * 4] = row + 1;
    const model = await openSafetensors(fileOf([{ name: "a.weight", dtype, shape: [rows, 4], data: halves }]));
    const { file } = await quantized(model, { dialect: "compressed-tensors", include: ["*"] });
    const stored = new Uint16Array(parseSafetensors(file).data["a.weight_scale"].slice().buffer);

    const floats = Float32Array.from(halves, (half) => numberOf(half, exponentBits));
    const { scales } = channelwise.quantize(floats, { shape: [rows, 4], errors: false });
    stored.forEach((half, row) => {
      const distance = (candidate: number) => Math.abs(numberOf(candidate, exponentBits) - scales[row]);
      const below = half === 0 ? Number.POSITIVE_INFINITY : distance(half - 1);
      const nearest = distance(half) < Math.min(below, distance(half + 1));
      const least = half === 1 && distance(0) <= distance(1); // where the nearest would be 0
      const even = half % 2 === 0 && distance(half) === Math.min(below, distance(half + 1));
      if (!nearest && !even && !least)
        expect.fail(`row ${row}: scale ${scales[row]} is stored as ${numberOf(half, exponentBits)}`);
    });
  });
});

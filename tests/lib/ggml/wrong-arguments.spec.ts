import { expect, it } from "vitest";
import { loadBlocks } from "../../../dist/storage/ggml/load-blocks.js";

const blocks = await loadBlocks();

it("weights that do not fill a block are refused", () => {
  expect(() => blocks.encode("Q4_0", new Float32Array(40), "ggml")).toThrow(
    "weights must fill whole blocks of Q4_0: 40 is not a multiple of 32",
  );
});

it("a block that is not whole is refused", () => {
  expect(() => blocks.decode("Q6_K", new Uint8Array(2 * 210 + 1))).toThrow(
    "bytes must fill whole blocks of Q6_K: 421 is not a multiple of 210",
  );
});

it("no weights are no blocks", () => {
  expect(blocks.encode("Q8_0", new Float32Array(0), "ggml")).toEqual(new Uint8Array(0));
  expect(blocks.decode("Q8_0", new Uint8Array(0))).toEqual(new Float32Array(0));
});

it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])("%f has no code", (value) => {
  for (const index of [0, 31, 65_536 + 77]) {
    const weights = new Float32Array(70_016).fill(1, 0, 1000);
    weights[index] = value;
    expect(() => blocks.encode("Q8_0", weights, "ggml")).toThrow(
      expect.objectContaining({ name: "NonFiniteError", index, channel: Math.floor(index / 32), value }),
    );
  }
});

it("types that are not known, and those that are decoded only, are named with what there is", () => {
  const weights = new Float32Array(256);
  // @ts-expect-error
  expect(() => blocks.encode("Q9_0", weights, "ggml")).toThrow(/^type must be one of Q4_0, .*, not "Q9_0"$/);
  // @ts-expect-error
  expect(() => blocks.decode("toString", new Uint8Array(2))).toThrow(/^type must be one of .*, not "toString"$/);
  // @ts-expect-error
  expect(() => blocks.encode("Q8_0", weights, "best")).toThrow('encoder must be "ggml" or "search", not "best"');
  expect(() => blocks.encode("TQ1_0", weights, "ggml")).toThrow(
    "type must be one that can be encoded, not TQ1_0, which can only be decoded",
  );
});

it("arrays to be filled must fit", () => {
  const weights = new Float32Array(64).fill(1);
  const bytes = new Uint8Array(68);
  expect(blocks.encode("Q8_0", weights, "ggml", bytes)).toBe(bytes);
  const decoded = new Float32Array(64);
  expect(blocks.decode("Q8_0", bytes, decoded)).toBe(decoded);
  expect(decoded[63]).toBeCloseTo(1, 3);
  expect(() => blocks.encode("Q8_0", weights, "ggml", new Uint8Array(67))).toThrow("into must hold 68 bytes, not 67");
  expect(() => blocks.decode("Q8_0", bytes, new Float32Array(65))).toThrow("into must hold 64 weights, not 65");
});

import { beforeAll, expect, it } from "vitest";
import { blockTypes } from "../../dist/storage/ggml/block-types.js";
import type { Blocks } from "../../dist/storage/ggml/blocks.js";
import { loadBlocks } from "../../dist/storage/ggml/load-blocks.js";
import { blockLayouts } from "../../web/demo/models/blocks/block-layouts.js";
import { followWeight, sharedOf } from "../../web/demo/models/blocks/follow-weight.js";
import { randomBytes } from "../lib/ggml/weights.js";

let blocks: Blocks;
beforeAll(async () => {
  blocks = await loadBlocks();
});

const types = Object.keys(blockLayouts) as (keyof typeof blockTypes)[];

it.each(types)("every byte of %s has one use", (type) => {
  const { blockBytes, blockLength } = blockTypes[type];
  const { fields, length } = blockLayouts[type];
  expect(length).toBe(blockLength);
  const used = fields.flatMap(({ start, length: count }) => Array.from({ length: count }, (_, i) => start + i));
  expect(used).toEqual(Array.from({ length: blockBytes }, (_, i) => i));
});

it.each(types)("every weight of %s is followed to what readers make of it, by the bytes that it names", (type) => {
  const { blockBytes, blockLength } = blockTypes[type];
  const many = randomBytes(8 * blockBytes);
  const used = new Set<number>();
  for (let at = 0; at < many.length; at += blockBytes) {
    const block = many.slice(at, at + blockBytes);
    const decoded = blocks.decode(type, block);
    for (let i = 0; i < blockLength; i++) {
      const { steps, value } = followWeight(type, block, i);
      // Random bytes may be infinities and NaN.
      if (Number.isFinite(decoded[i])) expect(value + 0, `weight ${i}`).toBe(decoded[i] + 0);
      for (const byte of steps.flatMap(({ bytes }) => bytes)) used.add(byte);
    }
  }
  expect(used.size).toBe(blockBytes);
});

it("unpacks scales of 6 bits, and names their bytes", () => {
  const block = new Uint8Array(144);
  block.set([0b01000001, 0, 0, 0, 0b10000010, 0, 0, 0, 0b00110101, 0, 0, 0], 4);
  const shared = sharedOf("Q4_K", block);
  expect(shared[0]).toEqual({ scale: 1, scaleBytes: [4], min: 2, minBytes: [8] });
  expect(shared[4]).toEqual({ scale: 0b010101, scaleBytes: [12, 4], min: 0b100011, minBytes: [12, 8] });
});

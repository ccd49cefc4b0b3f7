// Blocks are compared with ggml's own library, byte for byte. Where it does not run, golden.spec.ts has its bytes.

import { beforeAll, describe, expect, it } from "vitest";
import { type BlockType, blockTypes } from "../../../dist/storage/ggml/block-types.js";
import type { Blocks } from "../../../dist/storage/ggml/blocks.js";
import { loadBlocks } from "../../../dist/storage/ggml/load-blocks.js";
import { loadGgml, runsHere } from "../../../scripts/ggml/library.mjs";
import { expectSameBits } from "../same-bits.js";
import { goldenOf } from "./golden.js";
import { kinds, randomBytes, weightsOf, withOneNaN } from "./weights.js";

const types = Object.keys(blockTypes) as BlockType[];
const encoded = types.filter((type) => blockTypes[type].encodes);

/** Several times the staged number, and a rest. */
const length = 2 * 65_536 + 256 * 37;

describe.runIf(runsHere)("ggml's library", async () => {
  let blocks: Blocks;
  let ggml: Awaited<ReturnType<typeof loadGgml>>;

  beforeAll(async () => {
    blocks = await loadBlocks();
    ggml = await loadGgml();
  });

  it.each(types)("has blocks of %s of as many weights and bytes", (type) => {
    const { id, blockLength, blockBytes } = blockTypes[type];
    expect([ggml.blockLength(id), ggml.blockBytes(id)]).toEqual([blockLength, blockBytes]);
  });

  describe.each(encoded)("gives the same bytes of %s", (type) => {
    it.each(Object.keys(kinds))("for weights %s", (kind) => {
      const { id, blockLength, blockBytes } = blockTypes[type];
      const weights = weightsOf(kind, length);
      const expected = new Uint8Array((length / blockLength) * blockBytes);
      ggml.encode(id, weights, expected);
      expectSameBlocks(blocks.encode(type, weights, "ggml"), expected, type, weights);
    });
  });

  it.each(types)("decodes random bytes of %s to the same weights", (type) => {
    const { id, blockLength, blockBytes } = blockTypes[type];
    const bytes = randomBytes((length / blockLength) * blockBytes);
    const expected = new Float32Array(length);
    ggml.decode(id, bytes, expected);
    expectSameBits(withOneNaN(blocks.decode(type, bytes)), withOneNaN(expected), type);
  });

  // Where blocks are to change, `npx vitest run --project node tests/lib/ggml --update` writes the file again.
  it("gives golden.json", async () => {
    const golden = await goldenOf(
      (type, weights) => {
        const { id, blockLength, blockBytes } = blockTypes[type];
        const bytes = new Uint8Array((weights.length / blockLength) * blockBytes);
        ggml.encode(id, weights, bytes);
        return bytes;
      },
      (type, bytes) => {
        const { id, blockLength, blockBytes } = blockTypes[type];
        const weights = new Float32Array((bytes.length / blockBytes) * blockLength);
        ggml.decode(id, bytes, weights);
        return weights;
      },
    );
    await expect(`${JSON.stringify(golden, null, 2)}\n`).toMatchFileSnapshot("golden.json");
  });
});

/** Fails with the first block that differs. */
function expectSameBlocks(actual: Uint8Array, expected: Uint8Array, type: BlockType, weights: Float32Array) {
  const { blockLength, blockBytes } = blockTypes[type];
  expect(actual.length).toBe(expected.length);
  if (Buffer.compare(actual, expected) === 0) return;
  const first = Math.floor(actual.findIndex((byte, i) => byte !== expected[i]) / blockBytes);
  const [own, others] = [actual, expected].map((bytes) => bytes.subarray(first * blockBytes, (first + 1) * blockBytes));
  const of = weights.subarray(first * blockLength, (first + 1) * blockLength);
  expect(own, `block ${first} of ${type}, of the weights ${of}`).toEqual(others);
}

import { describe, expect, it } from "vitest";
import { cutExtents, panelsOf } from "../../dist/core/memory/cut.js";

/** The widths of the panels of a piece. */
const widthsOf = (channels: number, inner: number, blockElements: number, channelLimit = 4096) =>
  Array.from(
    panelsOf(cutExtents({ pieces: 1, outer: 3, channels, inner }, blockElements, channelLimit)),
    (panel) => panel.channels,
  );

describe("panels", () => {
  it("are as many as must be, and of equal width but for the last", () => {
    expect(widthsOf(4096, 1, 10_000)).toEqual([4096]);
    expect(widthsOf(4097, 1, 10_000)).toEqual([2049, 2048]);
    expect(widthsOf(9, 10, 40)).toEqual([3, 3, 3]);
    expect(widthsOf(10, 10, 40)).toEqual([4, 4, 2]);
    expect(widthsOf(5, 100, 40)).toEqual([1, 1, 1, 1, 1]);
  });

  it.each([
    { pieces: 1, outer: 1, channels: 7, inner: 100 },
    { pieces: 3, outer: 5, channels: 11, inner: 1 },
    { pieces: 2, outer: 9, channels: 5, inner: 7 },
  ])("have blocks that fit, and every weight in one of them: %j", (extents) => {
    const { outer, channels, inner } = extents;
    const row = channels * inner;
    for (const blockElements of [1, 8, 30, 64, 10_000]) {
      const seen = new Uint8Array(extents.pieces * outer * row);
      let scale = 0;
      for (const panel of panelsOf(cutExtents(extents, blockElements, 4))) {
        expect(panel.scale).toBe(scale);
        scale += panel.channels;
        for (const block of panel.blocks) {
          expect(block.outer * block.channels * block.inner).toBeLessThanOrEqual(blockElements);
          expect(block.channels).toBe(panel.channels);
          for (let o = 0; o < block.outer; o++) {
            const start = (block.row + o) * row + block.column;
            for (let i = 0; i < block.channels * block.inner; i++) seen[start + i]++;
          }
        }
      }
      expect(scale).toBe(extents.pieces * channels);
      expect(seen.every((times) => times === 1)).toBe(true);
    }
  });
});

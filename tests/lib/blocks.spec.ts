import { load } from "channelwise";
import { describe, it } from "vitest";
import { expectReference } from "./expect-reference.js";
import { floatTypes, randomPatterns } from "./random.js";
import type { Layout } from "./reference.js";

const channelwise = await load();

/** The size of a block: 512 KiB of weights, and the state of as many channels. */
const blockElements = { float32: 2 ** 17, float64: 2 ** 16 };
const panelChannels = 4096;

describe.each(floatTypes)("blocks of %s weights", (type) => {
  const block = blockElements[type];
  let seed = 0;

  function check(layout: Layout, bits = 8) {
    const length = layout.shape.reduce((a, b) => a * b);
    expectReference(channelwise, randomPatterns(type, length, seed++, 997), layout, bits);
  }

  const around = [block - 17, block - 1, block, block + 1, block + 17, 2 * block - 1, 2 * block, 2 * block + 1];

  it.each(around)("a row of %i", (length) => {
    check({ shape: [1, length] });
    check({ shape: [2, length] }, 12);
  });

  it.each(around)("one scale for %i", (length) => {
    check({ shape: [length], granularity: "tensor" });
  });

  it.each([1, 15, 17, 1000, 4096])("rows of %i", (length) => {
    const rows = Math.floor(block / length);
    for (const count of [rows, rows + 1, 2 * rows + 1]) check({ shape: [count, length] });
  });

  it.each([panelChannels - 1, panelChannels, panelChannels + 1, 2 * panelChannels, 3 * panelChannels + 5])(
    "%i channels",
    (channels) => {
      check({ shape: [channels, 3] });
      check({ shape: [channels, 16] }, 9);
      check({ shape: [3, channels], axis: 1 });
      check({ shape: [37, channels], axis: -1 });
      check({ shape: [2, channels, 5], axis: 1 }, 4);
      check({ shape: [2, channels, 17], axis: 1 });
      check({ shape: [channels, 32], granularity: { group: 16, along: 1 } });
      check({ shape: [4, channels], granularity: { group: 2, along: 0 } });
    },
  );

  it.each([1, 2, 15, 17, 255, 257, 1000])("%i columns", (channels) => {
    const rows = Math.floor(block / channels);
    for (const count of [rows, rows + 1, 2 * rows + 1]) check({ shape: [count, channels], axis: 1 });
  });

  it("a middle axis with rows shorter, as long as and longer than a block", () => {
    check({ shape: [3, 4, block / 4], axis: 1 });
    check({ shape: [3, 5, block / 4], axis: 1 });
    check({ shape: [2, 2, block], axis: 1 });
    check({ shape: [2, 2, block + 1], axis: 1 });
    check({ shape: [5, 300, 301], axis: 1 });
    check({ shape: [64, 67, 61], axis: 1 });
    check({ shape: [block / 8 + 1, 3, 5], axis: 1 });
    check({ shape: [3, 700, 2, 70], axis: 1 });
  });

  it("groups across the ends of blocks", () => {
    check({ shape: [500, 416], granularity: { group: 32, along: 1 } });
    check({ shape: [60, 4999], granularity: { group: 30, along: 0 } });
    check({ shape: [6, 50, 701], granularity: { group: 25, along: 1 } });
    check({ shape: [4, block + 2], granularity: { group: (block + 2) / 2, along: 1 } });
    check({ shape: [2, 2 * block + 6], granularity: { group: block + 3, along: 1 } });
    check({ shape: [2 * block + 6, 2], granularity: { group: block + 3, along: 0 } });
  });
});

describe("millions of channels", () => {
  const many = 2 ** 21;

  it.each<[string, Layout]>([
    ["of one weight each", { shape: [many, 1] }],
    ["in one row", { shape: [1, many], axis: 1 }],
    ["as groups of one", { shape: [many], granularity: { group: 1, along: 0 } }],
    ["fewer, of two weights below each other", { shape: [2, many / 16], axis: 1 }],
    ["fewer, as groups of two, far apart", { shape: [4, many / 16], granularity: { group: 2, along: 0 } }],
    ["fewer, as many small pieces", { shape: [many / 128, 4, 8], granularity: { group: 2, along: 1 } }],
  ])("%s", (_, layout) => {
    const length = layout.shape.reduce((a, b) => a * b);
    expectReference(channelwise, randomPatterns("float32", length, 7, 5), layout);
  });
});

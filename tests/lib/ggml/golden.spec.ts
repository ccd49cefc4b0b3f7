import { expect, it } from "vitest";
import { loadBlocks } from "../../../dist/storage/ggml/load-blocks.js";
import { goldenOf } from "./golden.js";
import golden from "./golden.json" with { type: "json" };

it("blocks are the bytes that ggml's library gave on x86-64, and what it makes of them", async () => {
  const blocks = await loadBlocks();
  const found = await goldenOf(
    (type, weights) => blocks.encode(type, weights, "ggml"),
    (type, bytes) => blocks.decode(type, bytes),
  );
  expect(found).toEqual(golden);
});

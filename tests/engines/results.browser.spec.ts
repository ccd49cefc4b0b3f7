import { load } from "channelwise";
import { expect, inject, it } from "vitest";
import { results } from "./results.js";

it("gives Node's bits", async () => {
  expect(results(await load())).toEqual(inject("results"));
});

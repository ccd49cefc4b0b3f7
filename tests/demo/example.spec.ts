import { parseMatrix } from "channelwise/text";
import { expect, it } from "vitest";
import { example, exampleMatrix } from "../../web/demo/bring/example.js";

it("shows the example as it is read where somebody pastes it", () => {
  expect(exampleMatrix()).toEqual(parseMatrix(example));
});

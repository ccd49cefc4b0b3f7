import { readFileSync } from "node:fs";
import * as library from "channelwise/profiles";
import { expect, test } from "vitest";
import { withTables } from "../../scripts/profiles.mjs";

test("the tables of docs/profiles.md are what npm run profiles writes", () => {
  const text = readFileSync(new URL("../../docs/profiles.md", import.meta.url), "utf8");
  expect(withTables(text, library)).toBe(text);
});

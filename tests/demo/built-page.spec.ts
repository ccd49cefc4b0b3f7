import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { pageFolder } from "./page.js";

const assets = join(pageFolder, "assets");

/** The code of each chunk, by name. */
const chunks = new Map(
  readdirSync(assets)
    .filter((name) => name.endsWith(".js"))
    .map((name) => [name, readFileSync(join(assets, name), "utf8")]),
);

it("no chunk imports from a worker's entry, which WebKit would evaluate again", () => {
  const entries = [...chunks.values()].flatMap((code) =>
    Array.from(code.matchAll(/new Worker\(new URL\([^)]*?([\w-]+\.js)/g), ([, name]) => name),
  );
  expect(entries.map((name) => name.replace(/-[\w-]{6}\.js$/, "")).sort()).toEqual([
    "pool-worker",
    "run-worker",
    "worker",
    "worker",
    "worker",
  ]);
  const importers = entries.flatMap((entry) =>
    [...chunks].filter(([, code]) => imports(code).includes(entry)).map(([name]) => `${name} imports ${entry}`),
  );
  expect(importers).toEqual([]);
  // Checks that imports are found at all.
  expect([...chunks.values()].flatMap(imports).filter((name) => chunks.has(name))).not.toEqual([]);
});

it("no rule has more than the line in the shorthand of text-decoration, which WebKit does not take", () => {
  const styles = readdirSync(assets).filter((name) => name.endsWith(".css"));
  const rules = styles.flatMap((name) => readFileSync(join(assets, name), "utf8").match(/[^{}]*\{[^{}]*\}/g) ?? []);
  const shorthands = rules.filter((rule) => /[{;]text-decoration:/.test(rule));
  expect(shorthands).not.toEqual([]);
  expect(shorthands.filter((rule) => !/[{;]text-decoration:[a-z-]+[;}]/.test(rule))).toEqual([]);
  expect(rules.filter((rule) => rule.includes(".term{")).join()).toContain("text-decoration-style:dotted");
});

/** The chunks that a chunk imports, at once or later. */
function imports(code: string): string[] {
  return Array.from(code.matchAll(/(?:\bfrom|\bimport\(?)\s*["'`]\.\/([\w-]+\.js)["'`]/g), ([, name]) => name);
}

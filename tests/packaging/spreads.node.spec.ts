// A call takes some 120,000 arguments, and files have more tensors, names and channels than that. Therefore nothing is
// spread into the arguments of a call: arrays are passed, summed or iterated.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, it } from "vitest";

const web = fileURLToPath(new URL("../../web/", import.meta.url));
const files = ["lib", "cli"].flatMap((folder) =>
  readdirSync(join(web, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name)),
);

/** The exception is a tuple, whose type gives its length. */
const tuple = /^\.\.\.schemeNumbers\(/;

/** The calls in a file that an array is spread into. */
function spreadsIn(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(join(web, file), "utf8"), ts.ScriptTarget.ES2022, true);
  const found: string[] = [];
  const visit = (node: ts.Node) => {
    const isCall = ts.isCallExpression(node) || ts.isNewExpression(node);
    const isSpread = (argument: ts.Node) => ts.isSpreadElement(argument) && !tuple.test(argument.getText());
    if (isCall && node.arguments?.some(isSpread)) found.push(`${file}: ${node.getText()}`);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

it("no call of the library and of the command line is given an array as its arguments", () => {
  expect(files.length).toBeGreaterThan(100);
  expect(files.flatMap(spreadsIn)).toEqual([]);
});

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));
const architecture = readFileSync(new URL("../../docs/architecture.md", import.meta.url), "utf8");

/** The folders of the library in the order of the arrows, with those of one level in one string. */
const order = (architecture.match(/^ +core +<-.*$/m)?.[0] ?? "").split("<-").map((folders) => folders.split(/[ ,]+/));

const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".js") && !file.startsWith("cli/"),
);

/** The files that a file imports at run time, at once or later. */
function importsOf(file: string): string[] {
  const code = readFileSync(join(dist, file), "utf8");
  const names = code.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)"/g);
  return [...names].map(([, name]) => relative(dist, join(dist, dirname(file), name)));
}

/** The level of a file's folder in the order; entries come last. */
function placeOf(file: string): number {
  const place = order.findIndex((folders) => folders.includes(dirname(file).split("/")[0]));
  return dirname(file) === "." ? order.length : place;
}

test("every folder of the library stands in the order", () => {
  expect(files.length).toBeGreaterThan(50);
  expect(files.filter((file) => placeOf(file) === -1)).toEqual([]);
});

test("imports follow the arrows", () => {
  const imports = files.flatMap((file) => importsOf(file).map((to) => ({ file, to })));
  expect(imports.filter(({ to }) => !existsSync(join(dist, to)))).toEqual([]);
  expect(imports.filter(({ file, to }) => placeOf(to) > placeOf(file))).toEqual([]);
});

const web = fileURLToPath(new URL("../../web", import.meta.url));

/** The files of a part of the web, and the imports of each, with types. */
function sourcesOf(part: string): Map<string, string[]> {
  const folder = join(web, part);
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return new Map(
    files.map((file) => {
      const names = readFileSync(join(folder, file), "utf8").matchAll(
        /(?:\bfrom|\bimport|\bimport\()\s*"(\.[^"]+)\.js"/g,
      );
      return [file, [...names].map(([, name]) => `${relative(folder, join(folder, dirname(file), name))}.ts`)];
    }),
  );
}

test("types follow the arrows too", () => {
  const imports = [...sourcesOf("lib")].flatMap(([file, all]) => all.map((to) => ({ file, to })));
  expect(imports.length).toBeGreaterThan(300);
  expect(imports.filter(({ file, to }) => placeOf(to) > placeOf(file))).toEqual([]);
});

test.each(["lib", "cli", "demo"])("no file of %s imports itself by way of others, and no type does", (part) => {
  const sources = sourcesOf(part);
  const done = new Set<string>();
  const circles: string[][] = [];
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file]);
    if (path.includes(file) || done.has(file)) return;
    for (const to of sources.get(file) ?? []) visit(to, [...path, file]);
    done.add(file);
  };
  for (const file of sources.keys()) visit(file, []);
  expect(sources.size).toBeGreaterThan(20);
  expect(circles).toEqual([]);
});

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const documents = [
  ...["", "docs/", "docs/examples/"].flatMap((folder) =>
    readdirSync(join(root, folder)).flatMap((name) => (name.endsWith(".md") ? [`${folder}${name}`] : [])),
  ),
];
const read = (file: string) => readFileSync(join(root, file), "utf8");

/** The anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

test.each(documents)("the links of %s lead somewhere", (document) => {
  const links = [...read(document).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  for (const [link, path, anchor] of links) {
    const target = path === "" ? document : join(dirname(document), path);
    expect(existsSync(join(root, target)), link).toBe(true);
    if (anchor === undefined) continue;
    const anchors = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));
    expect(anchors, link).toContain(anchor);
  }
});

/** The width of a table: the longest cell of each column as it is rendered, with a margin on both sides. */
function widthOf(table: string): number {
  const rows = table
    .trim()
    .split("\n")
    .map((row) =>
      row
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) =>
          cell
            .trim()
            .replace(/\[([^\]]*)\][([][^)\]]*[)\]]/g, "$1")
            .replaceAll("`", ""),
        ),
    );
  const columns = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return columns.reduce((sum, width) => sum + width + 2, 0);
}

test.each(documents)("no table of %s is wider than a screen", (document) => {
  const tables = read(document).match(/(?:^\|.*\|\n)+/gm) ?? [];
  const wide = tables.map((table) => ({ table, width: widthOf(table) })).filter(({ width }) => width > 110);
  expect(wide).toEqual([]);
});

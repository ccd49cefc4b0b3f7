// Checks that the C++ sources are formatted by .clang-format; with --write, formats them.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format } from "@wasm-fmt/clang-format";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const write = process.argv.includes("--write");
const style = readFileSync(join(root, ".clang-format"), "utf8");

const files = ["cpp", "tests/cpp"].flatMap((folder) =>
  readdirSync(join(root, folder), { encoding: "utf8", recursive: true })
    .filter((file) => /\.(cpp|h)$/.test(file))
    .map((file) => join(folder, file)),
);
const unformatted = files.filter((file) => {
  const source = readFileSync(join(root, file), "utf8");
  const formatted = format(source, file, style);
  if (write && formatted !== source) writeFileSync(join(root, file), formatted);
  return formatted !== source;
});

for (const file of unformatted) console.log(`${write ? "Formatted" : "Not formatted"}: ${file}`);
if (unformatted.length > 0 && !write) {
  console.error("npm run format puts that right.");
  process.exit(1);
}
console.log(`Checked ${files.length} C++ files.`);

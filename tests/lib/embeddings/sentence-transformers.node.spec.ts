import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { load } from "channelwise/embeddings";
import { describe, expect, it, test } from "vitest";
import { type Answer, expectAnswer, jobs } from "./sentence-transformers.js";

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const golden: Answer[] = readFileSync(file("sentence-transformers.jsonl"), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line));

/** A Python with numpy: the first one in the path may not be the system's. */
const python = ["python3", "/usr/bin/python3"].find(
  (command) => spawnSync(command, ["-c", "import numpy"]).status === 0,
);

test("codes of the profile are what numpy once gave", async () => {
  const embeddings = await load();
  const asked = jobs();
  expect(golden).toHaveLength(asked.length);
  asked.forEach((job, i) => {
    expectAnswer(embeddings, job, golden[i]);
  });
});

// Without numpy, only golden values are compared.
describe.runIf(python !== undefined)("numpy", () => {
  it("gives the golden values", () => {
    const input = jobs().map((job) => `${JSON.stringify(job)}\n`);
    const run = spawnSync(python as string, [file("sentence_transformers.py")], {
      input: input.join(""),
      encoding: "utf8",
    });
    expect(run.stderr).toBe("");
    expect(run.stdout).toBe(readFileSync(file("sentence-transformers.jsonl"), "utf8"));
  });
});

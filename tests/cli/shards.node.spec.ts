import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter } from "node:path";
import { openModel } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseSafetensors } from "../lib/files/safetensors-file.js";
import { main, Workplace } from "./command.js";
import { tensors, writeModel, writeShards } from "./models.js";

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const read = (...names: string[]) => parseSafetensors(new Uint8Array(readFileSync(place.path(...names))));

/** The tensors of an index and its shards, as a user's loader finds them. */
async function contentsOf(index: string): Promise<Record<string, Uint8Array>> {
  const model = await openModel(place.path(index));
  const contents: Record<string, Uint8Array> = {};
  for (const { name, byteLength, read: readTensor } of model.tensors) contents[name] = await readTensor(0, byteLength);
  await model.close();
  return contents;
}

describe("--shard K/N of one model", () => {
  it.each(["model.safetensors", "sharded"])("writes parts that are the whole: %s", async (input) => {
    writeModel(place.path("model.safetensors"));
    mkdirSync(place.path("sharded"));
    writeShards(place.path("sharded"));
    const sizes: number[] = [];
    for (const k of [2, 3, 1]) {
      const { code, stderr } = await place.run("quantize", input, "-o", "parts", "--shard", `${k}/3`);
      expect(code).toBe(0);
      const said = { 2: "1 of 3 parts are there", 3: "2 of 3 parts are there", 1: "all 3 parts are there: wrote" }[k];
      expect(stderr).toContain(said);
      sizes.push(readFileSync(place.path("parts", `model-0000${k}-of-00003.safetensors`)).length);
    }
    await place.json("quantize", "model.safetensors", "-o", "whole.safetensors");
    expect(await contentsOf("parts/model.safetensors.index.json")).toEqual(read("whole.safetensors").data);
    // Four of the ten tensors have a quarter of the bytes each. No part is twice as large as another.
    expect(Math.max(...sizes) / Math.min(...sizes)).toBeLessThan(2);
  });

  it("is told from parts of a model that were given alone", async () => {
    writeShards(place.folder);
    const [first, ...others] = [1, 2, 3].map((k) => `model-0000${k}-of-00003.safetensors`);
    const rest = "not given, and the output will lack";
    const one = await place.run("quantize", first, "-o", "a.safetensors");
    expect(one.stderr).toContain(`warning: ${first}: part 2 and 1 more part of 3 are ${rest}`);
    const two = await place.run("quantize", ...others, "-o", "b.safetensors");
    expect(two.stderr).toContain(`warning: ${others[0]}: part 1 of 3 is ${rest}`);
    const all = await place.run("quantize", first, ...others, "-o", "c.safetensors");
    expect([one.code, two.code, all.code, all.stderr]).toEqual([0, 0, 0, ""]);
  });

  // DeepSeek's repositories have such names.
  it("is also one whose names have more digits in the total", async () => {
    writeShards(place.folder);
    rmSync(place.path("model.safetensors.index.json"));
    const names = [1, 2, 3].map((k) => `model-0000${k}-of-000003.safetensors`);
    for (const name of names) renameSync(place.path(name.replace("-000003", "-00003")), place.path(name));
    const { files } = await place.json("quantize", ...names);
    expect(files.map(({ output }: { output: string }) => output)).toEqual(["model-int8.safetensors"]);
    const [first] = names;
    const rest = "part 2 and 1 more part of 3 are not given, and the output will lack";
    const one = await place.run("quantize", first, "-o", "a.safetensors");
    const floats = await place.run("dequantize", first, "-o", "b.safetensors");
    expect([one.stderr, floats.stderr]).toEqual([expect.stringContaining(rest), expect.stringContaining(rest)]);
    await place.json("join", ".");
    expect(Object.keys(await contentsOf("model.safetensors.index.json"))).toHaveLength(tensors.length);
  });

  it("has empty parts where there are more than tensors, and they are sound files", async () => {
    writeModel(place.path("model.safetensors"), tensors.slice(2, 3));
    for (const k of [1, 2]) await place.json("quantize", "model.safetensors", "--shard", `${k}/2`);
    expect(place.list("model-int8")).toHaveLength(3);
    expect(read("model-int8", "model-00002-of-00002.safetensors").tensors).toEqual({});
    const index = JSON.parse(readFileSync(place.path("model-int8/model.safetensors.index.json"), "utf8"));
    expect(index).toEqual({
      metadata: { total_size: 128 * 32 + 128 * 4 },
      weight_map: {
        "layers.0.up.weight": "model-00001-of-00002.safetensors",
        "layers.0.up.weight_scale": "model-00001-of-00002.safetensors",
      },
    });
  });

  it("says of compressed-tensors what config.json needs, of all parts", async () => {
    writeModel(place.path("model.safetensors"));
    const args = ["--dialect", "compressed-tensors", "--override", "layers.0.*=4,,group:32"];
    for (const k of [1, 2, 3]) await place.json("quantize", "model.safetensors", ...args, "--shard", `${k}/3`);
    await place.json("quantize", "model.safetensors", ...args);
    const { quantizationConfig: ofParts } = await place.json("inspect", "model-w8a16");
    const { quantizationConfig: ofWhole } = await place.json("inspect", "model-w8a16.safetensors");
    const targets = (config: { config_groups: Record<string, { targets: string[] }> }) =>
      Object.values(config.config_groups).flatMap((group) => [...group.targets].sort());
    expect(targets(ofWhole)).toHaveLength(4);
    expect(targets(ofParts).sort()).toEqual(targets(ofWhole).sort());
  });
});

it("--shard K/N of several files takes whole ones, each in one part", async () => {
  const rows = [5, 300, 40, 41, 200, 10, 100];
  const names = rows.map((count) => `v${count}.npy`);
  for (const [i, name] of names.entries()) {
    writeFileSync(place.path(name), writeNpy(new Float32Array(rows[i] * 64).fill(1), [rows[i], 64]));
  }
  const shares: string[][] = [];
  for (const k of [1, 2, 3]) {
    const { files } = await place.json("quantize", ...names, "-o", "out", "--shard", `${k}/3`);
    shares.push(files.map(({ input }: { input: string }) => input));
  }
  expect(shares).toEqual([["v300.npy"], ["v200.npy"], ["v5.npy", "v40.npy", "v41.npy", "v10.npy", "v100.npy"]]);
  expect(place.list("out")).toHaveLength(7);
  const { code, stderr } = await place.run("quantize", "v5.npy", "v10.npy", "-o", "none", "--shard", "3/3");
  expect({ code, stderr }).toEqual({ code: 0, stderr: "nothing to do: part 3/3 of 2 files is empty\n" });
});

describe("join", () => {
  beforeEach(async () => {
    writeModel(place.path("model.safetensors"));
    for (const k of [1, 2, 3]) await place.json("quantize", "model.safetensors", "--shard", `${k}/3`);
  });

  it("writes the index that the last part wrote", async () => {
    const index = place.path("model-int8", "model.safetensors.index.json");
    const written = readFileSync(index);
    rmSync(index);
    const { code, stdout } = await place.run("join", "model-int8");
    expect({ code, stdout }).toEqual({ code: 0, stdout: "model-int8/model.safetensors.index.json\n" });
    expect(readFileSync(index)).toEqual(written);
    expect(await place.run("join", "model-int8")).toEqual({
      code: 1,
      stdout: "",
      stderr: "channelwise: model-int8/model.safetensors.index.json exists; --force replaces it\n",
    });
    const { indexes } = await place.json("join", "model-int8", "--force");
    expect(indexes).toEqual(["model-int8/model.safetensors.index.json"]);
  });

  it("refuses what is no whole", async () => {
    rmSync(place.path("model-int8", "model-00002-of-00003.safetensors"));
    expect(await place.run("join", "model-int8", "--force")).toMatchObject({
      code: 1,
      stderr: "channelwise: model-int8: of the 3 parts of model, these are missing: 2\n",
    });
    const [first, second] = [1, 2].map((k) => place.path("model-int8", `model-0000${k}-of-00003.safetensors`));
    copyFileSync(first, second);
    expect(await place.run("join", "model-int8", "--force")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/both have the tensor/),
    });
    copyFileSync(second, place.path("model-int8", "model-00001-of-00001.safetensors"));
    expect(await place.run("join", "model-int8", "--force")).toMatchObject({
      code: 1,
      stderr: "channelwise: model-int8 has model in 1 and in 3 parts; remove those of one\n",
    });
    copyFileSync(second, place.path("model-int8", "model-1-of-3.safetensors"));
    expect(await place.run("join", "model-int8", "--force")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("model-1-of-3.safetensors are both part 1 of 3; remove one"),
    });
    expect(await place.run("join", ".")).toMatchObject({ code: 1, stderr: expect.stringContaining("has no parts") });
    expect(await place.run("join", "none")).toMatchObject({ code: 1, stderr: expect.stringContaining("no such") });
  });
});

describe("the examples in docs/command-line.md", () => {
  const text = readFileSync(new URL("../../docs/command-line.md", import.meta.url), "utf8");

  const parts = 4;

  /** The command of an example as its shell gets it, with paths of the test and for four parts. */
  function exampleAfter(mark: string): string {
    const command = text
      .slice(text.indexOf(mark))
      .match(/^.*?npx -y --package=\S+ (channelwise quantize .*--shard .*)$/m);
    return (command?.[1] ?? "").replaceAll("/models/", `${place.folder}/`).replace(/\/16$/, `/${parts}`);
  }

  /** Runs a command in a shell in which `channelwise` is the built one. */
  async function shell(command: string, env: NodeJS.ProcessEnv) {
    const path = `${place.folder}${delimiter}${process.env.PATH}`;
    return place.runProgram("sh", ["-c", command], { env: { PATH: path, ...env } });
  }

  beforeEach(() => {
    const script = `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`;
    writeFileSync(place.path("channelwise"), script);
    chmodSync(place.path("channelwise"), 0o755);
    mkdirSync(place.path("llm"));
    writeShards(place.path("llm"));
  });

  it.each([
    ["a Kubernetes indexed Job", "completionMode: Indexed", (index: number) => ({ JOB_COMPLETION_INDEX: `${index}` })],
    [
      "a Slurm array",
      "#SBATCH --array",
      (index: number) => ({ SLURM_ARRAY_TASK_ID: `${index + 1}`, SLURM_ARRAY_TASK_COUNT: `${parts}` }),
    ],
  ])("%s writes every part", async (_, mark, environment) => {
    const command = exampleAfter(mark);
    expect(command).not.toBe("");
    for (let index = 0; index < parts; index++) {
      const { code, stderr } = await shell(command, environment(index));
      expect({ index, code, stderr }).toMatchObject({ code: 0 });
    }
    const names = Array.from({ length: parts }, (_, i) => `model-0000${i + 1}-of-0000${parts}.safetensors`);
    expect(place.list("llm-int8")).toEqual([...names, "model.safetensors.index.json"]);
  });
});

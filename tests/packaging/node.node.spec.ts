import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createProject, type Project } from "./project.js";
import { sample } from "./sample.js";

let project: Project;

beforeAll(() => {
  project = createProject();
});

afterAll(() => project?.remove());

/** Runs a file of the project in a Node of its own, without flags; returns its output. */
function run(file: string): unknown {
  return JSON.parse(execFileSync(process.execPath, [file], { cwd: project.folder, encoding: "utf8", env: {} }));
}

test("Node loads it, in the main thread and in a worker thread", () => {
  const thread = { sample, parallel: sample };
  expect(run("node.js")).toEqual({ main: sample, thread, file: sample, parallel: sample, ownWorkers: sample });
});

test("workers with nothing to do do not keep Node running", () => {
  expect(run("waits-for-nothing.js")).toEqual(sample.quantized);
});

test("the worker entry says where it belongs", () => {
  const program = `
    import { serve } from "channelwise/worker";
    try { serve(); } catch (error) { console.log(JSON.stringify(error.message)); }`;
  const options = { cwd: project.folder, encoding: "utf8", env: {} } as const;
  const output = execFileSync(process.execPath, ["--input-type=module", "--eval", program], options);
  expect(JSON.parse(output)).toBe("serve() of channelwise/worker must be called in a worker, not in the main thread");
});

test("importing it does nothing: no WebAssembly, no fetch, no global", () => {
  expect(run("import-only.js")).toEqual({ used: [], added: [] });
});

test("the slim entry takes its binary as bytes, module, response, address or file name", async () => {
  const file = project.resolve("channelwise/channelwise.wasm");
  const bytes = readFileSync(file);
  const url = pathToFileURL(file);
  const response = () => new Response(new Uint8Array(bytes), { headers: { "Content-Type": "application/wasm" } });
  const sources = [
    bytes,
    new Uint8Array(bytes).buffer,
    await WebAssembly.compile(new Uint8Array(bytes)),
    response(),
    Promise.resolve(response()),
    url,
    url.href,
    `data:application/wasm;base64,${bytes.toString("base64")}`,
  ];
  const { load } = (await import(project.resolve("channelwise/slim"))) as typeof import("channelwise/slim");
  for (const wasm of sources) {
    const channelwise = await load({ wasm });
    expect([...channelwise.quantize([[1, -2, 3.5, 127]]).quantized]).toEqual([1, -2, 4, 127]);
  }
});

test("its command runs where npm puts it", () => {
  const bin = join(project.folder, "node_modules/.bin/channelwise");
  writeFileSync(join(project.folder, "weights.csv"), "1,-2,3.5,127\n0.5,2,-4,8\n");
  const { files } = JSON.parse(
    execFileSync(bin, ["quantize", "weights.csv", "-o", "weights.npz", "--json"], {
      cwd: project.folder,
      encoding: "utf8",
    }),
  );
  expect(files).toMatchObject([
    { input: "weights.csv", output: "weights.npz", tensors: [{ quantize: true, bits: 8 }] },
  ]);
  expect(readFileSync(join(project.folder, "weights.npz")).subarray(0, 2).toString()).toBe("PK");
  const { version } = JSON.parse(readFileSync(project.resolve("channelwise/package.json"), "utf8"));
  expect(execFileSync(bin, ["--version"], { cwd: project.folder, encoding: "utf8" })).toBe(`${version}\n`);
});

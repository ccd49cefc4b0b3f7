import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { load } from "channelwise";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readWasm } from "./wasm-file.js";

const bytes = await readWasm();

const server = createServer((request, response) => {
  if (request.url === "/channelwise.wasm") response.end(bytes);
  else response.writeHead(404).end("no such file");
});
let origin = "";

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

it("loads from a server, by address and by response", async () => {
  for (const wasm of [
    `${origin}/channelwise.wasm`,
    new URL("/channelwise.wasm", origin),
    fetch(`${origin}/channelwise.wasm`),
  ]) {
    const channelwise = await load({ wasm });
    expect(Array.from(channelwise.quantize([[127, 1]]).quantized)).toEqual([127, 1]);
  }
});

it("rejects with the status and the address of what the server does not have", async () => {
  await expect(load({ wasm: `${origin}/no-such.wasm` })).rejects.toThrow(/no-such\.wasm.*404/);
  await expect(load({ wasm: fetch(`${origin}/no-such.wasm`) })).rejects.toThrow(/404/);
});

it("rejects where no server answers", async () => {
  // Nothing listens on port 9.
  await expect(load({ wasm: "http://127.0.0.1:9/channelwise.wasm" })).rejects.toThrow();
});

// On x64 processors without SSE 4.1, V8 has no SIMD, so the probe meets an engine that really lacks it.
it.runIf(process.arch === "x64")("rejects in an engine without SIMD", () => {
  const program = `
    import { load } from "channelwise";
    load().then(() => console.log("loaded"), (error) => console.log(error.message));`;
  const run = (...flags: string[]) =>
    execFileSync(process.execPath, [...flags, "--input-type=module", "--eval", program], { encoding: "utf8" });
  expect(run("--no-enable-sse4-1")).toMatch(/^channelwise needs WebAssembly SIMD.*\n$/);
  expect(run()).toBe("loaded\n");
});

import { load } from "channelwise";
import { openModel, planModel, privateFileSink, quantizeModel, streamSink } from "channelwise/models";
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { uniform } from "../random.js";
import { quantized } from "./run.js";
import { fileOf } from "./safetensors-file.js";

const folder = await navigator.storage.getDirectory();
const channelwise = await load();
const weights = uniform("float32", 64 * 65, 1);
const model = await openModel(
  new File([fileOf([{ name: "a.weight", dtype: "F32", shape: [64, 65], data: weights }])], "model.safetensors"),
);

async function namesInFolder(): Promise<string[]> {
  const names: string[] = [];
  for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) names.push(name);
  return names;
}

beforeEach(async () => {
  for (const name of await namesInFolder()) await folder.removeEntry(name);
});

describe("privateFileSink", () => {
  it("writes a file that appears when it is complete", async () => {
    const sink = await privateFileSink("quantized.safetensors");
    expect(await namesInFolder()).not.toContain("quantized.safetensors");
    await quantizeModel(channelwise, planModel(model), sink);
    expect(await namesInFolder()).toEqual(["quantized.safetensors"]);
    const bytes = new Uint8Array(await (await sink.blob()).arrayBuffer());
    expect(bytes).toEqual((await quantized(model)).file);
  });

  it("replaces a file, and leaves none when it is aborted", async () => {
    for (const contents of [1, 2]) {
      const sink = await privateFileSink("a");
      await sink.write(0, Uint8Array.of(contents));
      await sink.close();
    }
    const aborted = await privateFileSink("a");
    await aborted.write(0, Uint8Array.of(3));
    await aborted.abort();
    expect(await namesInFolder()).toEqual(["a"]);
    const file = await (await folder.getFileHandle("a")).getFile();
    expect(new Uint8Array(await file.arrayBuffer())).toEqual(Uint8Array.of(2));
  });
});

it.each(["createWritable", "move"])("says what to do where files have no %s()", async (method) => {
  const { prototype } = [FileSystemFileHandle, FileSystemHandle].find(({ prototype }) =>
    Object.hasOwn(prototype, method),
  ) as typeof FileSystemHandle;
  const descriptor = Object.getOwnPropertyDescriptor(prototype, method) as PropertyDescriptor;
  Reflect.deleteProperty(prototype, method);
  onTestFinished(() => void Object.defineProperty(prototype, method, descriptor));
  await expect(privateFileSink("a")).rejects.toThrow(`no ${method}()): use blobSink()`);
  expect(await namesInFolder()).toEqual([]);
});

it("leaves no file that cannot be written", async () => {
  const full = new DOMException("no room", "QuotaExceededError");
  vi.spyOn(FileSystemFileHandle.prototype, "createWritable").mockRejectedValueOnce(full);
  await expect(privateFileSink("a")).rejects.toMatchObject({ cause: full });
  expect(await namesInFolder()).toEqual([]);
});

it("a handle's stream is written at any place, and changes the file when it is closed", async () => {
  const handle = await folder.getFileHandle("saved.safetensors", { create: true });
  const sink = streamSink(await handle.createWritable());
  await quantizeModel(channelwise, planModel(model), sink);
  const file = await handle.getFile();
  expect(new Uint8Array(await file.arrayBuffer())).toEqual((await quantized(model)).file);

  const controller = new AbortController();
  controller.abort();
  const stopped = streamSink(await handle.createWritable());
  const run = quantizeModel(channelwise, planModel(model), stopped, { signal: controller.signal });
  await expect(run).rejects.toThrow("stopped at tensor a.weight");
  expect((await handle.getFile()).size).toBe(file.size);
});

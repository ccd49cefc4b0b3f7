// The contents of an archive are checked against its directory, and names are kept apart.

import { load } from "channelwise";
import {
  blobSink,
  FormatError,
  type Model,
  type ModelTensor,
  openModel,
  planModel,
  quantizeModel,
} from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import fc from "fast-check";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { fileOf, safetensorsFile } from "./safetensors-file.js";

const weights = uniform("float32", 300 * 40, 1);
const array = writeNpy(weights, [300, 40]);
const stored = zipSync({ "weights.npy": array }, { level: 0 });
const dataStart = stored.length - 22 - 46 - "weights.npy".length - array.length;

const open = async (file: Uint8Array) => (await openModel(file, { name: "arrays.npz" })) as Model;
const weightsOf = async (file: Uint8Array) => (await open(file)).tensors[0] as ModelTensor;
const damaged = (at: number) => {
  const file = stored.slice();
  file[at] ^= 0x10;
  return file;
};

describe("stored contents", () => {
  it("are refused where a bit of them is another one, whichever it is", async () => {
    for (let at = dataStart + 128; at < dataStart + array.length; at += 1009) {
      const tensor = await weightsOf(damaged(at));
      const error = await tensor.read(0, tensor.byteLength).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(FormatError);
      expect(error).toMatchObject({
        file: "arrays.npz/weights.npy",
        reason: expect.stringMatching(/do not match the checksum/),
      });
    }
  });

  it("are held against their checksum in whatever order they are read, and as often", async () => {
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: weights.byteLength - 1 }), { maxLength: 6 });
    const at = fc.integer({ min: dataStart + 128, max: dataStart + array.length - 1 });
    await fc.assert(
      fc.asyncProperty(cuts, at, fc.infiniteStream(fc.nat()), fc.boolean(), async (cuts, at, order, atOnce) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), weights.byteLength];
        const reads = edges.slice(1).map((end, i) => [edges[i], end - edges[i]] as const);
        const shuffled = [...reads, reads[0]]
          .map((read) => ({ read, place: order.next().value as number }))
          .sort((a, b) => a.place - b.place)
          .map(({ read }) => read);
        const readAll = async (tensor: ModelTensor) => {
          if (atOnce) return Promise.all(shuffled.map(([offset, length]) => tensor.read(offset, length)));
          const parts: Uint8Array[] = [];
          for (const [offset, length] of shuffled) parts.push(await tensor.read(offset, length));
          return parts;
        };
        const parts = await readAll(await weightsOf(stored));
        const bytes = new Uint8Array(weights.buffer);
        for (const [i, [offset, length]] of shuffled.entries()) {
          expect(parts[i].every((byte, at) => byte === bytes[offset + at])).toBe(true);
          expect(parts[i]).toHaveLength(length);
        }
        await expect(readAll(await weightsOf(damaged(at)))).rejects.toBeInstanceOf(FormatError);
      }),
      { numRuns: 100 },
    );
  });

  it("are refused before a file is written, however they are quantized", async () => {
    for (const rules of [{}, { axis: 1 }, { granularity: "tensor" }, { exclude: ["*"] }] as const) {
      const model = await open(damaged(dataStart + 200));
      const sink = blobSink();
      const run = quantizeModel(await load(), planModel(model, rules), sink);
      await expect(run).rejects.toBeInstanceOf(FormatError);
      await expect(sink.blob()).rejects.toThrow("not complete");
    }
  });
});

describe("names that files in an archive cannot have", () => {
  it.each([
    ["\ud800", "its name has half of a surrogate pair"],
    ["a\udfffb", "its name has half of a surrogate pair"],
    ["a\0b", "its name has a zero character"],
    ["../a", "its name leads out of the folder"],
    ["a/../../b", "its name leads out of the folder"],
    ["..\\a", "its name leads out of the folder"],
    ["/etc/a", "its name leads out of the folder"],
    ["\\a", "its name leads out of the folder"],
    ["C:a", "its name leads out of the folder"],
    ["a".repeat(70_000), "its name takes 70014 bytes; an archive can hold 65535"],
  ])("%j", async (name, reason) => {
    const model = await openModel(
      fileOf([{ name, dtype: "F32", shape: [300, 40], data: weights }]) as Uint8Array<ArrayBuffer>,
      { name: "model.safetensors" },
    );
    const channelwise = await load();
    const run = async (dialect: "npz" | "plain") => {
      const sink = blobSink();
      await quantizeModel(channelwise, planModel(model, { dialect }), sink);
      return new Uint8Array(await (await sink.blob()).arrayBuffer());
    };
    await expect(run("npz")).rejects.toThrow(reason);
    // In a JSON header, all names are as they were.
    const again = await openModel(await run("plain"), { name: "again.safetensors" });
    expect(again.tensors.map((tensor) => tensor.name)).toContain(name);
  });

  it("are those only: dots elsewhere and other alphabets go on", async () => {
    const names = ["a..b", "..a", "a/b.c/d", "äöü", "重み", "😀", "a.npy", " "];
    const model = await openModel(
      fileOf(names.map((name) => ({ name, dtype: "F32", shape: [300, 40], data: weights }))) as Uint8Array<ArrayBuffer>,
      { name: "model.safetensors" },
    );
    const sink = blobSink();
    await quantizeModel(await load(), planModel(model, { dialect: "npz" }), sink);
    const again = await open(new Uint8Array(await (await sink.blob()).arrayBuffer()));
    expect(again.tensors.map(({ name }) => name)).toEqual(
      names.flatMap((name) => [`${name}.quantized`, `${name}.scale`]),
    );
  });
});

describe("archives of very many arrays", () => {
  it("are read", async () => {
    const count = 70_000; // more than fields of 16 bits can count
    const header = Object.fromEntries(
      Array.from({ length: count }, (_, i) => [`a${i}`, { dtype: "U8", shape: [1], data_offsets: [i, i + 1] }]),
    );
    const bytes = Uint8Array.from({ length: count }, (_, i) => i);
    const model = await openModel(safetensorsFile(header, bytes), { name: "model.safetensors" });
    const sink = blobSink();
    await quantizeModel(await load(), planModel(model, { dialect: "npz" }), sink);
    const file = new Uint8Array(await (await sink.blob()).arrayBuffer());
    // Reading them one by one would be slow.
    let reads = 0;
    const source = {
      name: "arrays.npz",
      size: file.length,
      read: async (offset: number, length: number) => {
        reads++;
        return file.slice(offset, offset + length);
      },
    };
    const { tensors } = await openModel(source);
    expect(tensors).toHaveLength(count);
    expect(reads).toBeLessThan(count / 100);
    for (const i of [0, 255, 65_535, 65_536, count - 1])
      expect(await tensors[i].read(0, 1)).toEqual(bytes.slice(i, i + 1));
  });

  it("are refused above a limit, whatever their directory says", async () => {
    // A record of 64 bits for the archive's end, its locator, and the record that points to both.
    const end = new Uint8Array(56 + 20 + 22);
    const view = new DataView(end.buffer);
    view.setUint32(0, 0x06064b50, true);
    view.setBigUint64(32, 700_000n, true);
    view.setUint32(56, 0x07064b50, true);
    view.setUint32(76, 0x06054b50, true);
    await expect(open(end)).rejects.toThrow("the archive has 700000 entries; at most 600000 are read");
  });
});

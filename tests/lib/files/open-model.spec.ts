import { FormatError, type Model, openModel, openSource } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { expectSameBits } from "../same-bits.js";
import { fileOf, safetensorsFile } from "./safetensors-file.js";

const weights = Float32Array.of(1, 2, 3, 4);
const part = (name: string) =>
  fileOf([{ name, dtype: "F32", shape: [2, 2], data: weights }], { format: "pt", [name]: "" });
const file = (name: string, ...parts: BlobPart[]) => new File(parts, name);
const names = ({ tensors }: Model) => tensors.map(({ name }) => name);

describe("openModel", () => {
  it.each<[string, string, BlobPart, Model["format"]]>([
    ["model.safetensors", "by its name", part("a"), "safetensors"],
    ["MODEL.SAFETENSORS", "in capitals", part("a"), "safetensors"],
    ["download", "by its contents", part("a"), "safetensors"],
    ["a.npy", "by its name", writeNpy(weights, [2, 2]), "npy"],
    ["download", "by its contents", writeNpy(weights, [2, 2]), "npy"],
    ["a.npz", "by its name", zipSync({ "a.npy": writeNpy(weights, [2, 2]) }) as BlobPart, "npz"],
    ["download", "by its contents", zipSync({ "a.npy": writeNpy(weights, [2, 2]) }) as BlobPart, "npz"],
    ["a.csv", "by its name", "1,2\n3,4\n", "text"],
    ["a.tsv", "by its name", "1\t2\n3\t4\n", "text"],
    ["a.json", "by its contents", "[[1, 2], [3, 4]]", "text"],
    ["download", "when nothing else fits", "1 2\n3 4", "text"],
  ])("knows %s %s", async (name, _, contents, format) => {
    const model = await openModel(file(name, contents));
    expect(model).toMatchObject({ format, name });
    expect(model.tensors).toMatchObject([{ shape: [2, 2] }]);
  });

  it("knows .safetensors whose length looks like something else", async () => {
    for (const [length, start] of [
      [0x4b50, "PK"],
      [0x207b, "{ "],
    ] as const) {
      const json = '{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'.padEnd(length);
      const bytes = safetensorsFile(json);
      expect(new TextDecoder().decode(bytes.subarray(0, 2))).toBe(start);
      expect((await openModel(bytes)).format).toBe("safetensors");
    }
  });

  it("reads a Blob into memory that is given, as into new memory", async () => {
    // More than a stream returns at a time.
    const bytes = Int8Array.from({ length: 1_000_003 }, (_, i) => (i * 37) >> 3);
    const source = await openSource(new Blob([bytes.subarray(0, 400_000), bytes.subarray(400_000)]));
    let memory = new ArrayBuffer(900_001);
    for (const offset of [100_002, 0, 7]) {
      const read = await source.read(offset, 900_001, memory);
      expectSameBits(new Int8Array(read.buffer), bytes.subarray(offset, offset + 900_001), `from ${offset}`);
      memory = read.buffer;
    }
    expectSameBits(new Int8Array((await source.read(5, 100)).buffer), bytes.subarray(5, 105), "new memory");
  });

  it("takes bytes, buffers, views, Blobs and anything that can be read", async () => {
    const bytes = part("a");
    const padded = new Uint8Array(bytes.length + 8);
    padded.set(bytes, 4);
    for (const input of [
      bytes,
      bytes.buffer,
      new DataView(padded.buffer, 4, bytes.length),
      new Blob([bytes]),
      { name: "own", size: bytes.length, read: async (o: number, l: number) => bytes.slice(o, o + l) },
    ]) {
      const model = await openModel(input, { name: "named.safetensors" });
      expect(names(model)).toEqual(["a"]);
      expect(model.name).toBe(Object.hasOwn(input, "read") ? "own" : "named.safetensors");
      expect(new Float32Array((await model.tensors[0].read(0, 16)).buffer)).toEqual(weights);
    }
  });

  it("gives a matrix in text as float64", async () => {
    const { tensors } = await openModel(file("table.csv", "\ufeffa;b\n0,1;-2\n3;4,5"));
    expect(tensors).toMatchObject([{ name: "table", dtype: "float64", shape: [2, 2], byteLength: 32 }]);
    expect(new Float64Array((await tensors[0].read(0, 32)).buffer)).toEqual(Float64Array.of(0.1, -2, 3, 4.5));
  });

  it("reads text of spreadsheets in UTF-16", async () => {
    const text = Uint16Array.from("\ufeff1\t2\n3\t4", (character) => character.charCodeAt(0));
    expect((await openModel(file("a.txt", text))).tensors[0].shape).toEqual([2, 2]);
  });

  it("names the byte where text is no matrix", async () => {
    const opening = openModel(file("a.csv", "ü,2\n3,x"));
    await expect(opening).rejects.toThrow(FormatError);
    await expect(openModel(file("a.csv", "1,2\n\u00a03,x"))).rejects.toMatchObject({
      file: "a.csv",
      offset: 8,
      reason: "Line 2, column 2: “x” is not a number.",
    });
    await expect(openModel(file("a.csv", "1,2\n3,\0"))).rejects.toMatchObject({
      offset: 6,
      reason: "the file is not text",
    });
  });

  it("reads UTF-16 of either byte order, and knows a workbook", async () => {
    const little = Uint8Array.from([..."\ufeff1,2\n3,4"].flatMap((c) => [c.charCodeAt(0) & 255, c.charCodeAt(0) >> 8]));
    const big = little.map((_, i) => little[i ^ 1]);
    for (const bytes of [little, big]) {
      const { tensors } = await openModel(new File([bytes], "a.csv"));
      expect(tensors).toMatchObject([{ shape: [2, 2] }]);
    }
    for (const start of ["\xd0\xcf\x11\xe0", "PK\x03\x04 xl/workbook.xml"]) {
      const bytes = Uint8Array.from(start, (c) => c.charCodeAt(0));
      await expect(openModel(new File([bytes], "a.csv"))).rejects.toThrow("this is an Excel workbook: save it as .csv");
    }
  });
});

describe("a file of weights of another kind", () => {
  const zip = zipSync({ "data.pkl": Uint8Array.of(0x80, 2) }) as BlobPart;
  it.each<[string, BlobPart, string]>([
    ["model.pt", zip, ".pt files are not read: save it from PyTorch with safetensors.torch.save_file"],
    ["model.CKPT", Uint8Array.of(0x80, 2, 0x8a), ".ckpt files are not read: save it from PyTorch"],
    ["pytorch_model.bin", zip, ".bin files are not read: give the model.json of a TensorFlow.js model with it"],
    ["model.h5", "\x89HDF\r\n\x1a\n", ".h5 files are not read: save its weights with numpy.savez"],
    ["download", Uint8Array.of(0x80, 2, 0x8a), "files that begin like this are not read: save it from PyTorch"],
    [
      "download",
      Uint8Array.of(0x89, 0x48, 0x44, 0x46),
      "files that begin like this are not read: save its weights with",
    ],
  ])("is refused with what to do: %s", async (name, contents, reason) => {
    const opening = openModel(file(name, contents));
    await expect(opening).rejects.toThrow(FormatError);
    await expect(opening).rejects.toMatchObject({ file: name, reason: expect.stringContaining(reason) });
  });
});

describe("what was downloaded in place of a file", () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 1234\n`;
  const names = ["model.safetensors", "a.npy", "a.npz", "a.csv", "a.json", "download", "model.safetensors.index.json"];
  const isPage = "this is a web page, such as one that asks to sign in: download the file itself";

  it.each(names)("is named: a Git LFS pointer as %s", async (name) => {
    await expect(openModel(file(name, pointer))).rejects.toMatchObject({
      ...{ name: "FormatError", file: name, offset: 0 },
      reason: "this is a Git LFS pointer, which stands for the file: run git lfs pull, or download the file itself",
    });
  });

  it.each(
    names.flatMap((name) => [
      [name, "<!DOCTYPE html><html><head><title>Sign in</title></head></html>\n".repeat(4)],
      [name, "\ufeff\r\n  <html lang=en>"],
      [name, '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">\n<html>'],
    ]),
  )("is named: a web page as %s: %j", async (name, page) => {
    await expect(openModel(file(name, page))).rejects.toMatchObject({ file: name, offset: 0, reason: isPage });
  });

  it("is named: a server's answer", async () => {
    const xml = '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code></Error>';
    await expect(openModel(file("a.npz", xml))).rejects.toMatchObject({
      reason: expect.stringMatching(/^this is XML, /),
    });
    await expect(openModel(file("a.safetensors", "Entry not found\n"))).rejects.toMatchObject({
      reason: 'this is text ("Entry not found"): download the file itself',
    });
  });

  it("is named: a file that another one names", async () => {
    const manifest = [{ paths: ["a.bin"], weights: [{ name: "w", shape: [2], dtype: "float32" }] }];
    const model = file("model.json", JSON.stringify({ weightsManifest: manifest }));
    await expect(openModel([model, file("a.bin", pointer)])).rejects.toThrow(
      "a.bin, byte 0: this is a Git LFS pointer",
    );
  });
});

describe("a model of several files", () => {
  const index = (map: Record<string, string>) =>
    file("model.safetensors.index.json", JSON.stringify({ metadata: { total_size: 32 }, weight_map: map }));
  const one = file("model-00001-of-00002.safetensors", part("a"));
  const two = file("model-00002-of-00002.safetensors", part("b"));

  it("is one with its index, whatever else the folder has", async () => {
    const config = file("config.json", "{}");
    const model = await openModel([config, two, index({ a: one.name, b: two.name }), one]);
    expect(model).toMatchObject({ format: "safetensors", name: "model.safetensors.index.json" });
    expect(model.metadata).toEqual({ format: "pt", a: "", b: "" });
    expect(names(model)).toEqual(["a", "b"]);
    expect(model.files).toContain(one.name);
    expect(model.unused).toEqual(["config.json"]);
  });

  it("says which files are no part of it", async () => {
    const other = file("adapter.safetensors", part("c"));
    const model = await openModel([index({ a: one.name, b: two.name }), one, other, two]);
    expect([names(model), model.unused]).toEqual([["a", "b"], ["adapter.safetensors"]]);
    expect((await openModel([one, two])).unused).toEqual([]);
    expect((await openModel(one)).unused).toEqual([]);
  });

  it("is one without an index too", async () => {
    expect(names(await openModel([two, one]))).toEqual(["b", "a"]);
  });

  it.each<[string, File[], RegExp]>([
    [
      "a missing shard",
      [index({ a: one.name, b: two.name }), one],
      /needs model-00002-of-00002\.safetensors; give it too/,
    ],
    [
      "a missing tensor",
      [index({ a: one.name, c: one.name }), one],
      /tensor c, .*says that it is in this file, but it is not/,
    ],
    ["a tensor that the index does not know", [index({ b: one.name }), one], /tensor a, .*says that it does not exist/],
    ["a tensor in another file", [index({ a: two.name, b: one.name }), one, two], /says that it is in/],
    [
      "a tensor twice",
      [one, file("copy.safetensors", part("a"))],
      /tensor a, .*model-00001.* has a tensor of this name too/,
    ],
    [
      "shards of different counts",
      [one, file("model-00002-of-00003.safetensors", part("b"))],
      /model-00001-of-00002\.safetensors and model-00002-of-00003\.safetensors are not shards of one model: one is of 2/,
    ],
    ["shards of different names", [one, file("vae-00002-of-00002.safetensors", part("b"))], /names begin differently/],
    [
      "a shard twice",
      [one, file("model-1-of-2.safetensors", part("b"))],
      /are both shard 1 of 2; give those of one model/,
    ],
    ["a shard elsewhere", [index({ a: "../secret.safetensors" })], /must be the name of a file beside the index/],
    ["a shard by number", [file("a.index.json", '{"weight_map": {"a": 1}}')], /its file is 1;/],
    ["a map of nothing", [file("a.index.json", '{"weight_map": {}}')], /its weight_map is empty/],
    ["no map", [file("a.index.json", '{"metadata": {}}')], /an object without a weight_map/],
    ["a map that is none", [file("a.index.json", '{"weight_map": 1}')], /has no weight_map/],
    [
      "a name twice",
      [file("a.index.json", '{"weight_map": {"a": "b", "a": "b"}}')],
      /byte 26: it has the name "a" twice/,
    ],
    ["half an index", [file("a.index.json", '{"weight_map": {')], /not JSON/],
    ["an object that is something else", [file("config.json", "{}")], /without a weight_map .* or weightsManifest/],
    [
      "arrays",
      [file("a.npy", writeNpy(weights, [4])), file("b.npy", writeNpy(weights, [4]))],
      /a\.npy cannot be read together/,
    ],
  ])("is refused with %s", async (_, files, reason) => {
    await expect(openModel(files)).rejects.toThrow(reason);
  });
});

it.each([
  [1, TypeError, "a file must be a Blob, bytes, a path (in Node) or a ByteSource, not 1"],
  [null, TypeError, "not null"],
  [{}, TypeError, "not an object"],
  [[], TypeError, "files is empty"],
])("openModel refuses %s", async (input, type, message) => {
  const opening = openModel(input as unknown as Blob);
  await expect(opening).rejects.toThrow(type);
  await expect(opening).rejects.toThrow(message);
});

it("openModel refuses a damaged file of a known name", async () => {
  await expect(openModel(file("a.safetensors", safetensorsFile("{", new Uint8Array())))).rejects.toThrow(FormatError);
});

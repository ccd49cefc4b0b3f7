import { type ByteSource, FormatError, openModel } from "channelwise/models";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOf, fileOf, safetensorsFile } from "./safetensors-file.js";

const open = (file: Uint8Array<ArrayBuffer>) => openModel(file, { name: "model.safetensors" });

async function errorOf(file: Uint8Array<ArrayBuffer>): Promise<FormatError> {
  try {
    await open(file);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  return expect.fail("the file was read");
}

/** The file as a source, with the most bytes that were read at a time. */
function watched(file: Uint8Array<ArrayBuffer>, size = file.length): ByteSource & { largestRead: number } {
  return {
    name: "model.safetensors",
    size,
    largestRead: 0,
    async read(offset, length) {
      this.largestRead = Math.max(this.largestRead, length);
      expect(offset + length).toBeLessThanOrEqual(size);
      return file.slice(offset, offset + length);
    },
  };
}

const floats = Float32Array.of(1, 2, 3, 4, 5, 6);
const entry = { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] };

describe("a .safetensors file", () => {
  it("gives its tensors in the order of their data, and its metadata", async () => {
    const header = {
      __metadata__: { format: "pt", note: "ü" },
      second: { dtype: "I64", shape: [1], data_offsets: [24, 32] },
      "first.weight": entry,
      scalar: { dtype: "BF16", shape: [], data_offsets: [32, 34] },
      empty: { dtype: "F64", shape: [0, 5], data_offsets: [24, 24] },
    };
    const data = Uint8Array.of(...bytesOf(floats), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    const model = await open(safetensorsFile(header, data));
    expect(model).toMatchObject({
      format: "safetensors",
      name: "model.safetensors",
      metadata: { format: "pt", note: "ü" },
    });
    expect(model.tensors.map(({ name, dtype, shape, byteLength }) => [name, dtype, shape, byteLength])).toEqual([
      ["first.weight", "float32", [2, 3], 24],
      ["empty", "float64", [0, 5], 0],
      ["second", "int64", [1], 8],
      ["scalar", "bfloat16", [], 2],
    ]);
    expect(await model.tensors[0].read(4, 8)).toEqual(bytesOf(floats.slice(1, 3)));
    expect(await model.tensors[3].read(0, 2)).toEqual(Uint8Array.of(9, 10));
  });

  it.each([
    ["BOOL", "bool", 1],
    ["U8", "uint8", 1],
    ["I8", "int8", 1],
    ["F8_E4M3", "float8_e4m3fn", 1],
    ["F8_E4M3FNUZ", "float8_e4m3fnuz", 1],
    ["F8_E5M2", "float8_e5m2", 1],
    ["F8_E5M2FNUZ", "float8_e5m2fnuz", 1],
    ["F8_E8M0", "float8_e8m0", 1],
    ["F4", "float4_e2m1", 0.5],
    ["F6_E2M3", "float6_e2m3", 0.75],
    ["F6_E3M2", "float6_e3m2", 0.75],
    ["U16", "uint16", 2],
    ["I16", "int16", 2],
    ["F16", "float16", 2],
    ["BF16", "bfloat16", 2],
    ["U32", "uint32", 4],
    ["I32", "int32", 4],
    ["F32", "float32", 4],
    ["U64", "uint64", 8],
    ["I64", "int64", 8],
    ["F64", "float64", 8],
    ["C64", "complex64", 8],
  ])("may hold %s", async (name, dtype, bytes) => {
    const data = Uint8Array.from({ length: 8 * bytes }, (_, i) => i);
    const model = await open(fileOf([{ name: "t", dtype: name, shape: [2, 4], data }]));
    expect(model.tensors).toMatchObject([{ dtype, byteLength: data.length }]);
    expect(await model.tensors[0].read(0, data.length)).toEqual(data);
  });

  it("may have any names", async () => {
    const names = ["__proto__", "constructor", "1", "0", "", 'a"b\\c\n', "ключ", "a/b.c"];
    const tensors = names.map((name, i) => ({ name, dtype: "U8", shape: [1], data: Uint8Array.of(i) }));
    const header = tensors.map(
      ({ name }, i) => `${JSON.stringify(name)}:{"dtype":"U8","shape":[1],"data_offsets":[${i},${i + 1}]}`,
    );
    const model = await open(safetensorsFile(`{${header}}   `, Uint8Array.from(names.keys())));
    expect(model.tensors.map(({ name }) => name)).toEqual(names);
  });

  it("is read by the header only, and by the range asked for", async () => {
    const file = fileOf([{ name: "t", dtype: "U8", shape: [100_000], data: new Uint8Array(100_000) }]);
    const source = watched(file);
    const model = await openModel(source);
    expect(source.largestRead).toBeLessThan(100);
    await model.tensors[0].read(5, 1000);
    expect(source.largestRead).toBe(1000);
  });
});

describe("a malformed .safetensors file", () => {
  const data = bytesOf(floats);

  it.each<[string, Uint8Array<ArrayBuffer>, { offset: number; tensor?: string }, RegExp]>([
    ["no length", Uint8Array.of(1, 2, 3), { offset: 3 }, /the file ends here/],
    ["a header past the end", safetensorsFile("{}", data, 27), { offset: 0 }, /end at byte 35, .* ends at byte 34/],
    [
      "a header too long",
      safetensorsFile("{}", data, 100_000_001),
      { offset: 0 },
      /100000001 bytes; at most 100000000/,
    ],
    ["a header of 2^63 bytes", safetensorsFile("{}", data, 2n ** 63n), { offset: 0 }, /9223372036854775808 bytes/],
    ["no header", safetensorsFile(""), { offset: 8 }, /does not start with '\{'/],
    ["an array", safetensorsFile("[]"), { offset: 8 }, /does not start with '\{'/],
    ["half a header", safetensorsFile('{"a":'), { offset: 8 }, /it is not JSON/],
    ["a string without end", safetensorsFile('{"a'), { offset: 9 }, /a string has no end/],
    ["bytes that are no text", safetensorsFile("{}").fill(0xff, 9), { offset: 8 }, /not UTF-8/],
    ["a deep header", safetensorsFile(`{"a":${"[".repeat(1e6)}`), { offset: 15 }, /nested more than 3 deep/],
    [
      "a header of millions of values",
      safetensorsFile(`{"a":{"shape":[${"0,".repeat(2 ** 21)}0]}}`),
      { offset: 4_194_322 },
      /more than 2097152 values/,
    ],
    [
      "a name twice",
      safetensorsFile('{"ü":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"ü":{}}'),
      { offset: 62 },
      /the name "ü" twice/,
    ],
    [
      "a name twice, written in two ways",
      safetensorsFile('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0061":{}}'),
      { offset: 61 },
      /the name "\\u0061" twice/,
    ],
    [
      "a dtype twice",
      safetensorsFile('{"a":{"dtype":"U8","dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
      { offset: 27 },
      /the name "dtype" twice/,
    ],
    ["metadata of numbers", safetensorsFile({ __metadata__: { a: 1 } }), { offset: 9 }, /not a string, under "a"/],
    [
      "metadata that is a string",
      safetensorsFile({ __metadata__: "a" }),
      { offset: 9 },
      /must be an object of strings/,
    ],
    ["an entry that is a number", safetensorsFile({ a: 1 }), { offset: 9, tensor: "a" }, /must be an object/],
    [
      "an unknown dtype",
      safetensorsFile({ a: { ...entry, dtype: "F33" } }, data),
      { offset: 9, tensor: "a" },
      /dtype is "F33"; known are BOOL, /,
    ],
    [
      "a dtype of every object",
      safetensorsFile({ a: { ...entry, dtype: "toString" } }, data),
      { offset: 9, tensor: "a" },
      /dtype is "toString"/,
    ],
    [
      "a fractional dimension",
      safetensorsFile({ a: { ...entry, shape: [2.5, 3] } }, data),
      { offset: 9, tensor: "a" },
      /shape is \[2\.5,3\]; it must be an array of at most 64 integers/,
    ],
    [
      "a negative dimension",
      safetensorsFile({ a: { ...entry, shape: [-2, -3] } }, data),
      { offset: 9, tensor: "a" },
      /shape is \[-2,-3\]/,
    ],
    [
      "a million dimensions, whose product would take days",
      safetensorsFile({ a: { ...entry, shape: new Array(1e6).fill(2 ** 53 - 1) } }, data),
      { offset: 9, tensor: "a" },
      /it must be an array of at most 64 integers from 0 up/,
    ],
    [
      "dimensions whose product is wrong",
      safetensorsFile({ a: { ...entry, shape: [2, 4] } }, data),
      { offset: 9, tensor: "a" },
      /span 24 bytes, and shape \[2,4\] of F32 takes 32 bytes/,
    ],
    [
      "dimensions whose product is no double",
      safetensorsFile({ a: { ...entry, shape: [2 ** 52, 2 ** 52, 2 ** 52] } }, data),
      { offset: 9, tensor: "a" },
      /whose product without zeros is at most 140737488355328/,
    ],
    [
      "half a byte",
      safetensorsFile({ a: { dtype: "F4", shape: [3], data_offsets: [0, 2] } }, data.subarray(0, 2)),
      { offset: 9, tensor: "a" },
      /shape \[3\] of F4 takes no whole number of bytes/,
    ],
    [
      "offsets that are reversed",
      safetensorsFile({ a: { ...entry, data_offsets: [24, 0] } }, data),
      { offset: 9, tensor: "a" },
      /data_offsets are \[24,0\]; they must be \[begin, end\]/,
    ],
    [
      "one offset",
      safetensorsFile({ a: { ...entry, data_offsets: [24] } }, data),
      { offset: 9, tensor: "a" },
      /data_offsets are \[24\]/,
    ],
    [
      "data past the end",
      safetensorsFile({ a: entry }, data.subarray(1)),
      { offset: 9, tensor: "a" },
      /end at byte 24 of the data, which has 23 bytes: the file is cut short/,
    ],
    [
      "data with a hole",
      safetensorsFile({ a: { ...entry, data_offsets: [4, 28] } }, new Uint8Array(28)),
      { offset: 9, tensor: "a" },
      /begins at byte 4 of the data, .* ends at byte 0: data may not have holes/,
    ],
    [
      "data that overlaps",
      safetensorsFile({ a: entry, b: { ...entry, data_offsets: [20, 44] } }, new Uint8Array(44)),
      { offset: 65, tensor: "b" },
      /begins at byte 20 of the data, .* ends at byte 24: data may not overlap/,
    ],
    [
      "bytes after the data",
      safetensorsFile({ a: entry }, new Uint8Array(25)),
      { offset: 89 },
      /the last tensor's data ends here, and 1 more bytes follow/,
    ],
  ])("is refused: %s", async (_, file, where, reason) => {
    const error = await errorOf(file);
    expect(error.reason).toMatch(reason);
    expect(error).toMatchObject({ name: "FormatError", file: "model.safetensors", ...where });
  });

  it("never makes more be read than the header's limit", async () => {
    const source = watched(safetensorsFile("{}", data, 100_000_001), 2 ** 40);
    await expect(openModel(source)).rejects.toThrow(FormatError);
    expect(source.largestRead).toBe(8);
  });

  const file = fileOf(
    [
      { name: "a.weight", dtype: "F32", shape: [2, 3], data: floats },
      { name: "b", dtype: "U8", shape: [2], data: Uint8Array.of(1, 2) },
      { name: "c", dtype: "BF16", shape: [1, 1], data: Uint16Array.of(3) },
    ],
    { format: "pt" },
  );
  const headerEnd = file.length - 28;

  async function readOrRefused(bytes: Uint8Array<ArrayBuffer>) {
    const source = watched(bytes);
    try {
      const { tensors } = await openModel(source);
      expect(tensors.reduce((sum, { byteLength }) => sum + byteLength, 0)).toBeLessThanOrEqual(bytes.length);
      for (const tensor of tensors) expect((await tensor.read(0, tensor.byteLength)).length).toBe(tensor.byteLength);
    } catch (error) {
      expect(error).toBeInstanceOf(FormatError);
      expect((error as FormatError).offset).toBeLessThanOrEqual(bytes.length);
    }
    expect(source.largestRead).toBeLessThanOrEqual(bytes.length);
  }

  it("is read or refused, whatever bytes change", async () => {
    const change = fc.record({ at: fc.nat({ max: headerEnd }), byte: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = file.slice();
        for (const { at, byte } of changes) bytes[at] = byte;
        await readOrRefused(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it("is read or refused, whatever its header says", async () => {
    const value = fc.oneof(
      fc.integer({ min: -2, max: 30 }),
      fc.double(),
      fc.constantFrom(2 ** 31, 2 ** 53, "F32", "U8", null, [], [0], [0, 24], [2, 3], {}),
      fc.array(fc.integer({ min: -1, max: 30 }), { maxLength: 3 }),
    );
    const entries = fc.record({ dtype: value, shape: value, data_offsets: value }, { requiredKeys: [] });
    const header = fc.dictionary(fc.constantFrom("a", "b", "__metadata__", "__proto__"), fc.oneof(value, entries));
    await fc.assert(
      fc.asyncProperty(header, fc.nat({ max: 60 }), (json, length) =>
        readOrRefused(safetensorsFile(json, new Uint8Array(length))),
      ),
      { numRuns: 2000 },
    );
  });

  it("is refused when it is cut short, at every length", async () => {
    for (let length = 0; length < file.length; length++) await errorOf(file.slice(0, length));
  });
});

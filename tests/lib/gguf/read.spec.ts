import { type ByteSource, FormatError, type GgufKey, inspectModel, openModel, readFloats } from "channelwise/models";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Bytes, bytesOf, type FileToWrite, ggufFile, type KeyToWrite, tensorType, valueType } from "./gguf-file.js";

const open = (file: Uint8Array<ArrayBuffer>) => openModel(file, { name: "model.gguf" });

async function errorOf(file: Uint8Array<ArrayBuffer> | ByteSource): Promise<FormatError> {
  try {
    await openModel(file, { name: "model.gguf" });
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  return expect.fail("the file was read");
}

const keys: readonly KeyToWrite[] = [
  { name: "general.architecture", type: "string", value: "llama" },
  { name: "u8", type: "uint8", value: 200 },
  { name: "i8", type: "int8", value: -100 },
  { name: "u16", type: "uint16", value: 65535 },
  { name: "i16", type: "int16", value: -32768 },
  { name: "u32", type: "uint32", value: 4294967295 },
  { name: "i32", type: "int32", value: -2147483648 },
  { name: "f32", type: "float32", value: 0.5 },
  { name: "bool", type: "bool", value: true },
  { name: "u64", type: "uint64", value: 2n ** 64n - 1n },
  { name: "i64", type: "int64", value: -5 },
  { name: "f64", type: "float64", value: 0.1 },
  { name: "tokens", type: "string", value: ["<s>", "ü", "", "d", "e", "f", "g", "h", "i"] },
  { name: "scores", type: "float32", value: [1, -2, 0.25] },
  { name: "empty", type: "int32", value: [] },
];

const floats = Float32Array.of(1, 2, 3, 4, 5, 6);
const tensors = [
  { name: "token_embd.weight", type: tensorType.F32, shape: [2, 3], data: bytesOf(floats) },
  { name: "half", type: tensorType.F16, shape: [3], data: bytesOf(Uint16Array.of(0x3c00, 0x4000, 0x4200)) },
  { name: "brain", type: tensorType.BF16, shape: [1, 2], data: bytesOf(Uint16Array.of(0x3f80, 0x4000)) },
  { name: "double", type: tensorType.F64, shape: [1], data: bytesOf(Float64Array.of(0.1)) },
  { name: "i8", type: tensorType.I8, shape: [2, 1, 1, 1, 2], data: Uint8Array.of(1, 2, 3, 255) },
  { name: "i16", type: tensorType.I16, shape: [2], data: bytesOf(Int16Array.of(-1, 5)) },
  { name: "i32", type: tensorType.I32, shape: [1], data: bytesOf(Int32Array.of(7)) },
  { name: "i64", type: tensorType.I64, shape: [], data: bytesOf(BigInt64Array.of(-9n)) },
  { name: "blk.0.attn_q.weight", type: tensorType.Q8_0, shape: [1, 32], data: new Uint8Array(34) },
];

describe("a GGUF", () => {
  it.each([2, 3])("of version %d gives every key with its type, and every tensor", async (version) => {
    const model = await open(ggufFile({ version, keys, tensors }));
    expect(model).toMatchObject({ format: "gguf", name: "model.gguf" });
    const found = model.keys as readonly GgufKey[];
    expect(found.map(({ name, type }) => ({ name, type }))).toEqual(keys.map(({ name, type }) => ({ name, type })));
    for (const [i, { name, value }] of keys.entries()) {
      expect(found[i].arrayLength, name).toBe(Array.isArray(value) ? value.length : undefined);
      expect(found[i].values(), name).toEqual([value].flat());
    }
    expect(found[12].values(1, 2)).toEqual(["ü", ""]);
    expect(model.metadata).toMatchObject({
      "general.architecture": "llama",
      u64: "18446744073709551615",
      scores: "[1, -2, 0.25]",
      tokens: '["<s>", "ü", "", "d", "e", "f", "g", "h", ... 9 in all]',
    });
    expect(model.tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["token_embd.weight", "float32", [2, 3]],
      ["half", "float16", [3]],
      ["brain", "bfloat16", [1, 2]],
      ["double", "float64", [1]],
      ["i8", "int8", [2, 1, 1, 1, 2]],
      ["i16", "int16", [2]],
      ["i32", "int32", [1]],
      ["i64", "int64", []],
    ]);
    expect(await readFloats(model.tensors[0])).toEqual(floats);
    expect(await readFloats(model.tensors[1])).toEqual(Float32Array.of(1, 2, 3));
    for (const [i, tensor] of model.tensors.entries()) {
      expect(await tensor.read(0, tensor.byteLength), tensor.name).toEqual(new Uint8Array(tensors[i].data));
    }
  });

  it("is known by its first bytes", async () => {
    const model = await openModel(ggufFile({ tensors }), { name: "download" });
    expect(model.format).toBe("gguf");
  });

  it("has another alignment where a key says so", async () => {
    const alignment = { name: "general.alignment", type: "uint32", value: 256 } as const;
    const model = await open(ggufFile({ keys: [alignment], tensors, alignment: 256 }));
    expect(await readFloats(model.tensors[3])).toEqual(Float64Array.of(0.1));
  });

  it("may be of keys alone", async () => {
    const model = await open(ggufFile({ keys }));
    expect(model.tensors).toEqual([]);
    expect(await inspectModel(model)).toMatchObject({ quantized: [], kept: [], unreadable: [] });
  });

  it("is read to the end of its header, whose length is not known, in few reads", async () => {
    const tokens = Array.from({ length: 30_000 }, (_, i) => `token ${i}`);
    const file = ggufFile({ keys: [{ name: "vocabulary", type: "string", value: tokens }, ...keys], tensors });
    let reads = 0;
    const source: ByteSource = {
      ...{ name: "model.gguf", size: file.length },
      async read(offset, length) {
        reads++;
        expect(offset + length).toBeLessThanOrEqual(file.length);
        return file.slice(offset, offset + length);
      },
    };
    const model = await openModel(source);
    expect((model.keys as readonly GgufKey[])[0].values(29_998)).toEqual(["token 29998", "token 29999"]);
    expect(reads).toBeLessThan(12);
  });
});

describe("a GGUF in parts", () => {
  const split = (number: number, count: number, tensorCount: number): KeyToWrite[] => [
    { name: "split.no", type: "uint16", value: number },
    { name: "split.count", type: "uint16", value: count },
    { name: "split.tensors.count", type: "int32", value: tensorCount },
  ];
  const file = (number: number, contents: FileToWrite) =>
    new File([ggufFile(contents)], `model-0000${number + 1}-of-00003.gguf`);
  const parts = [
    file(0, { keys: [...keys, ...split(0, 3, 3)], tensors: tensors.slice(0, 1) }),
    file(1, { keys: split(1, 3, 3), tensors: tensors.slice(1, 2) }),
    file(2, { keys: split(2, 3, 3), tensors: tensors.slice(2, 3) }),
  ];

  it("is one model, in whichever order its parts are given", async () => {
    const model = await openModel([parts[2], parts[0], parts[1]]);
    expect(model.tensors.map(({ name }) => name)).toEqual(["token_embd.weight", "half", "brain"]);
    expect(await readFloats(model.tensors[2])).toEqual(Float32Array.of(1, 2));
    expect(model.keys?.map(({ name }) => name)).toEqual(keys.map(({ name }) => name));
  });

  const other = file(1, { keys: split(1, 3, 3), tensors: [tensors[1], tensors[3]] });
  const twice = file(1, { keys: split(1, 3, 3), tensors: tensors.slice(0, 1) });
  const ofFour = file(1, { keys: split(1, 4, 3), tensors: tensors.slice(1, 2) });
  it.each<[string, File[], RegExp]>([
    ["of which one is missing", [parts[0], parts[2]], /part 2 of 3 is missing; give all of them/],
    ["of which one is there twice", [parts[0], parts[1], parts[1]], /has the number 1 too/],
    [
      "of which one is of another model",
      [parts[0], other, parts[2]],
      /says that the model has 3 tensors, and the 3 parts/,
    ],
    [
      "of which two have one tensor",
      [parts[0], twice, parts[2]],
      /model-00001-of-00003.gguf has a tensor of this name too/,
    ],
    ["of which one says another number of parts", [parts[0], ofFour, parts[2]], /one of 4 parts, and .* one of 3/],
    [
      "beside a whole model",
      [new File([ggufFile({ tensors })], "a.gguf"), parts[0]],
      /it is not a part of a split model/,
    ],
    [
      "that is alone and has no keys of its own",
      [file(0, { keys, tensors })],
      /says that it is part 1 of 3, and it has no key split.count above 1/,
    ],
  ])("is refused %s", async (_, files, reason) => {
    await expect(openModel(files)).rejects.toThrow(reason);
    await expect(openModel(files)).rejects.toThrow(FormatError);
  });

  it("asks for the others where one is given that is not at a path", async () => {
    await expect(openModel(parts[1])).rejects.toThrow("needs model-00001-of-00003.gguf; give it too");
  });
});

describe("a damaged GGUF", () => {
  const one = tensors[0];
  const key = (name: string, type: number) => new Bytes().text(name).u32(type);
  const beginning = (keyCount: number) => new Bytes().raw([71, 71, 85, 70]).u32(3).u64(0).u64(keyCount);
  const deep = beginning(1).raw(key("deep", valueType.array).u32(valueType.array).u64(1).done()).u64(0).u64(0);
  const endless = beginning(1).raw(
    key("endless", valueType.array)
      .u32(valueType.float64)
      .u64(2n ** 61n)
      .done(),
  );
  const long = beginning(1).raw(
    key("long", valueType.string)
      .u64(2n ** 63n)
      .done(),
  );
  const wrongText = beginning(1).u64(2).raw([0xc3, 0x28]).u32(valueType.uint8).raw([0]);

  it.each<[string, Uint8Array<ArrayBuffer>, number, RegExp]>([
    ["of no length", new Uint8Array(), 0, /the file is empty: download or save it again/],
    ["with other letters", Uint8Array.of(71, 71, 85, 71, 3, 0, 0, 0), 0, /does not begin with the letters GGUF/],
    ["of version 1", ggufFile({ version: 1 }), 4, /its version is 1; 2 and 3 are read/],
    ["of a version to come", ggufFile({ version: 9 }), 4, /its version is 9/],
    ["big-endian", ggufFile({ version: 0x03000000 }), 4, /big-endian, which is not read: convert it/],
    [
      "of more keys than fit",
      ggufFile({ keyCount: 2n ** 63n }),
      16,
      /number of keys is 9223372036854775808; the \d+ bytes/,
    ],
    ["of more tensors than fit", ggufFile({ tensorCount: 5n }), 8, /number of tensors is 5; the \d+ bytes .* at most/],
    ["with an array of arrays", deep.done(), 44, /deep is an array of arrays/],
    ["with an endless array", endless.done(), 47, /length of the array endless is 2305843009213693952; the 0 bytes/],
    ["with an endless string", long.done(), 40, /length of string 0 of the value of long is 9223372036854775808/],
    ["with a name that is no text", wrongText.done(), 32, /the name of a key is not UTF-8/],
    [
      "with a key without a name",
      ggufFile({ keys: [{ name: "", type: "bool", value: true }] }),
      24,
      /a key has no name/,
    ],
    ["with a key twice", ggufFile({ keys: [keys[1], keys[1]] }), 39, /the key u8 is there twice/],
    [
      "with a value of no type",
      beginning(1).raw(key("odd", 13).done()).u64(0).done(),
      35,
      /type of odd is 13; known are 0 to 12/,
    ],
    [
      "with an alignment of 48",
      ggufFile({ keys: [{ name: "general.alignment", type: "uint32", value: 48 }] }),
      0,
      /48 \(uint32\); it must be a power/,
    ],
    [
      "with an alignment that is a text",
      ggufFile({ keys: [{ name: "general.alignment", type: "string", value: "32" }] }),
      0,
      /32 \(string\)/,
    ],
    [
      "with a name of 128 bytes",
      ggufFile({ tensors: [{ ...one, name: "a".repeat(128) }] }),
      24,
      /name of a tensor is 128 bytes; at most 127/,
    ],
    [
      "of nine dimensions",
      ggufFile({ tensors: [{ ...one, shape: [1, 1, 1, 1, 1, 1, 1, 2, 3] }] }),
      24,
      /it has 9 dimensions; at most 8/,
    ],
    [
      "of endless dimensions",
      ggufFile({ tensors: [{ ...one, shape: [2n ** 62n, 4] }] }),
      24,
      /its shape is \[4611686018427387904, 4\]/,
    ],
    ["of an unknown type", ggufFile({ tensors: [{ ...one, type: 4 }] }), 24, /its type is 4, which is not known/],
    [
      "with rows of half blocks",
      ggufFile({ tensors: [{ ...one, type: tensorType.Q8_0, shape: [2, 48] }] }),
      24,
      /rows have 48 weights; those of Q8_0 are a multiple of 32/,
    ],
    ["with a tensor of no name", ggufFile({ tensors: [{ ...one, name: "" }] }), 24, /a tensor has no name/],
    [
      "with bytes that follow",
      Uint8Array.from([...ggufFile({ tensors: [one] }), 7]),
      expect.any(Number) as unknown as number,
      /the last tensor's data ends here, and \d+ more bytes follow/,
    ],
    ["with a tensor twice", ggufFile({ tensors: [one, one] }), 81, /there is another tensor of this name/],
    [
      "with an odd offset",
      ggufFile({ tensors: [{ ...one, offset: 8 }] }),
      24,
      /its offset is 8; it must be a multiple of 32/,
    ],
    [
      "with data past the end",
      ggufFile({ tensors: [{ ...one, offset: 2n ** 64n - 32n }] }),
      24,
      /would end at byte \d+ of the file, which has \d+ bytes/,
    ],
    [
      "with bytes between its tensors that belong to none",
      Uint8Array.from([...ggufFile({ tensors: [{ ...one, offset: 64 }] }), ...new Uint8Array(64)]),
      24,
      /begins at byte 64 of the data, and the 64 bytes before it belong to no tensor/,
    ],
    ["with data that overlap", ggufFile({ tensors: [one, { ...tensors[1], offset: 0 }] }), 24, /data may not overlap/],
  ])("is refused: %s", async (_, file, offset, reason) => {
    const error = await errorOf(file);
    expect(error.message).toMatch(reason);
    expect({ file: error.file, offset: error.offset }).toEqual({ file: "model.gguf", offset });
  });

  it("is refused wherever it is cut", async () => {
    const file = ggufFile({ keys, tensors });
    for (let length = 0; length < file.length - 32; length++) {
      expect((await errorOf(file.slice(0, length))).message, `${length}`).toMatch(
        /cut short|at most|the file is empty/,
      );
    }
  });

  it("gives an error of its own and no other, and reads no more than is there, with any bytes changed", async () => {
    const whole = ggufFile({ keys, tensors });
    const change = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 6 }), async (changes) => {
        const file = whole.slice();
        for (const { at, byte } of changes) file[at] = byte;
        const source: ByteSource = {
          ...{ name: "model.gguf", size: file.length },
          async read(offset, length) {
            expect(offset + length).toBeLessThanOrEqual(file.length);
            return file.slice(offset, offset + length);
          },
        };
        try {
          const model = await openModel(source);
          for (const { values } of model.keys ?? []) values();
          for (const { read, byteLength } of model.tensors) await read(0, byteLength);
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      }),
      { numRuns: 3000, seed: 1 },
    );
  });
});

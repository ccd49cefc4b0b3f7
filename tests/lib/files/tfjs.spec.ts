import { FormatError, openModel, planModel } from "channelwise/models";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";

type Manifest = { paths: string[]; weights: object[] }[];

function modelFile(weightsManifest: Manifest | unknown): File {
  return new File([JSON.stringify({ format: "layers-model", weightsManifest })], "model.json");
}

const file = (name: string, ...parts: BlobPart[]) => new File(parts, name);
const weight = (name: string, shape: number[], more: object = {}) => ({ name, shape, dtype: "float32", ...more });

describe("a TensorFlow.js model", () => {
  const kernel = uniform("float32", 24, 1);
  const bias = uniform("float32", 3, 2);
  const bytes = new Uint8Array([...new Uint8Array(kernel.buffer), ...new Uint8Array(bias.buffer)]);

  it("has weights that go on from file to file", async () => {
    const model = await openModel([
      file("b.bin", bytes.slice(50)),
      modelFile([
        { paths: ["a.bin", "b.bin"], weights: [weight("conv/kernel", [2, 2, 2, 3]), weight("conv/bias", [3])] },
        { paths: ["c.bin"], weights: [weight("steps", [], { dtype: "int32" })] },
      ]),
      file("a.bin", bytes.slice(0, 50)),
      file("c.bin", Int32Array.of(7)),
    ]);
    expect(model).toMatchObject({ format: "tfjs", name: "model.json", metadata: {} });
    expect(model.tensors.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
      ["conv/kernel", "float32", [2, 2, 2, 3]],
      ["conv/bias", "float32", [3]],
      ["steps", "int32", []],
    ]);
    expect(await model.tensors[0].read(0, 96)).toEqual(bytes.slice(0, 96));
    expect(await model.tensors[0].read(44, 12)).toEqual(bytes.slice(44, 56));
    expect(await model.tensors[1].read(0, 12)).toEqual(bytes.slice(96));
    expect(await model.tensors[2].read(0, 4)).toEqual(Uint8Array.of(7, 0, 0, 0));
  });

  it("may have been made smaller by TensorFlow's converter", async () => {
    const halves = Uint16Array.of(0x3c00, 0xbc00);
    const { tensors } = await openModel([
      modelFile([
        {
          paths: ["a.bin"],
          weights: [
            weight("half", [2], { quantization: { dtype: "float16", original_dtype: "float32" } }),
            weight("bytes", [3], { quantization: { dtype: "uint8", scale: 0.5, min: -1 } }),
          ],
        },
        {
          paths: ["b.bin"],
          weights: [weight("words", [2], { quantization: { dtype: "uint16", scale: 2, min: 0.25 } })],
        },
      ]),
      file("a.bin", halves, Uint8Array.of(0, 1, 255)),
      file("b.bin", Uint16Array.of(3, 65535)),
    ]);
    expect(tensors.map(({ dtype, byteLength }) => [dtype, byteLength])).toEqual([
      ["float16", 4],
      ["float32", 12],
      ["float32", 8],
    ]);
    expect(await tensors[0].read(0, 4)).toEqual(new Uint8Array(halves.buffer));
    expect(new Float32Array((await tensors[1].read(0, 12)).buffer)).toEqual(Float32Array.of(-1, -0.5, 126.5));
    expect(await tensors[1].read(5, 4)).toEqual(new Uint8Array(Float32Array.of(-1, -0.5, 126.5).buffer).slice(5, 9));
    expect(new Float32Array((await tensors[2].read(0, 8)).buffer)).toEqual(Float32Array.of(6.25, 131070.25));
  });

  it.each<[string, unknown, RegExp]>([
    ["no manifest", null, /no weightsManifest/],
    ["a group without paths", [{ weights: [] }], /must have arrays of paths and of weights/],
    ["a group that lists no paths", [{ paths: [], weights: [weight("w", [1])] }], /model\.json.* lists no paths/],
    ["a weight without a name", [{ paths: ["a.bin"], weights: [{}] }], /has no name/],
    ["a shape that is none", [{ paths: ["a.bin"], weights: [weight("w", [-1])] }], /shape is \[-1\];/],
    [
      "an unknown type",
      [{ paths: ["a.bin"], weights: [weight("w", [1], { dtype: "int64" })] }],
      /dtype is "int64"; float32, int32/,
    ],
    [
      "text past the end",
      [{ paths: ["a.bin"], weights: [weight("w", [3], { dtype: "string" })] }],
      /byte 8: text 2 of 3 would begin here, and the file ends at byte 8: it is cut short/,
    ],
    [
      "a text past the end",
      [{ paths: ["b.bin"], weights: [weight("w", [1], { dtype: "string" })] }],
      /byte 0: text 0 of 1 would take 9 bytes, and the file ends at byte 12/,
    ],
    [
      "booleans that are quantized",
      [
        {
          paths: ["a.bin"],
          weights: [weight("w", [1], { dtype: "bool", quantization: { dtype: "uint8", scale: 1, min: 0 } })],
        },
      ],
      /it is bool and quantized to uint8; float32 can be, and int32/,
    ],
    [
      "integers as float16",
      [{ paths: ["a.bin"], weights: [weight("w", [1], { dtype: "int32", quantization: { dtype: "float16" } })] }],
      /it is int32 and quantized to float16/,
    ],
    ["weights past the end", [{ paths: ["a.bin"], weights: [weight("w", [3])] }], /end at byte 12, .* ends at byte 8/],
    [
      "a product that is no double",
      [{ paths: ["a.bin"], weights: [weight("w", [2 ** 52, 2 ** 52])] }],
      /whose product without zeros/,
    ],
    ["weights that end early", [{ paths: ["a.bin"], weights: [weight("w", [1])] }], /take 4 bytes, and the file has 8/],
    ["a name twice", [{ paths: ["a.bin"], weights: [weight("w", [1]), weight("w", [1])] }], /is in the manifest twice/],
    [
      "a quantization without scale",
      [{ paths: ["a.bin"], weights: [weight("w", [1], { quantization: { dtype: "uint8" } })] }],
      /must have a dtype/,
    ],
    ...["../a.bin", "/a.bin", "weights/../../a.bin", "c:/a.bin", "weights\\a.bin", ""].map(
      (path): [string, unknown, RegExp] => [
        `the path ${path}`,
        [{ paths: [path], weights: [] }],
        /^model\.json, byte 0: its weights are in ".*", which is not a path below the model's folder$/,
      ],
    ),
  ])("is refused with %s", async (_, manifest, reason) => {
    const opening = openModel([
      modelFile(manifest),
      file("a.bin", new Float32Array(2)),
      file("b.bin", Uint8Array.of(9, 0, 0, 0, ...Array(8).fill(0x61))),
    ]);
    await expect(opening).rejects.toThrow(reason);
    await expect(opening).rejects.toBeInstanceOf(FormatError);
  });

  it("has integers that the converter made smaller, rounded as TensorFlow.js rounds them", async () => {
    const quantization = { dtype: "uint8", scale: 1.5, min: -3, original_dtype: "int32" };
    const table = weight("table", [64, 64], { dtype: "int32", quantization });
    const words = weight("words", [2], { dtype: "int32", quantization: { ...quantization, dtype: "uint16" } });
    const bytes = Uint8Array.from({ length: 4096 }, (_, i) => i);
    const model = await openModel([
      modelFile([{ paths: ["a.bin"], weights: [table, words] }]),
      file("a.bin", bytes, Uint16Array.of(1, 65535)),
    ]);
    expect(model.tensors).toMatchObject([
      { dtype: "int32", byteLength: 4 * 4096 },
      { dtype: "int32", byteLength: 8 },
    ]);
    const read = new Int32Array((await model.tensors[0].read(0, 4 * 4096)).buffer);
    expect(read.slice(0, 6)).toEqual(Int32Array.of(-3, -1, 0, 2, 3, 5)); // halves go up, also towards zero
    expect(read).toEqual(Int32Array.from(bytes, (byte) => Math.round(byte * 1.5 - 3)));
    expect(await model.tensors[0].read(6, 7)).toEqual(new Uint8Array(read.buffer).slice(6, 13));
    expect(new Int32Array((await model.tensors[1].read(0, 8)).buffer)).toEqual(Int32Array.of(-1, 98300));
    expect(planModel(model, { include: ["*"] }).decisions).toMatchObject([
      { quantize: false, reason: "int32; only floats are quantized" },
      { quantize: false },
    ]);
  });

  it("has weights of text passed over, and those after them are in their place", async () => {
    const texts = ["", "ab", "x".repeat(70_000), ..."vocabulary"];
    const encoded = texts.flatMap((text) => [Uint32Array.of(text.length), text]);
    const model = await openModel([
      modelFile([
        {
          paths: ["a.bin"],
          weights: [
            weight("before", [3]),
            weight("vocabulary", [texts.length], { dtype: "string" }),
            weight("none", [0], { dtype: "string" }),
            weight("after", [24]),
          ],
        },
      ]),
      file("a.bin", bias, ...encoded, kernel),
    ]);
    expect(model.tensors.map(({ name }) => name)).toEqual(["before", "after"]);
    expect(await model.tensors[1].read(0, 96)).toEqual(new Uint8Array(kernel.buffer));
    const reason = "its elements are text, not numbers";
    expect(model.passedOver).toEqual([
      { name: "vocabulary", reason },
      { name: "none", reason },
    ]);
  });

  it("has weights in folders below it, which files are given for by their names", async () => {
    const group = (path: string, name: string) => ({ paths: [path], weights: [weight(name, [3])] });
    const manifest = [group("weights/a.bin", "a"), group("weights/more/b.bin", "b")];
    const model = await openModel([file("b.bin", kernel.slice(0, 3)), modelFile(manifest), file("a.bin", bias)]);
    expect(model.tensors.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(await model.tensors[0].read(0, 12)).toEqual(new Uint8Array(bias.buffer));
    expect(await model.tensors[1].read(0, 12)).toEqual(new Uint8Array(kernel.slice(0, 3).buffer));

    const alike = modelFile([group("one/a.bin", "a"), group("two/a.bin", "b")]);
    const unclear = "model.json needs two/a.bin; there is more than one a.bin, and files are told apart by";
    await expect(openModel([alike, file("a.bin", bias)])).rejects.toThrow(unclear);
    await expect(openModel([alike, file("a.bin", bias), file("a.bin", bias)])).rejects.toThrow(
      "there is more than one",
    );
  });

  it("says which file is missing", async () => {
    const model = modelFile([{ paths: ["group1-shard1of1.bin"], weights: [] }]);
    await expect(openModel(model)).rejects.toThrow("model.json needs group1-shard1of1.bin; give it too");
  });
});

import { FormatError, openModel } from "channelwise/models";
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
    ["a weight without a name", [{ paths: ["a.bin"], weights: [{}] }], /has no name/],
    ["a shape that is none", [{ paths: ["a.bin"], weights: [weight("w", [-1])] }], /shape is \[-1\];/],
    [
      "text",
      [{ paths: ["a.bin"], weights: [weight("w", [1], { dtype: "string" })] }],
      /dtype is "string"; float32, int32/,
    ],
    ["weights past the end", [{ paths: ["a.bin"], weights: [weight("w", [3])] }], /end at byte 12, .* ends at byte 8/],
    ["a product that is no double", [{ paths: ["a.bin"], weights: [weight("w", [2 ** 52, 2 ** 52])] }], /cut short/],
    ["weights that end early", [{ paths: ["a.bin"], weights: [weight("w", [1])] }], /take 4 bytes, and the file has 8/],
    ["a name twice", [{ paths: ["a.bin"], weights: [weight("w", [1]), weight("w", [1])] }], /comes twice/],
    [
      "a quantization without scale",
      [{ paths: ["a.bin"], weights: [weight("w", [1], { quantization: { dtype: "uint8" } })] }],
      /must have a dtype/,
    ],
    ["a path elsewhere", [{ paths: ["../a.bin"], weights: [] }], /in "\.\.\/a\.bin"; only files beside it/],
  ])("is refused with %s", async (_, manifest, reason) => {
    const opening = openModel([modelFile(manifest), file("a.bin", new Float32Array(2))]);
    await expect(opening).rejects.toThrow(reason);
    await expect(opening).rejects.toBeInstanceOf(FormatError);
  });

  it("says which file is missing", async () => {
    const model = modelFile([{ paths: ["group1-shard1of1.bin"], weights: [] }]);
    await expect(openModel(model)).rejects.toThrow("model.json needs group1-shard1of1.bin; give it too");
  });
});

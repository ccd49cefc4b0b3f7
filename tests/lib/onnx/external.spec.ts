import { create } from "@bufbuild/protobuf";
import {
  blobSink,
  compareNodes,
  openModel,
  outputBytes,
  planModel,
  quantizeModel,
  type Rules,
} from "channelwise/models";
import { StringStringEntryProtoSchema, TensorProto_DataLocation } from "onnx-buf";
import { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { channelwise, everything, sink, source } from "./memory.js";
import { dataType, float, type GraphInit, modelBytes, node, parse, type TensorInit, tensor } from "./models.js";
import { run, sqnr } from "./runtime.js";

const entries = (values: Record<string, string | number>) =>
  Object.entries(values).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value: String(value) }));

/** A tensor whose data lie in another file. */
function outside(name: string, shape: number[], place: Record<string, string | number>): TensorInit {
  return {
    name,
    dims: shape.map(BigInt),
    dataType: dataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: entries(place),
  };
}

const [first, second, bias] = [
  uniform("float32", 64 * 32, 1),
  uniform("float32", 32 * 24, 2),
  uniform("float32", 24, 3),
];

/** The data of the tensors one after the other, with a gap. */
const data = new Uint8Array(first.byteLength + 100 + second.byteLength + bias.byteLength);
data.set(new Uint8Array(first.buffer), 0);
data.set(new Uint8Array(second.buffer), first.byteLength + 100);
data.set(new Uint8Array(bias.buffer), first.byteLength + 100 + second.byteLength);

const graph: GraphInit = {
  node: [
    node("MatMul", ["x", "first"], ["h"]),
    node("MatMul", ["h", "second"], ["g"]),
    node("Add", ["g", "bias"], ["y"]),
  ],
  initializer: [
    // Without offset and length, data begin at the start and have the length of the shape.
    outside("first", [64, 32], { location: "weights.bin" }),
    outside("second", [32, 24], { location: "weights.bin", offset: first.byteLength + 100, length: second.byteLength }),
    outside("bias", [24], {
      checksum: "0123",
      length: bias.byteLength,
      location: "weights.bin",
      offset: first.byteLength + 100 + second.byteLength,
    }),
  ],
  input: [float("x", [3, 64])],
  output: [float("y")],
};
const bytes = modelBytes({ opset: 21, graph });
const whole = modelBytes({
  opset: 21,
  graph: {
    ...graph,
    initializer: [tensor("first", [64, 32], first), tensor("second", [32, 24], second), tensor("bias", [24], bias)],
  },
});
const x = { data: uniform("float32", 3 * 64, 9), dims: [3, 64] };

async function written(rules: Rules) {
  const model = await openModel([source(bytes), source(data, "weights.bin")]);
  const plan = planModel(model, rules);
  const [main, beside] = [sink(), sink()];
  const errors = await quantizeModel(channelwise, plan, main.sink, {
    external: { location: "w8.bin", sink: beside.sink },
  });
  return { plan, errors, main, beside };
}

it("says which files are no part of it", async () => {
  const given = [source(data, "notes"), source(bytes), source(data, "weights.bin"), source(bytes)];
  expect((await openModel(given)).unused).toEqual(["notes", given[3].name]);
  expect((await openModel(source(whole))).unused).toEqual([]);
});

async function runWith(model: Uint8Array, file: Uint8Array) {
  const session = await InferenceSession.create(model, {
    graphOptimizationLevel: "basic",
    externalData: [{ path: "w8.bin", data: file }],
  });
  const { y } = await session.run({ x: new Tensor("float32", x.data, x.dims) });
  await session.release();
  return y.data as Float32Array;
}

/** The place of its data that a tensor states. */
function placeOf(model: Uint8Array, name: string) {
  const found = parse(model).graph.initializer.find((each) => each.name === name);
  if (found?.dataLocation !== TensorProto_DataLocation.EXTERNAL) return undefined;
  return Object.fromEntries(found.externalData.map(({ key, value }) => [key, value]));
}

describe("a model with its data in another file", () => {
  it("may have tensors that share some of their bytes: each is quantized or kept as it reads", async () => {
    // The second begins inside the first, and the bias is part of both.
    const places = [0, 400, 1000];
    const shapes = [[64, 32], [32, 24], [24]];
    const names = ["first", "second", "bias"];
    const partOf = (i: number) => {
      const length = 4 * shapes[i].reduce((a, b) => a * b);
      return new Float32Array(data.slice(places[i], places[i] + length).buffer);
    };
    const made = (initializer: TensorInit[]) => modelBytes({ opset: 21, graph: { ...graph, initializer } });
    const sharing = made(
      names.map((name, i) =>
        outside(name, shapes[i], { location: "weights.bin", offset: places[i], length: partOf(i).byteLength }),
      ),
    );
    const apart = made(names.map((name, i) => tensor(name, shapes[i], partOf(i))));
    for (const rules of [everything, { ...everything, exclude: ["second"] }]) {
      const [main, beside, inside] = [sink(), sink(), sink()];
      const model = await openModel([source(sharing), source(data, "weights.bin")]);
      await quantizeModel(channelwise, planModel(model, rules), main.sink, {
        external: { location: "w8.bin", sink: beside.sink },
      });
      await quantizeModel(channelwise, planModel(await openModel(source(apart)), rules), inside.sink);
      expect(await runWith(main.bytes(), beside.bytes())).toEqual((await run(inside.bytes(), { x })).y.data);
    }
  });

  it("is written so too, and ONNX Runtime runs it", async () => {
    for (const rules of [everything, { ...everything, bits: 4, granularity: { group: 16 } }, { exclude: ["*"] }]) {
      const { plan, main, beside } = await written(rules);
      expect([main.state.closed, beside.state.closed]).toEqual([true, true]);
      expect(main.bytes().length + beside.bytes().length).toBe(outputBytes(plan, "w8.bin"));
      const expected = (await run(whole, { x })).y.data;
      const actual = await runWith(main.bytes(), beside.bytes());
      expect(sqnr(expected, actual)).toBeGreaterThan("bits" in rules ? 14 : 30);
    }
  });

  it("has codes and large tensors there, each from a page on, and small ones in the model", async () => {
    const { main, beside } = await written(everything);
    expect(placeOf(main.bytes(), "first_quantized")).toEqual({ location: "w8.bin", offset: "0", length: "2048" });
    // 768 codes take less than 1024 bytes, the least size that is stored outside.
    expect(placeOf(main.bytes(), "second_quantized")).toBeUndefined();
    expect(placeOf(main.bytes(), "first_scale")).toBeUndefined();
    // A tensor that was outside and stays float stays outside, with its other entries.
    expect(placeOf(main.bytes(), "bias")).toEqual({
      checksum: "0123",
      location: "w8.bin",
      offset: "4096",
      length: "96",
    });
    const file = beside.bytes();
    expect(file).toHaveLength(4096 + 96);
    expect(file.slice(4096)).toEqual(new Uint8Array(bias.buffer));
    const { quantized } = channelwise.quantize(first, { shape: [64, 32], axis: 1 });
    expect(new Int8Array(file.buffer, 0, 2048)).toEqual(quantized);
  });

  it("is written by sinks that take bytes in order only", async () => {
    for (const rules of [everything, { exclude: ["*"] }]) {
      const { plan, main, beside } = await written(rules);
      const [mainBlob, besideBlob] = [blobSink(), blobSink()];
      await quantizeModel(channelwise, plan, mainBlob, { external: { location: "w8.bin", sink: besideBlob } });
      const [model, file] = [await mainBlob.blob(), await besideBlob.blob()];
      expect(new Uint8Array(await model.arrayBuffer())).toEqual(main.bytes());
      expect(new Uint8Array(await file.arrayBuffer())).toEqual(beside.bytes());
    }
  });

  it("is run as one file, and compared node by node", async () => {
    const runIt = async (bytes: Uint8Array) =>
      Object.fromEntries(Object.entries(await run(bytes, { x })).map(([name, y]) => [name, { type: "float32", ...y }]));
    const { main, beside } = await written(everything);
    const original = await openModel([source(bytes), source(data, "weights.bin")]);
    const quantized = await openModel([source(main.bytes()), source(beside.bytes(), "w8.bin")]);
    const { nodes, outputs } = await compareNodes(original, quantized, runIt);
    expect(nodes.map(({ tensors }) => tensors).sort()).toEqual([["first"], ["second"]]);
    const actual = await runWith(main.bytes(), beside.bytes());
    expect(outputs[0].sqnr).toBeCloseTo(sqnr((await run(whole, { x })).y.data, actual), 3);
  });

  it("needs a place for them", async () => {
    const plan = planModel(await openModel([source(data, "weights.bin"), source(bytes)]));
    const output = sink();
    await expect(quantizeModel(channelwise, plan, output.sink)).rejects.toThrow(
      "external is needed: the model has data in a file beside it, and so will the output",
    );
    expect(output.state).toMatchObject({ closed: false, parts: [] });
    for (const location of ["", "/tmp/w.bin", "../w.bin", 1 as unknown as string]) {
      const external = { location, sink: sink().sink };
      await expect(quantizeModel(channelwise, plan, sink().sink, { external })).rejects.toThrow(
        /^external\.location is/,
      );
    }
  });

  it("leaves neither file where one fails", async () => {
    const plan = planModel(await openModel([source(bytes), source(data, "weights.bin")]));
    for (const fails of ["write", "close"] as const) {
      const [main, beside] = [sink(), sink()];
      const broken = { ...beside.sink, [fails]: () => Promise.reject(new Error("disk full")) };
      const external = { location: "w8.bin", sink: broken };
      await expect(quantizeModel(channelwise, plan, main.sink, { external })).rejects.toThrow("disk full");
      expect([main.state, beside.state]).toMatchObject([
        { closed: false, aborted: expect.any(Error) },
        { closed: false, aborted: expect.any(Error) },
      ]);
    }
  });
});

describe("a model that cannot be read", () => {
  const at = (place: Record<string, string | number>) =>
    modelBytes({ opset: 13, graph: { ...graph, initializer: [outside("first", [64, 32], place)] } });

  it.each<[string, Record<string, string | number>, string]>([
    ["no location", {}, 'its data lie in "", which is not a path below the model\'s folder'],
    ["an absolute path", { location: "/etc/passwd" }, 'its data lie in "/etc/passwd"'],
    ["a path of a drive", { location: "C:weights.bin" }, 'its data lie in "C:weights.bin"'],
    ["a path upwards", { location: "data/../../weights.bin" }, "which is not a path below the model's folder"],
    ["backslashes", { location: "..\\weights.bin" }, "which is not a path below the model's folder"],
    [
      "a file that is not given",
      { location: "other.bin" },
      "its data lie in the file other.bin beside the model, which cannot be opened: model.onnx needs other.bin; give it too",
    ],
    ["a place past the end", { location: "weights.bin", offset: 8000 }, "its 8192 bytes should begin at byte 8000 of"],
    ["a length past the end", { location: "weights.bin", length: 2 ** 40 }, "weights.bin, which has 11460 bytes"],
    [
      "a negative place",
      { location: "weights.bin", offset: -4 },
      'the offset of its data is "-4", which is not a number',
    ],
    ["a place that is no number", { location: "weights.bin", offset: "0x10" }, 'the offset of its data is "0x10"'],
    ["a length that is no number", { location: "weights.bin", length: "1e3" }, 'the length of its data is "1e3"'],
    ["an endless number", { location: "weights.bin", offset: "9".repeat(400) }, "which is not a number of bytes"],
    [
      "too few bytes",
      { location: "weights.bin", length: 100 },
      "shape [64, 32] has 2048 elements, but the file has the bytes of 25",
    ],
  ])("is named: %s", async (_, place, reason) => {
    await expect(openModel([source(at(place)), source(data, "weights.bin")])).rejects.toMatchObject({
      name: "FormatError",
      file: "model.onnx",
      tensor: "first",
      offset: expect.any(Number),
      reason: expect.stringContaining(reason),
    });
  });

  it("is named: one whose tensors lie outside their file, whatever they are", async () => {
    const vector = outside("bias", [24], { location: "weights.bin", offset: data.length });
    const bytes = modelBytes({ opset: 13, graph: { ...graph, initializer: [vector] } });
    await expect(openModel([source(bytes), source(data, "weights.bin")])).rejects.toMatchObject({
      name: "FormatError",
      tensor: "bias",
    });
  });
});

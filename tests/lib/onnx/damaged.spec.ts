import { FormatError, measureModel, openModel, planModel, quantizeModel } from "channelwise/models";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { keptBy, quantizedBy } from "../plans.js";
import { uniform } from "../random.js";
import { channelwise, sink, source } from "./memory.js";
import { dataType, float, type GraphInit, modelBytes, node, tensor } from "./models.js";

const graph: GraphInit = {
  node: [
    node("Transpose", ["w"], ["turned"], { perm: [1, 0] }),
    node("MatMul", ["x", "turned"], ["h"]),
    node("Constant", [], ["v"], { value: tensor("", [3, 4], uniform("float32", 12, 2)) }),
    node("Gemm", ["h", "v"], ["y"]),
  ],
  initializer: [tensor("w", [3, 4], uniform("float32", 12, 1))],
  input: [float("x", [2, 4])],
  output: [float("y", [2, 4])],
};
const good = modelBytes({ opset: 13, graph });

async function errorOf(bytes: Uint8Array): Promise<FormatError> {
  try {
    await openModel(source(bytes));
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
  return expect.fail("the model was read");
}

const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const field = (id: number, content: number[]) => [...varint(id * 8 + 2), ...varint(content.length), ...content];
const text = (id: number, value: string) => field(id, [...new TextEncoder().encode(value)]);

/** A model with these fields in its graph. */
function withGraph(...graph: number[]): Uint8Array {
  return Uint8Array.from([0x08, 7, ...field(7, graph), ...field(8, [0x10, 13])]);
}

const matMul = field(1, [...text(1, "x"), ...text(1, "w"), ...text(2, "y"), ...text(4, "MatMul")]);

/** A model with an initializer w of these fields. */
function withTensor(...content: number[]): Uint8Array {
  return withGraph(...matMul, ...field(5, [...text(8, "w"), ...content]));
}
const float32 = [0x10, dataType.FLOAT];
const float16 = [0x10, dataType.FLOAT16];
const [two, three] = [
  [0x08, 2],
  [0x08, 3],
];

/** Nodes inside nodes. */
function nested(depth: number): number[] {
  let graph: number[] = [];
  for (let i = 0; i < depth; i++) {
    graph = field(1, [...text(4, "If"), ...field(5, [...text(1, "then_branch"), ...field(6, graph)])]);
  }
  return graph;
}

describe("a model that cannot be read", () => {
  it("is named when it is cut short, at every length", async () => {
    for (let length = 0; length < good.length; length++) {
      const error = await errorOf(good.subarray(0, length));
      expect(error.file).toBe("model.onnx");
      expect(error.offset).toBeLessThanOrEqual(length);
    }
  });

  it.each<[string, Uint8Array, number, string | RegExp]>([
    [
      "millions of fields",
      new Uint8Array(2 ** 22 + 2).fill(1).map((one, i) => (i % 2 === 0 ? 8 : one)),
      2 ** 22,
      "the file has more than 2097152 fields, which is the limit",
    ],
    ["nothing", new Uint8Array(), 0, /^the file is empty: download or save it again/],
    ["a picture", Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a), 0, "the file is cut short, or not an ONNX model"],
    ["an archive", Uint8Array.of(0x50, 0x4b, 3, 4, 5, 6), 2, "field"],
    [
      "text",
      new TextEncoder().encode("<!doctype html><title>404</title>"),
      0,
      "this is a web page, such as one that asks to sign in: download the file itself",
    ],
    ["no IR version", Uint8Array.from(field(7, [])), 0, "the file has no ir_version"],
    ["no operator set", Uint8Array.from([0x08, 7, ...field(7, [])]), 0, "the model imports no operators of ONNX"],
    ["two graphs", Uint8Array.from([0x08, 7, ...field(7, []), ...field(7, [])]), 4, "the model has two graphs"],
    [
      "a tag without end",
      Uint8Array.of(...Array(11).fill(0xff)),
      0,
      "a tag of the model is a varint of more than 10 bytes",
    ],
    [
      "a number without end",
      Uint8Array.of(0x08, ...Array(11).fill(0x80)),
      1,
      "field 1 of the model is a varint of more",
    ],
    ["a number cut short", Uint8Array.of(0x08, 0x80), 1, "field 1 of the model is cut short by the end of the message"],
    ["a field numbered 0", Uint8Array.of(0x00, 0x01), 0, "the model has a field numbered 0"],
    [
      "a length past the end",
      Uint8Array.of(0x08, 7, 0x3a, 9, 1),
      2,
      "field 7 of the model takes 9 bytes, and 1 are left",
    ],
    [
      "a length of 2^63",
      Uint8Array.of(0x08, 7, 0x3a, ...Array(9).fill(0x80), 0x01),
      2,
      "field 7 of the model takes -9223372036854776000 bytes",
    ],
    [
      "64 bits cut short",
      Uint8Array.of(0x08, 7, 0xd9, 0x3e, 1, 2),
      2,
      "field 1003 of the model is cut short by the end",
    ],
    ["a graph that is a number", Uint8Array.of(0x08, 7, 0x38, 1), 2, "the graph has the wire type 0; it must be 2"],
    ["a version of 2^63", Uint8Array.of(0x08, ...Array(9).fill(0x80), 1), 0, "ir_version is beyond 2^53"],
    ["a node without operator", withGraph(...field(1, text(3, "n"))), 4, 'node "n" has no operator'],
    [
      "a node cut short",
      withGraph(...matMul, 0x0a, 2, 0x0a, 9),
      4 + matMul.length + 2,
      "field 1 of node 1 of the graph takes 9 bytes, and 0",
    ],
    [
      "a value of a node",
      withGraph(
        ...field(1, [...text(4, "Constant"), ...text(3, "n"), ...field(5, [...text(1, "value"), 0x2a, 1, 0x10])]),
      ),
      expect.any(Number),
      'field 2 of value of node "n" is cut short',
    ],
    ["graphs in graphs in graphs", withGraph(...nested(40)), expect.any(Number), "graphs are nested more than 32 deep"],
    [
      "a name of megabytes",
      modelBytes({ opset: 13, graph: { node: [{ ...node("Relu", ["x"], ["y"]), name: "n".repeat(2 ** 21) }] } }),
      expect.any(Number),
      "the name of node 0 of the graph takes 2097152 bytes; at most 1048576 are read",
    ],
    [
      "the same name twice",
      withGraph(...field(5, text(8, "w")), ...field(5, text(8, "w"))),
      9,
      '"w" is defined twice in one graph',
    ],
    [
      "data twice",
      withTensor(...two, ...float32, ...field(4, Array(8).fill(0)), ...field(9, Array(8).fill(0))),
      expect.any(Number),
      'tensor "w" has both raw_data and float_data',
    ],
    [
      "two opsets",
      Uint8Array.from([...good, ...field(8, [0x10, 17])]),
      expect.any(Number),
      "imports ONNX's operators twice, of opset 13 and of opset 17",
    ],
    ["too many dimensions", withTensor(...Array(70).fill(two).flat()), expect.any(Number), "more than 64 dimensions"],
    [
      "too many packed dimensions",
      withTensor(...field(1, Array(1000).fill(1))),
      expect.any(Number),
      "more than 64 dim",
    ],
    [
      "float data of 3 bytes",
      withTensor(...field(4, [1, 2, 3])),
      expect.any(Number),
      'float_data of tensor "w" takes 3 bytes',
    ],
    [
      "float data of a number",
      withTensor(0x20, 1),
      expect.any(Number),
      'float_data of tensor "w" has the wire type 0; it must be 2 or 5',
    ],
    [
      "float16 of 17 bits",
      withTensor(...two, ...float16, ...field(5, [1, ...varint(0x10000)])),
      expect.any(Number),
      'int32_data of tensor "w" has 65536, which is not the bits of a float16',
    ],
    [
      "a negative float16",
      withTensor(...two, ...float16, 0x28, ...Array(9).fill(0xff), 1),
      expect.any(Number),
      'int32_data of tensor "w" has 18446744073709552000, which is not the bits',
    ],
    [
      "float16 cut short",
      withTensor(...two, ...float16, ...field(5, [1, 0x80])),
      expect.any(Number),
      "a number of int32_data has no end",
    ],
    [
      "a git-lfs pointer",
      new TextEncoder().encode("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"),
      0,
      "this is a Git LFS pointer, which stands for the file: run git lfs pull",
    ],
  ])("is named: %s", async (_, bytes, offset, reason) => {
    const error = await errorOf(bytes);
    expect(error.reason).toMatch(reason);
    expect(error).toMatchObject({ file: "model.onnx", offset });
  });

  it.each<[string, Uint8Array, string]>([
    [
      "too few bytes",
      withTensor(...two, ...three, ...float32, ...field(9, Array(20).fill(0))),
      "shape [2, 3] has 6 elements, but the file has the bytes of 5",
    ],
    [
      "too many bytes",
      withTensor(...two, ...three, ...float32, ...field(9, Array(28).fill(0))),
      "the file has the bytes of 7",
    ],
    [
      "part of an element",
      withTensor(...two, ...three, ...float32, ...field(9, Array(22).fill(0))),
      "the file has the bytes of 5.5",
    ],
    [
      "too few float16 in integers",
      withTensor(...two, ...three, ...float16, 0x28, 1, ...field(5, [1, 2, 0x80, 0x78])),
      "shape [2, 3] has 6 elements, but the file has the bytes of 4",
    ],
    [
      "no bytes",
      withTensor(...two, ...three, ...float32),
      "shape [2, 3] has 6 elements, but the file has the bytes of 0",
    ],
    [
      "a negative dimension",
      withTensor(0x08, ...Array(9).fill(0xff), 1, ...two, ...float32),
      "shape [-1, 2] is not possible",
    ],
    [
      "a product beyond any number",
      withTensor(
        ...Array(3)
          .fill([0x08, ...varint(2 ** 31 - 1)])
          .flat(),
        ...float32,
      ),
      "shape [2147483647, 2147483647, 2147483647] is not possible",
    ],
    [
      "a dimension beyond any number",
      withTensor(0x08, ...Array(8).fill(0xff), 0x7f, ...two, ...float32),
      "is not possible",
    ],
  ])("names the tensor: %s", async (_, bytes, reason) => {
    const error = await errorOf(bytes);
    expect(error).toMatchObject({ file: "model.onnx", tensor: "w", offset: 4 + matMul.length });
    expect(error.reason).toContain(reason);
  });

  it.each([
    "DequantizeLinear",
    "QuantizeLinear",
    "ConvInteger",
    "QLinearMatMul",
    "QLinearAdd",
    "QMoE",
    "DynamicQuantizeLinear",
  ])("is named: quantized already, with %s, also in a subgraph", async (operator) => {
    const inner: GraphInit = { name: "then", node: [{ ...node(operator, ["w"], ["q"]), name: "inner" }] };
    const graph = {
      node: [node("If", ["x"], ["y"], { then_branch: { graph: inner }, else_branch: { graph: inner } })],
    };
    const model = await openModel(source(modelBytes({ opset: 13, graph })));
    expect(() => planModel(model)).toThrow(FormatError);
    expect(() => planModel(model)).toThrow(
      `the model is quantized already (${operator} "inner"): give the float model it was made from`,
    );
  });

  it("is named: one that was quantized here", async () => {
    const model = modelBytes({
      opset: 13,
      graph: {
        node: [node("MatMul", ["x", "w"], ["y"])],
        initializer: [tensor("w", [16, 64], uniform("float32", 1024, 1))],
        input: [float("x", [2, 16])],
        output: [float("y")],
      },
    });
    const output = sink();
    await quantizeModel(channelwise, planModel(await openModel(source(model)), { target: "portable" }), output.sink);
    const written = await openModel(source(output.bytes()));
    expect(() => planModel(written)).toThrow('quantized already (DequantizeLinear "w_DequantizeLinear")');
  });

  it("lets what is before opset 7 be", async () => {
    const plan = planModel(await openModel(source(modelBytes({ opset: 6, graph }))), { include: ["*"] });
    expect(quantizedBy(plan)).toEqual([]);
    expect(keptBy(plan).find(({ name }) => name === "w")?.reason).toBe(
      "opset 6 has no operators to write it with; 7 is the first that has",
    );
  });
});

describe("whatever bytes change", () => {
  /** Reads, measures and writes a model; returns whether everything succeeded. */
  async function attempt(bytes: Uint8Array): Promise<boolean> {
    const output = sink();
    try {
      const plan = planModel(await openModel(source(bytes)), { include: ["*"], bits: 4, granularity: { group: 2 } });
      await measureModel(channelwise, plan);
      await quantizeModel(channelwise, plan, output.sink);
    } catch (error) {
      if (error instanceof FormatError) {
        expect(error.file).toBe("model.onnx");
        expect(error.offset).toBeLessThanOrEqual(bytes.length);
        expect(output.state.parts).toEqual([]);
      } else {
        // Changed weights may not be finite; the file as such is valid.
        expect(error).toMatchObject({ name: "NonFiniteError" });
      }
      expect(output.state.closed).toBe(false);
      return false;
    }
    expect(output.state.closed).toBe(true);
    output.bytes();
    return true;
  }

  it("a model is either read and written whole, or refused with nothing written", async () => {
    expect(await attempt(good)).toBe(true);
    const change = fc.record({ at: fc.nat({ max: good.length - 1 }), byte: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
        const bytes = good.slice();
        for (const { at, byte } of changes) bytes[at] = byte;
        await attempt(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it("and so when bytes are put in or left out", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: good.length }),
        fc.nat({ max: 20 }),
        fc.uint8Array({ maxLength: 12 }),
        async (at, lost, bytes) => {
          await attempt(Uint8Array.from([...good.subarray(0, at), ...bytes, ...good.subarray(at + lost)]));
        },
      ),
      { numRuns: 700 },
    );
  });

  it("and so with any bytes at all", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        expect(await attempt(bytes)).toBe(false);
      }),
      { numRuns: 500 },
    );
  });
});

import {
  compareModels,
  dequantizeModel,
  inspectModel,
  openModel,
  planModel,
  type Rules,
  readFloats,
} from "channelwise/models";
import { describe, expect, it } from "vitest";
import { quantizedBy } from "../plans.js";
import { uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";
import { channelwise, quantized, sink, source } from "./memory.js";
import {
  dataType,
  float,
  modelBytes,
  type NodeInit,
  node,
  parse,
  type TensorInit,
  tensor,
  withValues,
} from "./models.js";
import { run } from "./runtime.js";

const [rows, columns] = [40, 96];
const weights = uniform("float32", rows * columns, 3);
const indices = tensor("indices", [2, 3], BigInt64Array.of(0n, 5n, 39n, 7n, 7n, 1n));
const gather = { ...node("Gather", ["w", "indices"], ["y"]), name: "G" };

const graphOf = (nodes: NodeInit[], initializer: TensorInit[]) => ({ node: nodes, initializer, output: [float("y")] });
const model = (table = tensor("w", [rows, columns], weights), nodes: NodeInit[] = [gather]) =>
  modelBytes({ opset: 13, irVersion: 7, graph: graphOf(nodes, [table, indices]) });

const rules = { include: ["*"], granularity: { group: 32 } } as const;

/** The float weights of a quantized model. */
async function floatsOf(bytes: Uint8Array<ArrayBuffer>): Promise<Float32Array> {
  const floats = sink();
  await dequantizeModel(channelwise, await openModel(source(bytes)), floats.sink);
  expect(parse(floats.bytes()).graph.node.at(-1)).toMatchObject({ opType: "Gather", name: "G", domain: "" });
  const { tensors } = await openModel(source(floats.bytes()));
  return (await readFloats(tensors[0])) as Float32Array;
}

describe("Gather of rows in groups", () => {
  it.each<[Rules]>([
    [{ target: "wasm", bits: 4 }],
    [{ target: "wasm", bits: 8 }],
    [{ target: "webgpu", bits: 4, scales: "search" }],
    [{ target: "native", bits: 4, granularity: { group: 16 } }],
  ])("is GatherBlockQuantized, and gives the same rows: %o", async (own) => {
    const original = model();
    const { bytes, plan, errors } = await quantized(original, { ...rules, ...own });
    const { granularity, bits = 8, scales = "max" } = { ...rules, ...own };
    const { group } = granularity as { group: number };
    expect(quantizedBy(plan)).toMatchObject([{ pattern: "GatherBlockQuantized", bits, storedBits: bits, notes: [] }]);
    const { graph, opsetImport } = parse(bytes);
    expect(opsetImport.map(({ domain }) => domain)).toEqual(["", "com.microsoft"]);
    expect(graph.node).toMatchObject([
      { opType: "GatherBlockQuantized", name: "G", input: ["w_quantized", "indices", "w_scale"], output: ["y"] },
    ]);
    const options = { shape: [rows, columns], granularity: { group, along: 1 }, bits, scales } as const;
    const { dequantized, mse, maxError, sqnr } = channelwise.quantize(weights, { ...options, dequantize: true });
    expect(errors).toMatchObject([{ mse, maxError, sqnr }]);
    const expected = await run(withValues(original, new Map([["w", dequantized]])), {});
    const actual = await run(bytes, {});
    expect(actual.y.dims).toEqual([2, 3, columns]);
    // A negative scale times the code 0 is -0 there.
    const floats = actual.y.data.map((value) => value + 0);
    expectSameBits(floats as Float32Array, expected.y.data, "rows");

    const written = await openModel(source(bytes));
    const { quantized: found, kept, unreadable } = await inspectModel(written);
    expect({ kept, unreadable }).toEqual({ kept: [], unreadable: [] });
    const { bytesAfter } = plan.decisions[0];
    expect(found).toMatchObject([{ name: "w", pattern: "GatherBlockQuantized", byteLength: bytesAfter }]);
    expectSameBits(await floatsOf(bytes), dequantized, "weights");
    const { tensors } = await compareModels(channelwise, await openModel(source(original)), written);
    expect(tensors).toMatchObject([{ tensor: "w", result: "near", maxError }]);
  });

  it("has scales of float16 in a float16 model", async () => {
    const half = { ...tensor("w", [rows, columns], weights), dataType: dataType.FLOAT16 };
    const bits = Uint16Array.from(weights, (_, i) => 0x3800 + (i % 97) * 7);
    const nodes = [
      { ...node("Gather", ["w", "indices"], ["rows"]), name: "G" },
      node("Cast", ["rows"], ["y"], { to: dataType.FLOAT }),
    ];
    const original = model({ ...half, rawData: new Uint8Array(bits.buffer) }, nodes);
    const { bytes } = await quantized(original, { ...rules, bits: 8 });
    const [before, after] = [await run(original, {}), await run(bytes, {})];
    expect(after.y.dims).toEqual(before.y.dims);
    after.y.data.forEach((value, i) => {
      expect(Math.abs(value - before.y.data[i])).toBeLessThan(0.005);
    });
  });

  it.each<[string, Rules, NodeInit[], string]>([
    ["groups of 48", { bits: 4, granularity: { group: 48 } }, [gather], "Cast, Mul"],
    ["groups of 8", { bits: 4, granularity: { group: 8 } }, [gather], "Cast, Mul"],
    ["6 bits", { bits: 6 }, [gather], "Cast, Mul"],
    ["the target portable", { bits: 4, target: "portable" }, [gather], "Cast, Mul"],
    ["columns", { bits: 4 }, [node("Gather", ["w", "indices"], ["y"], { axis: 1 })], "Cast, Mul"],
    ["what another operator takes too", { bits: 4 }, [gather, node("MatMul", ["y", "w"], ["z"])], "Cast, Mul"],
  ])("is something else for %s", async (_, own, nodes, pattern) => {
    const plan = planModel(await openModel(source(model(undefined, nodes))), { ...rules, ...own });
    expect(quantizedBy(plan)).toMatchObject([{ pattern }]);
  });
});

describe("GatherBlockQuantized that others wrote", () => {
  const { INT4, UINT4, UINT8 } = dataType;
  const random = (count: number, seed: number) =>
    Uint8Array.from(uniform("float32", count, seed), (value) => Math.floor((value + 1) * 128));
  const packed = (name: string, type: number, dims: number[], bytes: number, seed: number) => {
    return { name, dataType: type, dims: dims.map(BigInt), rawData: random(bytes, seed) };
  };
  const scales = tensor("w_scale", [rows, 3], uniform("float32", rows * 3, 5).map(Math.abs) as Float32Array);
  const attributes = { gather_axis: 0, quantize_axis: 1, block_size: 32 };

  it.each<[string, TensorInit, TensorInit | undefined, number | undefined]>([
    ["int4", packed("w_quantized", INT4, [rows, columns], 1920, 1), undefined, undefined],
    ["uint4", packed("w_quantized", UINT4, [rows, columns], 1920, 1), undefined, undefined],
    [
      "uint4 with zero points",
      packed("w_quantized", UINT4, [rows, columns], 1920, 1),
      packed("w_zero_point", UINT4, [rows, 3], 60, 2),
      undefined,
    ],
    ["bytes of 8 bits", packed("w_quantized", UINT8, [rows, columns], 3840, 1), undefined, 8],
    ["bytes of 4 bits", packed("w_quantized", UINT8, [rows, columns / 2], 1920, 1), undefined, 4],
  ])("is read as ONNX Runtime has it: %s", async (_, codes, zeroPoints, bits) => {
    const inputs = ["w_quantized", "indices", "w_scale", ...(zeroPoints ? ["w_zero_point"] : [])];
    const own = { ...attributes, ...(bits !== undefined && { bits }) };
    const nodes = [{ ...node("GatherBlockQuantized", inputs, ["y"], own), name: "G", domain: "com.microsoft" }];
    const all = tensor(
      "indices",
      [rows],
      BigInt64Array.from({ length: rows }, (_, i) => BigInt(i)),
    );
    const initializer = [codes, all, scales, ...(zeroPoints ? [zeroPoints] : [])];
    const bytes = modelBytes({ opset: 21, domains: ["com.microsoft"], graph: graphOf(nodes, initializer) });
    const { quantized: found, unreadable } = await inspectModel(await openModel(source(bytes)));
    expect(unreadable).toEqual([]);
    expect(found).toMatchObject([{ name: "w", shape: [rows, columns], zeroPoints: zeroPoints !== undefined }]);
    const { y } = await run(bytes, {});
    expectSameBits(await floatsOf(bytes), y.data, "weights");
  });

  it("is named where it cannot be read", async () => {
    const nodes = [
      node("GatherBlockQuantized", ["w_quantized", "indices", "w_scale"], ["y"], { ...attributes, bits: 3 }),
    ];
    const codes = packed("w_quantized", UINT8, [rows, columns], 3840, 1);
    const graph = graphOf([{ ...nodes[0], domain: "com.microsoft" }], [codes, indices, scales]);
    const bytes = modelBytes({ opset: 13, domains: ["com.microsoft"], graph });
    const { unreadable } = await inspectModel(await openModel(source(bytes)));
    expect(unreadable).toMatchObject([{ tensor: "w", reason: expect.stringContaining("has codes of 3 bits") }]);
  });
});

import { toBinary } from "@bufbuild/protobuf";
import { openModel, planModel, quantizeModel, readFloats } from "channelwise/models";
import fc from "fast-check";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { quantizedBy } from "../plans.js";
import { uniform } from "../random.js";
import { channelwise, everything, quantized, sink, source } from "./memory.js";
import { float, modelBytes, node, parse, tensor } from "./models.js";

const shape = [16, 24];
const weights = uniform("float32", 16 * 24, 5);

/** Nodes, initializers and metadata in an unusual order. */
const bytes = modelBytes({
  opset: 13,
  graph: {
    node: [node("MatMul", ["x", "w"], ["h"]), node("MatMul", ["h", "v"], ["g"]), node("Add", ["g", "b"], ["y"])],
    initializer: [
      tensor("b", [16], uniform("float32", 16, 6)),
      tensor("w", shape, weights),
      tensor("v", [24, 16], uniform("float32", 16 * 24, 7)),
    ],
    input: [float("x", [2, 16])],
    output: [float("y")],
    docString: "a model",
    metadataProps: [{ key: "made by", value: "tests" }],
  },
});

/** The fields of a message as they lie in its bytes. */
function fieldsOf(
  message: Uint8Array,
): { id: number; type: number; start: number; value: Uint8Array; bytes: Uint8Array }[] {
  const fields = [];
  for (let at = 0; at < message.length; ) {
    const start = at;
    const varint = () => {
      let value = 0n;
      for (let shift = 0n; ; shift += 7n) {
        const byte = message[at++];
        value |= BigInt(byte & 0x7f) << shift;
        if (byte < 0x80) return Number(value);
      }
    };
    const tag = varint();
    const [id, type] = [tag >>> 3, tag & 7];
    let valueStart = at;
    if (type === 0) varint();
    else if (type === 5) at += 4;
    else if (type === 1) at += 8;
    else {
      const length = varint();
      valueStart = at;
      at += length;
    }
    fields.push({ id, type, start, value: message.subarray(valueStart, at), bytes: message.subarray(start, at) });
  }
  return fields;
}

const bytesOfFields = (message: Uint8Array) => fieldsOf(message).map((field) => field.bytes);
const graphOf = (model: Uint8Array) => fieldsOf(model).find(({ id }) => id === 7)?.value as Uint8Array;
const isOneOf = (bytes: Uint8Array, others: Uint8Array[]) =>
  others.some((other) => other.length === bytes.length && other.every((byte, i) => byte === bytes[i]));

describe("what is not quantized", () => {
  it("comes out byte for byte when nothing is", async () => {
    const { bytes: written, plan } = await quantized(bytes, { exclude: ["*"] });
    expect(quantizedBy(plan)).toEqual([]);
    expect(written).toEqual(bytes);
  });

  it("comes out byte for byte and in its order around what is", async () => {
    const { bytes: written } = await quantized(bytes, { include: ["w"], exclude: ["v"], target: "portable" });
    const outer = (model: Uint8Array) =>
      fieldsOf(model)
        .filter(({ id }) => id !== 7)
        .map((field) => field.bytes);
    expect(outer(written)).toEqual(outer(bytes));

    const before = bytesOfFields(graphOf(bytes));
    const after = bytesOfFields(graphOf(written));
    const kept = after.filter((field) => isOneOf(field, before));
    const lost = before.filter((field) => !isOneOf(field, after));
    expect(kept).toEqual(before.filter((field) => isOneOf(field, after)));
    expect(lost).toHaveLength(1); // the initializer w
    expect(after).toHaveLength(before.length + 2); // codes and scales in its place, and a node
  });

  it("keeps fields that nobody knows, fields with non-canonical lengths, and the order of fields", async () => {
    // An unknown field of each wire type, in the model and in the graph. The length of one takes five bytes.
    const unknown = Uint8Array.of(
      ...[0xd0, 0x3e, 0x96, 0x01], // 1002: a varint
      ...[0xd9, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8], // 1003: 64 bits
      ...[0xe2, 0x3e, 0x83, 0x80, 0x80, 0x80, 0x00, 7, 8, 9], // 1004: three bytes
      ...[0xed, 0x3e, 1, 2, 3, 4], // 1005: 32 bits
    );
    const parts: Uint8Array[] = [unknown];
    for (const field of fieldsOf(bytes)) {
      if (field.id !== 7) parts.push(field.bytes);
      else {
        const length = field.value.length + unknown.length;
        parts.push(Uint8Array.of(0x3a, (length & 0x7f) | 0x80, (length >> 7) | 0x80, 0), field.value, unknown);
      }
    }
    const model = Uint8Array.from(parts.flatMap((part) => [...part]));
    expect((await quantized(model, { exclude: ["*"] })).bytes).toEqual(model);

    const { bytes: written } = await quantized(model);
    expect(written.slice(0, unknown.length)).toEqual(unknown);
    const graph = graphOf(written);
    expect(graph.slice(graph.length - unknown.length)).toEqual(unknown);
    expect(parse(written).graph.docString).toBe("a model");
  });

  it("is what another implementation reads of it", async () => {
    const { bytes: written } = await quantized(bytes);
    const [before, after] = [parse(bytes), parse(written)];
    // That implementation writes the same bytes that we wrote, except that it packs the dimensions.
    expect(parse(toBinary(ModelProtoSchema, after))).toEqual(after);
    expect({ ...after, graph: undefined }).toEqual({ ...before, graph: undefined });
    const { node, initializer, ...rest } = after.graph;
    const { node: nodesBefore, initializer: initializersBefore, ...restBefore } = before.graph;
    expect(rest).toEqual(restBefore);
    expect(node.slice(2)).toEqual(nodesBefore);
    expect(initializer[0]).toEqual(initializersBefore[0]);
  });
});

describe("weights are read however they are stored", () => {
  const values = fc.float32Array({ minLength: 1, maxLength: 40, noNaN: true, noDefaultInfinity: true });

  /** float_data, whose field number is 4. */
  const packed = (floats: Float32Array) => {
    const data = new Uint8Array(floats.slice().buffer);
    return [0x22, (data.length & 0x7f) | 0x80, data.length >> 7, ...data];
  };
  const unpacked = (floats: Float32Array) =>
    Array.from(floats).flatMap((value) => [0x25, ...new Uint8Array(Float32Array.of(value).buffer)]);
  const raw = (floats: Float32Array) => {
    const data = new Uint8Array(floats.slice().buffer);
    return [0x4a, (data.length & 0x7f) | 0x80, data.length >> 7, ...data];
  };

  /** A model with one initializer: the given bytes of data after name, type and dimensions. */
  function modelWith(length: number, data: number[]): Uint8Array {
    const whole = modelBytes({
      opset: 13,
      graph: {
        node: [node("MatMul", ["x", "w"], ["y"])],
        initializer: [{ name: "w", dims: [1n, BigInt(length)], dataType: 1 }],
        input: [float("x", [2, 1])],
        output: [float("y")],
      },
    });
    const head = fieldsOf(graphOf(whole)).find(({ id }) => id === 5)?.value as Uint8Array;
    const tensorBytes = [...head, ...data];
    const graph = fieldsOf(graphOf(whole)).flatMap(({ id, bytes }) =>
      id === 5 ? [0x2a, (tensorBytes.length & 0x7f) | 0x80, tensorBytes.length >> 7, ...tensorBytes] : [...bytes],
    );
    return Uint8Array.from(
      fieldsOf(whole).flatMap(({ id, bytes }) =>
        id === 7 ? [0x3a, (graph.length & 0x7f) | 0x80, graph.length >> 7, ...graph] : [...bytes],
      ),
    );
  }

  it("raw, packed floats, single floats, and floats in several pieces of either kind", async () => {
    const written = async (model: Uint8Array) => {
      const { initializer } = parse((await quantized(model, { ...everything, granularity: "tensor" })).bytes).graph;
      return initializer;
    };
    await fc.assert(
      fc.asyncProperty(values, fc.nat(), fc.nat(), async (floats, a, b) => {
        const [from, to] = [a % (floats.length + 1), b % (floats.length + 1)].sort((x, y) => x - y);
        const pieces = [
          ...unpacked(floats.subarray(0, from)),
          ...packed(floats.subarray(from, to)),
          ...unpacked(floats.subarray(to)),
        ];
        const [weight] = (await openModel(source(modelWith(floats.length, pieces)))).tensors;
        expect(await readFloats(weight, from, to - from)).toEqual(floats.slice(from, to));
        const expected = await written(modelWith(floats.length, raw(floats)));
        for (const data of [packed(floats), unpacked(floats), pieces]) {
          expect(await written(modelWith(floats.length, data))).toEqual(expected);
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe("weights are copied once", () => {
  it("each is read once where its channels are contiguous, and nothing is read while it is planned", async () => {
    const rows = 4096;
    const large = uniform("float32", rows * 512, 8);
    const model = modelBytes({
      opset: 13,
      graph: {
        node: [node("Gemm", ["x", "w"], ["y"], { transB: 1 })],
        initializer: [tensor("w", [rows, 512], large)],
        input: [float("x", [2, 512])],
        output: [float("y")],
      },
    });
    const from = source(model);
    const opened = await openModel(from);
    const bytesRead = () => from.reads.reduce((sum, [, length]) => sum + length, 0);
    expect(bytesRead()).toBeLessThan(4 * 2 ** 16);
    from.reads.length = 0;

    const plan = planModel(opened);
    expect(from.reads).toEqual([]);
    const output = sink();
    await quantizeModel(channelwise, plan, output.sink);
    const structure = model.length - large.byteLength;
    expect(bytesRead()).toBeGreaterThanOrEqual(large.byteLength);
    expect(bytesRead()).toBeLessThanOrEqual(large.byteLength + structure);
    // A few MB are read at a time.
    expect(Math.max(...from.reads.map(([, length]) => length))).toBeLessThanOrEqual(2 ** 22);
    expect(Math.max(...output.state.parts.map((part) => part.bytes.length))).toBeLessThanOrEqual(2 ** 22);
  });
});

import { create, toBinary } from "@bufbuild/protobuf";
import {
  type ByteSink,
  type ByteSource,
  openModel,
  outputBytes,
  planModel,
  quantizeModel,
  streamSink,
} from "channelwise/models";
import { GraphProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { channelwise } from "./memory.js";
import { dataType, type NodeInit, node } from "./models.js";

const pattern = new Uint8Array(uniform("float32", 2 ** 20, 1).buffer);

/** A file of given bytes and many random weights, which are made when they are read. */
function virtualFile(parts: readonly (Uint8Array | { weights: number })[]): ByteSource & { bytesRead: () => number } {
  let size = 0;
  const places = parts.map((part) => {
    const start = size;
    size += part instanceof Uint8Array ? part.length : 4 * part.weights;
    return { part, start, end: size };
  });
  let bytesRead = 0;
  return {
    name: "large.onnx",
    size,
    bytesRead: () => bytesRead,
    async read(offset, length) {
      bytesRead += length;
      const bytes = new Uint8Array(length);
      for (const { part, start, end } of places) {
        const to = Math.min(end, offset + length);
        for (let at = Math.max(start, offset); at < to; ) {
          const from = part instanceof Uint8Array ? part : pattern;
          const place = (at - start) % from.length;
          const count = Math.min(to - at, from.length - place);
          bytes.set(from.subarray(place, place + count), at - offset);
          at += count;
        }
      }
      return bytes;
    },
  };
}

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];

/** A model of `layers` layers, with weights [rows, columns] in the file itself. */
function largeModel(layers: number, rows: number, columns: number) {
  const nodes: NodeInit[] = Array.from({ length: layers }, (_, i) =>
    node("Gemm", [i === 0 ? "x" : `h${i - 1}`, `w${i}`], [`h${i}`], { transB: 1 }),
  );
  const graph = toBinary(GraphProtoSchema, create(GraphProtoSchema, { node: nodes }));
  const weights = rows * columns;
  const initializers = Array.from({ length: layers }, (_, i) => {
    const name = [...new TextEncoder().encode(`w${i}`)];
    const dimensions = [0x08, ...varint(rows), 0x08, ...varint(columns)];
    const fields = [...dimensions, 0x10, dataType.FLOAT, 0x42, name.length, ...name, 0x4a, ...varint(4 * weights)];
    return Uint8Array.of(0x2a, ...varint(fields.length + 4 * weights), ...fields);
  });
  const length = graph.length + initializers.reduce((sum, each) => sum + each.length + 4 * weights, 0);
  const data = initializers.flatMap((fields) => [fields, { weights }]);
  const [irVersion, operatorSet] = [Uint8Array.of(0x08, 8), Uint8Array.of(0x42, 2, 0x10, 13)];
  return virtualFile([irVersion, Uint8Array.of(0x3a, ...varint(length)), graph, ...data, operatorSet]);
}

/** Counts written bytes, and measures the memory of the process meanwhile. */
function countingSink() {
  const state = { bytes: 0, end: 0, memory: 0, closed: false };
  const sink: ByteSink = {
    async write(offset, bytes) {
      state.bytes += bytes.length;
      state.end = Math.max(state.end, offset + bytes.length);
      state.memory = Math.max(state.memory, process.memoryUsage().rss);
    },
    async close() {
      state.closed = true;
    },
    async abort() {},
  };
  return { sink, state };
}

describe("a model of nearly 2 GB", () => {
  it("is read once and written in little memory, even where it has to be written in order", async () => {
    const file = largeModel(15, 8192, 4096);
    expect(file.size).toBeGreaterThan(2_000_000_000);
    const model = await openModel(file);
    expect(model.tensors).toHaveLength(15);
    expect(file.bytesRead()).toBeLessThan(15 * 3 * 2 ** 16);

    const plan = planModel(model, { exclude: ["w1", "w2", "w3", "w4", "w5"] });
    const before = { read: file.bytesRead(), memory: process.memoryUsage().rss };
    const { sink, state } = countingSink();
    const inOrder = streamSink(
      new WritableStream({
        write: (bytes) => sink.write(state.end, bytes),
        close: () => sink.close(),
      }),
    );
    await quantizeModel(channelwise, plan, inOrder);
    expect(state).toMatchObject({ closed: true, bytes: outputBytes(plan), end: outputBytes(plan) });
    expect(file.bytesRead() - before.read).toBeLessThanOrEqual(file.size);
    expect(state.memory - before.memory).toBeLessThan(300e6);
  });
});

describe("a model of more than 2 GB", () => {
  it("needs a file beside it, where what is new goes then", async () => {
    const [kept, quantized, rows, columns] = [15, 5, 8192, 4096];
    const file = largeModel(kept + quantized, rows, columns);
    const exclude = Array.from({ length: kept }, (_, i) => `w${i}`);
    const plan = planModel(await openModel(file), { exclude, target: "portable" });
    const alone = countingSink();
    await expect(quantizeModel(channelwise, plan, alone.sink)).rejects.toThrow(
      /^the model takes 218\d{7} bytes, and a model file at most 2147483647: give external, a file beside it$/,
    );
    expect(alone.state).toMatchObject({ bytes: 0, closed: false });

    const [main, beside] = [countingSink(), countingSink()];
    const external = { location: "weights.bin", sink: beside.sink };
    await quantizeModel(channelwise, plan, main.sink, { external });
    expect(main.state.closed && beside.state.closed).toBe(true);
    // Each layer has its codes, and its scales at the next page.
    expect(beside.state.bytes).toBe(quantized * (rows * columns + 4 * rows));
    expect(main.state.bytes - kept * 4 * rows * columns).toBeLessThan(10_000);
  });
});

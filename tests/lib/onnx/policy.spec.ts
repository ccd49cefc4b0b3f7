import {
  measureModel,
  NonFiniteError,
  openModel,
  outputBytes,
  planModel,
  quantizeModel,
  type Rules,
  type RunOptions,
  StoppedError,
} from "channelwise/models";
import { describe, expect, it } from "vitest";
import { keptBy, quantizedBy } from "../plans.js";
import { uniform } from "../random.js";
import { channelwise, everything, sink, source } from "./memory.js";
import { float, modelBytes, node, tensor } from "./models.js";

const bytes = modelBytes({
  opset: 21,
  graph: {
    node: [
      node("MatMul", ["x", "encoder.first"], ["a"]),
      node("MatMul", ["a", "encoder.second"], ["b"]),
      node("Gemm", ["b", "decoder.head"], ["y"]),
    ],
    initializer: [
      tensor("encoder.first", [4, 16], uniform("float32", 64, 1)),
      tensor("encoder.second", [16, 64], uniform("float32", 1024, 2)),
      tensor("decoder.head", [64, 32], uniform("float32", 2048, 3)),
    ],
    input: [float("x", [2, 4])],
    output: [float("y")],
  },
});
const model = await openModel(source(bytes));
const summary = (rules?: Rules) =>
  Object.fromEntries(quantizedBy(planModel(model, rules)).map(({ tensor, bits }) => [tensor, bits]));

describe("a plan", () => {
  it("quantizes what has at least 1024 elements to 8 bits, per channel, when nothing is said", () => {
    expect(summary()).toEqual({ "encoder.second": 8, "decoder.head": 8 });
    expect(keptBy(planModel(model))).toEqual([
      { name: "encoder.first", dtype: "float32", shape: [4, 16], byteLength: 256, reason: "small: 64 elements" },
    ]);
    expect(quantizedBy(planModel(model)).every(({ granularity }) => granularity === "channel")).toBe(true);
  });

  it.each<[Rules, Record<string, number>]>([
    [{ minimumSize: 0 }, { "encoder.first": 8, "encoder.second": 8, "decoder.head": 8 }],
    [{ minimumSize: 1025 }, { "decoder.head": 8 }],
    [{ minimumSize: 2049 }, {}],
    [{ minimumSize: 2049, include: ["*first"] }, { "encoder.first": 8 }],
    [{ bits: 4 }, { "encoder.second": 4, "decoder.head": 4 }],
    [{ exclude: ["encoder.second"] }, { "decoder.head": 8 }],
    [{ exclude: ["encoder.*"] }, { "decoder.head": 8 }],
    [{ exclude: ["y node"] }, { "encoder.second": 8 }],
    [
      { exclude: ["*"], include: ["encoder.*"] },
      { "encoder.first": 8, "encoder.second": 8 },
    ],
    [{ exclude: ["encoder?second", "decoder"] }, { "decoder.head": 8 }],
    [{ overrides: { "*": { bits: 4 }, "*.head": { bits: 6 } } }, { "encoder.second": 4, "decoder.head": 6 }],
    [{ overrides: { "*.head": { bits: 6 }, "*": { bits: 4 } } }, { "encoder.second": 4, "decoder.head": 4 }],
    [{ overrides: { "b node": { keep: true } } }, { "decoder.head": 8 }],
    [{ include: ["*"], overrides: { "*": { keep: true }, "*first": { keep: false } } }, { "encoder.first": 8 }],
  ])("%o", (rules, expected) => {
    expect(summary(rules)).toEqual(expected);
  });

  it("lists what stays float with the reason", () => {
    const rules = { minimumSize: 0, exclude: ["*first"], overrides: { "y node": { keep: true } } };
    expect(keptBy(planModel(model, rules))).toEqual([
      { name: "encoder.first", dtype: "float32", shape: [4, 16], byteLength: 256, reason: "excluded" },
      { name: "decoder.head", dtype: "float32", shape: [64, 32], byteLength: 8192, reason: "kept by an override" },
    ]);
  });

  it("leaves what would not become smaller", async () => {
    const graph = {
      node: [node("Gather", ["w", "x"], ["y"])],
      initializer: [tensor("w", [2048, 1], uniform("float32", 2048, 1))],
    };
    const thin = await openModel(source(modelBytes({ opset: 13, graph })));
    expect(keptBy(planModel(thin))).toEqual([
      { name: "w", dtype: "float32", shape: [2048, 1], byteLength: 8192, reason: "it would not become smaller" },
    ]);
    expect(quantizedBy(planModel(thin, everything))).toHaveLength(1);
  });

  it("tells patterns that match nothing", () => {
    const rules = { include: ["*first"], exclude: ["encoder.frist"], overrides: { "y nodes": {}, "*node": {} } };
    expect(planModel(model, rules).unmatched).toEqual(["encoder.frist", "y nodes"]);
  });

  it("takes another axis and granularity for a weight", () => {
    const overrides = { "*second": { axis: -2 }, "*head": { granularity: "tensor" } } as const;
    expect(quantizedBy(planModel(model, { overrides }))).toMatchObject([
      { axis: 0, granularity: "channel" },
      { granularity: "tensor" },
    ]);
  });

  it("knows what codes and scales take", () => {
    const bytesAfter = (rules: Rules) =>
      quantizedBy(planModel(model, { include: ["*second"], exclude: ["*"], ...rules })).map((each) => each.bytesAfter);
    expect(bytesAfter({ target: "native" })).toEqual([1024 + 4 * 64 + 64]); // MatMulInteger takes zero points
    expect(bytesAfter({ granularity: "tensor", bits: 4 })).toEqual([512 + 4]);
    expect(bytesAfter({ granularity: { group: 8 }, bits: 9 })).toEqual([2048 + 4 * 2 * 64]);
  });

  it("knows how long the file will be", async () => {
    for (const rules of [{}, { exclude: ["*"] }, { include: ["*"], bits: 4, granularity: { group: 16 } }]) {
      const plan = planModel(model, rules);
      const output = sink();
      await quantizeModel(channelwise, plan, output.sink);
      expect(output.bytes()).toHaveLength(outputBytes(plan));
    }
  });

  it.each<[unknown, typeof TypeError | typeof RangeError, string]>([
    [
      { bit: 8 },
      TypeError,
      'rules has no "bit"; it has bits, scales, zeroPoints, balance, axis, granularity, blockType, dialect, opset',
    ],
    [{ bits: 1 }, RangeError, "bits is 1; it must be an integer from 2 to 16"],
    [{ bits: "8" }, TypeError, 'bits must be a number, not "8"'],
    [{ minimumSize: -1 }, RangeError, "minimumSize is -1; it must be a number of elements from 0 up"],
    [{ minimumSize: "0" }, RangeError, 'minimumSize is "0"'],
    [{ axis: 2 }, RangeError, "axis of encoder.second is 2; it must be an integer from -2 to 1"],
    [{ granularity: "row" }, TypeError, 'granularity must be "channel", "tensor" or { group'],
    [
      { granularity: { group: 32, along: 0 } },
      TypeError,
      "in an .onnx model groups lie along what an operator sums over; leave out along: 0",
    ],
    [{ granularity: { group: 0 } }, RangeError, "granularity.group is 0; it must be an integer from 1 to"],
    [{ exclude: "encoder.*" }, TypeError, 'exclude must be an array of patterns, not "encoder.*"'],
    [{ include: [1] }, TypeError, "include has 1; patterns must be strings"],
    [{ overrides: { "*second": { axis: 2 } } }, RangeError, "axis of encoder.second is 2;"],
    [
      { overrides: { "*": { bit: 4 } } },
      TypeError,
      'overrides["*"] has no "bit"; it has bits, scales, zeroPoints, balance, axis, granularity, blockType, keep',
    ],
    [{ overrides: [] }, TypeError, "overrides must be an object of patterns and settings, not an array"],
    [{ target: "wasm32" }, TypeError, 'target is "wasm32"; it must be one of wasm, native, webgpu, portable'],
    [[], TypeError, "rules must be an object"],
  ])("refuses %o", (rules, type, message) => {
    const plan = () => planModel(model, rules as Rules);
    expect(plan).toThrow(type);
    expect(plan).toThrow(message);
  });
});

describe("the errors", () => {
  it("are given before anything is written, and are those of what is written", async () => {
    const plan = planModel(model, { ...everything, overrides: { "*second": { bits: 4 } } });
    const measured = await measureModel(channelwise, plan);
    expect(measured.map(({ tensor }) => tensor)).toEqual(["encoder.first", "encoder.second", "decoder.head"]);
    const decibels = measured.map((each) => (each.quantize ? each.sqnr : Number.NaN));
    expect(Math.min(...decibels)).toBe(decibels[1]);
    expect((await quantizeModel(channelwise, plan, sink().sink)).tensors).toEqual(measured);
  });

  it("come with progress in bytes, which ends where all is done", async () => {
    const plan = planModel(model, everything);
    const progressOf = async (work: (options: RunOptions) => Promise<unknown>) => {
      const calls: { tensor: string; done: number; total: number }[] = [];
      await work({ onProgress: (progress) => calls.push(progress) });
      const done = calls.map((call) => call.done);
      expect(done).toEqual([...done].sort((a, b) => a - b));
      expect(new Set(calls.map(({ total }) => total)).size).toBe(1);
      return calls.at(-1);
    };
    const weights = 4 * (64 + 1024 + 2048);
    const last = { tensor: "decoder.head", done: weights, total: weights };
    expect(await progressOf((options) => measureModel(channelwise, plan, options))).toEqual(last);
    const written = await progressOf((options) => quantizeModel(channelwise, plan, sink().sink, options));
    // Copied bytes count too.
    expect(written?.done).toBe(written?.total);
    expect(written?.total).toBeGreaterThan(weights);
  });
});

describe("nothing is left behind", () => {
  it("where the work is aborted, before or while it runs", async () => {
    const plan = planModel(model, everything);
    const aborted = { signal: AbortSignal.abort("no more") };
    const output = sink();
    const failure = await quantizeModel(channelwise, plan, output.sink, aborted).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StoppedError);
    expect(failure).toMatchObject({ cause: "no more" });
    expect(output.state).toMatchObject({ closed: false, aborted: failure });
    await expect(measureModel(channelwise, plan, aborted)).rejects.toMatchObject({ cause: "no more" });

    const later = sink();
    const controller = new AbortController();
    const onProgress = ({ tensor }: { tensor: string }) => tensor === "encoder.second" && controller.abort("stop");
    const work = quantizeModel(channelwise, plan, later.sink, { signal: controller.signal, onProgress });
    await expect(work).rejects.toMatchObject({ name: "StoppedError", cause: "stop" });
    expect(later.state.closed).toBe(false);
    expect(later.state.aborted).toBeInstanceOf(StoppedError);
  });

  it("where a weight is not finite, which is named", async () => {
    const values = uniform("float32", 1024, 2);
    values[40] = Number.NaN;
    const graph = {
      node: [node("MatMul", ["x", "layer"], ["y"])],
      initializer: [tensor("layer", [16, 64], values)],
      input: [float("x", [2, 16])],
      output: [float("y")],
    };
    const plan = planModel(await openModel(source(modelBytes({ opset: 13, graph }))));
    const output = sink();
    await expect(quantizeModel(channelwise, plan, output.sink)).rejects.toBeInstanceOf(NonFiniteError);
    expect(output.state).toMatchObject({ closed: false, aborted: expect.any(NonFiniteError) });
    await expect(measureModel(channelwise, plan)).rejects.toMatchObject({ tensor: "layer", index: 40, channel: 40 });
  });

  it("where the sink fails, or an argument is wrong", async () => {
    const output = sink();
    const full = { ...output.sink, write: () => Promise.reject(new Error("disk full")) };
    await expect(quantizeModel(channelwise, planModel(model), full)).rejects.toThrow("disk full");
    expect(output.state).toMatchObject({ closed: false, aborted: { cause: new Error("disk full") } });

    for (const [wrong, message] of [
      [{ progress: 1 }, 'options has no "progress"'],
      [{ external: { place: "w.bin" } }, 'external has no "place"; it has location, sink'],
    ] as const) {
      const other = sink();
      const work = quantizeModel(channelwise, planModel(model), other.sink, wrong as object);
      await expect(work).rejects.toThrow(message);
      expect(other.state).toMatchObject({ closed: false, parts: [] });
    }
    const work = quantizeModel({} as typeof channelwise, planModel(model), sink().sink);
    await expect(work).rejects.toThrow("channelwise must be the result of load(), not an object");
  });
});

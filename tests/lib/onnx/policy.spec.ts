import { measureOnnx, NonFiniteError, type OnnxPolicy, planOnnx, readOnnx, writeOnnx } from "channelwise/onnx";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { sink, source } from "./memory.js";
import { float, modelBytes, node, tensor } from "./models.js";

/** Three layers; the weights of the first are few, and of very different sizes. */
const spread = uniform("float32", 4 * 16, 1).map((value, i) => value * 1.5 ** (i % 29));
const bytes = modelBytes({
  opset: 21,
  graph: {
    node: [
      node("MatMul", ["x", "encoder.first"], ["a"]),
      node("MatMul", ["a", "encoder.second"], ["b"]),
      node("Gemm", ["b", "decoder.head"], ["y"]),
    ],
    initializer: [
      tensor("encoder.first", [4, 16], spread),
      tensor("encoder.second", [16, 64], uniform("float32", 1024, 2)),
      tensor("decoder.head", [64, 32], uniform("float32", 2048, 3)),
    ],
    input: [float("x", [2, 4])],
    output: [float("y")],
  },
});
const model = await readOnnx(source(bytes));
const summary = (policy?: OnnxPolicy) =>
  Object.fromEntries(planOnnx(model, policy).choices.map(({ weight, bits }) => [weight.name, bits]));

describe("a plan", () => {
  it("quantizes what has at least 256 elements to 8 bits, when nothing is said", () => {
    expect(summary()).toEqual({ "encoder.second": 8, "decoder.head": 8 });
    expect(planOnnx(model).kept).toEqual([
      { name: "encoder.first", shape: [4, 16], reason: "has 64 elements; from 256 on they are quantized" },
    ]);
    expect(planOnnx(model).choices.every(({ granularity }) => granularity === "channel")).toBe(true);
  });

  it.each<[OnnxPolicy, Record<string, number>]>([
    [{ minimumSize: 0 }, { "encoder.first": 8, "encoder.second": 8, "decoder.head": 8 }],
    [{ minimumSize: 1025 }, { "decoder.head": 8 }],
    [{ minimumSize: 2049 }, {}],
    [{ bits: 4 }, { "encoder.second": 4, "decoder.head": 4 }],
    [{ skip: ["encoder.second"] }, { "decoder.head": 8 }],
    [{ skip: ["encoder.*"] }, { "decoder.head": 8 }],
    [{ skip: ["*head", "*irst."] }, { "encoder.second": 8 }],
    [{ skip: ["y node"] }, { "encoder.second": 8 }],
    [{ skip: ["encoder?second*", "ENCODER*", "*encoder", "[a-z]*"] }, { "encoder.second": 8, "decoder.head": 8 }],
    [{ weights: { "*": { bits: 4 }, "*.head": { bits: 6 } } }, { "encoder.second": 4, "decoder.head": 6 }],
    [{ weights: { "*.head": { bits: 6 }, "*": { bits: 4 } } }, { "encoder.second": 4, "decoder.head": 4 }],
    [{ weights: { "b node": { keep: true } } }, { "decoder.head": 8 }],
    [{ skip: ["*"], weights: { "decoder.*": { keep: false } } }, { "decoder.head": 8 }],
  ])("%o", (policy, expected) => {
    expect(summary(policy)).toEqual(expected);
  });

  it("lists what stays float with the reason", () => {
    expect(planOnnx(model, { minimumSize: 0, skip: ["*first"], weights: { "y node": { keep: true } } }).kept).toEqual([
      { name: "encoder.first", shape: [4, 16], reason: "is left float by the policy" },
      { name: "decoder.head", shape: [64, 32], reason: "is left float by the policy" },
    ]);
  });

  it("takes another axis and granularity for a weight", () => {
    const weights = { "*second": { axis: -2 }, "*head": { granularity: "tensor" } } as const;
    expect(planOnnx(model, { weights }).choices).toMatchObject([
      { axis: 0, granularity: "channel" },
      { granularity: "tensor" },
    ]);
  });

  it.each<[unknown, typeof TypeError | typeof RangeError, string]>([
    [{ bit: 8 }, TypeError, 'policy has no "bit"; it has bits, granularity, minimumSize, skip, weights, matMulNBits'],
    [{ bits: 1 }, RangeError, "bits is 1; it must be an integer from 2 to 16"],
    [{ bits: "8" }, TypeError, 'bits must be a number, not "8"'],
    [{ minimumSize: -1 }, RangeError, "minimumSize is -1; it must be a number of elements from 0 up"],
    [{ minimumSize: "0" }, RangeError, 'minimumSize is "0"'],
    [{ granularity: "row" }, TypeError, 'granularity of encoder.second must be "channel", "tensor" or { group }'],
    [{ granularity: { group: 32, along: 0 } }, TypeError, 'granularity has no "along"; it has group'],
    [{ granularity: { group: 0 } }, RangeError, "granularity.group is 0; it must be an integer from 1 up"],
    [{ skip: "encoder.*" }, TypeError, 'skip must be an array of names, not "encoder.*"'],
    [{ skip: [1] }, TypeError, "a pattern must be a string, not 1"],
    [{ weights: { "*": { axis: 2 } } }, RangeError, "axis of encoder.second is 2; it must be an integer from -2 to 1"],
    [{ weights: { "*": { bit: 4 } } }, TypeError, 'weights["*"] has no "bit"; it has bits, granularity, axis, keep'],
    [{ weights: { nobody: { bits: 4 } } }, RangeError, 'nothing is called "nobody"'],
    [
      { skip: ["encoder.frist"] },
      RangeError,
      'nothing is called "encoder.frist"; give the name of a weight or of a node',
    ],
    [{ matMulNBits: 1 }, TypeError, "matMulNBits must be true or false, not 1"],
    [[], TypeError, "policy must be an object"],
  ])("refuses %o", (policy, type, message) => {
    const plan = () => planOnnx(model, policy as OnnxPolicy);
    expect(plan).toThrow(type);
    expect(plan).toThrow(message);
  });
});

describe("the errors", () => {
  it("are given before anything is written, worst first, and are those of what is written", async () => {
    const plan = planOnnx(model, { minimumSize: 0, weights: { "*second": { bits: 4 } } });
    const measured = await measureOnnx(plan);
    const names = measured.map(({ choice }) => choice.weight.name);
    expect(names).toEqual(["encoder.second", "decoder.head", "encoder.first"]);
    const decibels = measured.map(({ sqnr }) => sqnr);
    expect(decibels).toEqual([...decibels].sort((a, b) => a - b));
    expect(await writeOnnx(plan, sink().sink)).toEqual(measured);
  });

  it("come with progress, which ends where all is done", async () => {
    const plan = planOnnx(model, { minimumSize: 0 });
    for (const work of [
      measureOnnx,
      (...[plan, options]: Parameters<typeof measureOnnx>) => writeOnnx(plan, sink().sink, options),
    ]) {
      const calls: [number, number][] = [];
      await work(plan, { onProgress: (done, total) => calls.push([done, total]) });
      expect(calls.at(-1)).toEqual([3136, 3136]);
      expect(calls.map(([done]) => done)).toEqual(calls.map(([done]) => done).sort((a, b) => a - b));
    }
  });
});

describe("nothing is left behind", () => {
  it("where the work is aborted, before or while it runs", async () => {
    const plan = planOnnx(model, { minimumSize: 0 });
    const output = sink();
    await expect(writeOnnx(plan, output.sink, { signal: AbortSignal.abort("no more") })).rejects.toBe("no more");
    expect(output.state).toMatchObject({ closed: false, aborted: "no more" });
    await expect(measureOnnx(plan, { signal: AbortSignal.abort("no more") })).rejects.toBe("no more");

    const later = sink();
    const controller = new AbortController();
    const onProgress = () => controller.abort("stop");
    await expect(writeOnnx(plan, later.sink, { signal: controller.signal, onProgress })).rejects.toBe("stop");
    expect(later.state).toMatchObject({ closed: false, aborted: "stop" });
  });

  it("where a weight is not finite, which is named", async () => {
    const values = uniform("float32", 1024, 2);
    values[40] = Number.NaN;
    const broken = modelBytes({
      opset: 13,
      graph: {
        node: [node("MatMul", ["x", "layer"], ["y"])],
        initializer: [tensor("layer", [16, 64], values)],
        input: [float("x", [2, 16])],
        output: [float("y")],
      },
    });
    const plan = planOnnx(await readOnnx(source(broken)));
    const output = sink();
    const failure = expect(writeOnnx(plan, output.sink)).rejects;
    await failure.toBeInstanceOf(NonFiniteError);
    expect(output.state).toMatchObject({ closed: false, aborted: expect.any(NonFiniteError) });
    await expect(measureOnnx(plan)).rejects.toMatchObject({
      message: "layer: weights[40] (channel 40) is NaN; weights must be finite",
      index: 40,
      channel: 40,
    });
  });

  it("where the sink fails", async () => {
    const output = sink();
    const full = { ...output.sink, write: () => Promise.reject(new Error("disk full")) };
    await expect(writeOnnx(planOnnx(model), full)).rejects.toThrow("disk full");
    expect(output.state).toMatchObject({ closed: false, aborted: new Error("disk full") });
  });
});

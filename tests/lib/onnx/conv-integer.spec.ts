import { compareModels, dequantizeModel, openModel, planModel, type Rules, readFloats } from "channelwise/models";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { expectSameBits } from "../same-bits.js";
import { channelwise, quantized, sink, source } from "./memory.js";
import { float, modelBytes, node, operatorsOf, parse, tensor, tensorsOf } from "./models.js";
import { run, sqnr } from "./runtime.js";

// Conv as ConvInteger, as quantize_dynamic of ONNX Runtime's tools writes it, where it is asked for.

const asked: Rules = { include: ["*"], convInteger: true };
const shape = [6, 2, 3, 3];
// Channels of very different ranges.
const weights = uniform("float32", 108, 1).map((value, i) => value * 2 ** (Math.floor(i / 18) - 3)) as Float32Array;
const x = { data: uniform("float32", 2 * 4 * 9 * 8, 5), dims: [2, 4, 9, 8] };
const conv = node("Conv", ["x", "w", "b"], ["y"], {
  ...{ group: 2, strides: [2, 1], pads: [1, 0, 1, 2], dilations: [1, 2], kernel_shape: [3, 3] },
});
const model = (nodes = [conv]) =>
  modelBytes({
    ...{ opset: 13, irVersion: 7 },
    graph: {
      node: nodes,
      initializer: [tensor("w", shape, weights), tensor("b", [6], uniform("float32", 6, 2))],
      input: [float("x", x.dims)],
      output: [float("y")],
    },
  });

/** The SQNR of the outputs against those of the float model. */
async function errorOf(original: Uint8Array, bytes: Uint8Array) {
  const [before, after] = [await run(original, { x }), await run(bytes, { x })];
  expect(after.y.dims).toEqual(before.y.dims);
  return sqnr(before.y.data, after.y.data);
}

describe("ConvInteger", () => {
  it("has the nodes and the names of quantize_dynamic", async () => {
    const { plan, bytes } = await quantized(model(), { ...asked, granularity: "tensor" });
    const { graph } = parse(bytes);
    expect(graph.node.map(({ opType, name, input, output }) => [opType, name, input, output])).toEqual([
      ["DynamicQuantizeLinear", "x_QuantizeLinear", ["x"], ["x_quantized", "x_scale", "x_zero_point"]],
      [
        ...["ConvInteger", "y node_quant"],
        ...[["x_quantized", "w_quantized", "x_zero_point", "w_zero_point"], ["y_output_quantized"]],
      ],
      ["Cast", "y_output_quantized_cast", ["y_output_quantized"], ["y_output_quantized_cast_output"]],
      ["Mul", "y node_quant_scales_mul", ["x_scale", "w_scale"], ["y node_quant_scales_mul:0"]],
      [
        ...["Mul", "y node_quant_output_scale_mul"],
        ...[["y_output_quantized_cast_output", "y node_quant_scales_mul:0"], ["yquant_scaled_output"]],
      ],
      ["Reshape", "", ["b", "y_bias_reshape_shape"], ["y_bias_reshape_output"]],
      ["Add", "y_bias_add", ["yquant_scaled_output", "y_bias_reshape_output"], ["y"]],
    ]);
    expect(graph.node[1].attribute).toEqual(parse(model()).graph.node[0].attribute);
    const tensors = tensorsOf(bytes);
    expect([tensors.get("w_scale")?.dims, tensors.get("w_zero_point")?.dims]).toEqual([[], []]);
    expect(plan.notes).toContainEqual(expect.stringMatching(/^Conv as ConvInteger for wasm: it was asked for/));
    expect(await errorOf(model(), bytes)).toBeGreaterThan(25);
  });

  it.each<[Rules, number]>([
    [{}, 35],
    [{ target: "native" }, 35],
    [{ weightType: "uint8" }, 35],
    [{ granularity: "tensor", zeroPoints: true, weightType: "uint8" }, 25],
  ])("keeps the outputs, and is read back: %o", async (rules, least) => {
    const { bytes } = await quantized(model(), { ...asked, ...rules });
    expect(operatorsOf(parse(bytes).graph)).toContain("ConvInteger");
    expect(await errorOf(model(), bytes)).toBeGreaterThan(least);
    const { granularity = "channel", zeroPoints = false } = rules;
    const options = { shape, axis: 0, granularity: granularity as "channel", zeroPoints, dequantize: true } as const;
    const { dequantized } = channelwise.quantize(weights, options);
    const written = await openModel(source(bytes));
    const [compared] = (await compareModels(channelwise, await openModel(source(model())), written)).tensors;
    expect(compared).toMatchObject({ tensor: "w", result: "near" });
    const floats = sink();
    await dequantizeModel(channelwise, written, floats.sink);
    const [weight] = (await openModel(source(floats.bytes()))).tensors;
    expectSameBits(await readFloats(weight), dequantized, "weights");
    expect(operatorsOf(parse(floats.bytes()).graph)).toEqual(["Constant", "Conv", "Reshape", "Add"]);
    expect(await errorOf(model(), floats.bytes())).toBeGreaterThan(least);
  });

  it("takes other numbers of dimensions, padding by name, and no bias", async () => {
    const lines = { data: x.data.subarray(0, 2 * 3 * 20), dims: [2, 3, 20] };
    const original = modelBytes({
      ...{ opset: 11, irVersion: 6 },
      graph: {
        node: [{ ...node("Conv", ["x", "w"], ["y"], { auto_pad: "SAME_UPPER" }), name: "" }],
        initializer: [tensor("w", [4, 3, 5], weights.subarray(0, 60))],
        input: [float("x", lines.dims)],
        output: [float("y")],
      },
    });
    const { bytes } = await quantized(original, asked);
    expect(operatorsOf(parse(bytes).graph)).toEqual(["DynamicQuantizeLinear", "ConvInteger", "Cast", "Mul", "Mul"]);
    const [before, after] = [await run(original, { x: lines }), await run(bytes, { x: lines })];
    expect(after.y.dims).toEqual([2, 4, 20]);
    expect(sqnr(before.y.data, after.y.data)).toBeGreaterThan(35);
  });

  it.each<[string, Rules]>([
    ["it is not asked for", { convInteger: false }],
    ["each channel has a zero point", { zeroPoints: true }],
    ["there are groups", { granularity: { group: 6 } }],
    ["codes have more than 8 bits", { bits: 9 }],
  ])("is not written where %s", async (_, rules) => {
    const { bytes } = await quantized(model(), { ...asked, ...rules });
    expect(operatorsOf(parse(bytes).graph)).not.toContain("ConvInteger");
    expect(await errorOf(model(), bytes)).toBeGreaterThan(25);
  });

  it("is refused for targets that leave activations as they are", async () => {
    const opened = await openModel(source(model()));
    expect(() => planModel(opened, { convInteger: true, target: "portable" })).toThrow(
      'convInteger is true, and target "portable" leaves activations as they are: choose "wasm" or "native"',
    );
    expect(() => planModel(opened, { convInteger: 1 as unknown as boolean })).toThrow(TypeError);
  });
});

import { openModel, opsetChanges, planModel, type Rules } from "channelwise/models";
import { describe, expect, it } from "vitest";
import { uniform } from "../random.js";
import { everything, quantized, source } from "./memory.js";
import {
  dataType,
  float,
  type GraphInit,
  modelBytes,
  type NodeInit,
  node,
  operatorsOf,
  parse,
  tensor,
  tensorsOf,
} from "./models.js";
import { run, sqnr } from "./runtime.js";

const opened = (opset: number, nodes: NodeInit[]) => openModel(source(modelBytes({ opset, graph: { node: nodes } })));

const resize = (attributes: Record<string, string>) => node("Resize", ["x", "", "scales"], ["y"], attributes);

describe("a higher opset", () => {
  it.each<[NodeInit, number | undefined]>([
    [node("Conv", ["x", "w"], ["y"]), undefined],
    [node("Resize", ["x", "scales"], ["y"]), 11],
    [node("Resize", ["x", "scales"], ["y"], { mode: "cubic" }), 11],
    [node("AveragePool", ["x"], ["y"], { ceil_mode: 1 }), 22],
    [node("AveragePool", ["x"], ["y"], { ceil_mode: 1, count_include_pad: 1, kernel_shape: [2], strides: [2] }), 19],
    [node("AveragePool", ["x"], ["y"], { ceil_mode: 1, kernel_shape: [2], strides: [2] }), undefined],
    [node("AveragePool", ["x"], ["y"], { ceil_mode: 1, kernel_shape: [2], strides: [2], pads: [0, 1] }), 22],
    [node("AveragePool", ["x"], ["y"], { ceil_mode: 1, kernel_shape: [2], auto_pad: "SAME_UPPER" }), 22],
    [node("AveragePool", ["x"], ["y"], { ceil_mode: 0 }), undefined],
    [node("MaxPool", ["x"], ["y"], { ceil_mode: 1 }), 22],
    [node("MaxPool", ["x"], ["y"], { ceil_mode: 1, kernel_shape: [2], strides: [3], dilations: [2] }), undefined],
    [node("MaxPool", ["x"], ["y"], { ceil_mode: 1, kernel_shape: [2], strides: [3] }), 22],
    [node("ConvTranspose", ["x", "w"], ["y"], { auto_pad: "SAME_UPPER" }), 11],
    [node("ConvTranspose", ["x", "w"], ["y"], { auto_pad: "SAME_UPPER", kernel_shape: [3], strides: [2] }), 11],
    [
      node("ConvTranspose", ["x", "w"], ["y"], {
        ...{ auto_pad: "SAME_LOWER", kernel_shape: [3], strides: [2], output_padding: [1] },
      }),
      undefined,
    ],
    [node("ConvTranspose", ["x", "w"], ["y"], { auto_pad: "VALID" }), undefined],
    [node("ConvTranspose", ["x", "w"], ["y"], { output_shape: [3, 3] }), 11],
    [node("ConvTranspose", ["x", "w"], ["y"], { pads: [1, 1, 1, 1] }), undefined],
    [node("OneHot", ["x", "d", "v"], ["y"]), undefined],
    [node("TopK", ["x"], ["y"]), 10],
    [node("Pad", ["x"], ["y"]), 11],
    [node("DFT", ["x"], ["y"]), undefined],
    [node("GroupNormalization", ["x", "s", "b"], ["y"]), 21],
    [node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"]), undefined],
    [node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y", "mean"]), 14],
    [{ ...node("Resize", ["x"], ["y"]), domain: "com.example" }, undefined],
  ])("%o changes with %s", async (each, version) => {
    const model = await opened(9, [each]);
    const changes = version === undefined ? [] : [`${each.opType} "y node" changes with opset ${version}`];
    expect(opsetChanges(model, 25)).toEqual(changes);
    if (version === undefined) return;
    expect(opsetChanges(model, version)).toEqual(changes);
    expect(opsetChanges(model, version - 1)).toEqual([]);
    expect(opsetChanges(await opened(version, [each]), 25)).not.toContain(changes[0]);
  });

  it.each<[string, NodeInit, string[]]>([
    ["the coordinates that are gone", resize({ coordinate_transformation_mode: "tf_half_pixel_for_nn" }), ["13"]],
    ["other coordinates", resize({ coordinate_transformation_mode: "asymmetric" }), []],
    ["scales beside sizes", { ...resize({}), input: ["x", "", "scales", "sizes"] }, ["13"]],
    ["sizes alone", { ...resize({}), input: ["x", "", "", "sizes"] }, []],
  ])("changes Resize of opset 11 with %s", async (_, each, versions) => {
    const model = await opened(11, [each]);
    expect(opsetChanges(model, 25)).toEqual(versions.map((at) => `Resize "y node" changes with opset ${at}`));
  });

  it("is looked for in subgraphs, and not known where a model is very old", async () => {
    const inner: GraphInit = { name: "then", node: [node("TopK", ["x"], ["y"])] };
    const outer = node("If", ["x"], ["z"], { then_branch: { graph: inner }, else_branch: { graph: inner } });
    expect(opsetChanges(await opened(9, [outer]), 13)).toHaveLength(2);
    expect(opsetChanges(await opened(6, []), 13)).toEqual(["changes before opset 7 are not known here"]);
  });
});

describe("a model", () => {
  const weights = uniform("float32", 64 * 32, 1);
  const graph: GraphInit = {
    node: [node("MatMul", ["x", "w"], ["h"]), node("Softmax", ["h"], ["y"], { axis: -1 })],
    initializer: [tensor("w", [64, 32], weights)],
    input: [float("x", [3, 64])],
    output: [float("y")],
  };
  const x = { data: uniform("float32", 3 * 64, 9), dims: [3, 64] };

  it.each<[Rules, number, string, number, number, number]>([
    [{ opset: 13 }, 13, "DequantizeLinear", dataType.INT8, 7, 30],
    [{ opset: 21, bits: 4, granularity: { group: 32 } }, 21, "DequantizeLinear", dataType.INT4, 10, 10],
    [{ opset: 25, bits: 2 }, 25, "DequantizeLinear", dataType.INT2, 13, -2],
    [{ opset: 10 }, 10, "Cast", dataType.INT8, 5, 30],
  ])(
    "is raised with %o, and ONNX Runtime computes the same",
    async (rules, opset, operator, type, irVersion, leastSqnr) => {
      const bytes = modelBytes({ opset: 9, irVersion: 4, graph });
      const result = await quantized(bytes, { ...everything, ...rules });
      expect(result.plan.target.opset).toBe(opset);
      const written = parse(result.bytes);
      expect(written.opsetImport.map(({ version }) => Number(version))).toEqual([opset]);
      expect(Number(written.irVersion)).toBe(irVersion);
      expect(operatorsOf(written.graph)[0]).toBe(operator);
      expect(tensorsOf(result.bytes).get("w_quantized")?.dataType).toBe(type);

      const expected = (await run(bytes, { x })).y.data;
      const actual = (await run(result.bytes, { x })).y.data;
      expect(sqnr(expected, actual)).toBeGreaterThan(leastSqnr);
    },
  );

  it("computes the very same when it is raised and nothing quantized", async () => {
    const bytes = modelBytes({ opset: 9, irVersion: 4, graph });
    const raised = (await quantized(bytes, { exclude: ["*"], opset: 25 })).bytes;
    expect((await run(raised, { x })).y.data).toEqual((await run(bytes, { x })).y.data);
  });

  it.each([
    [10, 5],
    [11, 6],
    [12, 7],
    [15, 8],
    [19, 9],
    [21, 10],
    [23, 11],
    [24, 12],
    [25, 13],
  ])("has with opset %i the IR version %i, with which it came", async (opset, irVersion) => {
    const { bytes } = await quantized(modelBytes({ opset: 9, irVersion: 4, graph }), { opset });
    expect(Number(parse(bytes).irVersion)).toBe(irVersion);
  });

  it("tells where codes of 4 bits take more bytes than codes of 8, and what helps", async () => {
    const rules = { ...everything, bits: 4, granularity: { group: 16 } } as const;
    const notes = async (opset: number, nodes = graph.node ?? []) => {
      const model = await openModel(source(modelBytes({ opset, graph: { ...graph, node: nodes } })));
      return planModel(model, rules).notes.filter((note) => note.startsWith("codes of 4 bits"));
    };
    const sizes = "codes of 4 bits and less take 0.00256 MB, and codes of 8 bits per channel 0.00218 MB";
    expect(await notes(17)).toEqual([`${sizes}: opset 17 packs no codes. Raised to opset 21, they take 0.00154 MB`]);
    const stuck = [...(graph.node ?? []), node("ConvTranspose", ["y", "y"], ["z"], { auto_pad: "SAME_UPPER" })];
    expect(await notes(9, stuck)).toEqual([
      `${sizes}: opset 21 would pack them, and ConvTranspose "z node" changes with opset 11`,
    ]);
    expect(await notes(21)).toEqual([]);
  });

  it("is not raised on its own", async () => {
    const { plan, bytes } = await quantized(modelBytes({ opset: 9, graph }), { ...everything, bits: 4 });
    expect(plan.target.opset).toBe(9);
    expect(parse(bytes).opsetImport[0].version).toBe(9n);
  });

  it("of an opset that is not known yet is quantized with a note, and not raised", async () => {
    const model = await openModel(source(modelBytes({ opset: 999, graph })));
    expect(planModel(model).notes).toContainEqual(expect.stringMatching(/^the model has opset 999, .* after opset 25/));
    expect(() => planModel(model, { opset: 21 })).toThrow(
      "opset is 21; the model's is 999, and changes after opset 25",
    );
  });

  it("is not raised where that would change what a node means, nor to what is not known", async () => {
    const unclear = {
      ...graph,
      node: [node("MatMul", ["x", "w"], ["h"]), node("MaxPool", ["h"], ["y"], { ceil_mode: 1 })],
    };
    const model = await openModel(source(modelBytes({ opset: 9, graph: unclear })));
    expect(planModel(model, { opset: 21 }).target.opset).toBe(21);
    for (const [opset, message] of [
      [
        22,
        'opset cannot be raised from 9 to 22: MaxPool "y node" changes with opset 22; raise it to 21, or export the model with opset 22',
      ],
      [8, "opset is 8; it must be an integer from the model's 9 to 25"],
      [26, "opset is 26; it must be an integer from the model's 9 to 25"],
      [10.5, "opset is 10.5;"],
    ] as const) {
      expect(() => planModel(model, { opset })).toThrow(RangeError);
      expect(() => planModel(model, { opset })).toThrow(message);
    }
  });
});

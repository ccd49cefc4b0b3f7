import { compareNodes, keepNodes, openModel, planModel, quantizeModel, type RunModel } from "channelwise/models";
import { expect, it } from "vitest";
import { uniform } from "../random.js";
import { channelwise, sink, source } from "./memory.js";
import { float, modelBytes, node, tensor } from "./models.js";
import { run } from "./runtime.js";

// Few bits cost the outputs as much in w as in v, which has eight times the bytes.

const x = { data: uniform("float32", 4 * 64, 9), dims: [4, 64] };
const bytes = modelBytes({
  opset: 17,
  graph: {
    node: [
      node("MatMul", ["x", "v"], ["h"]),
      node("MatMul", ["h", "w"], ["g"]),
      node("MatMul", ["g", "u"], ["y"]),
      node("Relu", ["g"], ["z"]),
    ],
    initializer: [
      tensor("v", [64, 128], uniform("float32", 64 * 128, 1)),
      tensor("w", [128, 8], uniform("float32", 128 * 8, 2)),
      tensor("u", [8, 128], uniform("float32", 8 * 128, 3)),
    ],
    input: [float("x", x.dims)],
    output: [float("y"), float("z")],
  },
});
const rules = { target: "portable", overrides: { w: { bits: 4 }, v: { bits: 4 } } } as const;

function counting() {
  let runs = 0;
  const counted: RunModel = async (model) => {
    runs++;
    const outputs = await run(model, { x });
    return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, { type: "float32", ...values }]));
  };
  return { run: counted, runs: () => runs };
}

it("keeps what costs the outputs most for its bytes, until they reach the bound", async () => {
  const model = await openModel(source(bytes));
  const { run } = counting();
  const seen: number[] = [];
  const onProgress = ({ done, total }: { done: number; total: number }) => seen.push(done / total);
  const search = await keepNodes(channelwise, model, { run, minOutputSqnr: 21 }, rules, { onProgress });
  expect(search.kept).toEqual([
    { tensor: "w", nodes: ["g node"], byteLength: 4096, quantizedBytes: 1024 + 32, sqnr: expect.any(Number) },
  ]);
  expect(search.isMet).toBe(true);
  expect(search.plan.decisions.filter(({ quantize }) => !quantize)).toMatchObject([
    { tensor: "w", reason: "kept float, since the outputs need it" },
  ]);
  expect(planModel(model, search.rules).decisions[1]).toMatchObject({ tensor: "w", quantize: false });
  expect(seen).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.at(-1)).toBeLessThanOrEqual(1);
  const written = sink();
  await quantizeModel(channelwise, search.plan, written.sink);
  const { outputs } = await compareNodes(model, await openModel(source(written.bytes())), run);
  expect(search.after).toEqual(outputs);
  expect(Math.min(...outputs.map(({ sqnr }) => sqnr))).toBeGreaterThan(21);
  expect(Math.min(...search.before.map(({ sqnr }) => sqnr))).toBeLessThan(21);
  expect(search.before.map(({ output }) => output)).toEqual(["y", "z"]);
});

it("quantizes again what the bound does not need after all", async () => {
  const model = await openModel(source(bytes));
  const { run } = counting();
  const own = { ...rules, overrides: { w: { bits: 4 }, v: { bits: 3 } } };
  // Per byte, w costs more. But the bound needs v to be float, and then not w.
  const search = await keepNodes(channelwise, model, { run, minOutputSqnr: 20 }, own);
  expect([search.isMet, search.kept.map(({ tensor }) => tensor)]).toEqual([true, ["v"]]);
});

it("runs each model once where the bound is met at once", async () => {
  const { run, runs } = counting();
  const search = await keepNodes(channelwise, await openModel(source(bytes)), { run, minOutputSqnr: 5 }, rules);
  expect(search).toMatchObject({ isMet: true, kept: [], after: search.before });
  expect(runs()).toBe(2);
});

it("says where no choice meets it, with the best", async () => {
  const { run } = counting();
  const search = await keepNodes(channelwise, await openModel(source(bytes)), { run, minOutputSqnr: 120 }, rules);
  expect(search.isMet).toBe(false);
  expect(search.kept.map(({ tensor }) => tensor)).toEqual(["w", "v"]);
  expect(search.after[0].sqnr).toBeGreaterThan(40);
});

it("is cancelled, and refuses wrong arguments", async () => {
  const model = await openModel(source(bytes));
  const { run } = counting();
  const controller = new AbortController();
  const stopping: RunModel = (bytes) => {
    controller.abort(new Error("enough"));
    return run(bytes);
  };
  await expect(
    keepNodes(channelwise, model, { run: stopping, minOutputSqnr: 30 }, rules, { signal: controller.signal }),
  ).rejects.toThrow("enough");
  const bound = { run, minOutputSqnr: Number.NaN };
  await expect(keepNodes(channelwise, model, bound)).rejects.toThrow(
    "bound.minOutputSqnr is NaN; it must be a number of dB",
  );
  await expect(keepNodes(channelwise, model, { run, minOutputSqnr: 30 }, { exclude: ["*"] })).rejects.toThrow(
    "model.onnx has no weight that the rules quantize",
  );
  const matrix = await openModel(new File(["1,2\n3,4\n"], "a.csv"));
  await expect(keepNodes(channelwise, matrix, { run, minOutputSqnr: 30 })).rejects.toThrow("is not an .onnx model");
});

import { readFileSync, writeFileSync } from "node:fs";
import { load } from "channelwise";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { float, modelBytes, node, operatorsOf, parse, tensor, tensorsOf } from "../lib/onnx/models.js";
import { uniform } from "../lib/random.js";
import { Workplace } from "./command.js";

const first = uniform("float32", 64 * 64, 1);
const second = uniform("float32", 64 * 32, 2);

/** Two matrices; the channels of the second are columns. The first node adds a vector. */
function model(opset: number, firstWeight = tensor("first.weight", [64, 64], first)): Uint8Array {
  return modelBytes({
    opset,
    graph: {
      input: [float("x", [1, 64])],
      output: [float("y", [1, 32])],
      initializer: [
        firstWeight,
        tensor("bias", [64], new Float32Array(64).fill(0.5)),
        tensor("second.weight", [64, 32], second),
      ],
      node: [
        node("Gemm", ["x", "first.weight", "bias"], ["hidden"], { transB: 1 }),
        node("MatMul", ["hidden", "second.weight"], ["y"]),
      ],
    },
  });
}

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  writeFileSync(place.path("model.onnx"), model(13));
});
afterEach(() => place.remove());

const read = (name: string) => new Uint8Array(readFileSync(place.path(name)));

describe("quantize of an .onnx model", () => {
  it("writes a model whose codes are those of the library, and tells its errors, worst first", async () => {
    const { files } = await place.json("quantize", "model.onnx", "--target", "portable");
    expect(place.list()).toEqual(["model.onnx", "model_int8.onnx"]);
    const channelwise = await load();
    const results = [
      ["first.weight", 0, channelwise.quantize(first, { shape: [64, 64] })],
      ["second.weight", 1, channelwise.quantize(second, { shape: [64, 32], axis: 1 })],
    ] as const;
    const bytes = read("model_int8.onnx");
    const tensors = tensorsOf(bytes);
    for (const [name, , { quantized }] of results) {
      expect(tensors.get(`${name}_quantized`)?.rawData).toEqual(new Uint8Array(quantized.buffer));
    }
    expect(operatorsOf(parse(bytes).graph)).toEqual(["DequantizeLinear", "DequantizeLinear", "Gemm", "MatMul"]);
    const [{ format, bytesAfter, tensors: told }] = files;
    expect({ format, bytesAfter }).toEqual({ format: "onnx, opset 13", bytesAfter: bytes.length });
    const worstFirst = [...results].sort(([, , a], [, , b]) => a.sqnr - b.sqnr);
    expect(told).toMatchObject([
      ...worstFirst.map(([name, axis, { sqnr, maxError }]) => ({
        ...{ tensor: name, quantize: true, bits: 8, axis, granularity: "channel", pattern: "DequantizeLinear" },
        ...{ sqnr, maxError },
      })),
      { tensor: "bias", quantize: false, reason: "a vector" },
    ]);
  });

  it("takes settings for weights by the names of their nodes, and says what is not as asked for", async () => {
    const form = ["--target", "webgpu", "--bits", "4", "--granularity", "group:32"];
    const args = [...form, "--override", "hidden node=,,tensor"];
    const { files } = await place.json("quantize", "model.onnx", ...args);
    expect(files[0]).toMatchObject({ output: "model_q4.onnx" });
    // Only the granularity "channel" has an axis.
    expect(files[0].tensors.filter((tensor: object) => "axis" in tensor)).toEqual([]);
    expect(files[0].tensors).toContainEqual(
      expect.objectContaining({
        tensor: "second.weight",
        granularity: { group: 32, along: 0 },
        pattern: "MatMulNBits",
      }),
    );
    expect(files[0].tensors).toContainEqual(
      expect.objectContaining({
        tensor: "first.weight",
        granularity: "tensor",
        notes: [expect.stringContaining("opset 21 is the first to pack 4")],
      }),
    );
    const kept = await place.json(
      "quantize",
      "model.onnx",
      "--override",
      "*=keep",
      "--override",
      "first*=6",
      "--force",
    );
    expect(kept.files[0].tensors.map(({ bits = "kept" }) => bits)).toEqual([6, "kept", "kept"]);
  });

  it("--opset raises it where no operator changes", async () => {
    const { files } = await place.json("quantize", "model.onnx", "--bits", "4", "--opset", "21");
    expect(parse(read("model_q4.onnx")).opsetImport).toMatchObject([{ domain: "", version: 21n }]);
    expect(files[0].tensors[0]).toMatchObject({ bits: 4, bytesAfter: expect.any(Number) });
    const sizes = Object.fromEntries(
      files[0].tensors.map(({ tensor, bytesAfter }: { tensor: string; bytesAfter: number }) => [tensor, bytesAfter]),
    );
    expect(sizes).toEqual({ "first.weight": 64 * 32 + 64 * 4, "second.weight": 64 * 16 + 32 * 4, bias: 256 });
    expect(await place.run("quantize", "model.onnx", "--opset", "12")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--opset is 12; it must be an integer from the model's 13 to 25"),
    });
  });

  it("tells which operators get which form, and why, and refuses a target that there is none of", async () => {
    const dryRun = async (...options: string[]) =>
      (await place.run("quantize", "model.onnx", "--dry-run", ...options)).stdout;
    expect(await dryRun("--target", "native")).toMatch(/Gemm, MatMul as MatMulInteger for native: /);
    expect(await dryRun()).toMatch(/Gemm, MatMul as Cast, Mul for wasm: /);
    expect(await dryRun()).toContain("MatMulInteger is slower than floats for 1 row of activations");
    const refused = await place.run("quantize", "model.onnx", "--target", "webgpu", "--conv-integer");
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--conv-integer") });
    expect(await place.run("quantize", "model.onnx", "--target", "wsam")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--target is wsam; it must be one of wasm, webgpu, native, portable"),
    });
  });

  it("--minimum-size and --target are as in the library", async () => {
    const bits = ["--bits", "4", "--granularity", "group:32", "--dry-run"];
    const plans = async (...options: string[]) => {
      const { files } = await place.json("quantize", "model.onnx", ...bits, ...options);
      return files[0].tensors.map(({ pattern = "kept" }) => pattern);
    };
    expect(await plans()).toEqual(["Cast, Mul", "Cast, Mul", "kept"]);
    expect(await plans("--target", "webgpu")).toEqual(["MatMulNBits", "MatMulNBits", "kept"]);
    expect(await plans("--minimum-size", "4000")).toEqual(["Cast, Mul", "kept", "kept"]);
  });

  it("keeps data in a file beside the model", async () => {
    const data = new Uint8Array(first.buffer);
    writeFileSync(place.path("weights.bin"), data);
    const { rawData: _, ...head } = tensor("first.weight", [64, 64], first);
    const entries = { location: "weights.bin", offset: "0", length: `${data.length}` };
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    writeFileSync(place.path("model.onnx"), model(13, { ...head, dataLocation: 1, externalData }));
    await place.json("quantize", "model.onnx", "-o", "out/small.onnx");
    expect(place.list("out")).toEqual(["small.onnx", "small.onnx.data"]);
    const channelwise = await load();
    const { quantized } = channelwise.quantize(first, { shape: [64, 64] });
    expect(Buffer.from(read("out/small.onnx.data")).includes(Buffer.from(quantized.buffer))).toBe(true);
  });

  it.each<[string[], string]>([
    [
      ["--dialect", "plain"],
      '--dialect is "plain", which is for other files: leave it out, and an .onnx model is written',
    ],
    [
      ["--granularity", "group:32@0"],
      "in an .onnx model groups lie along what an operator sums over; leave out along: 0",
    ],
    [["-o", "model.safetensors"], "of an .onnx model its name must end with .onnx"],
    [["--shard", "1/2"], "--shard writes .safetensors files, but this model would become a file of .onnx"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await place.run("quantize", "model.onnx", ...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
    expect(place.list()).toEqual(["model.onnx"]);
  });

  it("refuses a model that is quantized or damaged", async () => {
    for (const opset of [12, 13]) {
      writeFileSync(place.path("model.onnx"), model(opset));
      await place.json("quantize", "model.onnx", "--force");
      expect(await place.run("quantize", "model_int8.onnx")).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("the model is quantized already"),
      });
    }
    writeFileSync(place.path("model.onnx"), model(13).subarray(0, 5000));
    expect(await place.run("quantize", "model.onnx", "--force")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^channelwise: model\.onnx, .*byte \d+: /),
    });
  });
});

it("--measure of an .onnx model writes nothing", async () => {
  const { measured, files } = await place.json("quantize", "model.onnx", "--measure");
  expect(place.list()).toEqual(["model.onnx"]);
  const written = await place.json("quantize", "model.onnx");
  expect(measured).toBe(true);
  expect(files).toEqual(written.files);
});

it("inspect shows the weights of an .onnx model and their channels", async () => {
  const { code, stdout } = await place.run("inspect", "model.onnx");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^model\.onnx {2}onnx, opset 13, IR version 10, 3 tensors, 24\.8 KB\n/);
  expect(stdout).toMatch(/^second\.weight +64 x 32 +float32, axis 1 of MatMul +8\.19 KB$/m);
  expect(stdout).toMatch(/^bias +64 +float32, kept: a vector +256 B$/m);
  expect(await place.json("inspect", "model.onnx")).toMatchObject({
    format: "onnx",
    opset: 13,
    quantized: [],
    kept: [
      { name: "first.weight", shape: [64, 64], axis: 0, operators: ["Gemm"] },
      { name: "second.weight", shape: [64, 32], axis: 1, operators: ["MatMul"] },
      { name: "bias", shape: [64], reason: "a vector" },
    ],
  });
});

const fourBits = ["--bits", "4", "--granularity", "group:32"];

it.each([
  [12, ["--target", "native"], "8 bits per channel, axis 1", "MatMulInteger", "2,208"],
  [12, ["--target", "portable"], "8 bits per channel, axis 1", "Cast, Mul", "2,176"],
  [13, ["--target", "portable"], "8 bits per channel, axis 1", "DequantizeLinear", "2,176"],
  [13, ["--target", "webgpu", ...fourBits], "4 bits in groups of 32, axis 0", "MatMulNBits", "1,280"],
  [21, ["--target", "portable", ...fourBits], "4 bits in groups of 32, axis 0", "DequantizeLinear", "1,280"],
])("inspect and compare read what is quantized (opset %i, %j: %s)", async (opset, args, layout, pattern, size) => {
  writeFileSync(place.path("model.onnx"), model(opset));
  const { files } = await place.json("quantize", "model.onnx", "-o", "small.onnx", ...args);
  const { quantized, kept } = await place.json("inspect", "small.onnx");
  expect(quantized.map(({ name }: { name: string }) => name)).toEqual(["first.weight", "second.weight"]);
  const second = quantized[1];
  expect(second).toMatchObject({ shape: [64, 32], pattern, byteLength: Number(size.replace(",", "")) });
  expect(kept).toMatchObject([{ name: "bias" }]);
  const { stdout } = await place.run("inspect", "small.onnx");
  expect(stdout).toMatch(new RegExp(`^second\\.weight +64 x 32 +${layout}, as ${pattern} `, "m"));

  const { tensors } = await place.json("compare", "model.onnx", "small.onnx");
  const told = files[0].tensors.filter((tensor: { quantize: boolean }) => tensor.quantize);
  expect(tensors).toMatchObject([
    ...told.map(({ tensor, sqnr, maxError, bytesAfter }: { [name: string]: number }) => ({
      ...{ tensor, result: "near", sqnr: expect.closeTo(sqnr, 5), maxError: expect.closeTo(maxError, 9), bytesAfter },
    })),
    { tensor: "bias", result: "same" },
  ]);
  const worst = told[0].sqnr;
  expect(await place.run("compare", "model.onnx", "small.onnx", "--min-sqnr", `${worst - 0.01}`)).toMatchObject({
    code: 0,
  });
  expect(await place.run("compare", "model.onnx", "small.onnx", "--min-sqnr", `${worst + 0.01}`)).toMatchObject({
    code: 3,
    stderr: expect.stringContaining(`over the limit: ${told[0].tensor} has an SQNR of`),
  });
});

it("compare refuses what cannot be compared", async () => {
  await place.json("quantize", "model.onnx", "-o", "small.onnx");
  expect(await place.run("compare", "small.onnx", "model.onnx")).toMatchObject({
    code: 1,
    stderr: "channelwise: small.onnx is quantized; give the original first\n",
  });
});

it("dequantize writes an .onnx model with float weights", async () => {
  await place.json("quantize", "model.onnx", "-o", "small.onnx");
  const { output, tensors } = await place.json("dequantize", "small.onnx");
  expect(output).toBe("small-float.onnx");
  expect(tensors).toMatchObject([
    { tensor: "first.weight", bits: 8 },
    { tensor: "second.weight", bits: 8 },
  ]);
  const { tensors: same } = await place.json("compare", "small-float.onnx", "small.onnx");
  expect(same).toMatchObject([
    { tensor: "first.weight", result: "near", maxError: 0 },
    { tensor: "second.weight", result: "near", maxError: 0 },
    { tensor: "bias", result: "same" },
  ]);
});

describe("quantize --min-output-sqnr", () => {
  const search = (limit: string, ...more: string[]) =>
    place.run("quantize", "model.onnx", "--bits", "4", "--min-output-sqnr", limit, "-o", "small.onnx", ...more);

  it("keeps a node float, tells which, and writes a model whose outputs meet the limit", async () => {
    const { code, stdout } = await search("21.5");
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^outputs have (19|20|21)\.\d+ dB with all weights quantized, and 2\d\.\d+ dB with 1 of 2 weights float \(/m,
    );
    expect(stdout).toMatch(/^hidden node +first\.weight +16\.4 KB +4\.\d+ KB +2\d\.\d+ dB$/m);
    const compared = await place.run("compare", "model.onnx", "small.onnx", "--run", "--min-output-sqnr", "21.5");
    expect(compared.code).toBe(0);
  });

  it("ends with code 3 and writes nothing where no choice meets it, and refuses what does not fit", async () => {
    expect(await search("90")).toMatchObject({
      code: 3,
      stderr: expect.stringMatching(
        /model\.onnx: no float nodes give every output 90\.00 dB \(--min-output-sqnr\): 2\d\.\d+ dB is the best, with 1 of 2/,
      ),
    });
    expect(place.list()).toEqual(["model.onnx"]);
    expect(await place.run("quantize", "model.onnx", "--fit", "30dB", "--min-output-sqnr", "30")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--fit and --min-output-sqnr exclude each other; give one of them"),
    });
    expect(await place.run("quantize", "model.onnx", "--input", "x=1x64")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--input is for models that are run; give --min-output-sqnr too"),
    });
  });
});

describe("compare --run", () => {
  it("runs both models, and holds an output against a limit", async () => {
    await place.run("quantize", "model.onnx", "-o", "small.onnx");
    const compare = (...more: string[]) => place.run("compare", "model.onnx", "small.onnx", ...more);
    const { code, stdout, stderr } = await compare("--run");
    expect(code).toBe(0);
    expect(stderr).toContain("run in onnxruntime-web\n");
    expect(stdout).toMatch(/^y node +MatMul +second.weight +\d+\.\d+ dB/m);
    expect(stdout).toMatch(/^output y {2}SQNR \d+\.\d+ dB/m);
    const low = await compare("--run", "--input", "x=1x64", "--min-output-sqnr", "90");
    expect(low).toMatchObject({ code: 3, stderr: expect.stringMatching(/y has an SQNR of .* dB, below 90 dB/) });
    expect(await compare("--run", "--input", "x=999999x999999")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/input x of 999999 x 999999 has more than 268,435,456 numbers; give smaller sizes/),
    });
    expect(await compare("--run", "--input", "z=1x64")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--input names z, which is no input of the model: it has x"),
    });
    expect(await compare("--input", "x=1x64")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--input is for models that are run; give --run too"),
    });
  });
});

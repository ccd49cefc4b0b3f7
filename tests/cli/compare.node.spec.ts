import { readFileSync, writeFileSync } from "node:fs";
import { load } from "channelwise";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseSafetensors } from "../lib/files/safetensors-file.js";
import { Workplace } from "./command.js";
import { matrices, tensors, writeModel } from "./models.js";

let place: Workplace;
const figures: Record<string, { sqnr: number; maxError: number }> = {};

beforeAll(async () => {
  place = new Workplace();
  writeModel(place.path("model.safetensors"));
  await place.json("quantize", "model.safetensors", "--bits", "6", "-o", "six.safetensors");
  const channelwise = await load();
  for (const { name, shape, data } of tensors.filter((tensor) => matrices.includes(tensor.name))) {
    figures[name] = channelwise.quantize(data, { shape, bits: 6 });
  }
});
afterAll(() => place.remove());

const compare = (...args: string[]) => place.run("compare", "model.safetensors", "six.safetensors", ...args);

describe("compare", () => {
  it("finds the errors that quantizing told", async () => {
    const { tensors: told, missing, added } = await place.json("compare", "model.safetensors", "six.safetensors");
    expect({ missing, added }).toEqual({ missing: [], added: [] });
    const near = told.filter(({ result }: { result: string }) => result === "near");
    expect(near.map(({ tensor }: { tensor: string }) => tensor)).toEqual(
      [...matrices].sort((a, b) => figures[a].sqnr - figures[b].sqnr),
    );
    for (const { tensor, sqnr, maxError } of near) {
      expect(sqnr).toBeCloseTo(figures[tensor].sqnr, 5);
      expect(maxError).toBeCloseTo(figures[tensor].maxError, 6);
    }
    expect(told.filter(({ result }: { result: string }) => result === "same")).toHaveLength(4);
  });

  it("shows them, worst first", async () => {
    const { code, stdout, stderr } = await compare();
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [worst] = [...matrices].sort((a, b) => figures[a].sqnr - figures[b].sqnr);
    expect(stdout.split("\n")[1]).toMatch(new RegExp(`^${worst} +\\d+ x \\d+ +${figures[worst].sqnr.toFixed(2)} dB`));
    expect(stdout).toMatch(/^4 tensors the same, 6 near /m);
  });

  it.each([
    ["--min-sqnr", -0.001, 0],
    ["--min-sqnr", 0.001, 3],
  ])("%s of the worst %d ends with exit code %i", async (option, more, code) => {
    const worst = Math.min(...matrices.map((name) => figures[name].sqnr));
    const ended = await compare(option, `${worst + more}`);
    expect(ended.code).toBe(code);
    expect(ended.stderr.match(/over the limit: /g) ?? []).toHaveLength(code === 0 ? 0 : 1);
  });

  it.each([
    [1.001, 0],
    [0.999, 3],
  ])("--max-error of the largest times %d ends with exit code %i", async (factor, code) => {
    const largest = Math.max(...matrices.map((name) => figures[name].maxError));
    const limit = largest * factor;
    const ended = await compare("--max-error", `${limit}`, "--json");
    expect(ended.code).toBe(code);
    const over = matrices.filter((name) => figures[name].maxError > limit);
    expect(JSON.parse(ended.stdout).failures).toHaveLength(over.length);
  });

  it("holds what is missing or of another shape against a limit", async () => {
    const [first, second, ...rest] = tensors;
    const turned = { ...second, shape: [1, 32] };
    writeModel(place.path("other.safetensors"), [{ ...first, name: "new.weight" }, turned, ...rest]);
    const args = ["compare", "model.safetensors", "other.safetensors"];
    const { code, stdout } = await place.run(...args);
    expect(code).toBe(0);
    expect(stdout).toContain("1 missing (embed_tokens.weight), 1 added (new.weight)");
    const limited = await place.run(...args, "--min-sqnr", "1");
    expect(limited.code).toBe(3);
    expect(limited.stderr).toBe(
      "over the limit: layers.0.norm.weight cannot be compared: its shape is [1, 32], and the original's [32]\n" +
        "over the limit: embed_tokens.weight is missing\n",
    );
  });

  it("fails where there is nothing to compare", async () => {
    writeModel(place.path("strange.safetensors"), [{ ...tensors[0], name: "new.weight" }]);
    expect(await place.run("compare", "model.safetensors", "strange.safetensors")).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "channelwise: strange.safetensors has none of the 10 tensors of model.safetensors: no name is in both\n",
    });
    expect(await place.run("compare", "six.safetensors", "model.safetensors")).toMatchObject({
      code: 1,
      stderr: "channelwise: six.safetensors is quantized; give the original first\n",
    });
    expect(await place.run("compare", "model.safetensors", "none.npy")).toMatchObject({ code: 1 });
  });
});

describe("dequantize", () => {
  it("keeps a layer whose marker says nothing as it is, names it and does the others", async () => {
    await place.json("quantize", "model.safetensors", "--dialect", "comfyui", "-o", "comfy.safetensors");
    const file = readFileSync(place.path("comfy.safetensors"));
    const { tensors: header, length } = parseSafetensors(new Uint8Array(file));
    const [begin, end] = header["layers.0.up.comfy_quant"].data_offsets;
    writeFileSync(place.path("odd.safetensors"), file.fill(0, 8 + length + begin, 8 + length + end));
    const told = "layers.0.up.comfy_quant is empty, so it does not say how weights are stored";
    const { code, stderr } = await place.run("dequantize", "odd.safetensors");
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: `warning: layers.0.up.weight stays as it is, since it cannot be read: ${told}\n`,
    });
    const { tensors: restored } = parseSafetensors(new Uint8Array(readFileSync(place.path("odd-float.safetensors"))));
    expect(restored["layers.0.up.weight"]).toMatchObject({ dtype: "I8" });
    expect(restored["layers.1.up.weight"]).toMatchObject({ dtype: "F32" });
    expect(await place.json("dequantize", "odd.safetensors", "--force")).toMatchObject({
      unreadable: [{ tensor: "layers.0.up.weight", reason: told }],
      passedOver: [],
    });
    const { stdout } = await place.run("compare", "model.safetensors", "odd.safetensors");
    expect(stdout).toContain(`layers.0.up.weight cannot be compared: it is quantized, but cannot be read: ${told}\n`);
  });

  it.each(["six.safetensors", "words.safetensors"])(
    "writes the floats that the codes of %s stand for",
    async (file) => {
      if (file === "words.safetensors") {
        await place.json("quantize", "model.safetensors", "--dialect", "compressed-tensors", "--bits", "4", "-o", file);
      }
      const output = file.replace(".safetensors", "-float.safetensors");
      const { code, stdout, stderr } = await place.run("dequantize", file);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(stdout).toMatch(new RegExp(`^${output} {2}\\d tensors dequantized, [\\d.]+ KB to [\\d.]+ KB\\n$`));
      // Nothing in it is quantized any more, and it differs from the original as much as the codes did.
      const { dialect, kept } = await place.json("inspect", output);
      expect({ dialect, kept }).toMatchObject({ dialect: null, kept: tensors.map(() => ({ dtype: "float32" })) });
      const [codes, floats] = [
        await place.json("compare", "model.safetensors", file),
        await place.json("compare", "model.safetensors", output),
      ];
      const errors = ({ tensors }: { tensors: object[] }) => tensors.map((each) => ({ ...each, bytesAfter: 0 }));
      expect(errors(floats)).toEqual(errors(codes));
      expect(await place.run("dequantize", file)).toMatchObject({
        code: 1,
        stderr: `channelwise: ${output} exists; give another name with -o, or --force to replace\n`,
      });
    },
  );

  it("refuses what is not quantized, and its own input", async () => {
    expect(await place.run("dequantize", "model.safetensors")).toMatchObject({
      code: 1,
      stderr: "channelwise: model.safetensors has no quantized tensors\n",
    });
    const itself = await place.run("dequantize", "six.safetensors", "-o", "./six.safetensors", "--force");
    expect(itself).toMatchObject({ code: 2, stderr: expect.stringContaining("is the input six.safetensors") });
  });
});

describe("inspect", () => {
  it("shows a model as it is", async () => {
    const { code, stdout } = await place.run("inspect", "model.safetensors");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^model\.safetensors {2}safetensors, 10 tensors, 83\.2 KB\n {2}format: pt\n/);
    expect(stdout).toMatch(/^layers\.0\.up\.weight +128 x 32 +float32 +16\.4 KB$/m);
  });

  it.each([
    ["plain", "8 bits per channel, axis 0"],
    ["comfyui", "8 bits per channel, axis 0"],
    ["compressed-tensors", "4 bits in groups of 16, axis 1"],
    ["compressed-tensors-w8a8", "8 bits per channel, axis 0"],
    ["npz", "8 bits per channel, axis 0"],
  ])("knows the dialect %s", async (dialect, values) => {
    const output = dialect === "npz" ? "dialect.npz" : "dialect.safetensors";
    const groups = dialect === "compressed-tensors" ? ["--bits", "4", "--granularity", "group:16"] : [];
    await place.json("quantize", "model.safetensors", "-o", output, "--dialect", dialect, "--force", ...groups);
    const { stdout } = await place.run("inspect", output);
    expect(stdout).toContain(`, dialect ${dialect}, 10 tensors, `);
    expect(stdout).toMatch(new RegExp(`^layers\\.0\\.up\\.weight +128 x 32 +${values} +\\d`, "m"));

    const told = await place.json("inspect", output);
    expect(told).toMatchObject({ command: "inspect", name: output, dialect, unreadable: [] });
    expect(told.quantized).toContainEqual(expect.objectContaining({ name: "layers.0.up.weight", shape: [128, 32] }));
    expect(told.kept).toContainEqual({ name: "layers.0.up.bias", dtype: "float32", shape: [128], byteLength: 512 });
    expect("quantizationConfig" in told).toBe(dialect.startsWith("compressed-tensors"));
  });
});

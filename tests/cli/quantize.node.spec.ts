import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { type Channelwise, load } from "channelwise";
import { writeNpy } from "channelwise/npy";
import { unzipSync, zipSync } from "fflate";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { fileOf, parseSafetensors, type TensorToWrite } from "../lib/files/safetensors-file.js";
import { main, Workplace } from "./command.js";
import { matrices, tensors, writeModel, writeShards } from "./models.js";

let channelwise: Channelwise;
let place: Workplace;

beforeAll(async () => {
  channelwise = await load();
});
beforeEach(() => {
  place = new Workplace();
  writeModel(place.path("model.safetensors"));
});
afterEach(() => place.remove());

const read = (name: string) => parseSafetensors(new Uint8Array(readFileSync(place.path(name))));
const bytesOf = (array: Int8Array | Float32Array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const tensor = (name: string) => tensors.find((each) => each.name === name) as (typeof tensors)[number];
const quantized = (name: string, options: object = {}) =>
  channelwise.quantize(tensor(name).data, { shape: tensor(name).shape, ...options });

describe("quantize", () => {
  it("writes beside the input what the library gives, and keeps the rest", async () => {
    const { code, stdout, stderr } = await place.run("quantize", "model.safetensors");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(place.list()).toEqual(["model-int8.safetensors", "model.safetensors"]);
    const { data, tensors: written, metadata } = read("model-int8.safetensors");
    expect(metadata).toEqual({ format: "pt" });
    expect(Object.keys(written)).toHaveLength(tensors.length + matrices.length);
    for (const { name, data: weights } of tensors) {
      if (!matrices.includes(name)) {
        expect(data[name]).toEqual(bytesOf(weights));
        continue;
      }
      const { quantized: codes, scales } = quantized(name);
      expect(data[name]).toEqual(bytesOf(codes as Int8Array));
      expect(data[`${name}_scale`]).toEqual(bytesOf(scales));
    }
    // The table has every matrix, the worst first, and no other tensor.
    const sqnr = new Map(matrices.map((name) => [name, quantized(name).sqnr]));
    const worstFirst = [...matrices].sort((a, b) => (sqnr.get(a) as number) - (sqnr.get(b) as number));
    const rows = stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(rows.filter(([name]) => tensors.some((each) => each.name === name)).map(([name]) => name)).toEqual(
      worstFirst,
    );
    for (const [name, , , decibels] of rows.slice(1, 7)) {
      expect(decibels).toBe(`${(sqnr.get(name) as number).toFixed(2)} dB`);
    }
  });

  it("says where codes of fewer bits take a byte", async () => {
    const note = `6 tensors: a code of 4 bits takes a byte in the file with the dialect plain; compressed-tensors packs 4 bits\n`;
    expect(await place.run("quantize", "model.safetensors", "--bits", "4")).toMatchObject({ code: 0, stderr: note });
    const { files } = await place.json("quantize", "model.safetensors", "--bits", "12", "-o", "b.npz");
    expect(files[0].tensors[0].notes).toEqual(["a code of 12 bits takes two bytes in the file with the dialect npz"]);
    const packed = ["--bits", "4", "--dialect", "compressed-tensors"];
    expect(await place.run("quantize", "model.safetensors", ...packed)).toMatchObject({ code: 0, stderr: "" });
    const { stdout } = await place.run("quantize", "model.safetensors", "--bits", "4", "--dry-run");
    expect(stdout).toMatch(/^lm_head\.weight .* axis 0; a code of 4 bits takes a byte in the file/m);
  });

  it("prints one object with --json", async () => {
    const { command, files } = await place.json("quantize", "model.safetensors", "-o", "out.safetensors");
    expect(command).toBe("quantize");
    expect(files).toMatchObject([{ input: "model.safetensors", output: "out.safetensors", format: "safetensors" }]);
    const [{ bytesBefore, bytesAfter, tensors: told }] = files;
    expect(bytesBefore).toBe(readFileSync(place.path("model.safetensors")).length);
    expect(bytesAfter).toBe(readFileSync(place.path("out.safetensors")).length);
    const figures = told.map(({ sqnr = Infinity }) => sqnr);
    expect(figures).toEqual([...figures].sort((a, b) => a - b));
    const { mse, maxError, sqnr } = quantized("layers.0.up.weight");
    expect(told).toContainEqual({
      tensor: "layers.0.up.weight",
      quantize: true,
      bits: 8,
      axis: 0,
      scales: "max",
      granularity: "channel",
      shape: [128, 32],
      dtype: "float32",
      bytesBefore: 128 * 32 * 4,
      bytesAfter: 128 * 32 + 128 * 4,
      mse,
      maxError,
      sqnr,
    });
    expect(told).toContainEqual(
      expect.objectContaining({ tensor: "layers.0.up.bias", quantize: false, reason: expect.any(String) }),
    );
  });

  it.each<[string, string[], object]>([
    ["--bits", ["--bits", "5"], { bits: 5 }],
    ["--axis", ["--axis", "-1"], { axis: 1 }],
    ["--granularity tensor", ["--granularity", "tensor"], { granularity: "tensor" }],
    ["--granularity group", ["--granularity", "group:16"], { granularity: { group: 16, along: 1 } }],
    ["--granularity group @axis", ["--granularity=group:32@0"], { granularity: { group: 32, along: 0 } }],
    ["--threads", ["--threads", "1"], {}],
  ])("%s", async (_, args, options) => {
    const { files } = await place.json("quantize", "model.safetensors", "-o", "out.safetensors", ...args);
    const { data } = read("out.safetensors");
    for (const name of matrices) {
      const { quantized: codes, scales, sqnr } = quantized(name, options);
      expect(data[name]).toEqual(bytesOf(codes as Int8Array));
      expect(data[`${name}_scale`]).toEqual(bytesOf(scales));
      expect(files[0].tensors).toContainEqual(expect.objectContaining({ tensor: name, sqnr }));
    }
  });

  it.each([
    ["comfyui", "model-int8-comfyui.safetensors", "layers.0.up.comfy_quant"],
    ["compressed-tensors", "model-w8a16.safetensors", "layers.0.up.weight_packed"],
    ["compressed-tensors-w8a8", "model-w8a8.safetensors", "layers.0.up.weight_scale"],
    ["plain", "model-int8.safetensors", "layers.0.up.weight_scale"],
  ])("--dialect %s is written to %s", async (dialect, output, name) => {
    await place.json("quantize", "model.safetensors", "--dialect", dialect);
    expect(Object.keys(read(output).tensors)).toContain(name);
  });

  it("writes .npz, of its own accord where the output is named so", async () => {
    await place.json("quantize", "model.safetensors", "--dialect", "npz");
    await place.json("quantize", "model.safetensors", "-o", "other.npz");
    expect(place.list()).toEqual(["model-int8.npz", "model.safetensors", "other.npz"]);
    for (const name of ["model-int8.npz", "other.npz"]) {
      const arrays = unzipSync(new Uint8Array(readFileSync(place.path(name))));
      expect(Object.keys(arrays)).toContain("lm_head.weight.scale.npy");
    }
  });

  it("writes into the folder that -o names, if it is there or not", async () => {
    await place.json("quantize", "model.safetensors", "-o", "out");
    await place.json("quantize", "model.safetensors", "-o", "out.d/");
    await place.json("quantize", "model.safetensors", "-o", "out", "--bits", "4");
    expect(place.list("out")).toEqual(["model-int4.safetensors", "model-int8.safetensors"]);
    expect(place.list("out.d")).toEqual(["model-int8.safetensors"]);
    await place.json("quantize", "model.safetensors", "-o", "out/Qwen2.5-7B");
    expect(place.list("out/Qwen2.5-7B")).toEqual(["model-int8.safetensors"]);
    await place.json("quantize", "model.safetensors", "-o", "out/Qwen2.5-7B/.safetensors");
    expect(place.list("out/Qwen2.5-7B")).toEqual([".safetensors", "model-int8.safetensors"]);
    expect(await place.run("quantize", "model.safetensors", "-o", "")).toMatchObject({ code: 2, stdout: "" });
    writeModel(place.path("other.safetensors"));
    const two = ["quantize", "model.safetensors", "other.safetensors"];
    for (const name of ["both.safetensors", "both.NPZ", "out/.npz", "out/model-int8.safetensors"]) {
      expect(await place.run(...two, "-o", name)).toEqual({
        code: 2,
        stdout: "",
        stderr: expect.stringContaining(`-o is ${name}, a file; it must be a folder, since 2 models are given\n`),
      });
    }
    expect(place.list()).toEqual(["model.safetensors", "other.safetensors", "out", "out.d"]);
  });

  it("refuses what is quantized already", async () => {
    const groups = ["--granularity", "group:16"];
    await place.json("quantize", "model.safetensors", "-o", "plain.safetensors", ...groups);
    const packed = ["--dialect", "compressed-tensors", "--include", "*"];
    await place.json("quantize", "model.safetensors", "-o", "packed.safetensors", ...groups, ...packed);
    await place.json("quantize", "model.safetensors", "-o", "most.safetensors", "--dialect", "compressed-tensors");
    const before = place.list();
    for (const name of ["plain.safetensors", "packed.safetensors", "most.safetensors"]) {
      const { code, stdout, stderr } = await place.run("quantize", name, "-o", "again.safetensors", "--bits", "8");
      expect(stderr).toMatch(`${name} is quantized already`);
      expect(stderr).toMatch(/: give the float model it was made from$/m);
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    }
    // A part that would have nothing to quantize is refused, too.
    for (const k of [1, 2, 3]) {
      const part = await place.run("quantize", "most.safetensors", "-o", "parts", "--shard", `${k}/3`);
      expect(part).toMatchObject({ code: 1, stderr: expect.stringContaining("is quantized already") });
    }
    expect(place.list()).toEqual(before);
  });

  it.each<[string, TensorToWrite[]]>([
    [
      "the scales of codes",
      [
        { name: "l.weight", dtype: "F8_E4M3", shape: [64, 64], data: new Uint8Array(4096).fill(0x38) },
        { name: "l.scale", dtype: "F32", shape: [64, 64], data: new Float32Array(4096).fill(1) },
      ],
    ],
    [
      "scales alone, of codes in another shard",
      [{ name: "l.weight_scale_inv", dtype: "F32", shape: [32, 32], data: new Float32Array(1024).fill(1) }],
    ],
  ])("refuses a model of which nothing else is there: %s", async (_, parts) => {
    writeFileSync(place.path("scales.safetensors"), fileOf(parts));
    for (const more of [[], ["--include", "*"]]) {
      const { code, stderr } = await place.run("quantize", "scales.safetensors", ...more);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: expect.stringMatching(
          /scales\.safetensors is quantized already: give the float model it was made from$/m,
        ),
      });
    }
    expect(place.list()).toEqual(["model.safetensors", "scales.safetensors"]);
  });

  it("says which share of the bytes stays floats, and why", async () => {
    const args = ["quantize", "model.safetensors", "--dialect", "compressed-tensors", "--exclude", "layers.1.*"];
    const lines = [
      "60.6 % of the bytes stay floats: 50.4 KB of 83.2 KB",
      "  33.4 KB  4 tensors  excluded",
      "  8.19 KB   1 tensor  an embedding; compressed-tensors quantizes linear layers",
      "  8.19 KB   1 tensor  the output head, which vLLM expects as it is",
      "    640 B  2 tensors  a vector",
    ];
    expect((await place.run(...args, "--dry-run")).stdout).toContain(`\n${lines.join("\n")}\n`);
    expect((await place.run(...args)).stdout).toContain(`\n${lines.join("\n")}\n`);
    for (const more of ["--force", "--dry-run", "--measure"]) {
      const { files } = await place.json(...args, more);
      const { share, byteLength, reasons } = files[0].keptFloats;
      expect(share).toBe(byteLength / tensors.reduce((sum, { data }) => sum + data.byteLength, 0));
      expect(reasons[0]).toEqual({ reason: "excluded", tensors: 4, byteLength: 33_408 });
    }
    // Where all are quantized, nothing is said.
    expect((await place.run("quantize", "model.safetensors", "--include", "*")).stdout).not.toContain("stay floats");
  });

  it("warns where vLLM would refuse a mix, and says so in JSON", async () => {
    const square = (name: string) => ({ ...tensor("lm_head.weight"), name });
    const layers = Array.from({ length: 8 }, (_, i) =>
      ["q", "k", "v"].map((each) => square(`l.${i}.${each}_proj.weight`)),
    );
    writeFileSync(place.path("qkv.safetensors"), fileOf(layers.flat()));
    const args = ["quantize", "qkv.safetensors", "--dialect", "compressed-tensors", "--override", "*.v_proj.*=4"];
    const warning = (layer: number) =>
      `vLLM joins q_proj, k_proj, v_proj of l.${layer} but refuses layers that are quantized in different ways: 8 bits per channel (q_proj, k_proj), 4 bits per channel (v_proj)`;
    const { code, stderr } = await place.run(...args);
    expect({ code, stderr: stderr.split("\n") }).toEqual({
      code: 0,
      stderr: [
        ...[0, 1, 2, 3].map((layer) => `warning: ${warning(layer)}`),
        "warning: and the same for 4 more; --json names all",
        "",
      ],
    });
    const { files } = await place.json(...args, "--dry-run");
    expect(files[0].warnings).toEqual(layers.map((_, layer) => warning(layer)));
    // It is said for a part in which not all are, too.
    expect((await place.run(...args, "--shard", "1/8")).stderr).toContain(`warning: ${warning(7)}`.slice(0, 40));
    expect((await place.run("quantize", "qkv.safetensors", "--override", "*.v_proj.*=4")).stderr).not.toContain("vLLM");
  });

  it("names what is passed over, and does the rest", async () => {
    const strings = writeNpy(Float32Array.of(1), [1]);
    strings.set(new TextEncoder().encode("<U1"), 21);
    const odd = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`odd${i}.npy`, strings]));
    const w = writeNpy(tensor("lm_head.weight").data, [64, 32]);
    writeFileSync(place.path("one.npz"), zipSync({ "w.npy": w, ...odd(1) }));
    writeFileSync(place.path("many.npz"), zipSync({ "w.npy": w, ...odd(20) }));
    const one = await place.run("quantize", "one.npz");
    const line = /^one\.npz: odd0\.npy is passed over: the elements are of type '<U1'; numbers of types b1, .*\n$/;
    expect(one).toMatchObject({ code: 0, stderr: expect.stringMatching(line) });
    expect(read("one-int8.safetensors").data.w).toEqual(bytesOf(quantized("lm_head.weight").quantized as Int8Array));
    const many = await place.run("quantize", "many.npz");
    expect(many.stderr.split("\n")).toHaveLength(6);
    expect(many.stderr).toMatch(/^many\.npz: and the same for 16 more; --json names all\n$/m);
    const { files } = await place.json("quantize", "many.npz", "--dry-run");
    expect(files[0].passedOver).toHaveLength(20);
    const inspected = await place.run("inspect", "one.npz");
    expect(inspected.stdout).toMatch(/^odd0\.npy is passed over: the elements are of type '<U1'/m);
    expect((await place.json("inspect", "many.npz")).passedOver).toHaveLength(20);
    expect((await place.run("compare", "one.npz", "one.npz")).stderr).toMatch(/^one\.npz: odd0\.npy is passed over/);
  });

  it("includes, excludes and overrides by patterns", async () => {
    const { files } = await place.json(
      ...["quantize", "model.safetensors"],
      ...["--include", "*.up.bias", "--exclude", "layers.0.*", "--exclude", "embed*"],
      ...["--override", "layers.1.up.weight=4,1", "--override", "layers.1.down.weight=,,group:32"],
      ...["--override", "lm_*=keep", "--override", "layers.1.up.bias=keep", "--override", "*.1.up.bias=7"],
    );
    const decisions = Object.fromEntries(
      files[0].tensors.map(({ tensor, quantize, bits, axis, granularity }: Record<string, unknown>) => [
        tensor,
        quantize ? { bits, axis, granularity } : "kept",
      ]),
    );
    expect(decisions).toEqual({
      "embed_tokens.weight": "kept",
      "layers.0.norm.weight": "kept",
      "layers.0.up.weight": "kept",
      "layers.0.up.bias": { bits: 8, granularity: "tensor" },
      "layers.0.down.weight": "kept",
      "layers.1.norm.weight": "kept",
      "layers.1.up.weight": { bits: 4, axis: 1, granularity: "channel" },
      "layers.1.up.bias": { bits: 7, granularity: "tensor" },
      "layers.1.down.weight": { bits: 8, granularity: { group: 32, along: 1 } },
      "lm_head.weight": "kept",
    });
  });

  it("overrides zero points and balance, and says so in JSON", async () => {
    const { files } = await place.json(
      ...["quantize", "model.safetensors", "--dry-run", "--granularity", "group:32", "--zero-points", "--balance"],
      ...["--override", "*.up.weight=,,,,symmetric", "--override", "*.down.weight=,,,,,nearest"],
      ...["--override", "*.1.down.weight=4,,,,,balance"],
    );
    const has = (name: string) => {
      const { zeroPoints = false, balance = false } = files[0].tensors.find(
        (each: { tensor: string }) => each.tensor === name,
      );
      return { zeroPoints, balance };
    };
    expect(has("layers.0.up.weight")).toEqual({ zeroPoints: false, balance: true });
    expect(has("layers.0.down.weight")).toEqual({ zeroPoints: true, balance: false });
    expect(has("layers.1.down.weight")).toEqual({ zeroPoints: true, balance: true });
  });

  it("gives null in JSON, which has no infinity, for weights that come back exactly", async () => {
    writeFileSync(place.path("exact.csv"), "127,1\n-2,254\n");
    const { files } = await place.json("quantize", "exact.csv");
    expect(files[0].tensors).toMatchObject([{ mse: 0, maxError: 0, sqnr: null }]);
    expect((await place.run("quantize", "exact.csv", "--measure")).stdout).toMatch(/^exact .* exact +0 /m);
  });

  it("warns of patterns that match nothing", async () => {
    const { code, stderr } = await place.run("quantize", "model.safetensors", "--exclude", "*.attn.*");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "warning: the pattern *.attn.* matches no tensor\n" });
  });

  it("--dry-run shows every decision and writes nothing", async () => {
    const { code, stdout } = await place.run("quantize", "model.safetensors", "--dry-run");
    expect(code).toBe(0);
    expect(place.list()).toEqual(["model.safetensors"]);
    expect(stdout).toMatch(/^layers\.0\.up\.weight +128 x 32 +float32 +8 bits per channel, axis 0$/m);
    expect(stdout).toMatch(/^layers\.0\.up\.bias +128 +float32 +kept: a vector$/m);
    const { dryRun, files } = await place.json("quantize", "model.safetensors", "--dry-run");
    expect(dryRun).toBe(true);
    await place.json("quantize", "model.safetensors");
    expect(files[0].bytesAfter).toBe(readFileSync(place.path("model-int8.safetensors")).length);
  });

  it("--measure finds the errors and writes nothing, though the output exists", async () => {
    const { files: written } = await place.json("quantize", "model.safetensors", "--bits", "6");
    const before = place.list();
    const { measured, files } = await place.json("quantize", "model.safetensors", "--bits", "6", "--measure");
    expect({ measured, files }).toEqual({ measured: true, files: written });
    const { stdout } = await place.run("quantize", "model.safetensors", "--measure");
    expect(stdout).toContain("model.safetensors, measured only  84.0 KB to ");
    expect(place.list()).toEqual(before);
  });

  it("replaces a file with --force only", async () => {
    writeFileSync(place.path("model-int8.safetensors"), "mine");
    const refused = await place.run("quantize", "model.safetensors");
    expect(refused).toEqual({
      code: 1,
      stdout: "",
      stderr: "channelwise: model-int8.safetensors exists; give another name with -o, or --force to replace\n",
    });
    expect(readFileSync(place.path("model-int8.safetensors"), "utf8")).toBe("mine");
    await place.json("quantize", "model.safetensors", "--force");
    expect(Object.keys(read("model-int8.safetensors").tensors)).toContain("lm_head.weight_scale");
  });

  it("never writes over an input, not by another name either", async () => {
    symlinkSync("model.safetensors", place.path("link.safetensors"));
    const before = readFileSync(place.path("model.safetensors"));
    const { code, stderr } = await place.run("quantize", "link.safetensors", "-o", "model.safetensors", "--force");
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining(
        "the output model.safetensors is the input link.safetensors; give another name with -o",
      ),
    });
    expect(readFileSync(place.path("model.safetensors"))).toEqual(before);
  });

  it("takes arrays of several files into a folder", async () => {
    const names = ["a", "b"];
    for (const name of names)
      writeFileSync(place.path(`${name}.npy`), writeNpy(tensor("lm_head.weight").data, [64, 32]));
    const { code, stdout } = await place.run("quantize", "a.npy", "b.npy", "-o", "out/", "--dialect", "npz");
    expect(code).toBe(0);
    expect(place.list("out")).toEqual(["a-int8.npz", "b-int8.npz"]);
    expect(stdout).toMatch(/^2 files {2}16\.6 KB to /m);
    for (const name of names) {
      const arrays = unzipSync(new Uint8Array(readFileSync(place.path("out", `${name}-int8.npz`))));
      const codes = quantized("lm_head.weight").quantized as Int8Array;
      expect((arrays[`${name}.quantized.npy`] as Uint8Array).subarray(-codes.length)).toEqual(bytesOf(codes));
    }
  });

  it("writes each beside its input where no folder is given", async () => {
    for (const name of ["a.csv", "b.csv"]) writeFileSync(place.path(name), "1 2\n3 4\n");
    await place.json("quantize", "a.csv", "b.csv");
    expect(place.list()).toEqual(["a-int8.safetensors", "a.csv", "b-int8.safetensors", "b.csv", "model.safetensors"]);
  });

  it("refuses two inputs that would be written to one file", async () => {
    for (const name of ["a.csv", "a.tsv"]) writeFileSync(place.path(name), "1 2\n3 4\n");
    const { code, stderr } = await place.run("quantize", "a.csv", "a.tsv");
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringContaining("two inputs would both be written to a-int8.safetensors"),
    });
  });

  it.each(["sharded", "sharded/model.safetensors.index.json"])("takes a sharded model: %s", async (input) => {
    mkdirSync(place.path("sharded"));
    writeShards(place.path("sharded"));
    await place.json("quantize", input, "-o", "out.safetensors");
    await place.json("quantize", "model.safetensors", "-o", "whole.safetensors");
    expect(read("out.safetensors").data).toEqual(read("whole.safetensors").data);
  });

  it("never writes over a shard that only the index names", async () => {
    writeShards(place.folder);
    const args = ["-o", "model-00002-of-00003.safetensors", "--force"];
    expect(await place.run("quantize", "model.safetensors.index.json", ...args)).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("the output model-00002-of-00003.safetensors is an input too"),
    });
  });

  it("takes shards without an index as one model", async () => {
    writeShards(place.folder);
    const shards = place.list().filter((name) => /-of-/.test(name));
    const { files } = await place.json("quantize", ...shards);
    expect(files).toMatchObject([{ output: "model-int8.safetensors" }]);
    expect(files[0].tensors).toHaveLength(tensors.length);
  });
});

describe("a run that fails ends with exit code 1 and leaves no file", () => {
  it.each<[string, string, RegExp]>([
    ["a missing file", "missing.safetensors", /^channelwise: missing\.safetensors: no such file or folder\n$/],
    ["a damaged file", "damaged.safetensors", /^channelwise: damaged\.safetensors, byte 0: the header/],
    ["weights that are not finite", "nan.safetensors", /channelwise: tensor w: weights\[70\] \(channel 1\) is NaN/],
    [
      "a file without weights",
      "bias.safetensors",
      /none of its tensors would be quantized.*\n +keep +1 tensor +512 B +a vector\n$/,
    ],
    ["a folder without a model", "empty", /empty is a folder without a model/],
    [
      "a named pipe, to which nobody writes",
      "pipe.npy",
      /^channelwise: pipe\.npy is not a file: it is a pipe, which is/,
    ],
  ])("%s", async (_, input, message) => {
    writeFileSync(place.path("damaged.safetensors"), "\xff".repeat(100), "latin1");
    const data = new Float32Array(64 * 64).fill(1);
    data[70] = Number.NaN;
    writeFileSync(place.path("nan.safetensors"), fileOf([{ name: "w", dtype: "F32", shape: [64, 64], data }]));
    writeFileSync(place.path("bias.safetensors"), fileOf([{ ...tensor("layers.0.up.bias") }]));
    mkdirSync(place.path("empty"));
    execFileSync("mkfifo", [place.path("pipe.npy")]);
    const before = place.list();
    const { code, stdout, stderr } = await place.run("quantize", input, "-o", "out.safetensors");
    expect(stderr).toMatch(message);
    expect({ code: input === "empty" ? 2 : 1, stdout }).toEqual({ code, stdout: "" });
    expect(place.list()).toEqual(before);
  });

  it.runIf(existsSync("/proc/self"))("a folder where none can be made, also below /proc", async () => {
    // A run that hung would never end by itself.
    const args = [process.execPath, main, "quantize", "model.safetensors", "-o", "/proc/none/out.safetensors"];
    const { code, stderr } = await place.runProgram("timeout", ["600", ...args]);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: "/proc/none/out.safetensors is not written\nchannelwise: /proc/none: no such file or folder\n",
    });
  });

  it("and says in JSON where", async () => {
    const data = new Float32Array(64 * 64).fill(1);
    data[70] = -Infinity;
    writeFileSync(place.path("nan.safetensors"), fileOf([{ name: "w", dtype: "F32", shape: [64, 64], data }]));
    const { code, stdout } = await place.run("quantize", "nan.safetensors", "--json");
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({
      command: "quantize",
      error: {
        name: "NonFiniteError",
        message: "tensor w: weights[70] (channel 1) is -Infinity; weights must be finite",
        tensor: "w",
        index: 70,
        channel: 1,
        value: "-Infinity",
      },
    });
  });

  it("of several files, those before it are there", async () => {
    writeFileSync(place.path("b.csv"), "1,2\n3,x\n");
    writeFileSync(place.path("a.csv"), "1,2\n3,4\n");
    writeFileSync(place.path("n.npy"), writeNpy(Float32Array.of(1, Number.NaN), [1, 2]));
    const text = await place.run("quantize", "a.csv", "b.csv", "-o", "out");
    // Malformed input is reported before anything is written.
    expect(text).toMatchObject({ code: 1, stderr: expect.stringContaining("b.csv") });
    expect(existsSync(place.path("out"))).toBe(false);
    const values = await place.run("quantize", "a.csv", "n.npy", "-o", "out");
    expect(values).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("n-int8.safetensors is not written; 1 of 2 files are\n"),
    });
    expect(place.list("out")).toEqual(["a-int8.safetensors"]);
  });

  it("of several files, it is told which one is at fault", async () => {
    for (const folder of ["one", "two"]) mkdirSync(place.path(folder));
    writeFileSync(place.path("one", "a.npy"), writeNpy(Float32Array.of(1, 2), [1, 2]));
    writeFileSync(place.path("two", "a.npy"), writeNpy(Float32Array.of(1, Number.NaN), [1, 2]));
    writeFileSync(place.path("two", "b.npy"), "");
    const cases: [string, object, string][] = [
      [
        "two/a.npy",
        { name: "NonFiniteError", tensor: "a", index: 1 },
        "tensor a: weights[1] (channel 0) is NaN; weights must be finite",
      ],
      ["two/b.npy", { name: "FormatError", file: "b.npy", offset: 0 }, "b.npy, byte 0: "],
      ["two/c.npy", { name: "Error" }, "no such file or folder"],
    ];
    for (const [input, error, message] of cases) {
      const args = ["quantize", "one/a.npy", input, "--force"];
      const { stdout } = await place.run(...args, "--json");
      expect(JSON.parse(stdout)).toEqual({ command: "quantize", error: expect.objectContaining({ ...error, input }) });
      expect(JSON.parse(stdout).error.message).toContain(`${input}: ${message}`);
      const { code, stderr } = await place.run(...args);
      expect(code).toBe(1);
      expect(stderr).toContain(`channelwise: ${input}: ${message}`);
    }
  });

  it("names the output that cannot be written, and not the input", async () => {
    const data = new Float32Array(64 * 64).fill(1);
    const matrix = (name: string) => ({ name, dtype: "F32", shape: [64, 64], data });
    writeFileSync(place.path("half.safetensors"), fileOf([matrix("\ud800.weight")]));
    writeFileSync(place.path("whole.safetensors"), fileOf([matrix("weight")]));
    const reason = String.raw`tensor \ud800.weight.quantized: its name has half of a surrogate pair`;
    const refused = [
      [["half.safetensors", "-o", "out.npz"], "out.npz"],
      [["half.safetensors", "-o", "out.npz", "--dry-run"], "out.npz"],
      [["whole.safetensors", "half.safetensors", "-o", "out/", "--dialect", "npz"], "out/half-int8.npz"],
    ] as const;
    for (const [args, output] of refused) {
      const { code, stderr } = await place.run("quantize", ...args);
      expect(stderr).toContain(`channelwise: ${output} cannot be written: ${reason}`);
      expect(code).toBe(1);
    }
    expect(place.list()).not.toContain("out.npz");
  });

  it("and no folder that was made for it", async () => {
    writeFileSync(place.path("n.npy"), writeNpy(Float32Array.of(1, Number.NaN), [1, 2]));
    mkdirSync(place.path("there"));
    const before = place.list();
    for (const output of ["out/", "out/a/b/", "out/a/b.safetensors", "there/a/b/"]) {
      expect(await place.run("quantize", "n.npy", "-o", output)).toMatchObject({ code: 1 });
      expect(place.list()).toEqual(before);
      expect(place.list("there")).toEqual([]);
    }
    // The folder that was made before the failure is removed.
    writeFileSync(place.path("there", "file"), "");
    expect(await place.run("quantize", "model.safetensors", "-o", "there/file/a/")).toMatchObject({ code: 1 });
    expect(place.list("there")).toEqual(["file"]);
  });
});

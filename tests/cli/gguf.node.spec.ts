import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ggufFile } from "../lib/gguf/gguf-file.js";
import { tinyModel } from "../lib/gguf/tiny-models.js";
import { Workplace } from "./command.js";

const model = ggufFile(tinyModel({ architecture: "llama", layers: 2, columns: 256, hidden: 256 }));

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  writeFileSync(place.path("model.gguf"), model);
});
afterEach(() => place.remove());

describe("a GGUF on the command line", () => {
  it("is quantized to a type, inspected, compared and dequantized", async () => {
    const input = place.path("model.gguf");
    const { files } = await place.json("quantize", input, "--type", "Q4_K_M");
    const output = place.path("model-Q4_K_M.gguf");
    const rules = { fileType: "15 (Q4_K_M)", program: "llama-quantize of llama.cpp v0.4.0" };
    expect(files).toMatchObject([{ output, bytesBefore: model.length, ...rules }]);
    expect(files[0].bytesAfter).toBe(readFileSync(output).length);
    const types = files[0].tensors.map(({ tensor, type }: { tensor: string; type?: string }) => [tensor, type]);
    expect(Object.fromEntries(types)).toMatchObject({
      "output.weight": "Q6_K",
      "blk.0.attn_q.weight": "Q4_K",
      "blk.0.attn_norm.weight": undefined,
    });

    const { blocks } = await place.json("inspect", output);
    expect(blocks).toContainEqual({ name: "output.weight", shape: [264, 256], type: "Q6_K", byteLength: 264 * 210 });
    const { stdout } = await place.run("inspect", output);
    expect(stdout).toMatch(/output\.weight +264 x 256 +Q6_K/);

    const { tensors } = await place.json("compare", input, output, "--min-sqnr", "15");
    expect(tensors[0]).toMatchObject({ result: "near" });
    expect(tensors[0].sqnr).toBeGreaterThan(15);

    await place.json("dequantize", output);
    const { kept } = await place.json("inspect", place.path("model-Q4_K_M-float.safetensors"));
    expect(kept).toHaveLength(2 * 9 + 3);

    await place.json("dequantize", output, "--float16", "-o", place.path("half.safetensors"));
    const half = await place.json("inspect", place.path("half.safetensors"));
    const dtypes = half.kept.map(({ name, dtype }: { name: string; dtype: string }) => [name, dtype]);
    expect(Object.fromEntries(dtypes)).toMatchObject({
      "output.weight": "float16",
      "blk.0.attn_norm.weight": "float32",
    });
  });

  it("is reported with the version of the program whose rules it follows", async () => {
    const { stdout } = await place.run("quantize", place.path("model.gguf"), "--type", "Q8_0");
    expect(stdout).toMatch(/^file type 7 \(Q8_0\), by the rules of llama-quantize of llama\.cpp v0\.4\.0$/m);
  });

  it("has smaller errors with --encoder search, in as many bytes", async () => {
    const input = place.path("model.gguf");
    const [ggml, search] = await Promise.all(
      ["ggml", "search"].map(async (encoder) => {
        const output = place.path(`${encoder}.gguf`);
        const { files } = await place.json("quantize", input, "--type", "Q4_0", "--encoder", encoder, "-o", output);
        return files[0];
      }),
    );
    expect(search.bytesAfter).toBe(ggml.bytesAfter);
    expect(search.tensors[0].sqnr).toBeGreaterThan(ggml.tensors[0].sqnr);
  });

  it("is cut into parts, and joined again", async () => {
    writeFileSync(place.path("large.gguf"), model);
    const { files } = await place.json(
      "split",
      place.path("large.gguf"),
      "--max-size",
      "1M",
      "-o",
      place.path("parts"),
    );
    const names = files.map((_: unknown, i: number) => `large-0000${i + 1}-of-0000${files.length}.gguf`);
    expect(names.length).toBeGreaterThan(1);
    expect(place.list("parts")).toEqual(names);
    await place.json("split", "--join", place.path("parts", names[0]));
    expect(readFileSync(place.path("parts", "large.gguf")).equals(model)).toBe(true);
    // The other commands accept a model by one part or by all of them, too.
    const { byteLength } = await place.json("inspect", place.path("parts", names[1]));
    expect(byteLength).toBe((await place.json("inspect", place.path("large.gguf"))).byteLength);
  });

  it.each<[string[], number, RegExp]>([
    [
      ["quantize", "--type", "Q4_K_X"],
      2,
      /--type is Q4_K_X; it must be one of .*Did you mean Q4_K_[SM]|--type is Q4_K_X/,
    ],
    [["quantize", "--type", "IQ2_XS"], 2, /types that need an importance matrix are not written/],
    [["quantize", "--type", "Q8_0", "--bits", "4"], 2, /--bits cannot be given with type Q8_0/],
    [["split", "--max-size", "2"], 2, /--max-size is 2; it must be a number with M or G/],
  ])("is refused: %s", async ([command, ...options], code, reason) => {
    const ended = await place.run(command, place.path("model.gguf"), ...options);
    expect({ code: ended.code, list: place.list() }).toEqual({ code, list: ["model.gguf"] });
    expect(ended.stderr).toMatch(reason);
  });

  it("is not made of a .safetensors file, for which it is said what to do", async () => {
    writeFileSync(place.path("matrix.csv"), "1,2\n3,4\n");
    const { code, stderr } = await place.run("quantize", place.path("matrix.csv"), "--type", "Q8_0");
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /--type is "Q8_0", and matrix\.csv is not a GGUF file: convert a language model with convert_hf_to/,
    );
  });
});

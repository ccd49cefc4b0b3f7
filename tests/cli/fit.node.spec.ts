import { readFileSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ggufFile } from "../lib/gguf/gguf-file.js";
import { tinyModel } from "../lib/gguf/tiny-models.js";
import { Workplace } from "./command.js";
import { writeModel } from "./models.js";

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
  writeModel(place.path("model.safetensors"));
});
afterEach(() => place.remove());

const quantize = (...args: string[]) => place.run("quantize", "model.safetensors", ...args);
const packed = ["--dialect", "compressed-tensors"];

describe("quantize --fit", () => {
  it("writes a file of no more bytes, and says what it has", async () => {
    const [{ bytesAfter: all8 }] = (await place.json("quantize", "model.safetensors", ...packed, "-o", "8.safetensors"))
      .files;
    const four = ["--bits", "4", "--granularity", "group:32", "-o", "4.safetensors"];
    const [{ bytesAfter: all4 }] = (await place.json("quantize", "model.safetensors", ...packed, ...four)).files;
    const between = Math.round((all4 + all8) / 2);
    const { files } = await place.json("quantize", "model.safetensors", ...packed, "--fit", `${between}B`);
    const [{ output, bytesAfter, mix, tensors }] = files;
    expect(output).toBe("model-mixed.safetensors");
    expect(readFileSync(place.path(output)).length).toBe(bytesAfter);
    expect(bytesAfter).toBeLessThanOrEqual(between);
    const bits = tensors.flatMap((tensor: { bits?: number }) => tensor.bits ?? []);
    expect(new Set(bits)).toEqual(new Set([4, 8]));
    const worst = tensors[0]; // they are sorted
    expect(mix.worst).toEqual({ tensor: worst.tensor, sqnr: worst.sqnr });
    const losses = tensors.flatMap(({ sqnr }: { sqnr?: number }) => (sqnr === undefined ? [] : 10 ** (-sqnr / 10)));
    const mean = losses.reduce((a: number, b: number) => a + b) / losses.length;
    expect(mix.sqnr).toBeCloseTo(-10 * Math.log10(mean), 9);
    const text = await quantize(...packed, "--fit", `${between}B`, "--force");
    expect(text.stdout).toContain(
      `${mix.bitsPerWeight.toFixed(2)} bits a weight, ${mix.sqnr.toFixed(2)} dB in the mean of ${losses.length} tensors`,
    );
  });

  it("takes bits a weight and decibels, and --min-sqnr-each the SQNR of each tensor", async () => {
    const mixOf = async (...options: string[]) => {
      const { files } = await place.json("quantize", "model.safetensors", ...packed, ...options, "--dry-run");
      expect(place.list()).toEqual(["model.safetensors"]);
      return files[0].mix;
    };
    const bits = await mixOf("--fit", "6bpw");
    expect(bits.bitsPerWeight).toBeLessThanOrEqual(6);
    expect(bits.bitsPerWeight).toBeGreaterThan(4);
    const mean = await mixOf("--fit", "25 dB");
    expect(mean.sqnr).toBeGreaterThanOrEqual(25);
    const each = await mixOf("--min-sqnr-each", "25");
    expect(each.worst.sqnr).toBeGreaterThanOrEqual(25);
    const { stderr } = await place.run(
      "quantize",
      "model.safetensors",
      ...packed,
      "--min-sqnr-each",
      "99",
      "--dry-run",
    );
    expect(stderr).toMatch(
      /no settings give each tensor 99\.00 dB \(--min-sqnr-each\): \S+ has \d\d\.\d\d dB with its best/,
    );
  });

  it("gives the tensors of a GGUF types of blocks", async () => {
    writeFileSync(
      place.path("model.gguf"),
      ggufFile(tinyModel({ architecture: "llama", layers: 2, columns: 256, hidden: 256 })),
    );
    const { files } = await place.json("quantize", "model.gguf", "--fit", "5.2bpw");
    const [{ output, mix, tensors, bytesAfter }] = files;
    expect(output).toBe("model-mixed.gguf");
    expect(readFileSync(place.path(output)).length).toBe(bytesAfter);
    expect(mix.bitsPerWeight).toBeLessThanOrEqual(5.2);
    const types = tensors.flatMap(({ type }: { type?: string }) => type ?? []);
    expect(new Set(types).size).toBeGreaterThan(1);
    const { blocks } = await place.json("inspect", output);
    expect(blocks.map(({ type }: { type: string }) => type).sort()).toEqual(types.sort());
    const { tensors: compared } = await place.json("compare", "model.gguf", output);
    const sqnr = (list: { tensor: string; sqnr?: number }[], name: string) =>
      list.find(({ tensor }) => tensor === name)?.sqnr;
    expect(sqnr(compared, mix.worst.tensor)).toBeCloseTo(mix.worst.sqnr, 6);

    // One tensor by hand.
    const { files: byHand } = await place.json(
      ...["quantize", "model.gguf", "--type", "Q4_K_M", "--override", "*.attn_q.weight=q6_k"],
    );
    const { type } = byHand[0].tensors.find(({ tensor }: { tensor: string }) => tensor === "blk.1.attn_q.weight");
    expect(type).toBe("Q6_K");
  });

  it("refuses what cannot be, before it writes anything", async () => {
    for (const [args, message] of [
      [
        ["--fit", "1kB", ...packed],
        /^channelwise: --fit: model\.safetensors: bytes is 1000, which no mix meets: the smallest takes \d+ bytes\n/,
      ],
      [["--fit", "1bpw"], /the dialect plain takes a byte for each code, and compressed-tensors packs 4 bits\n/],
      [["--fit", "300dB"], /sqnr is 300, which no mix meets: the best has \d+\.\d\d dB/],
      [["--fit", "2.5"], /--fit is 2\.5; it must be a size such as 2\.5MB/],
      [["--fit", "2MB", "--min-sqnr-each", "3"], /--fit and --min-sqnr-each exclude each other/],
      [["--fit", "2MB", "--bits", "4"], /--bits cannot be given with --fit, which chooses the bits of each tensor/],
      [["--min-sqnr-each", "x"], /--min-sqnr-each is x; it must be a number/],
      [["--override", "*=Q4_K"], /blockType is for a GGUF that is written: give a type too/],
    ] as [string[], RegExp][]) {
      const { code, stderr } = await quantize(...args);
      expect(stderr).toMatch(message);
      expect(code).toBe(2);
    }
    expect(place.list()).toEqual(["model.safetensors"]);
  });
});

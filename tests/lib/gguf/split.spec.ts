import { load, type TotalErrors } from "channelwise";
import {
  blobSink,
  compareModels,
  dequantizeModel,
  type GgufFile,
  joinGguf,
  openModel,
  planModel,
  quantizeModel,
  readFloats,
  splitGguf,
} from "channelwise/models";
import { describe, expect, it } from "vitest";
import { ggufFile } from "./gguf-file.js";
import { tinyModel } from "./tiny-models.js";

const channelwise = await load();
const whole = ggufFile(tinyModel({ architecture: "llama", layers: 2, columns: 64, hidden: 96 }));
const open = (file: Uint8Array<ArrayBuffer>, name = "model.gguf") => openModel(file, { name });

async function bytesOf(file: Pick<GgufFile, "write">): Promise<Uint8Array<ArrayBuffer>> {
  const sink = blobSink();
  await file.write(sink);
  return new Uint8Array(await (await sink.blob()).arrayBuffer());
}

async function quantized(type: "Q8_0" | "Q4_0" | "F16", file = whole, requantize = false) {
  const sink = blobSink();
  const summary = await quantizeModel(channelwise, planModel(await open(file), { type, requantize }), sink);
  return { summary, bytes: new Uint8Array(await (await sink.blob()).arrayBuffer()) };
}

describe("a GGUF that is split", () => {
  it("has tensors of at most so many bytes in a part, and comes back byte for byte when it is joined", async () => {
    const parts = splitGguf(await open(whole), 40_000);
    expect(parts.length).toBeGreaterThan(3);
    const files: File[] = [];
    for (const [i, part] of parts.entries()) {
      const bytes = await bytesOf(part);
      expect(bytes.length).toBe(part.byteLength);
      expect(bytes.length).toBeLessThan(40_000 + 16_000); // the first part has the keys
      files.push(new File([bytes], `model-0000${i + 1}-of-0000${parts.length}.gguf`));
    }
    const [first] = files;
    const firstAlone = await first.arrayBuffer();
    const text = new TextDecoder("latin1").decode(firstAlone);
    // The order of the keys is that of gguf-split.
    expect(text.indexOf("split.no")).toBeLessThan(text.indexOf("split.tensors.count"));
    expect(text.indexOf("split.tensors.count")).toBeLessThan(text.indexOf("split.count"));
    const model = await openModel([...files].reverse());
    expect(await bytesOf(joinGguf(model))).toEqual(whole);
  });

  it("is refused where a tensor is larger than a part", async () => {
    const model = await open(whole);
    expect(() => splitGguf(model, 1000)).toThrow(/maxBytes is 1000, and tensor output.weight takes 33792 bytes/);
    expect(() => splitGguf(model, 0)).toThrow(RangeError);
  });
});

describe("a GGUF that is quantized", () => {
  it("says the errors, which comparing it with its original finds too", async () => {
    const { summary, bytes } = await quantized("Q8_0");
    expect(summary.metadata).toMatchObject({ program: "llama-quantize of llama.cpp v0.4.0" });
    const comparison = await compareModels(channelwise, await open(whole), await open(bytes));
    expect(comparison).toMatchObject({ missing: [], added: [] });
    const near = comparison.tensors.filter(({ result }) => result === "near");
    expect(near.length).toBe(2 * 7 + 2);
    for (const each of near) {
      const said = summary.tensors.find(({ tensor }) => tensor === each.tensor);
      expect(said).toMatchObject({ quantize: true, blockType: "Q8_0" });
      const figuresOf = ({ mse, maxError, sqnr }: Partial<TotalErrors> = {}) => ({ mse, maxError, sqnr });
      expect(figuresOf(said as TotalErrors)).toEqual(figuresOf(each as TotalErrors));
      expect(each.bytesAfter).toBe((each.bytesBefore / 2 / 32) * 34);
      expect("sqnr" in each && each.sqnr).toBeGreaterThan(40);
    }
  });

  it("gives its floats in a .safetensors file", async () => {
    const { bytes } = await quantized("Q4_0");
    const sink = blobSink();
    await dequantizeModel(channelwise, await open(bytes), sink);
    const floats = await openModel(await sink.blob(), { name: "model.safetensors" });
    const original = new Map((await open(whole)).tensors.map((tensor) => [tensor.name, tensor]));
    expect(floats.tensors.map(({ name }) => name).sort()).toEqual([...original.keys()].sort());
    for (const tensor of floats.tensors) {
      expect(tensor.dtype).toBe("float32");
      const before = await readFloats(original.get(tensor.name) as typeof tensor);
      const after = await readFloats(tensor);
      const largest = Math.max(...Array.from(before, Math.abs));
      expect(Math.max(...Array.from(before, (value, i) => Math.abs(value - after[i])))).toBeLessThan(largest / 7);
      // Any stretch is the same as in the whole.
      expect(await readFloats(tensor, 3, 7)).toEqual(after.slice(3, 10));
    }
  });

  it("is refused as input, unless it is asked for", async () => {
    const { bytes } = await quantized("Q8_0");
    const model = await open(bytes);
    expect(() => planModel(model, { type: "Q4_0" })).toThrow(/is quantized already \(tensor .* is Q8_0\)/);
    expect(() => planModel(model)).toThrow(/is quantized already/);
    const again = await quantized("Q4_0", bytes, true);
    expect((await open(again.bytes)).tensors.every(({ dtype }) => dtype === "float32")).toBe(true);
  });

  it.each([
    [{ type: "Q4_K_X" }, /type is "Q4_K_X"; it must be one of F32, F16/],
    [{ type: "IQ2_XS" }, /need an importance matrix are not written: use llama-quantize/],
    [{ type: "Q8_0", bits: 4 }, /bits cannot be given with type Q8_0/],
    [{ type: "Q8_0", granularity: "tensor" }, /granularity cannot be given with type Q8_0/],
  ])("is refused with %o", async (rules, reason) => {
    const model = await open(whole);
    expect(() => planModel(model, rules as never)).toThrow(reason);
  });

  it("is refused with names and shapes that llama.cpp does not take", async () => {
    const file = tinyModel({ architecture: "llama", layers: 1, columns: 32, hidden: 32 });
    const [first, ...others] = file.tensors;
    const long = ggufFile({ ...file, tensors: [{ ...first, name: "a".repeat(64) }, ...others] });
    const model = await open(long);
    expect(() => planModel(model, { type: "Q8_0" })).toThrow(/name of 64 bytes; llama-quantize .* takes 63/);
    const deep = await open(ggufFile({ ...file, tensors: [{ ...first, shape: [1, 2, 2, 66, 32] }, ...others] }));
    expect(() => planModel(deep, { type: "Q8_0" })).toThrow(/has 5 dimensions; llama-quantize .* takes 4/);
  });

  it("writes nothing where a weight is not finite", async () => {
    const file = tinyModel({ architecture: "llama", layers: 1, columns: 32, hidden: 32, type: "F32" });
    new DataView(file.tensors[0].data.buffer).setFloat32(4 * 40, Number.NaN, true);
    const sink = blobSink();
    const plan = planModel(await open(ggufFile(file)), { type: "Q8_0" });
    await expect(quantizeModel(channelwise, plan, sink)).rejects.toMatchObject({
      index: 40,
      channel: 1,
      tensor: "output.weight",
    });
    await expect(sink.blob()).rejects.toThrow("not complete");
  });
});

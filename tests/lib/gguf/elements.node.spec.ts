// Floats of 16 bits are compared with ggml's own library, bit for bit.

import { load } from "channelwise";
import { blobSink, dequantizeModel, openModel, planModel, quantizeModel, readFloats } from "channelwise/models";
import { beforeAll, describe, expect, it } from "vitest";
import { loadGgml, runsHere } from "../../../scripts/ggml/library.mjs";
import { withOneNaN } from "../ggml/weights.js";
import { expectSameBits } from "../same-bits.js";
import { bytesOf, ggufFile, type TensorToWrite, tensorType } from "./gguf-file.js";
import { tinyModel, weightsOf } from "./tiny-models.js";

type Half = "F16" | "BF16";

const channelwise = await load();
const name = "blk.0.attn_q.weight";

/** A GGUF of one matrix with rows of 256 weights; what a row lacks is 0. */
function matrix(type: keyof typeof tensorType, data: Uint8Array, bytesOfRow: number, ...more: TensorToWrite[]) {
  const rows = Math.ceil(data.length / bytesOfRow);
  const whole = new Uint8Array(rows * bytesOfRow);
  whole.set(data);
  const { keys } = tinyModel({ architecture: "llama", layers: 1, columns: 256, hidden: 256 });
  return ggufFile({ keys, tensors: [{ name, type: tensorType[type], shape: [rows, 256], data: whole }, ...more] });
}

/** The bytes of the first tensor of a file that is written into a sink. */
async function firstTensor(fileName: string, write: (sink: ReturnType<typeof blobSink>) => Promise<unknown>) {
  const sink = blobSink();
  await write(sink);
  const { tensors } = await openModel(new File([await sink.blob()], fileName));
  return tensors[0];
}

/** Every float between two of the type that lies in their middle, both of these, and the neighbours of the middle. */
function aroundMiddles(halves: Float32Array): Float32Array<ArrayBuffer> {
  const sorted = halves.subarray(0, 2 ** 15).filter(Number.isFinite); // the positive ones, in order
  const floats = new Float32Array(4 * sorted.length);
  const bits = new Uint32Array(floats.buffer);
  for (let i = 0; i + 1 < sorted.length; i++) {
    const sign = i % 2 === 0 ? 1 : -1;
    floats[4 * i] = sign * sorted[i];
    floats[4 * i + 1] = (sign * (sorted[i] + sorted[i + 1])) / 2;
    bits[4 * i + 2] = bits[4 * i + 1] - 1;
    bits[4 * i + 3] = bits[4 * i + 1] + 1;
  }
  return floats;
}

describe.runIf(runsHere)("ggml's library", () => {
  let ggml: Awaited<ReturnType<typeof loadGgml>>;
  beforeAll(async () => {
    ggml = await loadGgml();
  });

  const all = Uint16Array.from({ length: 2 ** 16 }, (_, i) => i);

  it.each<Half>(["F16", "BF16"])("widens all %s to the same floats", async (type) => {
    const { tensors } = await openModel(matrix(type, bytesOf(all), 512), { name: "model.gguf" });
    const widened = (await readFloats(tensors[0])) as Float32Array<ArrayBuffer>;
    expectSameBits(withOneNaN(widened), withOneNaN(ggml.widen(type, all)), type);
  });

  it.each<Half>(["F16", "BF16"])("rounds floats to the same %s: ties, subnormals and the largest", async (type) => {
    const floats = aroundMiddles(ggml.widen(type, all));
    const model = await openModel(matrix("F32", bytesOf(floats), 1024), { name: "model.gguf" });
    const tensor = await firstTensor("out.gguf", (sink) =>
      quantizeModel(channelwise, planModel(model, { type }), sink),
    );
    const halves = new Uint16Array((await tensor.read(0, tensor.byteLength)).buffer);
    expectSameBits(halves.subarray(0, floats.length), ggml.narrow(type, floats), type);
  });

  it("names the weight that is too large for the float16 of its block", async () => {
    const floats = weightsOf(1, 16384);
    floats[5000] = 1e6;
    const model = await openModel(matrix("F32", bytesOf(floats), 1024), { name: "model.gguf" });
    await expect(quantizeModel(channelwise, planModel(model, { type: "Q4_0" }), blobSink())).rejects.toThrow(
      /attn_q\.weight: weight 5000 is 1000000, too large for Q4_0, .* at most 65504: exclude the tensor, or take .* BF16/,
    );
  });

  it("rounds decoded blocks to the same float16, which is refused where it is too large", async () => {
    const blocks = new Uint8Array((16384 / 32) * 34);
    ggml.encode(tensorType.Q8_0, weightsOf(1, 16384), blocks);
    const norm = { name: "blk.0.attn_norm.weight", type: tensorType.F32, shape: [64], data: bytesOf(weightsOf(2, 64)) };
    const model = await openModel(matrix("Q8_0", blocks, 8 * 34, norm), { name: "model.gguf" });
    const tensor = await firstTensor("out.safetensors", (sink) =>
      dequantizeModel(channelwise, model, sink, { float16: true }),
    );
    expect(tensor).toMatchObject({ name, dtype: "float16", shape: [64, 256] });
    const decoded = new Float32Array(16384);
    ggml.decode(tensorType.Q8_0, blocks, decoded);
    const halves = new Uint16Array((await tensor.read(0, tensor.byteLength)).buffer);
    expectSameBits(halves, ggml.narrow("F16", decoded), "F16");

    blocks.set([0xff, 0x7b], 34 * 256); // a scale of 65504
    const large = await openModel(matrix("Q8_0", blocks, 8 * 34), { name: "model.gguf" });
    await expect(dequantizeModel(channelwise, large, blobSink(), { float16: true })).rejects.toThrow(
      /blk\.0\.attn_q\.weight.*weight 81\d\d is -?\d+; a float16 holds at most 65504/,
    );
  });
});

it("of floats becomes a .safetensors file, tensor by tensor", async () => {
  const halves = Uint16Array.from({ length: 512 }, (_, i) => 0x3000 + i);
  const model = await openModel(matrix("BF16", bytesOf(halves), 512), { name: "model.gguf" });
  const tensor = await firstTensor("out.safetensors", (sink) => dequantizeModel(channelwise, model, sink));
  expect(tensor).toMatchObject({ name, dtype: "bfloat16", shape: [2, 256] });
  expect(new Uint16Array((await tensor.read(0, tensor.byteLength)).buffer)).toEqual(halves);
});

import { load } from "channelwise";
import { blobSink, dequantizeModel, openModel, planModel, quantizeModel } from "channelwise/models";
import { writeNpy } from "channelwise/npy";
import { sampleRows } from "./quantize.js";

/** The sample as a .npy file, quantized into a .safetensors file, read back and dequantized into another one. */
export async function quantizeFile() {
  const channelwise = await load();
  const values = new Float32Array(sampleRows.flatMap((row) => [...row]));
  const model = await openModel(writeNpy(values, [sampleRows.length, 8]), { name: "w.npy" });
  const sink = blobSink();
  await quantizeModel(channelwise, planModel(model, { include: ["*"] }), sink);
  const quantized = await openModel(await sink.blob(), { name: "q.safetensors" });
  const restoredSink = blobSink();
  await dequantizeModel(channelwise, quantized, restoredSink);
  const restored = await openModel(await restoredSink.blob(), { name: "d.safetensors" });

  /** @param {import("channelwise/models").ModelTensor | undefined} tensor */
  const bytesOf = async (tensor) => (await tensor?.read(0, tensor.byteLength))?.buffer ?? new ArrayBuffer(0);
  const [codes, scales] = await Promise.all(
    ["w", "w_scale"].map((name) => bytesOf(quantized.tensors.find((t) => t.name === name))),
  );
  return {
    quantized: [...new Int8Array(codes)],
    scales: [...new Float32Array(scales)],
    dequantized: [...new Float32Array(await bytesOf(restored.tensors[0]))],
  };
}

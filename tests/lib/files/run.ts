import { type Channelwise, load } from "channelwise";
import { blobSink, type Model, openModel, planModel, quantizeModel, type Rules } from "channelwise/models";

/** A model quantized by some rules, as bytes, with the summary of the run. */
export async function quantized(model: Model, rules: Rules = {}, channelwise?: Channelwise) {
  const sink = blobSink();
  const summary = await quantizeModel(channelwise ?? (await load()), planModel(model, rules), sink);
  return { file: new Uint8Array(await (await sink.blob()).arrayBuffer()), summary };
}

export const openSafetensors = (file: Uint8Array<ArrayBuffer>, name = "model.safetensors") => openModel(file, { name });

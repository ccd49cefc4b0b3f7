import { type Channelwise, load } from "channelwise";
import { blobSink, type ChooseRules, chooseTensors, type Model, openModel, quantizeModel } from "channelwise/files";

/** What a model becomes by rules, as bytes, with the summary of the run. */
export async function quantized(model: Model, rules: ChooseRules = {}, channelwise?: Channelwise) {
  const sink = blobSink();
  const summary = await quantizeModel(channelwise ?? (await load()), model, chooseTensors(model, rules), sink);
  return { file: new Uint8Array(await (await sink.blob()).arrayBuffer()), summary };
}

export const openSafetensors = (file: Uint8Array<ArrayBuffer>, name = "model.safetensors") => openModel(file, { name });

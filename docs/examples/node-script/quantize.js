// node quantize.js model.safetensors model-int8.safetensors

import { statSync } from "node:fs";
import { fileSink, openModel, planModel, quantizeModel } from "channelwise/models";
import { load } from "channelwise/parallel";

const [input, output] = process.argv.slice(2);
if (output === undefined) throw new Error("Name the model to read and the file to write.");

const channelwise = await load(); // on every core
const model = await openModel(input);
try {
  const plan = planModel(model, { bits: 8 });
  const { tensors, byteLength } = await quantizeModel(channelwise, plan, await fileSink(output));
  for (const decision of tensors) {
    console.log(`${decision.tensor}: ${decision.quantize ? `${decision.sqnr.toFixed(1)} dB` : decision.reason}`);
  }
  console.log(`${statSync(input).size} bytes became ${byteLength}.`);
} finally {
  await model.close();
  channelwise.close();
}

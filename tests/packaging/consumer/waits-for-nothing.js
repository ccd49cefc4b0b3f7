// Loads workers and does not close them: the process ends all the same.

import { load } from "channelwise/parallel";
import { sampleRows } from "./quantize.js";

const channelwise = await load({ workers: 2 });
const { quantized } = await channelwise.quantize(sampleRows);
console.log(JSON.stringify([...quantized]));

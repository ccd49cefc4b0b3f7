import { quantizeSample } from "./quantize.js";

quantizeSample().then((sample) => postMessage(sample));

import { parentPort } from "node:worker_threads";
import { quantizeInParallel } from "./parallel.js";
import { quantizeSample } from "./quantize.js";

parentPort?.postMessage({ sample: await quantizeSample(), parallel: await quantizeInParallel() });

import { parentPort } from "node:worker_threads";
import { quantizeSample } from "./quantize.js";

parentPort?.postMessage(await quantizeSample());

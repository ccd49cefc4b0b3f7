import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { quantizeSample } from "./quantize.js";

const [thread] = await once(new Worker(new URL("./thread.js", import.meta.url)), "message");
console.log(JSON.stringify({ main: await quantizeSample(), thread }));

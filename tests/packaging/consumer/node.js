import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { quantizeFile } from "./file.js";
import { quantizeInParallel } from "./parallel.js";
import { quantizeSample } from "./quantize.js";

const [thread] = await once(new Worker(new URL("./thread.js", import.meta.url)), "message");
const createWorker = () => new Worker(new URL("./pool-worker.js", import.meta.url));
const outcome = {
  main: await quantizeSample(),
  thread,
  file: await quantizeFile(),
  parallel: await quantizeInParallel(),
  ownWorkers: await quantizeInParallel({ createWorker }),
};
console.log(JSON.stringify(outcome));

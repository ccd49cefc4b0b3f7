import { quantizeFile } from "./file.js";
import { quantizeInParallel } from "./parallel.js";
import { quantizeSample } from "./quantize.js";

/** @returns {Promise<unknown>} */
function quantizeInWorker() {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
  });
}

const createWorker = () => new Worker(new URL("./pool-worker.js", import.meta.url), { type: "module" });

async function outcome() {
  return {
    page: await quantizeSample(),
    worker: await quantizeInWorker(),
    file: await quantizeFile(),
    parallel: await quantizeInParallel(),
    ownWorkers: await quantizeInParallel({ createWorker }),
  };
}

outcome().then((all) => {
  /** @type {HTMLOutputElement} */ (document.querySelector("output")).textContent = JSON.stringify(all);
});

import { quantizeSample } from "./quantize.js";

/** @returns {Promise<unknown>} */
function quantizeInWorker() {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(`the worker failed: ${message}`));
  });
}

Promise.all([quantizeSample(), quantizeInWorker()]).then(([page, worker]) => {
  /** @type {HTMLOutputElement} */ (document.querySelector("output")).textContent = JSON.stringify({ page, worker });
});

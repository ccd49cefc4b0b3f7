const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });

const weights = Float32Array.from({ length: 768 * 3072 }, (_, i) => Math.sin(i));
// Moved, not copied: the page has no use for the weights any more.
worker.postMessage({ weights, shape: [768, 3072] }, [weights.buffer]);

worker.onmessage = ({ data: { quantized, scales, sqnr } }) => {
  const output = document.querySelector("output");
  output.textContent = `${quantized.length} codes, ${scales.length} scales, ${sqnr.toFixed(1)} dB`;
};

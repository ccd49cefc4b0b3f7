// npm run bench:gguf: encodes weights into ggml's blocks, with this library and ggml's own, both from memory to memory
// on one thread. They take turns. The table has the fastest turn and the median of the turns' ratios.

import { build, machine } from "./library.mjs";

build();
// The library exists only now.
const { loadBlocks } = await import("../../dist/storage/ggml/load-blocks.js");
const { loadGgml, runsHere } = await import("../ggml/library.mjs");

/** 1024 x 1024 weights, nearly normal: sums of 12 uniform numbers. */
const weights = Float32Array.from({ length: 1 << 20 }, () => {
  let sum = -6;
  for (let i = 0; i < 12; i++) sum += Math.random();
  return 0.05 * sum;
});
const decoded = new Float32Array(weights.length);
const turns = 15;

const blocks = await loadBlocks();
const ggml = runsHere ? await loadGgml() : undefined;
const nanoseconds = (/** @type {number} */ time) => time.toFixed(2).padStart(9);

console.log(`Node ${process.versions.node}, ${machine()}; ns a weight, one thread, the fastest of ${turns}\n`);
console.log("type       encode     ggml  x faster    search   decode");
for (const [name, type] of Object.entries(blocks.types)) {
  const type_ = /** @type {keyof typeof blocks.types} */ (name);
  const bytes = new Uint8Array((weights.length / type.blockLength) * type.blockBytes);
  const own = bytes.slice();
  const contenders = {
    encode: type.encodes ? () => blocks.encode(type_, weights, "ggml", own) : undefined,
    ggml: type.encodes && ggml ? () => ggml.encode(type.id, weights, bytes) : undefined,
    search: type.encodes ? () => blocks.encode(type_, weights, "search", own) : undefined,
    decode: () => blocks.decode(type_, bytes, decoded),
  };
  /** @type {Record<string, number[]>} */
  const samples = {};
  for (let turn = 0; turn < turns + 2; turn++) {
    // Every other turn is backwards: whoever follows a job that read the weights finds them in the cache.
    const order = Object.entries(contenders);
    if (turn % 2 === 1) order.reverse();
    for (const [job, run] of order) {
      if (!run) continue;
      const start = performance.now();
      run();
      const time = ((performance.now() - start) * 1e6) / weights.length;
      samples[job] ??= [];
      if (turn >= 2) samples[job].push(time); // the first turns warm up
    }
  }
  const fastest = (/** @type {string} */ job) =>
    samples[job] ? nanoseconds(Math.min(...samples[job])) : " ".repeat(9);
  const ratios = samples.ggml?.map((time, turn) => time / samples.encode[turn]).sort((a, b) => a - b);
  const ratio = ratios ? ratios[turns >> 1].toFixed(2).padStart(10) : " ".repeat(10);
  console.log(
    `${name.padEnd(8)}${fastest("encode")}${fastest("ggml")}${ratio} ${fastest("search")}${fastest("decode")}`,
  );
}

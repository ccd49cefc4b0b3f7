import { Worker } from "node:worker_threads";
import { load as loadOneThread } from "channelwise";
import { load } from "channelwise/parallel";
import { expect, it, vi } from "vitest";
import { uniform } from "./random.js";
import { expectSameBits } from "./same-bits.js";

const weights = uniform("float32", 4_000_000, 1);
const options = { shape: [4000, 1000] };
const expected = (await loadOneThread()).quantize(weights, options);

it("a worker that somebody terminates is noticed and replaced", async () => {
  const workers: Worker[] = [];
  const parallel = await load({
    workers: 2,
    createWorker: () => {
      const worker = new Worker(new URL("./failing-worker.js", import.meta.url));
      workers.push(worker);
      return worker;
    },
  });
  const call = parallel.quantize(weights, options);
  workers[0].terminate();
  await expect(call).rejects.toThrow("a worker of channelwise ended with exit code 1");
  expectSameBits((await parallel.quantize(weights, options)).quantized, expected.quantized, "quantized");
  expect(workers).toHaveLength(3);
  // The worker also ends while it has nothing to do.
  await workers[1].terminate();
  expectSameBits((await parallel.quantize(weights, options)).quantized, expected.quantized, "quantized");
  expect(workers).toHaveLength(4);
  parallel.close();
});

it("a Worker that a library has put into the global scope of Node is left alone", async () => {
  vi.stubGlobal("Worker", Worker); // onnxruntime-web does this
  const parallel = await load({ workers: 1 });
  vi.unstubAllGlobals();
  expectSameBits((await parallel.quantize(weights, options)).quantized, expected.quantized, "quantized");
  parallel.close();
});

// Workers that cannot be started, that fail, and that the caller starts.

import { load as loadOneThread } from "channelwise";
import { load, type ParallelChannelwise, type WorkerLike } from "channelwise/parallel";
import { afterEach, describe, expect, it } from "vitest";
import { uniform } from "./random.js";
import { expectSameBits } from "./same-bits.js";

const channelwise = await loadOneThread();
const isNode = typeof process === "object" && process.versions?.node !== undefined;

/** Starts a file of the tests as a worker. */
function startFile(name: string): WorkerLike {
  const file = new URL(`./${name}`, import.meta.url);
  if (isNode) return new (process.getBuiltinModule("node:worker_threads").Worker)(file, { stderr: true });
  return new Worker(file, { type: "module" });
}

const weights = uniform("float32", 4_000_000, 1);
const options = { shape: [4000, 1000] };
const expected = channelwise.quantize(weights, options);

async function expectWorks(parallel: ParallelChannelwise) {
  const { quantized, mse } = await parallel.quantize(weights, options);
  expectSameBits(quantized, expected.quantized, "quantized");
  expect(mse).toBe(expected.mse);
}

const opened: ParallelChannelwise[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

async function loadWith(createWorker: () => WorkerLike, workers = 2) {
  const parallel = await load({ workers, createWorker });
  opened.push(parallel);
  return parallel;
}

describe("createWorker", () => {
  it("starts the workers, and no others", async () => {
    let started = 0;
    const parallel = await loadWith(() => {
      started++;
      return startFile("failing-worker.js");
    }, 3);
    expect(started).toBe(3);
    await expectWorks(parallel);
    expect(started).toBe(3);
  });

  it("that throws makes load() reject with what to do", async () => {
    const failure = new Error("no workers here");
    const error = await load({
      createWorker: () => {
        throw failure;
      },
    }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ cause: failure });
    expect(String(error)).toMatch(/no workers here.*createWorker.*channelwise\/worker/s);
  });

  it("of a file that is not there makes load() reject", async () => {
    await expect(load({ createWorker: () => startFile("no-such-worker.js") })).rejects.toThrow(/could not start/);
  });
});

describe("what passes to the workers", () => {
  /** The bytes of each buffer that a call transfers. */
  async function handedOver(call: (parallel: ParallelChannelwise) => Promise<unknown>): Promise<number[]> {
    const sizes: number[] = [];
    const parallel = await loadWith(() => {
      const worker = startFile("failing-worker.js");
      const post = worker.postMessage.bind(worker);
      worker.postMessage = (message, transfer) => {
        sizes.push(...transfer.map(({ byteLength }) => byteLength));
        post(message, transfer);
      };
      return worker;
    });
    await call(parallel);
    return sizes;
  }
  const sum = (sizes: readonly number[]) => sizes.reduce((a, b) => a + b, 0);
  const memory = new SharedArrayBuffer(weights.byteLength);
  const shared = new Float32Array(memory);
  shared.set(weights);

  it("of private weights: every one once, 4 MB at a time", async () => {
    const sizes = await handedOver((parallel) => parallel.quantize(weights, options));
    expect(sum(sizes)).toBe(weights.byteLength);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(2 ** 22);
    const rows = Array.from({ length: 4000 }, (_, r) => weights.subarray(r * 1000, (r + 1) * 1000));
    expect(sum(await handedOver((parallel) => parallel.quantize(rows)))).toBe(weights.byteLength);
    expect(sum(await handedOver((parallel) => parallel.dequantize(expected)))).toBe(weights.length);
  });

  it("of weights and codes in shared memory: nothing", async () => {
    expect(await handedOver((parallel) => parallel.quantize(shared, options))).toEqual([]);
    const quantized = new Int8Array(new SharedArrayBuffer(weights.length));
    quantized.set(expected.quantized);
    expect(await handedOver((parallel) => parallel.dequantize({ ...expected, quantized }))).toEqual([]);
  });
});

describe("a worker that fails", () => {
  it.each(["throw", ...(isNode ? ["exit"] : [])])("has its call rejected and is replaced: %s", async (how) => {
    const workers: WorkerLike[] = [];
    const parallel = await loadWith(() => {
      const worker = startFile("failing-worker.js");
      workers.push(worker);
      return worker;
    });
    for (let round = 1; round <= 2; round++) {
      const call = parallel.quantize(weights, options);
      workers.at(-1)?.postMessage(how, []);
      await expect(call).rejects.toThrow(
        how === "exit"
          ? "a worker of channelwise ended with exit code 3"
          : /a worker of channelwise failed: .*out of luck/,
      );
      await expectWorks(parallel);
      expect(workers).toHaveLength(2 + round);
    }
  });
});

// Workers that cannot be started, that fail, and that a program starts itself.

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

const channel = new BroadcastChannel("failing-worker");
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

describe("a worker that fails", () => {
  it.each(["throw", ...(isNode ? ["exit"] : [])])("has its call rejected and is replaced: %s", async (how) => {
    const workers: WorkerLike[] = [];
    const parallel = await loadWith(() => {
      const worker = startFile("failing-worker.js");
      workers.push(worker);
      return worker;
    });
    for (let round = 1; round <= 2; round++) {
      let told = false;
      const onProgress = () => {
        if (!told) channel.postMessage(how);
        told = true;
      };
      // Until it is heard: the channel takes its time.
      const failing = (async () => {
        for (;;) await parallel.quantize(weights, { ...options, onProgress });
      })();
      await expect(failing).rejects.toThrow(
        how === "exit"
          ? "a worker of channelwise ended with exit code 3"
          : /a worker of channelwise failed: .*out of luck/,
      );
      // Both heard it, perhaps not at the same time.
      await parallel.quantize(weights, options).catch(() => {});
      await expectWorks(parallel);
      expect(workers.length).toBeGreaterThan(2 * round);
    }
  });
});

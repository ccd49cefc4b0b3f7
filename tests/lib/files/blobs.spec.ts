// Consecutive stretches of a Blob are read from one stream, and all others by themselves.

import { openSource } from "channelwise/models";
import fc from "fast-check";
import { afterEach, expect, it, vi } from "vitest";

const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 2654435761) >>> 20);
const source = () => openSource(new Blob([bytes]));

/** WebKitGTK 2.50 lacks byte streams. */
const hasByteStreams = "ReadableByteStreamController" in globalThis;

afterEach(() => {
  vi.restoreAllMocks();
});

it("reads at any places, some at a time, give the bytes that are there", async () => {
  const stretches = fc.array(
    fc.record({
      follows: fc.boolean(),
      at: fc.nat(5000),
      length: fc.nat(900),
      spare: fc.boolean(),
      waits: fc.boolean(),
    }),
    { maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(stretches, async (reads) => {
      const blob = await source();
      const results: Promise<void>[] = [];
      let end = 0;
      for (const { follows, at, length, spare, waits } of reads) {
        const start = follows ? end : at;
        end = Math.min(5000, start + length);
        const expected = bytes.slice(start, end);
        const memory = spare ? new ArrayBuffer(end - start) : undefined;
        const read = blob.read(start, end - start, memory).then((read) => expect(read).toEqual(expected));
        results.push(read);
        if (waits) await read;
      }
      await Promise.all(results);
      await blob.close();
    }),
    { numRuns: 300 },
  );
});

it.runIf(hasByteStreams)("what follows the read before comes from one stream", async () => {
  const streams = vi.spyOn(Blob.prototype, "stream");
  const slices = vi.spyOn(Blob.prototype, "slice");
  const blob = await source();
  for (let at = 0; at < 5000; at += 1000) await blob.read(at, 1000);
  expect(streams).toHaveBeenCalledTimes(1);
  expect(slices.mock.calls).toEqual([
    [0, 1000],
    [1000, 5000],
  ]);
  await blob.close();
});

it.runIf(hasByteStreams)("a stream that fails is followed by another", async () => {
  const blob = await source();
  await blob.read(0, 10);
  const failing = new ReadableStream({ type: "bytes", pull: () => Promise.reject(new Error("the disk is gone")) });
  vi.spyOn(Blob.prototype, "stream").mockReturnValueOnce(failing as ReadableStream<Uint8Array<ArrayBuffer>>);
  const reads = [blob.read(10, 10), blob.read(20, 10)];
  for (const read of reads) await expect(read).rejects.toThrow("the disk is gone");
  for (const at of [30, 10, 20]) expect(await blob.read(at, 10)).toEqual(bytes.slice(at, at + 10));
  await blob.close();
});

it("engines whose streams cannot fill memory open no more than one", async () => {
  const cancel = vi.fn();
  const streams = vi.spyOn(Blob.prototype, "stream").mockImplementation(() => new ReadableStream({ cancel }));
  const blob = await source();
  for (let at = 0; at < 5000; at += 1000) {
    expect(await blob.read(at, 1000, new ArrayBuffer(1000))).toEqual(bytes.slice(at, at + 1000));
  }
  expect(streams).toHaveBeenCalledTimes(1);
  expect(cancel).toHaveBeenCalledTimes(1);
  await blob.close();
});

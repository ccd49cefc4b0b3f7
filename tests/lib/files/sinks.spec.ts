import { blobSink, streamSink } from "channelwise/models";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

const bytes = (...values: number[]) => Uint8Array.from(values);

/** A stream that keeps what is written, and how it ended. */
function collector() {
  const written: unknown[] = [];
  const ends: unknown[] = [];
  const stream = new WritableStream({
    write: (chunk) => void written.push(chunk),
    close: () => void ends.push("close"),
    abort: (reason) => void ends.push(reason),
  });
  return { stream, written, ends };
}

describe("streamSink", () => {
  it("writes in order what comes in any order", async () => {
    const contents = fc.uint8Array({ minLength: 1, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(
        contents,
        fc.array(fc.nat({ max: 50 })),
        fc.infiniteStream(fc.nat()),
        async (whole, cuts, order) => {
          const edges = [...new Set([0, ...cuts.filter((cut) => cut < whole.length), whole.length])].sort(
            (a, b) => a - b,
          );
          const parts = edges.slice(1).map((end, i) => [edges[i], whole.slice(edges[i], end)] as const);
          const { stream, written, ends } = collector();
          const sink = streamSink(stream);
          while (parts.length > 0) {
            const [[offset, part]] = parts.splice((order.next().value as number) % parts.length, 1);
            await sink.write(offset, part);
          }
          await sink.close();
          expect(ends).toEqual(["close"]);
          expect((written as Uint8Array[]).flatMap((chunk) => [...chunk])).toEqual([...whole]);
        },
      ),
    );
  });

  it("writes at once what need not wait", async () => {
    const { stream, written } = collector();
    const sink = streamSink(stream);
    await sink.write(2, bytes(3));
    expect(written).toEqual([]);
    await sink.write(0, bytes(1, 2));
    expect(written).toEqual([bytes(1, 2), bytes(3)]);
  });

  it("refuses to let too much wait", async () => {
    const sink = streamSink(collector().stream);
    const large = new Uint8Array(2 ** 27);
    await sink.write(1, large);
    await sink.write(1 + large.length, large);
    await expect(sink.write(1 + 2 * large.length, bytes(1))).rejects.toThrow(
      "this stream is written in order, and 268435457 bytes wait for earlier ones; at most 268435456 can wait",
    );
  });

  it("refuses to close with a hole", async () => {
    const { stream, ends } = collector();
    const sink = streamSink(stream);
    await sink.write(0, bytes(1));
    await sink.write(2, bytes(3));
    await expect(sink.close()).rejects.toThrow("bytes are missing: nothing was written at byte 1, but more after it");
    expect(ends).toEqual([]);
  });

  it("hands over the reason why it is aborted", async () => {
    const { stream, ends } = collector();
    const reason = new Error("no more");
    await streamSink(stream).abort(reason);
    expect(ends).toEqual([reason]);
  });

  it("writes at any place where the stream can", async () => {
    const { stream, written } = collector();
    const sink = streamSink(Object.assign(stream, { seek: async () => {} }));
    await sink.write(7, bytes(1));
    await sink.write(0, bytes(2));
    expect(written).toEqual([
      { type: "write", position: 7, data: bytes(1) },
      { type: "write", position: 0, data: bytes(2) },
    ]);
  });

  it.each([undefined, null, {}, "file"])("refuses %j", (stream) => {
    expect(() => streamSink(stream as unknown as WritableStream)).toThrow(/stream must be a WritableStream, not /);
  });
});

describe("blobSink", () => {
  it("gives the file when it is complete", async () => {
    const sink = blobSink("text/plain");
    await sink.write(3, bytes(4, 5));
    await expect(sink.blob()).rejects.toThrow("the file is not complete");
    await sink.write(0, bytes(1, 2, 3));
    await sink.close();
    const blob = await sink.blob();
    expect(blob.type).toBe("text/plain");
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(bytes(1, 2, 3, 4, 5));
  });

  it("joins what comes in many parts", async () => {
    const sink = blobSink();
    const part = new Uint8Array(2 ** 20);
    for (let i = 0; i < 9; i++) await sink.write(i * part.length, part.fill(i).slice());
    await sink.close();
    const whole = new Uint8Array(await (await sink.blob()).arrayBuffer());
    expect(whole.length).toBe(9 * 2 ** 20);
    for (let i = 0; i < 9; i++) expect(whole[(i + 1) * 2 ** 20 - 1]).toBe(i);
  });

  it("gives nothing when it was aborted", async () => {
    const sink = blobSink();
    await sink.write(0, bytes(1));
    await sink.abort();
    await expect(sink.blob()).rejects.toThrow("not complete");
  });
});

// The baseline of the library's times: reading and writing as many bytes with the same calls, in Node and in browsers.

const STRETCH = 2 ** 22;

/**
 * Reads all of a source, the next stretch while one is written, and writes `length` bytes.
 *
 * @param {import("channelwise/models").ByteSource} source
 * @param {import("channelwise/models").ByteSink} sink
 * @param {number} length
 */
export async function copy(source, sink, length) {
  let written = 0;
  await readAll(source, async (bytes, at) => {
    const end = Math.round((length * (at + bytes.length)) / source.size);
    // Where more is written than read, the same bytes are written again.
    for (let from = written; from < end; from += bytes.length) {
      await sink.write(from, bytes.subarray(0, Math.min(bytes.length, end - from)));
    }
    written = end;
  });
  await sink.close();
}

/**
 * Reads all of a source, the next stretch while one is used.
 *
 * @param {import("channelwise/models").ByteSource} source
 * @param {(bytes: Uint8Array<ArrayBuffer>, at: number) => Promise<void>} [use]
 */
export async function readAll(source, use = async () => {}) {
  /** @type {ArrayBuffer | undefined} */
  let spare;
  const read = (/** @type {number} */ at) => {
    const count = Math.min(STRETCH, source.size - at);
    return source.read(at, count, spare?.byteLength === count ? spare : undefined);
  };
  let next = read(0);
  for (let at = 0; at < source.size; at += STRETCH) {
    const bytes = await next;
    if (at + STRETCH < source.size) next = read(at + STRETCH);
    await use(bytes, at);
    spare = bytes.buffer;
  }
}

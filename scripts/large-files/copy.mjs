// What quantizing is held against: reading and writing the same bytes with the same calls, and nothing else. In Node and in
// browsers.

const STRETCH = 2 ** 22;

/**
 * Reads all of a source, the next stretch while one is written, and writes `length` bytes of it.
 *
 * @param {import("channelwise/models").ByteSource} source
 * @param {import("channelwise/models").ByteSink} sink
 * @param {number} length
 */
export async function copy(source, sink, length) {
  /** @type {ArrayBuffer | undefined} */
  let spare;
  const read = (/** @type {number} */ at) => {
    const count = Math.min(STRETCH, source.size - at);
    return source.read(at, count, spare?.byteLength === count ? spare : undefined);
  };
  let next = read(0);
  let written = 0;
  for (let at = 0; at < source.size; at += STRETCH) {
    const bytes = await next;
    if (at + STRETCH < source.size) next = read(at + STRETCH);
    const end = Math.round((length * Math.min(source.size, at + STRETCH)) / source.size);
    await sink.write(written, bytes.subarray(0, end - written));
    spare = bytes.buffer;
    written = end;
  }
  await sink.close();
}

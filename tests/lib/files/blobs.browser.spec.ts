import { openSource } from "channelwise/models";
import { it } from "vitest";
import { expectSameBits } from "../same-bits.js";

// Chromium once lost such reads, and is the engine that collects on demand.
it.runIf("gc" in globalThis)("a file is read into given memory though garbage is collected meanwhile", async () => {
  const length = 2 ** 22;
  const bytes = new Uint8Array(4 * length).map((_, i) => i >> 16);
  const source = await openSource(new File([bytes], "weights.bin"));
  const collecting = setInterval(() => (globalThis as unknown as { gc(): void }).gc(), 5);
  let spare = new ArrayBuffer(length);
  for (let offset = 0; offset < bytes.length; offset += length) {
    const read = await source.read(offset, length, spare);
    expectSameBits(read, bytes.subarray(offset, offset + length), `bytes from ${offset} on`);
    spare = read.buffer;
  }
  clearInterval(collecting);
});

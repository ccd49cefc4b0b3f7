// A thread that writes some values in turn to places of shared memory, until it is told to stop.

/** @typedef {{ onmessage: unknown, postMessage(message: string): void }} Port */
const port = /** @type {Port} */ (globalThis.process?.getBuiltinModule("node:worker_threads").parentPort ?? globalThis);
port.onmessage = (/** @type {{ data: { places: Int32Array, bits: number[], stop: Int32Array } }} */ { data }) => {
  const { places, bits, stop } = data;
  port.postMessage("writing");
  for (let turn = 0; Atomics.load(stop, 0) === 0; turn++) {
    const value = bits[turn % bits.length];
    for (let i = 0; i < places.length; i++) Atomics.store(places, i, value);
    // Long enough for a reading to begin and end with one value.
    for (let wait = 0; wait < 20000 && Atomics.load(stop, 0) === 0; wait++);
  }
  port.postMessage("stopped");
};

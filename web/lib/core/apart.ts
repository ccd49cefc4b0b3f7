import { bufferOf, byteLengthOf, byteOffsetOf, isShared } from "./arrays.js";

export type Named = readonly [name: string, array: ArrayBufferView];

/** Throws for outputs that share memory with an input or with each other. */
export function checkApart(outputs: readonly Named[], inputs: readonly Named[]): void {
  outputs.forEach((output, i) => {
    for (const input of inputs) checkPair(output, input);
    for (let j = 0; j < i; j++) checkPair(output, outputs[j] as Named);
  });
}

function checkPair([name, array]: Named, [otherName, other]: Named): void {
  const buffer = bufferOf(array);
  const otherBuffer = bufferOf(other);
  if (buffer !== otherBuffer && !isShared(buffer)) return;
  const start = Math.max(byteOffsetOf(array), byteOffsetOf(other));
  const end = Math.min(byteOffsetOf(array) + byteLengthOf(array), byteOffsetOf(other) + byteLengthOf(other));
  if (start < end && isSameMemory(buffer, otherBuffer, start)) {
    throw new RangeError(`${name} overlaps ${otherName} in memory; it must have memory of its own`);
  }
}

/** Pairs of shared buffers that are known to be two memories, which never changes. */
const knownApart = new WeakMap<ArrayBufferLike, WeakSet<ArrayBufferLike>>();

/**
 * Whether two buffers are the same memory. Shared memory has many objects: another one for each message that brings it
 * to a thread, and for each growth of a WebAssembly.Memory. Only the memory itself can tell: a byte that is written
 * through one is seen through the other.
 * @param written the buffer of an output, which is shared unless it is `seen` itself; its byte is restored
 */
function isSameMemory(written: ArrayBufferLike, seen: ArrayBufferLike, place: number): boolean {
  if (written === seen) return true;
  if (knownApart.get(written)?.has(seen) || !isShared(seen)) return false;
  const here = new Uint8Array(written, place, 1);
  const there = new Uint8Array(seen, place, 1);
  // Two changes are made, because one may match by chance.
  if (isChangeSeen(here, there, 0xff) && isChangeSeen(here, there, 0x55)) return true;
  const others = knownApart.get(written) ?? new WeakSet();
  knownApart.set(written, others.add(seen));
  return false;
}

/** Changes a byte, compares it with another, and restores it; repeats this if another thread interfered. */
function isChangeSeen(here: Uint8Array, there: Uint8Array, change: number): boolean {
  for (;;) {
    const before = Atomics.load(here, 0);
    const changed = before ^ change;
    if (Atomics.compareExchange(here, 0, before, changed) !== before) continue;
    const isSeen = Atomics.load(there, 0) === changed;
    if (Atomics.compareExchange(here, 0, changed, before) === changed) return isSeen;
  }
}

import type { FloatArray, WeightArray } from "../core/arguments.js";
import type { AnyCodes } from "../core/memory/staging.js";
import { nodeModule } from "../core/node-module.js";
import { type ArrayKind, arrayOver, bytesPer } from "../core/outputs.js";
import type { FilePlace } from "../io/bytes.js";
import { placeInPatches } from "../io/patches.js";
import type { Chunk } from "./regions.js";

// Workers of Node share the open files of their process, so they read what they need and write what they make themselves.
// That takes half as long as passing it through the calling thread: each worker has its bytes in the cache of its core, and
// none waits.

/** Rows in a file: `count` of `width` bytes, the first of them at the place, `stride` bytes apart. */
export interface FileRows extends FilePlace {
  readonly count: number;
  readonly width: number;
  readonly stride: number;
}

/** The rows of a chunk in a tensor that lies at a place, with `size` bytes for each element. */
export function fileRows(place: FilePlace, chunk: Chunk, size: number): FileRows {
  const { offset, count, width, stride } = chunk;
  const at = { ...place, position: place.position + offset * size };
  if (width === stride) return { ...at, count: 1, width: count * width * size, stride: 0 };
  return { ...at, count, width: width * size, stride: stride * size };
}

/**
 * Memory that this worker uses for one task after the other, as much as the largest needs: new memory takes longer than
 * reading.
 */
const memories = { weights: new ArrayBuffer(0), codes: new ArrayBuffer(0), values: new ArrayBuffer(0) };

/** What memory is used for: at most one array for each. */
export type ScratchUse = keyof typeof memories;

/** An array that is this worker's only until its next task. */
export function scratchArray<K extends ArrayKind>(use: ScratchUse, kind: K, length: number) {
  const byteLength = length * bytesPer[kind];
  if (memories[use].byteLength < byteLength) memories[use] = new ArrayBuffer(byteLength);
  return arrayOver(kind, memories[use], length);
}

/** Reads rows, one after the other, into an array of as many elements. */
export function readRows(rows: FileRows, array: WeightArray | AnyCodes): void {
  const { readSync } = fileSystem();
  eachRow(rows, array, (bytes, position) => {
    const some = readSync(rows.descriptor, bytes, 0, bytes.length, position);
    if (some === 0) throw new Error(`${rows.path} ended at byte ${position}: it changed while it was read`);
    return some;
  });
}

/**
 * Reads rows as `readRows` does, several at a time, while the calling thread goes on. A call of Node with a callback
 * takes a fifth of the time of one that returns a promise, which counts where rows are short.
 *
 * @param rows they do not lie in patches
 */
export function readRowsAside({ path, descriptor, position, count, width, stride }: FileRows, bytes: Uint8Array) {
  const { read } = fileSystem();
  return new Promise<void>((resolve, reject) => {
    let left = count;
    let failure: Error | undefined;
    const end = (error?: Error | null) => {
      failure ??= error ?? undefined;
      left--;
      if (left === 0) failure ? reject(failure) : resolve();
    };
    const readRow = (row: number, done: number) => {
      const at = position + row * stride + done;
      read(descriptor, bytes, row * width + done, width - done, at, (error, some) => {
        if (error) end(error);
        else if (some === 0) end(new Error(`${path} ended at byte ${at}: it changed while it was read`));
        else if (done + some === width) end();
        else readRow(row, done + some);
      });
    };
    for (let row = 0; row < count; row++) readRow(row, 0);
  });
}

/** Writes rows from an array that holds them one after the other. */
export function writeRows(rows: FileRows, array: AnyCodes | FloatArray): void {
  const { writeSync } = fileSystem();
  eachRow(rows, array, (bytes, position) => writeSync(rows.descriptor, bytes, 0, bytes.length, position));
}

function fileSystem() {
  const files = nodeModule("node:fs");
  if (!files) throw new Error("this worker is not one of Node, and cannot read files");
  return files;
}

/** @param transfer gives how many bytes it took: they may be fewer than it was given */
function eachRow(
  { position, count, width, stride, patches }: FileRows,
  { buffer, byteOffset }: ArrayBufferView,
  transfer: (bytes: Uint8Array, position: number) => number,
): void {
  for (let row = 0; row < count; row++) {
    for (let done = 0; done < width; ) {
      const at = position + row * stride + done;
      const { position: place, length } = patches ? placeInPatches(patches, at) : { position: at, length: width };
      const bytes = new Uint8Array(buffer, byteOffset + row * width + done, Math.min(length, width - done));
      done += transfer(bytes, place);
    }
  }
}

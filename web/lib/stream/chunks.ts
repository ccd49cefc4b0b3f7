import type { CodeArray, FloatArray, WeightArray } from "../core/arguments.js";
import { arrayKinds } from "../core/dtype.js";
import type { Packing } from "../core/memory/packing.js";
import { type AnyCodes, joinedRows, type Rows } from "../core/memory/staging.js";
import { type ArrayKind, bytesPer, exactView, newArray } from "../core/outputs.js";
import type { CodeSource, WeightSource } from "./ends.js";
import { fileRows } from "./file-rows.js";
import type { Chunk } from "./regions.js";
import type { Runner } from "./runner.js";
import type { TaskCodes, TaskWeights } from "./tasks.js";

/** An array, or a source that can be read at any place. */
interface Source<A> {
  read(start: number, count: number): Promise<A>;
  readonly shared?: A | undefined;
}

/** The weights of a chunk, or the place where workers read them. */
export async function weightsOfChunk(
  { hasFiles }: Pick<Runner, "hasFiles">,
  source: WeightSource,
  chunk: Chunk,
): Promise<TaskWeights["weights"]> {
  const kind = arrayKinds[source.dtype];
  return hasFiles && source.file ? fileRows(source.file, chunk, bytesPer[kind]) : readChunk(source, chunk, kind);
}

/** The codes of a chunk, or the place where workers read them. */
export async function codesOfChunk(
  { hasFiles }: Runner,
  source: CodeSource,
  chunk: Chunk,
): Promise<Pick<TaskCodes, "wide" | "quantized">> {
  const { wide, file, shared, packing } = source;
  if (shared) return { wide, quantized: rowsIn(shared, chunk, packing) };
  const kind = wide ? "Int16Array" : "Int8Array";
  if (hasFiles && file) return { wide, quantized: fileRows(file, chunk, bytesPer[kind]) };
  return { wide, quantized: await readChunk<CodeArray>({ read: source.read }, chunk, kind) };
}

/** The rows of a chunk, in an array of their own unless the whole is shared. */
async function readChunk<A extends WeightArray | CodeArray>(
  source: Source<A>,
  chunk: Chunk,
  kind: ArrayKind,
): Promise<Rows<A>> {
  const { offset, stride, count, width, part } = chunk;
  if (source.shared) return rowsIn(source.shared, chunk);
  if (count === 1 || width === stride) return joinedRows(await readSome(source, offset, count * width, kind), part);
  const joined = newArray(kind, count * width) as A;
  for (let row = 0; row < count; row++) {
    joined.set(await readSome(source, offset + row * stride, width, kind), row * width);
  }
  return joinedRows(joined, part);
}

async function readSome<A>(source: Source<A>, start: number, count: number, kind: ArrayKind): Promise<A> {
  return exactView(`read(${start}, ${count})`, kind, await source.read(start, count), count) as A;
}

/** The rows of a chunk at their place in the whole. */
export function rowsIn<A extends WeightArray | AnyCodes>(
  array: A,
  { offset, stride }: Chunk,
  packing?: Packing,
): Rows<A> {
  return { array, offset, stride, packing };
}

/** Puts consecutive rows at their places. */
export async function writeChunk<A extends FloatArray | CodeArray>(
  { offset, stride, count, width }: Chunk,
  joined: A,
  put: (start: number, some: A) => Promise<void> | void,
): Promise<void> {
  if (width === stride) {
    await put(offset, joined);
    return;
  }
  for (let row = 0; row < count; row++) {
    await put(offset + row * stride, joined.subarray(row * width, (row + 1) * width) as A);
  }
}

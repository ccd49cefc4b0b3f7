import { type Coding, nibblesOfGroups } from "./coding.js";
import { HIT_BYTES, type Kernels, kinds, MOST_QUERIES } from "./kernels.js";
import type { Memory } from "./memory.js";
import type { Query } from "./query.js";
import type { Rows } from "./rows.js";

/** The hits of the kernels for a query, best first. */
export interface Found {
  readonly places: Uint32Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
}

/** The rows that are searched: those below `end` whose bit is set in `allowed`, or all. */
interface Searched {
  readonly rows: Rows;
  readonly memory: Memory;
  readonly coding: Coding;
  readonly end: number;
  readonly allowed: Uint8Array | undefined;
}

/** The number of codes of a query, or of its bytes. After those of groups, there is a sum for each group. */
export function queryLength({ precision, scaling, dimensions }: Coding, { stride }: Rows): number {
  if (scaling === "group") return (3 * nibblesOfGroups(dimensions) + stride) / 2;
  return precision === "int4" ? 2 * stride : stride;
}

/** The best `room` rows for each query. Queries pass over a block of codes together, so it is read once. */
export function searchRows(kernels: Kernels, searched: Searched, queries: readonly Query[], room: number): Found[] {
  const found: Found[] = [];
  for (let from = 0; from < queries.length; from += MOST_QUERIES) {
    const some = queries.slice(from, from + MOST_QUERIES);
    for (const each of searchTogether(kernels, searched, some, room)) found.push(each);
  }
  return found;
}

function searchTogether(
  kernels: Kernels,
  { rows, memory, coding, end, allowed }: Searched,
  queries: readonly Query[],
  room: number,
): Found[] {
  const queryBytes = (queries[0] as Query).codes.byteLength;
  const hits = memory.scratch((room * HIT_BYTES + queryBytes) * queries.length + (allowed?.length ?? 0));
  const codes = hits + room * HIT_BYTES * queries.length;
  const allowedAt = codes + queryBytes * queries.length;
  if (allowed !== undefined) memory.bytes(allowedAt, allowed.length).set(allowed);
  queries.forEach((query, i) => {
    const at = codes + i * queryBytes;
    memory.bytes(at, queryBytes).set(new Uint8Array(query.codes.buffer));
    kernels.startQuery(i, query.factor, query.bias, hits + i * room * HIT_BYTES, room);
  });
  for (const { segment, first, count } of rows.segmentsOf(end)) {
    kernels.search(
      kinds.indexOf(coding.scaling === "group" ? "group" : coding.precision),
      queries.length,
      codes,
      queryBytes,
      segment.codes,
      rows.stride,
      count,
      first,
      coding.dimensions,
      segment.factors,
      segment.offsets,
      allowed === undefined ? 0 : allowedAt + first / 8,
    );
  }
  return queries.map((_, i) => readHits(memory, hits + i * room * HIT_BYTES, kernels.finishQuery(i)));
}

/** A hit is a float64, its value, followed by the place as an integer of 32 bits: see cpp/embeddings/top_k.h. */
function readHits(memory: Memory, at: number, count: number): Found {
  const view = new DataView(memory.bytes(at, count * HIT_BYTES).slice().buffer);
  const places = new Uint32Array(count);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    values[i] = view.getFloat64(i * HIT_BYTES, true);
    places[i] = view.getUint32(i * HIT_BYTES + 8, true);
  }
  return { places, values };
}

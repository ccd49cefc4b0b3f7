import type { FilePlace } from "../file-rows.js";
import type { ByteSink, ByteSource } from "./bytes.js";
import type { ModelTensor } from "./model.js";

// Files of Node's whose bytes workers may read and write themselves. Not properties, which a copy would have too whose
// `read` or `write` does something else.

/** Does work with the place of the first byte. The file stays open until that settles. */
export type Lend = <R>(work: (place: FilePlace) => Promise<R>) => Promise<R>;

const lenders = new WeakMap<ByteSource | ModelTensor, Lend>();
const places = new WeakMap<ByteSink, FilePlace>();

/** What lends a source, or a tensor's data, where they lie in a file. */
export const lenderOf = (source: ByteSource | ModelTensor): Lend | undefined => lenders.get(source);

/** Lets `source` be lent; gives it back. */
export function lentBy<S extends ByteSource | ModelTensor>(source: S, lend: Lend | undefined): S {
  if (lend) lenders.set(source, lend);
  return source;
}

/** The place of a sink's first byte. */
export const placeOf = (sink: ByteSink): FilePlace | undefined => places.get(sink);

export function withPlace(sink: ByteSink, place: FilePlace): ByteSink {
  places.set(sink, place);
  return sink;
}

import type { CopySource } from "../formats/output.js";
import { arranged } from "../io/arranged.js";
import type { TensorCourse } from "../tensor/course.js";

/** The bytes that are read at a time. */
const STRETCH_BYTES = 2 ** 22;

/** Passes bytes to `use` in order, and reads the next stretch meanwhile. */
export function copyBytes(
  source: CopySource,
  use: (offset: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  course: TensorCourse,
): Promise<void> {
  return arranged(source, course, (inOrder, rest) => copyInOrder(inOrder, use, rest));
}

async function copyInOrder(
  { byteLength, read }: CopySource,
  use: (offset: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  { signal, progress }: TensorCourse,
): Promise<void> {
  const stretch = (offset: number) => read(offset, Math.min(STRETCH_BYTES, byteLength - offset));
  let next = stretch(0);
  for (let offset = 0; offset < byteLength; offset += STRETCH_BYTES) {
    signal?.throwIfAborted();
    const bytes = await next;
    if (offset + STRETCH_BYTES < byteLength) next = stretch(offset + STRETCH_BYTES);
    next.catch(() => undefined); // it is awaited above, unless `use` fails first
    await use(offset, bytes);
    progress((offset + bytes.length) / byteLength);
  }
}

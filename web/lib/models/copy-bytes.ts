import type { CopySource } from "../formats/format.js";
import type { StepCourse } from "./run.js";

/** The bytes that are read at a time. */
const STRETCH_BYTES = 2 ** 22;

/** Passes bytes to `use` in order, and reads the next stretch meanwhile. */
export async function copyBytes(
  { byteLength, read }: CopySource,
  use: (offset: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  { signal, progress }: StepCourse,
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

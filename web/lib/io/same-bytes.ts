/** Whether two arrays of one length hold the same bytes. */
export function haveSameBytes(a: ArrayBufferView, b: ArrayBufferView): boolean {
  const { byteLength } = a;
  // Arrays that are aligned to 32 bits are compared four bytes at a time.
  const Elements = (a.byteOffset | b.byteOffset | byteLength) % 4 === 0 ? Int32Array : Uint8Array;
  const length = byteLength / Elements.BYTES_PER_ELEMENT;
  const [some, others] = [a, b].map(
    ({ buffer, byteOffset }) => new Elements(buffer as ArrayBuffer, byteOffset, length),
  );
  for (let i = 0; i < length; i++) {
    if (some[i] !== others[i]) return false;
  }
  return true;
}

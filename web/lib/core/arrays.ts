// What the language itself knows of typed arrays and buffers, of this realm or another. A subclass, or a property of the
// array's own, may say something else, and may run code of the caller's.

const prototype: object = Object.getPrototypeOf(Int8Array.prototype);

function getterOf<T>(name: PropertyKey): (array: unknown) => T {
  const { get } = Object.getOwnPropertyDescriptor(prototype, name) as { get(this: unknown): T };
  return (array) => get.call(array);
}

/** "Float32Array" and so on; undefined for what is no typed array. */
export const typeOf = getterOf<string | undefined>(Symbol.toStringTag);
/** These are 0 where the buffer was transferred, or became too short for the array. */
export const lengthOf = getterOf<number>("length");
export const byteLengthOf = getterOf<number>("byteLength");
export const byteOffsetOf = getterOf<number>("byteOffset");
export const bufferOf = getterOf<ArrayBufferLike>("buffer");

/** Whether other threads can see, and change, what is in it. */
export function isShared(buffer: ArrayBufferLike): boolean {
  // Asking for the name of its kind takes as long as 30 weights.
  if (Object.getPrototypeOf(buffer) === ArrayBuffer.prototype) return false;
  return Object.prototype.toString.call(buffer) === "[object SharedArrayBuffer]";
}

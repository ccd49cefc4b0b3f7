// What the language itself knows of typed arrays and buffers, of this realm or another. A subclass, or a property of the
// array's own, may say something else, and may run code of the caller's.

const typedArray: object = Object.getPrototypeOf(Int8Array.prototype);

function getterOf<T>(name: PropertyKey): (array: unknown) => T {
  const { get } = Object.getOwnPropertyDescriptor(typedArray, name) as { get(this: unknown): T };
  return (array) => get.call(array);
}

/** "Float32Array" and so on; undefined for what is no typed array. */
export const typeOf = getterOf<string | undefined>(Symbol.toStringTag);
/** These are 0 where the buffer was transferred, or became too short for the array. */
export const lengthOf = getterOf<number>("length");
export const byteLengthOf = getterOf<number>("byteLength");
export const byteOffsetOf = getterOf<number>("byteOffset");
export const bufferOf = getterOf<ArrayBufferLike>("buffer");

const sharedPrototype = globalThis.SharedArrayBuffer?.prototype;

/** Whether other threads can see, and change, what is in it. */
export function isShared(buffer: ArrayBufferLike): boolean {
  const prototype = Object.getPrototypeOf(buffer);
  if (prototype === ArrayBuffer.prototype) return false;
  // In another realm, or where a page is not given the constructor, the name of its kind tells; that takes longer.
  return prototype === sharedPrototype || Object.prototype.toString.call(buffer) === "[object SharedArrayBuffer]";
}

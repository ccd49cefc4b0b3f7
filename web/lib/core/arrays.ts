// Reads typed arrays and buffers through the language's own getters, for this realm or another. A subclass, or an own
// property of an array, may give other answers and run code of the caller.

const typedArray: object = Object.getPrototypeOf(Int8Array.prototype);

function getterOf<T>(name: PropertyKey): (array: unknown) => T {
  const { get } = Object.getOwnPropertyDescriptor(typedArray, name) as { get(this: unknown): T };
  return (array) => get.call(array);
}

/** The name of a typed array's type, such as "Float32Array"; undefined for anything else. */
export const typeOf = getterOf<string | undefined>(Symbol.toStringTag);
/** These return 0 where the buffer was transferred, or became too short for the array. */
export const lengthOf = getterOf<number>("length");
export const byteLengthOf = getterOf<number>("byteLength");
export const byteOffsetOf = getterOf<number>("byteOffset");
export const bufferOf = getterOf<ArrayBufferLike>("buffer");

const sharedPrototype = globalThis.SharedArrayBuffer?.prototype;

/** Whether other threads can see and change the contents. */
export function isShared(buffer: ArrayBufferLike): boolean {
  const prototype = Object.getPrototypeOf(buffer);
  if (prototype === ArrayBuffer.prototype) return false;
  // In another realm, or on a page without the constructor, the tag of the object decides; that takes longer.
  return prototype === sharedPrototype || Object.prototype.toString.call(buffer) === "[object SharedArrayBuffer]";
}

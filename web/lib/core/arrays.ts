// Reads typed arrays and buffers through the language's own getters, for this realm or another. A subclass, or an own
// property of an array, may give other answers and run code of the caller.

// Each is called where it is written, so that engines see which one it is: as parameters they took twice as long.
// Bundlers leave out those that are not used.
const getType = /* @__PURE__ */ getterOf(Symbol.toStringTag);
const getLength = /* @__PURE__ */ getterOf("length");
const getByteLength = /* @__PURE__ */ getterOf("byteLength");
const getByteOffset = /* @__PURE__ */ getterOf("byteOffset");
const getBuffer = /* @__PURE__ */ getterOf("buffer");

// biome-ignore lint/suspicious/noExplicitAny: it gives whatever the property is
function getterOf(name: PropertyKey): (this: unknown) => any {
  // biome-ignore lint/style/noNonNullAssertion: every typed array has these properties
  return Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Int8Array.prototype), name)!.get!;
}

/** The name of a typed array's type, such as "Float32Array"; undefined for anything else. */
export const typeOf = (array: unknown): string | undefined => getType.call(array);
/** These return 0 where the buffer was transferred, or became too short for the array. */
export const lengthOf = (array: unknown): number => getLength.call(array);
export const byteLengthOf = (array: unknown): number => getByteLength.call(array);
export const byteOffsetOf = (array: unknown): number => getByteOffset.call(array);
export const bufferOf = (array: unknown): ArrayBufferLike => getBuffer.call(array);

const sharedPrototype = /* @__PURE__ */ (() => globalThis.SharedArrayBuffer?.prototype)();

/** Whether other threads can see and change the contents. */
export function isShared(buffer: ArrayBufferLike): boolean {
  const prototype = Object.getPrototypeOf(buffer);
  if (prototype === ArrayBuffer.prototype) return false;
  // In another realm, or on a page without the constructor, the tag of the object decides; that takes longer.
  return prototype === sharedPrototype || Object.prototype.toString.call(buffer) === "[object SharedArrayBuffer]";
}

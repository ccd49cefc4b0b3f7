import type { Bindings } from "../wasm/glue.js";

/** The buffers of an engine in which codes and their bytes are staged. */
interface Staging {
  readonly bindings: Pick<Bindings, "pack" | "unpack">;
  readonly packed: Uint8Array;
  readonly int8: { readonly all: Int8Array; start(count: number): Int8Array };
}

/** The layout of codes of up to 8 bits (Packing of cpp/core/packing.h). */
export interface Packing {
  /** The size of each field in bits, 2 to 8. The first field is in the lowest bits of the first byte. */
  readonly bits: number;
  /** Whether fields hold code + 2^(bits - 1); otherwise they hold codes in two's complement. */
  readonly offset: boolean;
}

/** The number of bytes that `count` codes take. */
export const packedLength = (count: number, bits: number) => Math.ceil((count * bits) / 8);

/**
 * Packs `count` of the engine's staged codes, from index `at` on, into the bits of an array from `bit` on. Its other
 * bits stay as they are, even if another thread changes them.
 */
export function packStaged(
  { bindings, packed }: Staging,
  { bits, offset }: Packing,
  at: number,
  count: number,
  array: Uint8Array,
  bit: number,
): void {
  const [first, skip, end] = [Math.floor(bit / 8), bit % 8, bit + count * bits];
  bindings.pack(at, count, bits, offset, skip);
  const [whole, last] = [Math.ceil(bit / 8), Math.floor(end / 8)];
  if (whole < last) array.set(packed.subarray(whole - first, last - first), whole);
  // These bytes are shared with fields before or after.
  const rest = 2 ** (end % 8) - 1;
  if (first === last) putBits(array, first, rest & -(2 ** skip), packed[0] as number);
  else {
    if (skip > 0) putBits(array, first, -(2 ** skip), packed[0] as number);
    if (rest > 0) putBits(array, last, rest, packed[last - first] as number);
  }
}

/** Puts the bits of a mask into a byte. */
function putBits(array: Uint8Array, at: number, mask: number, bits: number): void {
  Atomics.and(array, at, ~mask);
  Atomics.or(array, at, bits);
}

/** Unpacks `count` codes from `bit` on to index `at` of the engine's staged codes. */
export function unpackStaged(
  { bindings, packed }: Staging,
  { bits, offset }: Packing,
  at: number,
  count: number,
  array: Uint8Array,
  bit: number,
): void {
  const [first, end] = [Math.floor(bit / 8), Math.ceil((bit + count * bits) / 8)];
  // Otherwise, missing codes would be those of an earlier call.
  if (array.length < end) throw new Error("an array became shorter during the call");
  packed.set(array.subarray(first, end));
  bindings.unpack(at, count, bits, offset, bit % 8);
}

/** Packs codes into the bits of an array from `bit` on. */
export function packCodes(engine: Staging, packing: Packing, codes: Int8Array, array: Uint8Array, bit: number): void {
  const staged = engine.int8.all;
  for (let at = 0; at < codes.length; at += staged.length) {
    const some = codes.subarray(at, at + staged.length);
    staged.set(some);
    packStaged(engine, packing, 0, some.length, array, bit + at * packing.bits);
  }
}

/** Unpacks codes from the bits of an array from `bit` on, until `codes` is full. */
export function unpackCodes(engine: Staging, packing: Packing, array: Uint8Array, bit: number, codes: Int8Array): void {
  const staged = engine.int8;
  for (let at = 0; at < codes.length; at += staged.all.length) {
    const count = Math.min(staged.all.length, codes.length - at);
    unpackStaged(engine, packing, 0, count, array, bit + at * packing.bits);
    codes.set(staged.start(count), at);
  }
}

#include <cstddef>
#include <cstdint>

#include "../kernels.h"
#include "lanes.h"

// Eight codes take as many bytes as a field has bits, and so does each half of a vector. Neighbouring fields are joined
// into pairs, these into fours, and these into eights; unpacking reverses this. Pairs of 4 bits are bytes, and end one
// step earlier, which takes a seventh of the time.

namespace channelwise::simd {

namespace {

/// The number of codes in a vector, eight in each half.
constexpr std::size_t kTile = 16;

/// A number of `bits` ones.
constexpr std::int64_t ones(int bits) { return (std::int64_t{1} << bits) - 1; }

/// Clang 14 would make a vector of a number of bits before a loop, and then shift lane by lane in the loop.
int inLoop(int bits) {
#ifdef __wasm__
  asm("" : "+r"(bits));
#endif
  return bits;
}

/// Joins the fields of eight codes in each half, one in each byte, into its lowest bits.
v128_t join(v128_t fields, int bits) {
  const v128_t pairs =
      wasm_v128_or(wasm_v128_and(fields, wasm_i16x8_splat(0xff)), wasm_i16x8_shl(wasm_u16x8_shr(fields, 8), bits));
  const v128_t fours =
      wasm_v128_or(wasm_v128_and(pairs, wasm_i32x4_splat(0xffff)), wasm_i32x4_shl(wasm_u32x4_shr(pairs, 16), 2 * bits));
  return wasm_v128_or(wasm_v128_and(fours, wasm_i64x2_splat(ones(32))),
                      wasm_i64x2_shl(wasm_u64x2_shr(fours, 32), 4 * bits));
}

/// Moves each field of those joined in the lowest bits of each half into a byte. The upper bits of the byte belong to
/// other fields.
v128_t part(v128_t eights, int bits) {
  const v128_t fours = wasm_v128_or(wasm_v128_and(eights, wasm_i64x2_splat(ones(4 * bits))),
                                    wasm_i64x2_shl(wasm_u64x2_shr(eights, 4 * bits), 32));
  const v128_t pairs = wasm_v128_or(wasm_v128_and(fours, wasm_i32x4_splat(static_cast<int>(ones(2 * bits)))),
                                    wasm_i32x4_shl(wasm_u32x4_shr(fours, 2 * bits), 16));
  return wasm_v128_or(wasm_v128_and(pairs, wasm_i16x8_splat(static_cast<std::int16_t>(ones(bits)))),
                      wasm_i16x8_shl(wasm_u16x8_shr(pairs, bits), 8));
}

/// Joins two vectors of nibbles, one in each byte, into one.
v128_t joinNibbles(v128_t low, v128_t high) {
  const auto pairs = [](v128_t nibbles) {
    return wasm_v128_and(wasm_v128_or(nibbles, wasm_u16x8_shr(nibbles, 4)), wasm_i16x8_splat(0xff));
  };
  return wasm_u8x16_narrow_i16x8(pairs(low), pairs(high));
}

/// The number of bytes that are read or written for the codes of a half, which may need fewer.
constexpr std::size_t kHalf = 8;

}  // namespace

void pack(const std::int8_t* codes, std::size_t count, Packing packing, int skip, std::uint8_t* bytes) {
  const int bits = packing.bits;
  const std::uint8_t* end = bytes + (skip + count * bits + 7) / 8;
  const v128_t flip = wasm_i8x16_splat(static_cast<std::int8_t>(packing.flip()));
  const v128_t kept = wasm_i8x16_splat(static_cast<std::int8_t>(ones(bits)));
  const auto loadFields = [&] {
    const v128_t loaded = wasm_v128_load(codes);
    codes += kTile;
    count -= kTile;
    return wasm_v128_and(wasm_v128_xor(loaded, flip), kept);
  };
  std::uint32_t held = 0;  // bits that are not yet a byte, and their number
  int heldBits = skip;
  while (count > 0) {
    if (heldBits == 0) {
      while (bits == 4 && count >= 2 * kTile) {
        const v128_t low = loadFields();
        wasm_v128_store(bytes, joinNibbles(low, loadFields()));
        bytes += kTile;
      }
      // Each half is stored whole; the next one overwrites the excess.
      while (count >= kTile && bytes + bits + kHalf <= end) {
        const v128_t joined = join(loadFields(), inLoop(bits));
        wasm_v128_store64_lane(bytes, joined, 0);
        wasm_v128_store64_lane(bytes + bits, joined, 1);
        bytes += 2 * bits;
      }
      if (count == 0) return;
    }
    held |= static_cast<std::uint32_t>((*codes++ ^ packing.flip()) & ones(bits)) << heldBits;
    heldBits += bits;
    --count;
    if (heldBits < 8) continue;
    *bytes++ = static_cast<std::uint8_t>(held);
    held >>= 8;
    heldBits -= 8;
  }
  if (heldBits > 0 && bytes < end) *bytes = static_cast<std::uint8_t>(held);
}

void unpack(const std::uint8_t* bytes, std::size_t count, Packing packing, int skip, std::int8_t* codes) {
  const int bits = packing.bits;
  const std::uint8_t* end = bytes + (skip + count * bits + 7) / 8;
  const v128_t flip = wasm_i8x16_splat(static_cast<std::int8_t>(packing.flip() ^ packing.sign()));
  const v128_t sign = wasm_i8x16_splat(static_cast<std::int8_t>(packing.sign()));
  const v128_t kept = wasm_i8x16_splat(static_cast<std::int8_t>(ones(bits)));
  const auto storeCodes = [&](v128_t fields) {
    wasm_v128_store(codes, wasm_i8x16_sub(wasm_v128_xor(fields, flip), sign));
    codes += kTile;
    count -= kTile;
  };
  std::uint32_t held = 0;  // bits that are read and not yet a code, and their number
  int heldBits = -skip;
  while (count > 0) {
    if (heldBits == 0) {
      while (bits == 4 && count >= 2 * kTile) {
        const v128_t pairs = wasm_v128_load(bytes);
        const v128_t low = wasm_v128_and(pairs, kept);
        const v128_t high = wasm_u8x16_shr(pairs, 4);
        storeCodes(wasm_i8x16_shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23));
        storeCodes(wasm_i8x16_shuffle(low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31));
        bytes += kTile;
      }
      while (count >= kTile && bytes + bits + kHalf <= end) {
        const v128_t eights = wasm_v128_load64_lane(bytes + bits, wasm_v128_load64_splat(bytes), 1);
        storeCodes(wasm_v128_and(part(eights, inLoop(bits)), kept));
        bytes += 2 * bits;
      }
      if (count == 0) return;
    }
    while (heldBits < bits) {
      held |= heldBits < 0 ? *bytes++ >> -heldBits : *bytes++ << heldBits;
      heldBits += 8;
    }
    *codes++ = static_cast<std::int8_t>(packing.codeOf(static_cast<int>(held & ones(bits))));
    held >>= bits;
    heldBits -= bits;
    --count;
  }
}

}  // namespace channelwise::simd

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../kernels.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// The number of halves in a vector.
constexpr std::size_t kTile = 8;

/// Widens four halves, each in the low half of a lane.
v128_t widenBfloat16(v128_t halves) { return wasm_i32x4_shl(halves, 16); }

v128_t widenFloat16(v128_t halves) {
  const v128_t magnitude = wasm_i32x4_shl(wasm_v128_and(halves, wasm_i32x4_splat(0x7fff)), 13);
  // The exponent's bias is 127 instead of 15. Infinity and NaN, with exponent 31, get the largest exponent.
  const v128_t normal = wasm_i32x4_add(magnitude, wasm_i32x4_splat(112 << 23));
  const v128_t special = wasm_i32x4_gt(magnitude, wasm_i32x4_splat((0x7c00 << 13) - 1));
  // Subnormals are the fractions of numbers from 2^-14 to 2^-13. Multiplying them as subnormal floats would work too,
  // but takes processors a hundred times as long.
  const v128_t smallest = wasm_i32x4_splat(113 << 23);
  const v128_t subnormal = wasm_f32x4_sub(wasm_i32x4_add(magnitude, smallest), smallest);
  const v128_t isSubnormal = wasm_i32x4_lt(magnitude, wasm_i32x4_splat(1 << 23));
  const v128_t finite = wasm_v128_bitselect(subnormal, normal, isSubnormal);
  const v128_t sign = wasm_i32x4_shl(wasm_v128_andnot(halves, wasm_i32x4_splat(0x7fff)), 16);
  return wasm_v128_or(wasm_v128_or(finite, sign), wasm_v128_and(special, wasm_i32x4_splat(0xff << 23)));
}

/// Widens a tile of halves.
template <v128_t (*widenFour)(v128_t)>
void widenTiles(const std::uint16_t* halves, std::size_t tiles, float* weights) {
  for (std::size_t at = 0; at < tiles * kTile; at += kTile) {
    wasm_v128_store(weights + at, widenFour(wasm_u32x4_load16x4(halves + at)));
    wasm_v128_store(weights + at + 4, widenFour(wasm_u32x4_load16x4(halves + at + 4)));
  }
}

}  // namespace

void widen(const std::uint16_t* halves, std::size_t count, Dtype type, float* weights) {
  const auto tiles = type == Dtype::kFloat16 ? widenTiles<widenFloat16> : widenTiles<widenBfloat16>;
  tiles(halves, count / kTile, weights);
  const std::size_t whole = count / kTile * kTile;
  std::uint16_t rest[kTile] = {};
  float restWide[kTile];
  std::copy(halves + whole, halves + count, rest);
  tiles(rest, 1, restWide);
  std::copy(restWide, restWide + (count - whole), weights + whole);
}

}  // namespace channelwise::simd

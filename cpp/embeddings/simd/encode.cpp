#include <algorithm>

#include "../../core/simd/lanes.h"
#include "../kernels.h"

namespace channelwise::embeddings::simd {

namespace {

/// Numbers of a tile: two vectors, whose codes are eight bytes.
constexpr std::size_t kTile = 8;

/// Calls visit(at, tile) for each tile of eight numbers from `at` on. The last ones are read from a copy that ends with
/// zeros; `visit` may then write eight codes only if there is room: it is given how many there are.
template <typename Visit>
void forTiles(const float* x, std::size_t size, Visit visit) {
  std::size_t at = 0;
  for (; at + kTile <= size; at += kTile) visit(at, wasm_v128_load(x + at), wasm_v128_load(x + at + 4), kTile);
  if (at == size) return;
  float rest[kTile] = {};
  std::copy(x + at, x + size, rest);
  visit(at, wasm_v128_load(rest), wasm_v128_load(rest + 4), size - at);
}

/// Eight int32 between -2^15 and 2^15, as bytes; those above 127 come less 256.
void storeBytes(v128_t low, v128_t high, std::size_t count, std::int8_t* to) {
  const v128_t bytes = wasm_v128_and(wasm_i16x8_narrow_i32x4(low, high), wasm_i16x8_splat(0xff));
  const v128_t packed = wasm_u8x16_narrow_i16x8(bytes, bytes);
  if (count == kTile) return wasm_v128_store64_lane(to, packed, 0);
  std::int8_t all[16];
  wasm_v128_store(all, packed);
  std::copy(all, all + count, to);
}

}  // namespace

float largest(const float* x, std::size_t size) {
  // The bits of magnitudes order like the numbers, with infinity and NaN above them.
  const v128_t magnitude = wasm_i32x4_splat(0x7fffffff);
  v128_t largest = wasm_i32x4_splat(0);
  forTiles(x, size, [&](std::size_t, v128_t low, v128_t high, std::size_t) {
    largest = wasm_i32x4_max(largest, wasm_v128_and(low, magnitude));
    largest = wasm_i32x4_max(largest, wasm_v128_and(high, magnitude));
  });
  largest = wasm_i32x4_max(largest, wasm_i32x4_shuffle(largest, largest, 2, 3, 0, 1));
  largest = wasm_i32x4_max(largest, wasm_i32x4_shuffle(largest, largest, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(largest, 0);
}

void encode(const float* x, std::size_t size, Ranges ranges, Levels levels, std::int8_t* codes) {
  const v128_t most = wasm_f32x4_splat(static_cast<float>(levels.most));
  const v128_t least = wasm_f32x4_splat(static_cast<float>(levels.least));
  const v128_t offset = wasm_i32x4_splat(levels.offset);
  const v128_t isFloor = wasm_i32x4_splat(levels.rounding == Rounding::kFloor ? -1 : 0);
  const auto codeOf = [&](v128_t x, const float* start, const float* step) {
    const v128_t place = wasm_f32x4_div(wasm_f32x4_sub(x, wasm_v128_load(start)), wasm_v128_load(step));
    const v128_t rounded = wasm_v128_bitselect(wasm_f32x4_floor(place), wasm_f32x4_nearest(place), isFloor);
    const v128_t level = wasm_f32x4_pmin(most, wasm_f32x4_pmax(least, rounded));
    return wasm_i32x4_sub(wasm_i32x4_trunc_sat_f32x4(level), offset);
  };
  forTiles(x, size, [&](std::size_t at, v128_t low, v128_t high, std::size_t count) {
    const float* start = ranges.starts + at;
    const float* step = ranges.steps + at;
    float rest[2][kTile] = {{}, {1, 1, 1, 1, 1, 1, 1, 1}};
    if (count < kTile) {
      std::copy(start, start + count, rest[0]);
      std::copy(step, step + count, rest[1]);
      start = rest[0];
      step = rest[1];
    }
    storeBytes(codeOf(low, start, step), codeOf(high, start + 4, step + 4), count, codes + at);
  });
}

void packSigns(const float* x, std::size_t size, std::uint8_t* bits) {
  const v128_t zero = wasm_f32x4_splat(0);
  forTiles(x, size, [&](std::size_t at, v128_t low, v128_t high, std::size_t) {
    // The last lane's sign becomes the lowest bit.
    const v128_t first = wasm_i32x4_shuffle(wasm_f32x4_gt(low, zero), zero, 3, 2, 1, 0);
    const v128_t last = wasm_i32x4_shuffle(wasm_f32x4_gt(high, zero), zero, 3, 2, 1, 0);
    bits[at / kTile] = static_cast<std::uint8_t>(wasm_i16x8_bitmask(wasm_i16x8_narrow_i32x4(last, first)));
  });
}

}  // namespace channelwise::embeddings::simd

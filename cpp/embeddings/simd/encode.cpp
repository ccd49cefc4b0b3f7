#include "../../core/simd/lanes.h"
#include "../kernels.h"
#include "../lines.h"

namespace channelwise::embeddings::simd {

namespace {

/// Numbers of a tile: two vectors, whose codes are eight bytes.
constexpr std::size_t kTile = 8;

/// The sum of the lanes, and the least of them.
[[gnu::noinline]] float sumOf(v128_t v) {
  v = wasm_f32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  return wasm_f32x4_extract_lane(v, 0) + wasm_f32x4_extract_lane(v, 1);
}

[[gnu::noinline]] float leastOf(v128_t v) {
  v = wasm_f32x4_pmin(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  v = wasm_f32x4_pmin(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(v, 0);
}

/// Eight int32 between -2^15 and 2^15, as bytes; those above 127 come less 256.
void storeBytes(v128_t low, v128_t high, std::int8_t* to) {
  const v128_t bytes = wasm_v128_and(wasm_i16x8_narrow_i32x4(low, high), wasm_i16x8_splat(0xff));
  wasm_v128_store64_lane(to, wasm_u8x16_narrow_i16x8(bytes, bytes), 0);
}

}  // namespace

float largest(const float* x, std::size_t size) {
  // The bits of magnitudes order like the numbers, with infinity and NaN above them.
  const v128_t magnitude = wasm_i32x4_splat(0x7fffffff);
  v128_t largest = wasm_i32x4_splat(0);
  std::size_t at = 0;
  for (; at + 4 <= size; at += 4) largest = wasm_i32x4_max(largest, wasm_v128_and(wasm_v128_load(x + at), magnitude));
  for (; at < size; ++at) largest = wasm_i32x4_max(largest, wasm_v128_and(wasm_v128_load32_splat(x + at), magnitude));
  largest = wasm_i32x4_max(largest, wasm_i32x4_shuffle(largest, largest, 2, 3, 0, 1));
  largest = wasm_i32x4_max(largest, wasm_i32x4_shuffle(largest, largest, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(largest, 0);
}

Line lineOf(const float* x, std::size_t size) {
  v128_t all[3] = {wasm_f32x4_splat(1), wasm_f32x4_splat(1), wasm_f32x4_splat(0)};
  for (std::size_t i = 0; i < size; i += 4) {
    const v128_t numbers = wasm_v128_load(x + i);
    all[0] = wasm_f32x4_pmin(all[0], numbers);
    all[1] = wasm_f32x4_pmin(all[1], wasm_f32x4_neg(numbers));
    all[2] = wasm_f32x4_add(all[2], numbers);
  }
  return fitted({leastOf(all[0]), -leastOf(all[1]), sumOf(all[2])}, size, [&](Line line) {
    v128_t sums[3] = {};
    const v128_t perStep = wasm_f32x4_splat(1 / line.step);
    for (std::size_t i = 0; i < size; i += 4) {
      const v128_t numbers = wasm_v128_load(x + i);
      const v128_t place = wasm_f32x4_mul(wasm_f32x4_sub(numbers, wasm_f32x4_splat(line.centre)), perStep);
      const v128_t code =
          wasm_f32x4_pmin(wasm_f32x4_splat(7), wasm_f32x4_pmax(wasm_f32x4_splat(-8), wasm_f32x4_nearest(place)));
      sums[0] = wasm_f32x4_add(sums[0], code);
      sums[1] = wasm_f32x4_add(sums[1], wasm_f32x4_mul(code, code));
      sums[2] = wasm_f32x4_add(sums[2], wasm_f32x4_mul(code, numbers));
    }
    return CodeSums{sumOf(sums[0]), sumOf(sums[1]), sumOf(sums[2])};
  });
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
  for (std::size_t at = 0; at < size; at += kTile) {
    const float* start = ranges.starts + at;
    const float* step = ranges.steps + at;
    storeBytes(codeOf(wasm_v128_load(x + at), start, step), codeOf(wasm_v128_load(x + at + 4), start + 4, step + 4),
               codes + at);
  }
}

void packSigns(const float* x, std::size_t size, std::uint8_t* bits) {
  const v128_t zero = wasm_f32x4_splat(0);
  for (std::size_t at = 0; at < size; at += kTile) {
    // The last lane's sign becomes the lowest bit.
    const v128_t first = wasm_i32x4_shuffle(wasm_f32x4_gt(wasm_v128_load(x + at), zero), zero, 3, 2, 1, 0);
    const v128_t last = wasm_i32x4_shuffle(wasm_f32x4_gt(wasm_v128_load(x + at + 4), zero), zero, 3, 2, 1, 0);
    bits[at / kTile] = static_cast<std::uint8_t>(wasm_i16x8_bitmask(wasm_i16x8_narrow_i32x4(last, first)));
  }
}

}  // namespace channelwise::embeddings::simd

#include "encode_plain.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "lanes.h"

namespace channelwise::blocks {

namespace {

// The law, one weight after the other. It is also used where a reciprocal is 0 or infinite.

/// 1 / d, and 0 for 0.
float reciprocal(float d) { return d == 0 ? 0.0f : 1 / d; }

/// Converts to an integer of 8 bits as x86-64 does: it drops the fraction and the upper bits of 32. NaN and numbers
/// beyond 32 bits give 0. These come from scales so small that 1 / d is infinite, and from infinite ranges.
int truncated(float x) { return std::fabs(x) < 0x1p31f ? static_cast<int>(x) & 0xff : 0; }

/// The first weight of the largest magnitude, with its sign.
float signedLargest(const float* weights) {
  float largest = 0;
  for (std::size_t i = 0; i < 32; ++i)
    if (std::fabs(largest) < std::fabs(weights[i])) largest = weights[i];
  return largest;
}

struct Range {
  float least;
  float most;
};

Range rangeOf(const float* weights) {
  Range range{std::numeric_limits<float>::max(), -std::numeric_limits<float>::max()};
  for (std::size_t i = 0; i < 32; ++i) {
    if (weights[i] < range.least) range.least = weights[i];
    if (weights[i] > range.most) range.most = weights[i];
  }
  return range;
}

/// Codes of at most 5 bits: the lower four as nibbles, and the fifth bits as a number of 32.
struct Packed {
  std::uint8_t* nibbles;
  std::uint32_t high = 0;

  void set(std::size_t i, int code) {
    if (i < 16)
      nibbles[i] = static_cast<std::uint8_t>(code & 15);
    else
      nibbles[i - 16] = static_cast<std::uint8_t>(nibbles[i - 16] | code << 4);
    high |= static_cast<std::uint32_t>(code >> 4 & 1) << i;
  }
};

/// Codes from 0 to 2 * half - 1, with the largest magnitude on 0.
template <int half>
Packed encodeSigned(const float* weights, Half& d, std::uint8_t* nibbles) {
  const float scale = signedLargest(weights) / -half;
  const float inverse = reciprocal(scale);
  d = halfOf(scale);
  Packed codes{nibbles};
  for (std::size_t i = 0; i < 32; ++i)
    codes.set(i, std::min(2 * half - 1, truncated(weights[i] * inverse + (half + 0.5f))));
  return codes;
}

/// Codes from 0 to most, with the least weight on 0.
template <int most>
Packed encodeFromLeast(const float* weights, Half& d, Half& min, std::uint8_t* nibbles) {
  const Range range = rangeOf(weights);
  const float scale = (range.most - range.least) / most;
  const float inverse = reciprocal(scale);
  d = halfOf(scale);
  min = halfOf(range.least);
  Packed codes{nibbles};
  for (std::size_t i = 0; i < 32; ++i)
    codes.set(i, std::min(most, truncated((weights[i] - range.least) * inverse + 0.5f)));
  return codes;
}

/// The codes of Q8_0, from -127 to 127.
void encodeBytes(const float* weights, float inverse, std::int8_t* codes) {
  for (std::size_t i = 0; i < 32; ++i) codes[i] = static_cast<std::int8_t>(truncated(std::round(weights[i] * inverse)));
}

// The same with vectors, for reciprocals that are ordinary numbers. Numbers before truncation are then at most half a
// code beyond the codes.

using Block32 = Vectors<4>[2];

void load32(const float* weights, Block32& x) {
  load(weights, x[0]);
  load(weights + 16, x[1]);
}

float largestLane(v128_t a) {
  a = wasm_f32x4_pmax(a, wasm_i64x2_shuffle(a, a, 1, 0));
  a = wasm_f32x4_pmax(a, wasm_i32x4_shuffle(a, a, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(a, 0);
}

float leastLane(v128_t a) {
  a = wasm_f32x4_pmin(a, wasm_i64x2_shuffle(a, a, 1, 0));
  a = wasm_f32x4_pmin(a, wasm_i32x4_shuffle(a, a, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(a, 0);
}

/// Zeros of either sign count as equal.
Range rangeOf(const Block32& x) {
  v128_t least[4];
  v128_t most[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    least[k] = wasm_f32x4_pmin(x[0].v[k], x[1].v[k]);
    most[k] = wasm_f32x4_pmax(x[0].v[k], x[1].v[k]);
  }
  return {leastLane(wasm_f32x4_pmin(wasm_f32x4_pmin(least[0], least[1]), wasm_f32x4_pmin(least[2], least[3]))),
          largestLane(wasm_f32x4_pmax(wasm_f32x4_pmax(most[0], most[1]), wasm_f32x4_pmax(most[2], most[3])))};
}

float largestMagnitude(const Block32& x) {
  v128_t most[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) most[k] = wasm_f32x4_pmax(wasm_f32x4_abs(x[0].v[k]), wasm_f32x4_abs(x[1].v[k]));
  return largestLane(wasm_f32x4_pmax(wasm_f32x4_pmax(most[0], most[1]), wasm_f32x4_pmax(most[2], most[3])));
}

bool isOrdinary(float inverse) { return inverse != 0 && std::fabs(inverse) <= std::numeric_limits<float>::max(); }

/// Sixteen numbers truncated to bytes, and clamped to 0 and 255.
v128_t bytesOf(const Vectors<4>& x) {
  const v128_t low = wasm_i16x8_narrow_i32x4(wasm_i32x4_trunc_sat_f32x4(x.v[0]), wasm_i32x4_trunc_sat_f32x4(x.v[1]));
  const v128_t high = wasm_i16x8_narrow_i32x4(wasm_i32x4_trunc_sat_f32x4(x.v[2]), wasm_i32x4_trunc_sat_f32x4(x.v[3]));
  return wasm_u8x16_narrow_i16x8(low, high);
}

/// Packs 32 weights as codes from 0 to most, and returns the fifth bits. Shifts are of 16 bits, and none crosses a
/// byte.
template <int most>
std::uint32_t pack32(const Vectors<4>& low, const Vectors<4>& high, std::uint8_t* nibbles) {
  const v128_t limit = wasm_i8x16_splat(most);
  const v128_t a = wasm_u8x16_min(bytesOf(low), limit);
  const v128_t b = wasm_u8x16_min(bytesOf(high), limit);
  if (most == 15) {
    wasm_v128_store(nibbles, wasm_v128_or(a, wasm_i16x8_shl(b, 4)));
    return 0;
  }
  const v128_t nibble = wasm_i8x16_splat(15);
  wasm_v128_store(nibbles, wasm_v128_or(wasm_v128_and(a, nibble), wasm_i16x8_shl(wasm_v128_and(b, nibble), 4)));
  return static_cast<std::uint32_t>(wasm_i8x16_bitmask(wasm_i16x8_shl(a, 3))) |
         static_cast<std::uint32_t>(wasm_i8x16_bitmask(wasm_i16x8_shl(b, 3))) << 16;
}

template <int half>
std::uint32_t encodeSigned32(const float* weights, Half& d, std::uint8_t* nibbles) {
  Block32 x;
  load32(weights, x);
  const Range range = rangeOf(x);
  // Where magnitudes are equal, the first one has to be found.
  const float largest = range.most > -range.least   ? range.most
                        : range.most < -range.least ? range.least
                                                    : signedLargest(weights);
  const float scale = largest / -half;
  const float inverse = reciprocal(scale);
  if (!isOrdinary(inverse)) return encodeSigned<half>(weights, d, nibbles).high;
  d = halfOf(scale);
  const Vectors<4> factor(inverse);
  const Vectors<4> offset(half + 0.5f);
  return pack32<2 * half - 1>(x[0] * factor + offset, x[1] * factor + offset, nibbles);
}

template <int most>
std::uint32_t encodeFromLeast32(const float* weights, Half& d, Half& min, std::uint8_t* nibbles) {
  Block32 x;
  load32(weights, x);
  const Range range = rangeOf(x);
  const float scale = (range.most - range.least) / most;
  const float inverse = reciprocal(scale);
  if (!isOrdinary(inverse)) return encodeFromLeast<most>(weights, d, min, nibbles).high;
  d = halfOf(scale);
  // The first zero decides the sign of a minimum of zero.
  min = halfOf(range.least == 0 ? rangeOf(weights).least : range.least);
  const Vectors<4> factor(inverse);
  const Vectors<4> least(range.least);
  const Vectors<4> half(0.5f);
  return pack32<most>((x[0] - least) * factor + half, (x[1] - least) * factor + half, nibbles);
}

/// Sixteen numbers of at most 127 rounded half away from zero, as by std::round. The largest number below 1/2 is added,
/// since adding 1/2 would carry the number before 1/2 to 1.
v128_t roundedBytes(const Vectors<4>& x) {
  const v128_t sign = wasm_i32x4_splat(INT32_MIN);
  const v128_t half = wasm_f32x4_splat(0x1.fffffep-2f);
  v128_t rounded[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k)
    rounded[k] = wasm_i32x4_trunc_sat_f32x4(wasm_f32x4_add(x.v[k], wasm_v128_or(wasm_v128_and(x.v[k], sign), half)));
  return wasm_i8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(rounded[0], rounded[1]),
                                 wasm_i16x8_narrow_i32x4(rounded[2], rounded[3]));
}

}  // namespace

void encodeBlock(const float* weights, Q4_0& block) { encodeSigned32<8>(weights, block.d, block.codes); }

void encodeBlock(const float* weights, Q4_1& block) { encodeFromLeast32<15>(weights, block.d, block.min, block.codes); }

void encodeBlock(const float* weights, Q5_0& block) {
  const std::uint32_t high = encodeSigned32<16>(weights, block.d, block.codes);
  std::memcpy(block.high, &high, sizeof high);
}

void encodeBlock(const float* weights, Q5_1& block) {
  const std::uint32_t high = encodeFromLeast32<31>(weights, block.d, block.min, block.codes);
  std::memcpy(block.high, &high, sizeof high);
}

void encodeBlock(const float* weights, Q8_0& block) {
  Block32 x;
  load32(weights, x);
  const float scale = largestMagnitude(x) / 127;
  const float inverse = reciprocal(scale);
  block.d = halfOf(scale);
  if (!isOrdinary(inverse)) return encodeBytes(weights, inverse, block.codes);
  const Vectors<4> factor(inverse);
  wasm_v128_store(block.codes, roundedBytes(x[0] * factor));
  wasm_v128_store(block.codes + 16, roundedBytes(x[1] * factor));
}

}  // namespace channelwise::blocks

#include "encode_plain.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "finite.h"
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

/// Loads a block, and adds its weights to the bits that any weight has.
void load32(const float* weights, Block32& x, v128_t& bits) {
  load(weights, x[0]);
  load(weights + 16, x[1]);
  v128_t of[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) of[k] = wasm_v128_or(x[0].v[k], x[1].v[k]);
  bits = wasm_v128_or(bits, wasm_v128_or(wasm_v128_or(of[0], of[1]), wasm_v128_or(of[2], of[3])));
}

float largestLane(v128_t a) {
  a = wasm_f32x4_pmax(a, wasm_i64x2_shuffle(a, a, 1, 0));
  a = wasm_f32x4_pmax(a, wasm_i32x4_shuffle(a, a, 1, 0, 3, 2));
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
  const v128_t low = wasm_f32x4_pmin(wasm_f32x4_pmin(least[0], least[1]), wasm_f32x4_pmin(least[2], least[3]));
  const v128_t high =
      wasm_f32x4_neg(wasm_f32x4_pmax(wasm_f32x4_pmax(most[0], most[1]), wasm_f32x4_pmax(most[2], most[3])));
  v128_t both = wasm_f32x4_pmin(wasm_i64x2_shuffle(low, high, 0, 2), wasm_i64x2_shuffle(low, high, 1, 3));
  both = wasm_f32x4_pmin(both, wasm_i32x4_shuffle(both, both, 1, 0, 3, 2));
  return {wasm_f32x4_extract_lane(both, 0), -wasm_f32x4_extract_lane(both, 2)};
}

float largestMagnitude(const Block32& x) {
  v128_t most[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) most[k] = wasm_f32x4_pmax(wasm_f32x4_abs(x[0].v[k]), wasm_f32x4_abs(x[1].v[k]));
  return largestLane(wasm_f32x4_pmax(wasm_f32x4_pmax(most[0], most[1]), wasm_f32x4_pmax(most[2], most[3])));
}

bool isOrdinary(float inverse) { return inverse != 0 && std::fabs(inverse) <= std::numeric_limits<float>::max(); }

/// Sixteen numbers from 0 to 2^22, rounded down: the integers plus 2^23, which leaves them in the low bits. Engines
/// have one instruction for each step, where a conversion to integers takes five, for NaN and what does not fit.
Vectors<4> roundedDown(const Vectors<4>& x) {
  Vectors<4> result;
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) result.v[k] = wasm_f32x4_add(wasm_f32x4_floor(x.v[k]), wasm_f32x4_splat(0x1p23f));
  return result;
}

/// The low bytes of sixteen lanes, whose other bits are those of 2^23.
v128_t lowBytes(const Vectors<4>& x) {
  const v128_t byte = wasm_i32x4_splat(0xff);
  return wasm_u8x16_narrow_i16x8(wasm_i16x8_narrow_i32x4(wasm_v128_and(x.v[0], byte), wasm_v128_and(x.v[1], byte)),
                                 wasm_i16x8_narrow_i32x4(wasm_v128_and(x.v[2], byte), wasm_v128_and(x.v[3], byte)));
}

/// Packs 32 numbers, rounded down, as codes from 0 to most, and returns the fifth bits. Shifts are of 16 bits, and none
/// crosses a byte.
template <int most>
std::uint32_t pack32(const Vectors<4>& low, const Vectors<4>& high, std::uint8_t* nibbles) {
  if (most == 15) {
    // The upper nibble is a multiple of 16 added to the lower one.
    Vectors<4> both = roundedDown(low);
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k)
      both.v[k] = wasm_f32x4_add(both.v[k], wasm_f32x4_mul(wasm_f32x4_floor(high.v[k]), wasm_f32x4_splat(16)));
    wasm_v128_store(nibbles, lowBytes(both));
    return 0;
  }
  const v128_t nibble = wasm_i8x16_splat(15);
  const v128_t a = lowBytes(roundedDown(low));
  const v128_t b = lowBytes(roundedDown(high));
  wasm_v128_store(nibbles, wasm_v128_or(wasm_v128_and(a, nibble), wasm_i16x8_shl(wasm_v128_and(b, nibble), 4)));
  return static_cast<std::uint32_t>(wasm_i8x16_bitmask(wasm_i16x8_shl(a, 3))) |
         static_cast<std::uint32_t>(wasm_i8x16_bitmask(wasm_i16x8_shl(b, 3))) << 16;
}

Vectors<4> atMost(float most, const Vectors<4>& x) {
  Vectors<4> result;
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) result.v[k] = wasm_f32x4_pmin(wasm_f32x4_splat(most), x.v[k]);
  return result;
}

template <int half>
std::uint32_t encodeSigned32(const float* weights, Half& d, std::uint8_t* nibbles, v128_t& bits) {
  Block32 x;
  load32(weights, x, bits);
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
  // Where both signs have the largest magnitude, one of them is half a code beyond the last.
  return pack32<2 * half - 1>(atMost(2 * half - 1, x[0] * factor + offset),
                              atMost(2 * half - 1, x[1] * factor + offset), nibbles);
}

/// Four numbers as halfOf() gives them, in the low 16 bits of lanes; NaN becomes infinite.
v128_t halvesOf(v128_t x) {
  const v128_t magnitude = wasm_v128_and(x, wasm_i32x4_splat(INT32_MAX));
  const v128_t odd = wasm_v128_and(wasm_u32x4_shr(magnitude, 13), wasm_i32x4_splat(1));
  const v128_t moved = wasm_i32x4_add(magnitude, wasm_i32x4_splat(0xfff - 0x38000000));
  const v128_t normal = wasm_i32x4_min(wasm_i32x4_shr(wasm_i32x4_add(moved, odd), 13), wasm_i32x4_splat(0x7c00));
  const v128_t subnormal =
      wasm_i32x4_sub(wasm_f32x4_add(magnitude, wasm_f32x4_splat(0.5f)), wasm_i32x4_splat(0x3f000000));
  const v128_t isSmall = wasm_i32x4_lt(magnitude, wasm_i32x4_splat(0x38800000));
  const v128_t sign = wasm_v128_and(wasm_u32x4_shr(x, 16), wasm_i32x4_splat(0x8000));
  return wasm_v128_or(sign, wasm_v128_bitselect(subnormal, normal, isSmall));
}

/// In lanes 0 and 2 the least weight, in lanes 1 and 3 the largest with its sign changed: the less of two lanes counts.
v128_t foldedRange(const float* weights, v128_t& bits) {
  Block32 x;
  load32(weights, x, bits);
  v128_t least[4];
  v128_t most[4];
#pragma GCC unroll 4
  for (int k = 0; k < 4; ++k) {
    least[k] = wasm_f32x4_pmin(x[0].v[k], x[1].v[k]);
    most[k] = wasm_f32x4_pmax(x[0].v[k], x[1].v[k]);
  }
  const v128_t low = wasm_f32x4_pmin(wasm_f32x4_pmin(least[0], least[1]), wasm_f32x4_pmin(least[2], least[3]));
  const v128_t high =
      wasm_f32x4_neg(wasm_f32x4_pmax(wasm_f32x4_pmax(most[0], most[1]), wasm_f32x4_pmax(most[2], most[3])));
  return wasm_f32x4_pmin(wasm_i32x4_shuffle(low, high, 0, 4, 1, 5), wasm_i32x4_shuffle(low, high, 2, 6, 3, 7));
}

/// Of two blocks that follow each other.
struct Pair {
  /// The least weight of the first block in lanes 0 and 1, of the second one in lanes 2 and 3.
  v128_t least;
  /// 1 / d in the same lanes, and 0 where it is no ordinary number.
  v128_t inverse;
};

/// Finds the ranges of two blocks, and stores their d and min.
template <int most, typename Block>
Pair rangesOf(const float* weights, Block* blocks, v128_t& bits) {
  const v128_t first = foldedRange(weights, bits);
  const v128_t second = foldedRange(weights + 32, bits);
  const v128_t range =
      wasm_f32x4_pmin(wasm_i64x2_shuffle(first, second, 0, 2), wasm_i64x2_shuffle(first, second, 1, 3));
  const v128_t least = wasm_i32x4_shuffle(range, range, 0, 0, 2, 2);
  const v128_t largest = wasm_f32x4_neg(wasm_i32x4_shuffle(range, range, 1, 1, 3, 3));
  const v128_t scale = wasm_f32x4_div(wasm_f32x4_sub(largest, least), wasm_f32x4_splat(most));
  const v128_t inverse = wasm_f32x4_div(wasm_f32x4_splat(1), scale);
  const v128_t halves = halvesOf(wasm_i32x4_shuffle(scale, least, 0, 4, 2, 6));
  blocks[0].d = static_cast<Half>(wasm_u16x8_extract_lane(halves, 0));
  blocks[0].min = static_cast<Half>(wasm_u16x8_extract_lane(halves, 2));
  blocks[1].d = static_cast<Half>(wasm_u16x8_extract_lane(halves, 4));
  blocks[1].min = static_cast<Half>(wasm_u16x8_extract_lane(halves, 6));
  const v128_t isOrdinary = wasm_f32x4_le(inverse, wasm_f32x4_splat(std::numeric_limits<float>::max()));
  return {least, wasm_v128_and(inverse, isOrdinary)};
}

/// The codes of 32 weights whose least one takes code 0.
template <int most, typename Block>
void packFromLeast(const float* weights, float least, float inverse, Block& block) {
  std::uint32_t high;
  if (inverse == 0) {
    high = encodeFromLeast<most>(weights, block.d, block.min, block.codes).high;
  } else {
    // The first zero decides the sign of a minimum of zero.
    if (least == 0) block.min = halfOf(rangeOf(weights).least);
    Block32 x;
    load(weights, x[0]);
    load(weights + 16, x[1]);
    const Vectors<4> from(least);
    const Vectors<4> factor(inverse);
    const Vectors<4> half(0.5f);
    // The largest weight is within 2^-21 of the last code, also where the scale is subnormal: its reciprocal is finite,
    // so that it is 2^-128 or more. Half a code is added, and no code is above the last.
    high = pack32<most>((x[0] - from) * factor + half, (x[1] - from) * factor + half, block.codes);
  }
  if constexpr (most == 31) std::memcpy(block.high, &high, sizeof high);
}

/// Finds the ranges of several blocks before their codes: a range takes two divisions, for which the codes would wait.
template <int most, typename Block>
void encodeFromLeastEach(const float* weights, std::size_t count, Block* blocks, v128_t& bits) {
  constexpr std::size_t kPairs = 16;
  while (count >= 2) {
    const std::size_t pairs = std::min(kPairs, count / 2);
    Pair ranges[kPairs];
    for (std::size_t i = 0; i < pairs; ++i) ranges[i] = rangesOf<most>(weights + 64 * i, blocks + 2 * i, bits);
    for (std::size_t i = 0; i < pairs; ++i) {
      const auto& [least, inverse] = ranges[i];
      packFromLeast<most>(weights + 64 * i, wasm_f32x4_extract_lane(least, 0), wasm_f32x4_extract_lane(inverse, 0),
                          blocks[2 * i]);
      packFromLeast<most>(weights + 64 * i + 32, wasm_f32x4_extract_lane(least, 2), wasm_f32x4_extract_lane(inverse, 2),
                          blocks[2 * i + 1]);
    }
    weights += 64 * pairs;
    blocks += 2 * pairs;
    count -= 2 * pairs;
  }
  if (count == 0) return;
  // The last block of an odd number is computed by the law.
  Block32 x;
  load32(weights, x, bits);
  packFromLeast<most>(weights, 0, 0, *blocks);
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

void encodeBlock(const float* weights, Q4_0& block, v128_t& bits) {
  encodeSigned32<8>(weights, block.d, block.codes, bits);
}

void encodeBlock(const float* weights, Q5_0& block, v128_t& bits) {
  const std::uint32_t high = encodeSigned32<16>(weights, block.d, block.codes, bits);
  std::memcpy(block.high, &high, sizeof high);
}

void encodeBlock(const float* weights, Q8_0& block, v128_t& bits) {
  Block32 x;
  load32(weights, x, bits);
  const float scale = largestMagnitude(x) / 127;
  const float inverse = reciprocal(scale);
  block.d = halfOf(scale);
  if (!isOrdinary(inverse)) return encodeBytes(weights, inverse, block.codes);
  const Vectors<4> factor(inverse);
  wasm_v128_store(block.codes, roundedBytes(x[0] * factor));
  wasm_v128_store(block.codes + 16, roundedBytes(x[1] * factor));
}

template <typename Block>
void encodeBlocks(const float* weights, std::size_t count, Block* blocks, v128_t& bits) {
  for (std::size_t i = 0; i < count; ++i) encodeBlock(weights + i * Block::kLength, blocks[i], bits);
}

void encodeBlocks(const float* weights, std::size_t count, Q4_1* blocks, v128_t& bits) {
  encodeFromLeastEach<15>(weights, count, blocks, bits);
}

void encodeBlocks(const float* weights, std::size_t count, Q5_1* blocks, v128_t& bits) {
  encodeFromLeastEach<31>(weights, count, blocks, bits);
}

template <typename Block>
bool encodeEach(const float* weights, std::size_t count, Block* blocks) {
  v128_t bits = wasm_i32x4_splat(0);
  encodeBlocks(weights, count, blocks, bits);
  // Finite weights may have all bits of the exponent together.
  return !hasFullExponent(bits) || areFinite(weights, count * Block::kLength);
}

}  // namespace

bool encodeBlocks(const float* weights, std::size_t count, Q4_0* blocks) { return encodeEach(weights, count, blocks); }
bool encodeBlocks(const float* weights, std::size_t count, Q4_1* blocks) { return encodeEach(weights, count, blocks); }
bool encodeBlocks(const float* weights, std::size_t count, Q5_0* blocks) { return encodeEach(weights, count, blocks); }
bool encodeBlocks(const float* weights, std::size_t count, Q5_1* blocks) { return encodeEach(weights, count, blocks); }
bool encodeBlocks(const float* weights, std::size_t count, Q8_0* blocks) { return encodeEach(weights, count, blocks); }

}  // namespace channelwise::blocks

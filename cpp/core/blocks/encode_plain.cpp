#include "encode_plain.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace channelwise::blocks {

namespace {

/// 1 / d, and 0 for 0.
float reciprocal(float d) { return d == 0 ? 0.0f : 1 / d; }

/// What x86-64 makes of a conversion to an integer of 8 bits: the fraction falls away, and so do the upper bits of 32.
/// NaN and what 32 bits do not hold give 0. They come of scales so small that 1 / d is infinite, and of ranges that
/// are.
int truncated(float x) { return std::fabs(x) < 0x1p31f ? static_cast<int>(x) & 0xff : 0; }

/// The first weight of largest magnitude, with its sign.
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

/// Codes from 0 to 2 * half - 1, the largest magnitude on 0.
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

/// Codes from 0 to most, the least weight on 0.
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

}  // namespace

void encodeBlock(const float* weights, Q4_0& block) { encodeSigned<8>(weights, block.d, block.codes); }

void encodeBlock(const float* weights, Q4_1& block) { encodeFromLeast<15>(weights, block.d, block.min, block.codes); }

void encodeBlock(const float* weights, Q5_0& block) {
  const Packed codes = encodeSigned<16>(weights, block.d, block.codes);
  std::memcpy(block.high, &codes.high, sizeof block.high);
}

void encodeBlock(const float* weights, Q5_1& block) {
  const Packed codes = encodeFromLeast<31>(weights, block.d, block.min, block.codes);
  std::memcpy(block.high, &codes.high, sizeof block.high);
}

void encodeBlock(const float* weights, Q8_0& block) {
  const float scale = std::fabs(signedLargest(weights)) / 127;
  const float inverse = reciprocal(scale);
  block.d = halfOf(scale);
  for (std::size_t i = 0; i < 32; ++i)
    block.codes[i] = static_cast<std::int8_t>(truncated(std::round(weights[i] * inverse)));
}

}  // namespace channelwise::blocks

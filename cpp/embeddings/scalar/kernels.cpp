// The arithmetic, loop by loop: the witness of what the SIMD kernels do.

#include "../kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace channelwise::embeddings::scalar {

float largest(const float* x, std::size_t size) {
  float largest = 0;
  for (std::size_t i = 0; i < size; ++i)
    // The comparison is false for NaN on either side: a NaN replaces, and is not replaced.
    if (!(std::fabs(x[i]) <= largest) && !std::isnan(largest)) largest = std::fabs(x[i]);
  return largest;
}

void encode(const float* x, std::size_t size, Ranges ranges, Levels levels, std::int8_t* codes) {
  for (std::size_t i = 0; i < size; ++i) {
    const float place = (x[i] - ranges.starts[i]) / ranges.steps[i];
    const float rounded = levels.rounding == Rounding::kFloor ? std::floor(place) : std::nearbyint(place);
    const float least = static_cast<float>(levels.least);
    const int level = static_cast<int>(std::clamp(rounded, least, static_cast<float>(levels.most)));
    codes[i] = static_cast<std::int8_t>(level - levels.offset);
  }
}

void packSigns(const float* x, std::size_t size, std::uint8_t* bits) {
  std::fill_n(bits, (size + 7) / 8, std::uint8_t{0});
  for (std::size_t i = 0; i < size; ++i)
    if (x[i] > 0) bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | 0x80 >> i % 8);
}

void dots(const std::int16_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
          std::int32_t* dots) {
  for (std::size_t r = 0; r < count; ++r) {
    dots[r] = 0;
    for (std::size_t i = 0; i < stride; ++i) dots[r] += query[i] * rows[r * stride + i];
  }
}

namespace {

/// The dot of `size` bytes of nibbles, a multiple of kRowBytes.
std::int32_t dotOfNibbles(const std::int16_t* query, const std::uint8_t* bytes, std::size_t size) {
  std::int32_t dot = 0;
  for (std::size_t i = 0; i < 2 * size; ++i) {
    const int nibble = bytes[i / 2] >> i % 2 * 4 & 15;
    const int code = nibble < 8 ? nibble : nibble - 16;
    dot += query[i / 32 * 32 + i % 4 * 8 + i % 32 / 4] * code;
  }
  return dot;
}

}  // namespace

void dotsOfNibbles(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                   std::int32_t* dots) {
  for (std::size_t r = 0; r < count; ++r) dots[r] = dotOfNibbles(query, rows + r * stride, stride);
}

void dotsOfGroups(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t groupBytes,
                  const float* scales, std::size_t count, double* dots) {
  for (std::size_t r = 0; r < count; ++r) {
    double sum = 0;
    for (std::size_t at = 0; at < stride; at += groupBytes) {
      const std::size_t size = std::min(groupBytes, stride - at);
      sum += static_cast<double>(*scales++) * dotOfNibbles(query + 2 * at, rows + r * stride + at, size);
    }
    dots[r] = sum;
  }
}

void dotsOfBits(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                int dimensions, std::int32_t* dots) {
  for (std::size_t r = 0; r < count; ++r) {
    int differing = 0;
    for (std::size_t i = 0; i < stride; ++i)
      differing += std::popcount(static_cast<std::uint8_t>(query[i] ^ rows[r * stride + i]));
    dots[r] = dimensions - 2 * differing;
  }
}

namespace {

template <typename Dot>
std::size_t firstAboveOf(double limit, Scoring scoring, const Dot* dots, std::size_t from, std::size_t to) {
  while (from < to && !(scoring.valueOf(static_cast<double>(dots[from]), from) > limit)) ++from;
  return from;
}

}  // namespace

std::size_t firstAbove(double limit, Scoring scoring, const std::int32_t* dots, std::size_t from, std::size_t to) {
  return firstAboveOf(limit, scoring, dots, from, to);
}

std::size_t firstAbove(double limit, Scoring scoring, const double* dots, std::size_t from, std::size_t to) {
  return firstAboveOf(limit, scoring, dots, from, to);
}

}  // namespace channelwise::embeddings::scalar

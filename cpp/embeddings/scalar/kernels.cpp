// The arithmetic, loop by loop: the witness of what the SIMD kernels do.

#include "../kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "../lines.h"

namespace channelwise::embeddings::scalar {

float largest(const float* x, std::size_t size) {
  float largest = 0;
  for (std::size_t i = 0; i < size; ++i)
    // The comparison is false for NaN on either side: a NaN replaces, and is not replaced.
    if (!(std::fabs(x[i]) <= largest) && !std::isnan(largest)) largest = std::fabs(x[i]);
  return largest;
}

Line lineOf(const float* x, std::size_t size) {
  float least = 1;
  float most = -1;
  for (std::size_t i = 0; i < size; ++i) {
    least = std::min(least, x[i]);
    most = std::max(most, x[i]);
  }
  // Every fourth number in one of four sums, and then these.
  const auto sumOf = [&](auto termOf) {
    float sums[4] = {};
    for (std::size_t i = 0; i < size; ++i) sums[i % 4] += termOf(x[i]);
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
  };
  return fitted({least, most, sumOf([](float x) { return x; })}, size, [&](Line line) {
    const auto codeOf = [&](float x) {
      return std::min(7.0f, std::max(-8.0f, std::nearbyint((x - line.centre) * (1 / line.step))));
    };
    return CodeSums{sumOf(codeOf), sumOf([&](float x) { return codeOf(x) * codeOf(x); }),
                    sumOf([&](float x) { return codeOf(x) * x; })};
  });
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

int nibbleAt(const std::uint8_t* bytes, std::size_t i) {
  const int nibble = bytes[i / 2] >> i % 2 * 4 & 15;
  return nibble < 8 ? nibble : nibble - 16;
}

/// Where the number for code `i` is in an arranged query.
std::size_t arranged(std::size_t i) { return i / 32 * 32 + i % 4 * 8 + i % 32 / 4; }

}  // namespace

void dotsOfNibbles(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                   std::int32_t* dots) {
  for (std::size_t r = 0; r < count; ++r) {
    dots[r] = 0;
    for (std::size_t i = 0; i < 2 * stride; ++i) dots[r] += query[arranged(i)] * nibbleAt(rows + r * stride, i);
  }
}

void dotsOfGroups(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                  std::int32_t* dots) {
  const std::size_t size = 2 * nibblesOfGroups(stride);
  for (std::size_t r = 0; r < count; ++r, rows += stride) {
    dots[r] = 0;
    for (std::size_t g = 0; g < size / kGroup; ++g) {
      const std::uint8_t* factor = rows + size / 2 + g / kFactors * kRowBytes + g % kFactors;
      int dot = 0;
      for (std::size_t i = g * kGroup; i < (g + 1) * kGroup; ++i) dot += query[arranged(i)] * nibbleAt(rows, i);
      const int centre = static_cast<std::int8_t>(factor[kFactors]);
      dots[r] += *factor * dot + kCentre * centre * query[size + g];
    }
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

std::size_t firstAbove(double limit, Scoring scoring, const std::int32_t* dots, std::size_t from, std::size_t to) {
  while (from < to && !(scoring.valueOf(dots[from], from) > limit)) ++from;
  return from;
}

}  // namespace channelwise::embeddings::scalar

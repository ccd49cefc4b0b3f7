#pragma once

#include <cstddef>
#include <cstdint>

// The kernels of channelwise/embeddings, in two versions: `simd` is what is shipped, `scalar` says the same loop by
// loop and is the oracle of the tests. They agree bit for bit.
//
// A vector is a row of float32 numbers, all finite. Its codes are int8, or nibbles (two codes of 4 bits a byte, the
// first one low), or bits. Rows of codes that are searched lie `stride` bytes apart, a multiple of kRowBytes, and what
// follows the codes of a row is 0. Arrays need no alignment but their type's and must not overlap; nothing outside them
// is read or written.

namespace channelwise::embeddings {

/// Rows of codes are so many bytes, or a multiple: a vector register.
constexpr std::size_t kRowBytes = 16;
/// Rows whose dots are formed together: they share what is loaded of the query, and their sums are reduced at once.
constexpr std::size_t kRows = 4;
/// Numbers of a group, which has a step and a centre of its own.
constexpr std::size_t kGroup = 16;
/// A row of groups begins with its nibbles. Then come so many factors and as many centres, again and again.
constexpr std::size_t kFactors = kRowBytes / 2;
/// What a centre is counted in, where a factor is counted in 1: a code of a group is worth factor * code + kCentre *
/// centre, which is less than 2^11.
constexpr int kCentre = 8;

/// Bytes of nibbles in a row of groups: each kRowBytes of them are two groups.
constexpr std::size_t nibblesOfGroups(std::size_t stride) { return stride / kRowBytes * 4 / 5 * kRowBytes; }

/// The numbers of a group are near centre + step * code.
struct Line {
  float centre;
  float step;
};

/// Where codes begin, and how wide they are, for each dimension: (x - start) / step. With a scale, start is 0.
struct Ranges {
  const float* starts;
  const float* steps;
};

/// How a quotient becomes an integer.
enum class Rounding { kHalfEven, kFloor };

/// Codes are integers from `least` to `most`, less `offset`.
struct Levels {
  int least;
  int most;
  int offset;
  Rounding rounding;
};

/// How dots become values: in float64, in this order. `factors` and `offsets` are null where all are 1, or 0.
struct Scoring {
  double factor;
  double bias;
  const float* factors;
  const float* offsets;

  double valueOf(double dot, std::size_t i) const {
    double value = bias + factor * dot;
    if (factors != nullptr) value *= static_cast<double>(factors[i]);
    if (offsets != nullptr) value -= static_cast<double>(offsets[i]);
    return value;
  }
};

}  // namespace channelwise::embeddings

namespace channelwise::embeddings::simd {

/// The largest |x|: infinite or NaN if one of them is.
float largest(const float* x, std::size_t size);

/// The line near the numbers of a group, a multiple of four, none of which is beyond -1 or 1.
Line lineOf(const float* x, std::size_t size);

/// code = clamp(round((x - start) / step), least, most) - offset, each operation rounded to float32. Codes above 127
/// (those of uint8, with an offset of 0) are stored less 256. `size` is a multiple of 8.
void encode(const float* x, std::size_t size, Ranges ranges, Levels levels, std::int8_t* codes);

/// A bit for each number, 1 where it is greater than 0, the first in the highest bit of the first byte. `size` is a
/// multiple of 8.
void packSigns(const float* x, std::size_t size, std::uint8_t* bits);

/// dots[r] = the sum over all d of query[d] * code[r][d], for `count` rows, a multiple of kRows, as it is below.
/// `query` has `stride` numbers. The sum of their magnitudes times 128 must be less than 2^31.
void dots(const std::int16_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
          std::int32_t* dots);

/// The same of nibbles. `query` has 2 * stride numbers, of each 32 first those with index 0, 4, 8 and so on, then those
/// with 1, 5, 9, and so on. The sum of their magnitudes times 8 must be less than 2^31.
void dotsOfNibbles(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                   std::int32_t* dots);

/// The same of what codes of groups are worth. After these numbers, `query` has the sum of those of each group;
/// the sum of their magnitudes times 2^11 must be less than 2^31.
void dotsOfGroups(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                  std::int32_t* dots);

/// dots[r] = dimensions - 2 * (bits of the row that differ from the query's): what the dot is if 1 is +1 and 0 is -1.
void dotsOfBits(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                int dimensions, std::int32_t* dots);

/// The first i from `from` on whose value is above `limit`; `to` if no value below that is.
std::size_t firstAbove(double limit, Scoring scoring, const std::int32_t* dots, std::size_t from, std::size_t to);

}  // namespace channelwise::embeddings::simd

namespace channelwise::embeddings::scalar {

float largest(const float* x, std::size_t size);
Line lineOf(const float* x, std::size_t size);
void encode(const float* x, std::size_t size, Ranges ranges, Levels levels, std::int8_t* codes);
void packSigns(const float* x, std::size_t size, std::uint8_t* bits);
void dots(const std::int16_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
          std::int32_t* dots);
void dotsOfNibbles(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                   std::int32_t* dots);
void dotsOfGroups(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                  std::int32_t* dots);
void dotsOfBits(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                int dimensions, std::int32_t* dots);
std::size_t firstAbove(double limit, Scoring scoring, const std::int32_t* dots, std::size_t from, std::size_t to);

}  // namespace channelwise::embeddings::scalar

#include <algorithm>
#include <bit>
#include <cstring>

#include "../../core/simd/lanes.h"
#include "../kernels.h"

namespace channelwise::embeddings::simd {

namespace {

/// Rows that are worked on together: they share what is loaded of the query, and their sums are reduced at once.
constexpr std::size_t kRows = 4;

/// The sums of the lanes of four vectors, each modulo 2^32.
v128_t sums(const v128_t* v) {
  const v128_t low =
      wasm_i32x4_add(wasm_i32x4_shuffle(v[0], v[1], 0, 4, 1, 5), wasm_i32x4_shuffle(v[0], v[1], 2, 6, 3, 7));
  const v128_t high =
      wasm_i32x4_add(wasm_i32x4_shuffle(v[2], v[3], 0, 4, 1, 5), wasm_i32x4_shuffle(v[2], v[3], 2, 6, 3, 7));
  return wasm_i32x4_add(wasm_i32x4_shuffle(low, high, 0, 1, 4, 5), wasm_i32x4_shuffle(low, high, 2, 3, 6, 7));
}

std::int32_t sum(v128_t v) {
  v = wasm_i32x4_add(v, wasm_i32x4_shuffle(v, v, 2, 3, 0, 1));
  v = wasm_i32x4_add(v, wasm_i32x4_shuffle(v, v, 1, 0, 3, 2));
  return wasm_i32x4_extract_lane(v, 0);
}

/// Adds the dot of 16 bytes of int8 codes. The query's numbers are of 16 bits, so that one instruction multiplies and
/// adds pairs of them.
struct Bytes {
  static constexpr std::size_t kNumbers = 16;

  static v128_t add(v128_t sums, const std::uint8_t* codes, const v128_t* query) {
    sums = wasm_i32x4_add(sums, wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(codes), query[0]));
    return wasm_i32x4_add(sums, wasm_i32x4_dot_i16x8(wasm_i16x8_load8x8(codes + 8), query[1]));
  }
};

/// Adds the dot of 16 bytes of nibbles, each of which a shift brings to the top of its lane of 16 bits, and another
/// one down with its sign.
struct Nibbles {
  static constexpr std::size_t kNumbers = 32;

  static v128_t add(v128_t sums, const std::uint8_t* codes, const v128_t* query) {
    const v128_t fours = wasm_v128_load(codes);
    const v128_t first = wasm_i32x4_dot_i16x8(wasm_i16x8_shr(wasm_i16x8_shl(fours, 12), 12), query[0]);
    const v128_t second = wasm_i32x4_dot_i16x8(wasm_i16x8_shr(wasm_i16x8_shl(fours, 8), 12), query[1]);
    const v128_t third = wasm_i32x4_dot_i16x8(wasm_i16x8_shr(wasm_i16x8_shl(fours, 4), 12), query[2]);
    const v128_t fourth = wasm_i32x4_dot_i16x8(wasm_i16x8_shr(fours, 12), query[3]);
    return wasm_i32x4_add(sums, wasm_i32x4_add(wasm_i32x4_add(first, second), wasm_i32x4_add(third, fourth)));
  }
};

template <typename Codes>
void loadQuery(const std::int16_t* from, v128_t* query) {
  for (std::size_t i = 0; i < Codes::kNumbers / 8; ++i) query[i] = wasm_v128_load(from + 8 * i);
}

/// The lane sums of one row, `size` bytes of it.
template <typename Codes>
v128_t dotOfRow(const std::int16_t* query, const std::uint8_t* row, std::size_t size) {
  v128_t sums = wasm_i32x4_splat(0);
  for (std::size_t at = 0; at < size; at += kRowBytes) {
    v128_t part[Codes::kNumbers / 8];
    loadQuery<Codes>(query + at * (Codes::kNumbers / kRowBytes), part);
    sums = Codes::add(sums, row + at, part);
  }
  return sums;
}

template <typename Codes>
void dotsOfRows(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                std::int32_t* dots) {
  std::size_t r = 0;
  for (; r + kRows <= count; r += kRows) {
    const std::uint8_t* row = rows + r * stride;
    v128_t all[kRows] = {wasm_i32x4_splat(0), wasm_i32x4_splat(0), wasm_i32x4_splat(0), wasm_i32x4_splat(0)};
    for (std::size_t at = 0; at < stride; at += kRowBytes) {
      v128_t part[Codes::kNumbers / 8];
      loadQuery<Codes>(query + at * (Codes::kNumbers / kRowBytes), part);
      all[0] = Codes::add(all[0], row + at, part);
      all[1] = Codes::add(all[1], row + stride + at, part);
      all[2] = Codes::add(all[2], row + 2 * stride + at, part);
      all[3] = Codes::add(all[3], row + 3 * stride + at, part);
    }
    wasm_v128_store(dots + r, sums(all));
  }
  for (; r < count; ++r) dots[r] = sum(dotOfRow<Codes>(query, rows + r * stride, stride));
}

}  // namespace

void dots(const std::int16_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
          std::int32_t* dots) {
  dotsOfRows<Bytes>(query, reinterpret_cast<const std::uint8_t*>(rows), stride, count, dots);
}

void dotsOfNibbles(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                   std::int32_t* dots) {
  dotsOfRows<Nibbles>(query, rows, stride, count, dots);
}

void dotsOfGroups(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t groupBytes,
                  const float* scales, std::size_t count, double* dots) {
  for (std::size_t r = 0; r < count; ++r) {
    const std::uint8_t* row = rows + r * stride;
    double total = 0;
    for (std::size_t at = 0; at < stride; at += groupBytes) {
      const std::size_t size = std::min(groupBytes, stride - at);
      total += static_cast<double>(*scales++) * sum(dotOfRow<Nibbles>(query + 2 * at, row + at, size));
    }
    dots[r] = total;
  }
}

void dotsOfBits(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                int dimensions, std::int32_t* dots) {
  // Processors count the bits of 64 in one instruction; of the 16 bytes of a vector, many have to look them up.
  for (std::size_t r = 0; r < count; ++r) {
    const std::uint8_t* row = rows + r * stride;
    int differing = 0;
    for (std::size_t at = 0; at < stride; at += sizeof(std::uint64_t)) {
      std::uint64_t a;
      std::uint64_t b;
      std::memcpy(&a, query + at, sizeof a);
      std::memcpy(&b, row + at, sizeof b);
      differing += std::popcount(a ^ b);
    }
    dots[r] = dimensions - 2 * differing;
  }
}

}  // namespace channelwise::embeddings::simd

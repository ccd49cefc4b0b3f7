#include <algorithm>
#include <bit>
#include <cstring>

#include "../../core/simd/lanes.h"
#include "../kernels.h"

namespace channelwise::embeddings::simd {

namespace {

// The rows whose dots are formed together come from as many parts of the block, so that the processor sees as many
// streams and fetches each ahead. Of 384 MB, rows that follow each other take twice as long.

/// Stores the sums of the lanes of four vectors, each modulo 2^32, as the dots of rows that lie `apart`.
[[gnu::noinline]] void store(const v128_t* all, std::int32_t* dots, std::size_t apart) {
  for (std::size_t i = 0; i < kRows; ++i) {
    const v128_t two = wasm_i32x4_add(all[i], wasm_i32x4_shuffle(all[i], all[i], 2, 3, 0, 1));
    dots[i * apart] = wasm_i32x4_extract_lane(wasm_i32x4_add(two, wasm_i32x4_shuffle(two, two, 1, 0, 3, 2)), 0);
  }
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

/// Adds the dot of 8 centres, each of which is counted in kCentre and has a factor beside it.
struct Centres {
  static constexpr std::size_t kNumbers = 8;

  static v128_t add(v128_t sums, const std::uint8_t* factors, const v128_t* query) {
    const v128_t centres = wasm_i16x8_shl(wasm_i16x8_load8x8(factors + kFactors), 3);
    return wasm_i32x4_add(sums, wasm_i32x4_dot_i16x8(centres, query[0]));
  }
};

/// The factors of two groups, each in the lanes that the dots of 16 bytes of nibbles leave of its group.
v128_t factorsOfTwo(const std::uint8_t* factors) {
  // Widened and then doubled: V8 would form the constant of a shuffle of bytes anew each time.
  const v128_t four = wasm_i32x4_extend_low_i16x8(wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(factors)));
  return wasm_i32x4_shuffle(four, four, 0, 0, 1, 1);
}

/// Adds what the codes of four rows, `step` bytes apart, are worth together with a part of the query.
template <typename Codes>
void addFour(v128_t* all, const std::uint8_t* codes, std::size_t step, const std::int16_t* numbers) {
  v128_t part[Codes::kNumbers / 8];
  for (std::size_t i = 0; i < Codes::kNumbers / 8; ++i) part[i] = wasm_v128_load(numbers + 8 * i);
  all[0] = Codes::add(all[0], codes, part);
  all[1] = Codes::add(all[1], codes + step, part);
  all[2] = Codes::add(all[2], codes + 2 * step, part);
  all[3] = Codes::add(all[3], codes + 3 * step, part);
}

template <typename Codes>
void dotsOfRows(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                std::int32_t* dots) {
  const std::size_t apart = count / kRows;
  for (std::size_t r = 0; r < apart; ++r) {
    v128_t all[kRows] = {};
    for (std::size_t at = 0; at < stride; at += kRowBytes)
      addFour<Codes>(all, rows + r * stride + at, apart * stride, query + at * (Codes::kNumbers / kRowBytes));
    store(all, dots + r, apart);
  }
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

void dotsOfGroups(const std::int16_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                  std::int32_t* dots) {
  const std::size_t nibbles = nibblesOfGroups(stride);
  const std::size_t apart = count / kRows;
  const std::size_t step = apart * stride;
  for (std::size_t r = 0; r < apart; ++r) {
    const std::uint8_t* row = rows + r * stride;
    v128_t all[kRows] = {};
    for (std::size_t at = nibbles; at < stride; at += kRowBytes)
      addFour<Centres>(all, row + at, step, query + 2 * nibbles + (at - nibbles) / 2);
    for (std::size_t at = 0; at < nibbles; at += kRowBytes) {
      const std::size_t pair = at / kRowBytes;
      const std::uint8_t* factors = row + nibbles + pair / 4 * kRowBytes + pair % 4 * 2;
      v128_t part[Nibbles::kNumbers / 8];
      for (std::size_t i = 0; i < Nibbles::kNumbers / 8; ++i) part[i] = wasm_v128_load(query + 2 * at + 8 * i);
      for (std::size_t i = 0; i < kRows; ++i) {
        const v128_t pairs = Nibbles::add(wasm_i32x4_splat(0), row + i * step + at, part);
        all[i] = wasm_i32x4_add(all[i], wasm_i32x4_mul(pairs, factorsOfTwo(factors + i * step)));
      }
    }
    store(all, dots + r, apart);
  }
}

void dotsOfBits(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                int dimensions, std::int32_t* dots) {
  // Processors count the bits of 64 in one instruction; of the 16 bytes of a vector, many have to look them up: a third
  // slower. Of four rows at a time, not all that is needed stays in registers.
  const auto load = [](const std::uint8_t* from) {
    std::uint64_t bits;
    std::memcpy(&bits, from, sizeof bits);
    return bits;
  };
  // Sums of 64 bits, as the instruction gives them, save one that narrows.
  const auto differing = [&](std::size_t at, const std::uint8_t* row) {
    return static_cast<std::uint64_t>(std::popcount(load(query + at) ^ load(row)) +
                                      std::popcount(load(query + at + 8) ^ load(row + 8)));
  };
  const std::size_t apart = count / 2;
  for (std::size_t r = 0; r < apart; ++r) {
    const std::uint8_t* row = rows + r * stride;
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    for (std::size_t at = 0; at < stride; at += kRowBytes) {
      first += differing(at, row + at);
      second += differing(at, row + apart * stride + at);
    }
    dots[r] = dimensions - 2 * static_cast<int>(first);
    dots[r + apart] = dimensions - 2 * static_cast<int>(second);
  }
}

}  // namespace channelwise::embeddings::simd

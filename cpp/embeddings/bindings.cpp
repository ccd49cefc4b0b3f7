// What JavaScript sees of the kernels: plain exports, with addresses and sizes as numbers. The memory may grow, so that
// views are made anew; what lies behind __heap_base is laid out by the TypeScript that calls
// (web/lib/embeddings/memory.ts). Arguments are checked there; nothing is checked here.

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "kernels.h"
#include "rows.h"
#include "search.h"

#define EXPORT(name) extern "C" __attribute__((export_name(#name), used))

namespace {

using namespace channelwise::embeddings;

/// Floats, bytes of codes, and rows that are staged at a time, and the most dimensions of a vector.
constexpr std::size_t kStaged = 1 << 16;
constexpr std::size_t kStagedRows = kStaged / kRowBytes;
constexpr std::size_t kDimensions = 1 << 14;
/// Queries that share the reading of the codes.
constexpr std::size_t kQueries = 64;
/// Codes of this many bytes stay in the L2 cache while all queries pass over them, and the dots of this many rows in
/// L1. The parts of a smaller block would end before the processor has seen that they are read in order.
constexpr std::size_t kBlockBytes = 256 << 10;
constexpr std::size_t kBlockRows = 1 << 12;

struct Memory {
  alignas(64) float vectors[kStaged];
  alignas(64) std::int8_t codes[kStaged];
  alignas(64) float scales[kStagedRows];
  alignas(64) float starts[kDimensions];
  alignas(64) float steps[kDimensions];
  alignas(64) double squares[kStagedRows];
  Query queries[kQueries];
} memory;

// web/lib/embeddings/kernels.ts has names for them.
enum Scaling { kShared, kOfRow, kOfGroups };
enum Kind { kBytes, kNibbles, kGroups, kBits };

}  // namespace

// Staging buffers.
EXPORT(vectors) float* vectors() { return memory.vectors; }
EXPORT(codes) std::int8_t* codes() { return memory.codes; }
EXPORT(scales) float* scales() { return memory.scales; }
EXPORT(starts) float* starts() { return memory.starts; }
EXPORT(steps) float* steps() { return memory.steps; }
/// The sum of the squares of what the codes of a row stand for, one for each row that was encoded last.
EXPORT(squares) double* squares() { return memory.squares; }

/// The largest magnitude among the staged numbers: infinite or NaN if one of them is.
EXPORT(largest) float largest(std::uint32_t size) { return simd::largest(memory.vectors, size); }

/// The staged vectors, each of `size` numbers, to rows of codes at `to`, with the staged ranges; or with a scale of
/// each row, which takes the place of their steps and leaves starts of 0. Rows of groups get their codes as nibbles.
EXPORT(encode)
void encode(std::uint32_t count, std::uint32_t size, Scaling scaling, int least, int most, int offset, bool floor,
            std::int8_t* to, std::uint32_t stride) {
  const Ranges ranges{memory.starts, memory.steps};
  const Levels levels{least, most, offset, floor ? Rounding::kFloor : Rounding::kHalfEven};
  for (std::uint32_t r = 0; r < count; ++r) {
    const float* x = memory.vectors + std::size_t{r} * size;
    std::fill(to + size, to + stride, std::int8_t{0});
    if (scaling != kShared) {
      const float largest = simd::largest(x, size);
      if (scaling == kOfRow)
        std::fill_n(memory.steps, size, memory.scales[r] = scaleOf(largest, most));
      else
        memory.scales[r] =
            fitGroups(x, size, largest, to + 2 * nibblesOfGroups(stride / 2), memory.starts, memory.steps);
    }
    // Tiles end in what the arrays have beyond these numbers.
    const std::uint32_t whole = (size + 7) / 8 * 8;
    simd::encode(x, whole, ranges, levels, to);
    std::fill(to + size, to + whole, std::int8_t{0});
    memory.squares[r] = squaresOf(to, size, ranges, levels);
    to += stride;
  }
}

/// Rows of an even number of staged codes of 4 bits become rows of nibbles at `to`.
EXPORT(packNibbles) void packNibbles(std::uint32_t size, std::uint8_t* to) {
  for (std::uint32_t i = 0; i < size; i += 2)
    to[i / 2] = static_cast<std::uint8_t>((memory.codes[i] & 15) | memory.codes[i + 1] << 4);
}

/// The signs of the staged vectors to rows of bits at `to`.
EXPORT(packSigns) void packSigns(std::uint32_t count, std::uint32_t size, std::uint8_t* to, std::uint32_t stride) {
  for (std::uint32_t r = 0; r < count; ++r) {
    // The last tile ends in the numbers of the next vector.
    simd::packSigns(memory.vectors + std::size_t{r} * size, (size + 7) / 8 * 8, to);
    std::uint8_t* rest = to + size / 8;
    if (size % 8 != 0) *rest++ &= static_cast<std::uint8_t>(0xff00 >> size % 8);
    std::fill(rest, to + stride, std::uint8_t{0});
    to += stride;
  }
}

/// Query `i` of those that search together, which is to find the best `room` vectors.
EXPORT(startQuery) void startQuery(std::uint32_t i, double factor, double bias, Hit* hits, std::uint32_t room) {
  memory.queries[i] = {factor, bias, {hits, room, 0}};
}

/// Brings what query `i` has found in order; gives how many there are.
EXPORT(finishQuery) std::uint32_t finishQuery(std::uint32_t i) {
  memory.queries[i].top.sort();
  return memory.queries[i].top.count;
}

/// Offers `count` rows to all queries, block by block. There must be kRows * n of them to read, whatever the rest
/// holds.
EXPORT(search)
void search(Kind kind, std::uint32_t queryCount, const std::uint8_t* queries, std::uint32_t queryBytes,
            const std::uint8_t* rows, std::uint32_t stride, std::uint32_t count, std::uint32_t first, int dimensions,
            const float* factors, const float* offsets, const std::uint8_t* allowed) {
  static std::int32_t dots[kBlockRows];
  const Candidates candidates{factors, offsets, allowed};
  const std::uint32_t blockRows =
      std::clamp<std::uint32_t>(static_cast<std::uint32_t>(kBlockBytes) / stride / kRows * kRows, kRows, kBlockRows);
  for (std::uint32_t from = 0; from < count; from += blockRows) {
    const std::uint32_t to = std::min(count, from + blockRows);
    const std::uint32_t size = (to - from + kRows - 1) / kRows * kRows;
    const std::uint8_t* block = rows + std::size_t{from} * stride;
    for (std::uint32_t q = 0; q < queryCount; ++q) {
      Query& query = memory.queries[q];
      const std::uint8_t* bytes = queries + std::size_t{q} * queryBytes;
      const auto* numbers = reinterpret_cast<const std::int16_t*>(bytes);
      if (kind == kBytes)
        simd::dots(numbers, reinterpret_cast<const std::int8_t*>(block), stride, size, dots);
      else if (kind == kNibbles)
        simd::dotsOfNibbles(numbers, block, stride, size, dots);
      else if (kind == kGroups)
        simd::dotsOfGroups(numbers, block, stride, size, dots);
      else
        simd::dotsOfBits(bytes, block, stride, size, dimensions, dots);
      offerAll(query, dots, candidates, from, to, first);
    }
  }
}

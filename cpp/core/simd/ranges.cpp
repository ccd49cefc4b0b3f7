#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "../kernels.h"
#include "columns.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// As in the vectors: by the bits, which puts NaN above infinity above every number, and takes no branch.
template <typename T>
void raise(T& largest, T magnitude) {
  using Bits = std::conditional_t<sizeof(T) == sizeof(float), std::uint32_t, std::uint64_t>;
  largest = __builtin_bit_cast(T, std::max(__builtin_bit_cast(Bits, largest), __builtin_bit_cast(Bits, magnitude)));
}

template <typename T>
T rangeOfRun(const T* weights, std::size_t count) {
  using L = Lanes<T>;
  // Several vectors of keys, or each step would wait for the one before it.
  constexpr std::size_t kKeys = 4;
  constexpr std::size_t kStep = kKeys * L::kCount;
  v128_t keys[kKeys];
  for (v128_t& key : keys) key = L::splat(0);
  std::size_t at = 0;
  for (; at + kStep <= count; at += kStep) {
#pragma GCC unroll 8
    for (std::size_t k = 0; k < kKeys; ++k)
      keys[k] = L::maxKey(keys[k], L::magnitudeKey(wasm_v128_load(weights + at + k * L::kCount)));
  }
  for (; at + L::kCount <= count; at += L::kCount)
    keys[0] = L::maxKey(keys[0], L::magnitudeKey(wasm_v128_load(weights + at)));
  if (at < count) {
    T rest[L::kCount] = {};
    std::copy(weights + at, weights + count, rest);
    keys[1] = L::maxKey(keys[1], L::magnitudeKey(wasm_v128_load(rest)));
  }
  // Without branches to the end: for short runs, mispredicting them took longer than all else.
  return L::largestMagnitude(L::maxKey(L::maxKey(keys[0], keys[1]), L::maxKey(keys[2], keys[3])));
}

template <typename T>
void rangesOfColumns(const T* weights, Extent extent, const ColumnChunk& chunk, T* largest) {
  using L = Lanes<T>;
  T columns[kChunk] = {};  // keys where whole vectors are, magnitudes in the rest
  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  // Four rows at a time, as the keys of a column are loaded and stored for each. Where fewer are left, the last one
  // stands in for the missing: seeing it again changes nothing.
  constexpr std::size_t kRows = 4;
  for (std::size_t o = 0; o < extent.outer; o += kRows) {
    const T* rows[kRows];
    for (std::size_t r = 0; r < kRows; ++r)
      rows[r] = weights + chunk.offset + std::min<std::size_t>(o + r, extent.outer - 1) * stride;
    std::size_t at = 0;
    for (; at + L::kCount <= chunk.width; at += L::kCount) {
      v128_t key = wasm_v128_load(columns + at);
#pragma GCC unroll 4
      for (std::size_t r = 0; r < kRows; ++r) key = L::maxKey(key, L::magnitudeKey(wasm_v128_load(rows[r] + at)));
      wasm_v128_store(columns + at, key);
    }
    for (; at < chunk.width; ++at)
      for (const T* row : rows) raise(columns[at], std::fabs(row[at]));
  }
  for (std::size_t at = 0; at + L::kCount <= chunk.width; at += L::kCount)
    wasm_v128_store(columns + at, L::magnitudeOfKey(wasm_v128_load(columns + at)));
  for (std::size_t column = 0; column < chunk.width; ++column)
    raise(largest[chunk.firstChannel + column / extent.inner], columns[column]);
}

}  // namespace

template <typename T>
void ranges(const T* weights, Extent extent, T* largest) {
  if (extent.outer > 1 && inColumns(extent)) {
    forEachColumnChunk(extent, [&](const ColumnChunk& chunk) { rangesOfColumns(weights, extent, chunk, largest); });
    return;
  }
  for (std::size_t o = 0; o < extent.outer; ++o)
    for (std::size_t c = 0; c < extent.channels; ++c, weights += extent.inner)
      raise(largest[c], rangeOfRun(weights, extent.inner));
}

template void ranges(const float*, Extent, float*);
template void ranges(const double*, Extent, double*);

}  // namespace channelwise::simd

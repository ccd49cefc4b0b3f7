#include <cmath>
#include <cstdint>

#include "../kernels.h"
#include "columns.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// As in the vectors: NaN above infinity above every number.
template <typename T>
void raise(T& largest, T magnitude) {
  if (!(magnitude <= largest) && largest == largest) largest = magnitude;
}

/// Raises the keys of a tile's vectors.
template <typename T>
inline void rangeTile(const T* weights, v128_t* keys) {
  using L = Lanes<T>;
#pragma GCC unroll 8
  for (std::size_t v = 0; v < L::kVectors; ++v)
    keys[v] = L::maxKey(keys[v], L::magnitudeKey(wasm_v128_load(weights + v * L::kCount)));
}

template <typename T>
T rangeOfRun(const T* weights, std::size_t count) {
  using L = Lanes<T>;
  v128_t keys[L::kVectors];
  for (v128_t& key : keys) key = L::splat(0);
  std::size_t at = 0;
  for (; at + kTile <= count; at += kTile) rangeTile(weights + at, keys);
#pragma GCC unroll 8
  for (std::size_t v = 1; v < L::kVectors; ++v) keys[0] = L::maxKey(keys[0], keys[v]);
  T lanes[L::kCount];
  wasm_v128_store(lanes, L::magnitudeOfKey(keys[0]));
  T result = 0;
  for (T lane : lanes) raise(result, lane);
  for (; at < count; ++at) raise(result, std::fabs(weights[at]));
  return result;
}

template <typename T>
void rangesOfColumns(const T* weights, Extent extent, const ColumnChunk& chunk, T* largest) {
  using L = Lanes<T>;
  T columns[kChunk] = {};  // keys where whole vectors are, magnitudes in the rest
  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  for (std::size_t o = 0; o < extent.outer; ++o) {
    const T* row = weights + o * stride + chunk.offset;
    std::size_t at = 0;
    for (; at + L::kCount <= chunk.width; at += L::kCount)
      wasm_v128_store(columns + at, L::maxKey(wasm_v128_load(columns + at), L::magnitudeKey(wasm_v128_load(row + at))));
    for (; at < chunk.width; ++at) raise(columns[at], std::fabs(row[at]));
  }
  for (std::size_t at = 0; at + L::kCount <= chunk.width; at += L::kCount)
    wasm_v128_store(columns + at, L::magnitudeOfKey(wasm_v128_load(columns + at)));
  for (std::size_t column = 0; column < chunk.width; ++column)
    raise(largest[chunk.firstChannel + column / extent.inner], columns[column]);
}

}  // namespace

template <typename T>
void ranges(const T* weights, Extent extent, T* largest) {
  if (inColumns(extent)) {
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

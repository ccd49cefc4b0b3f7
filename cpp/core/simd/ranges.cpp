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

/// largest[v] = the larger of itself and |weights|, for the vectors v of a tile.
template <typename T>
inline void rangeTile(const T* weights, v128_t* largest) {
  using L = Lanes<T>;
  for (std::size_t v = 0; v < L::kVectors; ++v)
    largest[v] = L::maxMagnitude(largest[v], L::abs(wasm_v128_load(weights + v * L::kCount)));
}

template <typename T>
T rangeOfRun(const T* weights, std::size_t count) {
  using L = Lanes<T>;
  v128_t largest[L::kVectors];
  for (v128_t& vector : largest) vector = L::splat(0);
  PartTile<T> part;
  for (std::size_t at = 0; at < count; at += kTile) rangeTile(part.toRead(weights + at, count - at), largest);
  for (std::size_t v = 1; v < L::kVectors; ++v) largest[0] = L::maxMagnitude(largest[0], largest[v]);
  T lanes[L::kCount];
  wasm_v128_store(lanes, largest[0]);
  T result = 0;
  for (T lane : lanes) raise(result, lane);
  return result;
}

template <typename T>
void rangesOfColumns(const T* weights, Extent extent, const ColumnChunk& chunk, T* largest) {
  using L = Lanes<T>;
  T columns[kChunk] = {};
  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  PartTile<T> part;
  for (std::size_t o = 0; o < extent.outer; ++o) {
    const T* row = weights + o * stride + chunk.offset;
    for (std::size_t at = 0; at < chunk.width; at += kTile) {
      v128_t vectors[L::kVectors];
      for (std::size_t v = 0; v < L::kVectors; ++v) vectors[v] = wasm_v128_load(columns + at + v * L::kCount);
      rangeTile(part.toRead(row + at, chunk.width - at), vectors);
      for (std::size_t v = 0; v < L::kVectors; ++v) wasm_v128_store(columns + at + v * L::kCount, vectors[v]);
    }
  }
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

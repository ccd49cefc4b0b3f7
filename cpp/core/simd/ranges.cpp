#include <algorithm>
#include <cstddef>

#include "../kernels.h"
#include "lanes.h"
#include "tiling.h"

namespace channelwise::simd {

namespace {

/// Tiles have four vectors: with fewer, each step would wait for the one before it.
template <typename T>
constexpr std::size_t kWideTile = 4 * Lanes<T>::kCount;

template <typename T>
struct RangesJob {
  const T* weights;
  T* largest;  ///< one for each run or column of the span
};

/// This has no branch: mispredicting one would take longer than all else.
template <typename T>
void raise(T* largest, v128_t magnitude) {
  using L = Lanes<T>;
  L::storeFirst(largest, L::maxMagnitude(magnitude, L::loadSplat(largest)));
}

template <typename T>
void rangesOfStacks(void* opaqueJob, const Stacks& stacks) {
  using L = Lanes<T>;
  const auto& job = *static_cast<const RangesJob<T>*>(opaqueJob);
  const bool ofColumns = stacks.ofColumns;
  T* largest = job.largest + stacks.scale;
  for (std::size_t j = 0; j < stacks.count; ++j, largest += stacks.scaleStep) {
    const T* weights = job.weights + stacks.at + j * stacks.step;
    if (stacks.width < kWideTile<T>) {
      for (std::size_t row = stacks.rows; row > 0; --row, weights += stacks.stride)
        for (std::size_t i = 0; i < stacks.width; ++i)
          raise(ofColumns ? largest + i : largest, L::abs(L::loadSplat(weights + i)));
      continue;
    }
    v128_t magnitudes[4];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < 4; ++v)
      magnitudes[v] = ofColumns ? wasm_v128_load(largest + v * L::kCount) : L::splat(0);
    for (std::size_t row = stacks.rows; row > 0; --row, weights += stacks.stride) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < 4; ++v)
        magnitudes[v] = L::maxMagnitude(magnitudes[v], L::abs(wasm_v128_load(weights + v * L::kCount)));
    }
    if (ofColumns) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < 4; ++v) wasm_v128_store(largest + v * L::kCount, magnitudes[v]);
    } else {
      raise(largest, L::largestMagnitude(L::maxMagnitude(L::maxMagnitude(magnitudes[0], magnitudes[1]),
                                                         L::maxMagnitude(magnitudes[2], magnitudes[3]))));
    }
  }
}

}  // namespace

template <typename T>
void ranges(const T* weights, Extent extent, T* largest) {
  const std::size_t inner = extent.inner;
  for (Span span(extent); span.channels > 0; span.advance(extent)) {
    T* ofChannels = largest + span.first;
    T columns[kLanes];
    const bool isFolded = span.ofColumns && inner > 1;
    if (isFolded) std::fill_n(columns, kLanes, T{0});
    RangesJob<T> job{weights, isFolded ? columns : ofChannels};
    forEachStacks(extent, span, {kWideTile<T>, kWideTile<T>, 1024}, rangesOfStacks<T>, &job);
    if (!isFolded) continue;
    for (std::size_t column = 0; column < span.channels * inner; ++column)
      raise(ofChannels + column / inner, Lanes<T>::loadSplat(columns + column));
  }
}

template void ranges(const float*, Extent, float*);
template void ranges(const double*, Extent, double*);

}  // namespace channelwise::simd

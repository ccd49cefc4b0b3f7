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
  T* largest;     ///< one for each run or column of the span, or one side of each run
  v128_t turned;  ///< the sign of the side to look at, or the bits of a magnitude
};

/// Whether ranges are magnitudes or one side.
enum class Of { kMagnitudes, kSide };

/// There is no branch, since a misprediction would take longer than everything else.
template <typename T>
void raise(T* largest, v128_t magnitude) {
  using L = Lanes<T>;
  L::storeFirst(largest, L::maxMagnitude(magnitude, L::loadSplat(largest)));
}

template <typename T, Of kOf>
void rangesOfStacks(void* opaqueJob, const Stacks& stacks) {
  using L = Lanes<T>;
  const auto& job = *static_cast<const RangesJob<T>*>(opaqueJob);
  const bool ofColumns = stacks.ofColumns;
  const v128_t turned = job.turned;
  const auto reach = [&](v128_t weights) __attribute__((always_inline)) {
    return kOf == Of::kSide ? wasm_v128_xor(weights, turned) : wasm_v128_and(weights, turned);
  };
  const std::size_t apart = kOf == Of::kSide && !ofColumns ? 2 : 1;
  T* largest = job.largest + apart * stacks.scale;
  for (std::size_t j = 0; j < stacks.count; ++j, largest += apart * stacks.scaleStep) {
    const T* weights = job.weights + stacks.at + j * stacks.step;
    if (stacks.width < kWideTile<T>) {
      for (std::size_t row = stacks.rows; row > 0; --row, weights += stacks.stride)
        for (std::size_t i = 0; i < stacks.width; ++i)
          raise(ofColumns ? largest + i : largest, reach(L::loadSplat(weights + i)));
      continue;
    }
    v128_t magnitudes[4];
#pragma GCC unroll 4
    for (std::size_t v = 0; v < 4; ++v)
      magnitudes[v] = ofColumns ? wasm_v128_load(largest + v * L::kCount) : L::splat(0);
    for (std::size_t row = stacks.rows; row > 0; --row, weights += stacks.stride) {
#pragma GCC unroll 4
      for (std::size_t v = 0; v < 4; ++v)
        magnitudes[v] = L::maxMagnitude(magnitudes[v], reach(wasm_v128_load(weights + v * L::kCount)));
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

/// With sides, `largest` is one side of the first range of several.
template <typename T, Of kOf>
[[gnu::noinline]] void rangesOf(const T* weights, Extent extent, T* largest, v128_t turned) {
  constexpr std::size_t kApart = kOf == Of::kSide ? 2 : 1;
  const std::size_t inner = extent.inner;
  for (Span span(extent); span.channels > 0; span.advance(extent)) {
    T* ofChannels = largest + kApart * span.first;
    T columns[kLanes];
    const bool isFolded = span.ofColumns && (kApart > 1 || inner > 1);
    if (isFolded) std::fill_n(columns, kLanes, T{0});
    RangesJob<T> job{weights, isFolded ? columns : ofChannels, turned};
    forEachStacks(extent, span, {kWideTile<T>, kWideTile<T>, 1024}, rangesOfStacks<T, kOf>, &job);
    if (!isFolded) continue;
    for (std::size_t column = 0; column < span.channels * inner; ++column)
      raise(ofChannels + kApart * (column / inner), Lanes<T>::loadSplat(columns + column));
  }
}

}  // namespace

template <typename T>
void ranges(const T* weights, Extent extent, T* largest) {
  rangesOf<T, Of::kMagnitudes>(weights, extent, largest, Lanes<T>::magnitudeBits());
}

template <>
void ranges(const float* weights, Extent extent, Range<float>* ranges) {
  rangesOf<float, Of::kSide>(weights, extent, &ranges->up, wasm_f32x4_splat(0));
  rangesOf<float, Of::kSide>(weights, extent, &ranges->down, wasm_f32x4_splat(-0.0f));
}

/// float64 weights are rare where both sides are needed: vectors for them are not worth their bytes.
template <>
void ranges(const double* weights, Extent extent, Range<double>* ranges) {
  for (std::size_t o = 0; o < extent.outer; ++o)
    for (std::size_t c = 0; c < extent.channels; ++c)
      for (std::size_t i = 0; i < extent.inner; ++i, ++weights) {
        raise(&ranges[c].up, Lanes<double>::maxMagnitude(wasm_f64x2_splat(0), Lanes<double>::loadSplat(weights)));
        raise(&ranges[c].down,
              Lanes<double>::maxMagnitude(wasm_f64x2_splat(0), wasm_f64x2_neg(Lanes<double>::loadSplat(weights))));
      }
}

template void ranges(const float*, Extent, float*);
template void ranges(const double*, Extent, double*);

}  // namespace channelwise::simd

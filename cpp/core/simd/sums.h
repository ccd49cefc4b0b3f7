#pragma once

#include <algorithm>
#include <cstddef>

#include "../error_figures.h"
#include "lanes.h"
#include "tiling.h"

// Error figures in vectors. Squares are formed in T; those of a stack or a few are added in T, the rest in float64.

namespace channelwise::simd {

/// The sums of the tiles of one stack, for each place in a tile.
template <typename T>
struct StackSums {
  v128_t error[2];  // sums of squares
  v128_t weight[2];
  v128_t largest[2];  // keys of |error|

  void clear() { error[0] = error[1] = weight[0] = weight[1] = largest[0] = largest[1] = Lanes<T>::splat(0); }
};

/// The sums of all weights.
template <typename T>
struct TotalSums {
  using L = Lanes<T>;

  v128_t error = L::splat(0);  // in T, until they are flushed
  v128_t weight = L::splat(0);
  v128_t largest = L::splat(0);
  v128_t errorFlushed = wasm_f64x2_splat(0);
  v128_t weightFlushed = wasm_f64x2_splat(0);

  void flush() {
    errorFlushed = wasm_f64x2_add(errorFlushed, L::pairSums(error));
    weightFlushed = wasm_f64x2_add(weightFlushed, L::pairSums(weight));
    error = weight = L::splat(0);
  }

  /// The figures, which are complete after a flush.
  ErrorFigures figures() const {
    ErrorFigures figures;
    figures.error.value = wasm_f64x2_extract_lane(errorFlushed, 0) + wasm_f64x2_extract_lane(errorFlushed, 1);
    figures.weight.value = wasm_f64x2_extract_lane(weightFlushed, 0) + wasm_f64x2_extract_lane(weightFlushed, 1);
    T ofAll;
    L::storeFirst(&ofAll, L::largestMagnitude(L::magnitudeOfKey(largest)));
    figures.largest = ofAll;
    return figures;
  }
};

/// The sums of every lane of a span.
template <typename T>
struct LaneSums {
  double error[kLanes];
  double weight[kLanes];
  T largest[kLanes];

  void add(std::size_t lane, const StackSums<T>& sums) {
    using L = Lanes<T>;
#pragma GCC unroll 2
    for (std::size_t v = 0; v < 2; ++v, lane += L::kCount) {
      L::addTo(error + lane, sums.error[v]);
      L::addTo(weight + lane, sums.weight[v]);
      wasm_v128_store(largest + lane, L::max(wasm_v128_load(largest + lane), L::magnitudeOfKey(sums.largest[v])));
    }
  }

  /// The figures of some lanes, as plain values.
  ErrorFigures figures(std::size_t first, std::size_t count) const {
    ErrorFigures figures;
    for (std::size_t lane = first; lane < first + count; ++lane) {
      figures.error.value += error[lane];
      figures.weight.value += weight[lane];
      figures.largest = std::max<double>(figures.largest, largest[lane]);
    }
    return figures;
  }
};

/// Whether sums of squares formed in T are exact enough: no square overflowed, and those that underflowed are far below
/// the sum. Where every error is 0, so is their sum.
template <typename T>
bool areSound(const ErrorFigures& figures) {
  constexpr bool kSingle = sizeof(T) == sizeof(float);
  constexpr double kLow = kSingle ? 0x1p-90 : 0x1p-900;
  constexpr double kHigh = kSingle ? 0x1p120 : 0x1p990;
  const auto isSound = [](double sum) { return sum >= kLow && sum <= kHigh; };
  return isSound(figures.weight.value) && (figures.largest == 0 || isSound(figures.error.value));
}

}  // namespace channelwise::simd

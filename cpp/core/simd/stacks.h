#pragma once

#include <cstddef>

#include "../rule.h"
#include "lanes.h"
#include "sums.h"

namespace channelwise::simd {

/// Elements of a tile, which is what a step of a kernel handles: two vectors.
template <typename T>
constexpr std::size_t kTile = 2 * Lanes<T>::kCount;

/// What to quantize, and where to put it: `count` stacks, `step` elements apart, each of `rows` tiles, `stride`
/// elements apart, which share their scales. So the tiles of runs follow each other, and those of columns lie below
/// each other.
template <typename T>
struct Stacks {
  const T* weights;
  Codes quantized;
  T* dequantized;  ///< or null
  std::size_t count;
  std::size_t step;
  std::size_t rows;  ///< at most kRows
  std::size_t stride;
  const T* scales;
  const T* reciprocals;   ///< of the scales
  std::size_t scaleStep;  ///< from stack to stack: kTile where every column has a scale, 1 or 0 where a stack has one
  std::size_t lane;       ///< of the first stack in LaneSums
  std::size_t laneStep;

  /// The same from another element on.
  Stacks from(std::size_t at) const {
    Stacks stacks = *this;
    stacks.weights += at;
    stacks.quantized = quantized.from(at);
    if (dequantized) stacks.dequantized += at;
    return stacks;
  }
};

/// Tiles of a stack at most. Where the sums of a stack are formed in T, no square passes through more than 16 roundings
/// before they are added in float64, an error below 9.6e-7 in float32: its own, that of a pair, rows - 1 of the stack
/// and 15 - rows of stacks.
constexpr std::size_t kRows = 14;

/// How the kernels of one call make codes, and where its error figures go.
template <typename T>
struct Job {
  using L = Lanes<T>;

  v128_t qmin;
  v128_t qmax;
  bool divide;
  TotalSums<T> total;
  LaneSums<T>* lanes;
};

template <typename T>
[[gnu::always_inline]] inline void loadScales(const T* from, bool ofColumns, v128_t* scales) {
  using L = Lanes<T>;
  if (ofColumns) {
    scales[0] = wasm_v128_load(from);
    scales[1] = wasm_v128_load(from + L::kCount);
  } else {
    scales[0] = scales[1] = L::loadSplat(from);
  }
}

/// One stack by the rule as it stands, for all scales and widths of codes.
template <typename T>
[[gnu::noinline]] void divideStack(const Job<T>& job, const Stacks<T>& stacks, const T* weights, const T* scales,
                                   std::byte* quantized, T* dequantized, std::size_t rows, std::size_t stride,
                                   StackSums<T>& result) {
  using L = Lanes<T>;
  const bool wide = stacks.quantized.wide;
  const std::size_t codeStride = stacks.quantized.bytes(stride);
  const v128_t qmin = job.qmin;
  const v128_t qmax = job.qmax;
  const v128_t rounder = opaque(L::splat(L::kRounder));
  v128_t scale[2];
  loadScales(scales, stacks.scaleStep == kTile<T>, scale);
  StackSums<T> sums;
  sums.clear();
  for (; rows > 0; --rows) {
    v128_t rounded[2];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < 2; ++v) {
      const v128_t weight = wasm_v128_load(weights + v * L::kCount);
      // Clamping before rounding gives what clamping after it does, because the limits are integers.
      rounded[v] = L::add(L::max(L::min(L::div(weight, scale[v]), qmax), qmin), rounder);
      const v128_t back = L::mul(L::sub(rounded[v], rounder), scale[v]);
      if (dequantized) wasm_v128_store(dequantized + v * L::kCount, back);
      const v128_t error = L::sub(weight, back);
      sums.error[v] = L::add(sums.error[v], L::mul(error, error));
      sums.weight[v] = L::add(sums.weight[v], L::mul(weight, weight));
      sums.largest[v] = L::maxNumberKey(sums.largest[v], L::magnitudeKey(error));
    }
    L::storeCodes(quantized, wide, L::integers(rounded, rounder));
    weights += stride;
    quantized += codeStride;
    if (dequantized) dequantized += stride;
  }
  result = sums;
}

/// What a kernel makes: kTotals and kTotalsAndValues (dequantized) figures of all weights, kLanes those of every lane,
/// and values where they are asked for.
enum class Makes { kCodes, kTotals, kTotalsAndValues, kLanes };

/// The kernel: codes from products with the reciprocals, and for the stacks in which one of them may differ from the
/// quotient's, by division. kAreRuns: every stack has one scale.
template <Makes kMakes, bool kAreRuns, typename T>
[[gnu::noinline]] void quantizeStacks(Job<T>& job, const Stacks<T>& stacks) {
  using L = Lanes<T>;
  constexpr bool kHasFigures = kMakes != Makes::kCodes;
  constexpr bool kHasTotals = kMakes == Makes::kTotals || kMakes == Makes::kTotalsAndValues;
  // Codes alone of runs are made 16 at a time.
  constexpr std::size_t kVectors = kAreRuns && !kHasFigures ? 4 : 2;
  constexpr std::size_t kSums = kAreRuns ? 1 : 2;
  const v128_t rounder = opaque(L::splat(kHasFigures ? L::kRounder : L::kFixer));
  const v128_t fixerOfCodes = opaque(L::fixerOfCodes());
  const bool divide = job.divide;
  const std::size_t rows = stacks.rows;
  const std::size_t stride = stacks.stride;
  const std::size_t step = stacks.step;
  const std::size_t scaleStep = stacks.scaleStep;
  const T* scales = stacks.scales;
  const T* reciprocals = stacks.reciprocals;
  const T* stackWeights = stacks.weights;
  std::byte* stackQuantized = static_cast<std::byte*>(stacks.quantized.data);
  // No wide codes of float32 weights come from products.
  const bool wide = sizeof(T) > sizeof(float) && stacks.quantized.wide;
  const std::size_t codeStride = wide ? 2 * stride : stride;
  const std::size_t codeStep = stacks.quantized.bytes(stacks.step);
  T* stackDequantized = stacks.dequantized;
  TotalSums<T> total = job.total;
  std::size_t lane = stacks.lane;
  const std::size_t untilFlush = 16 - rows;
  std::size_t pending = untilFlush;
  for (std::size_t j = stacks.count; j > 0; --j) {
    StackSums<T> sums;
    sums.clear();
    bool isSure = !divide;
    if (isSure) {
      v128_t scale[2];
      v128_t reciprocal[2];
      loadScales(scales, !kAreRuns && scaleStep == kTile<T>, scale);
      loadScales(reciprocals, !kAreRuns && scaleStep == kTile<T>, reciprocal);
      v128_t smallestFractions = wasm_i32x4_splat(-1);
      const T* weights = stackWeights;
      std::byte* quantized = stackQuantized;
      T* dequantized = stackDequantized;
      for (std::size_t row = rows; row > 0; --row) {
        v128_t weight[kVectors];
        v128_t rounded[kVectors];
        v128_t error[kVectors];
#pragma GCC unroll 4
        for (std::size_t v = 0; v < kVectors; ++v) {
          weight[v] = wasm_v128_load(weights + v * L::kCount);
          rounded[v] = L::add(L::mul(weight[v], reciprocal[v % 2]), rounder);
          if constexpr (kHasFigures) {
            const v128_t back = L::mul(L::sub(rounded[v], rounder), scale[v % 2]);
            if (kMakes == Makes::kTotalsAndValues || (kMakes == Makes::kLanes && dequantized))
              wasm_v128_store(dequantized + v * L::kCount, back);
            error[v] = L::sub(weight[v], back);
          }
          if constexpr (kMakes == Makes::kLanes) {
            sums.error[v] = L::add(sums.error[v], L::mul(error[v], error[v]));
            sums.weight[v] = L::add(sums.weight[v], L::mul(weight[v], weight[v]));
          }
        }
        v128_t codes[kVectors / 2];
#pragma GCC unroll 2
        for (std::size_t p = 0; p < kVectors / 2; ++p) {
          if constexpr (kHasFigures) {
            codes[p] = L::integers(rounded + 2 * p, rounder);
          } else {
            codes[p] = L::integersOfFixed(rounded + 2 * p, fixerOfCodes);
            smallestFractions = L::smallestFractions(smallestFractions, rounded + 2 * p);
          }
        }
        if constexpr (kVectors == 4)
          wasm_v128_store(quantized, wasm_i8x16_narrow_i16x8(codes[0], codes[1]));
        else
          L::storeCodes(quantized, wide, codes[0]);
        if constexpr (kHasTotals) {
          sums.error[0] = L::add(sums.error[0], L::add(L::mul(error[0], error[0]), L::mul(error[1], error[1])));
          sums.weight[0] = L::add(sums.weight[0], L::add(L::mul(weight[0], weight[0]), L::mul(weight[1], weight[1])));
        }
        if constexpr (kHasFigures) {
#pragma GCC unroll 2
          for (std::size_t v = 0; v < 2; ++v)
            sums.largest[v % kSums] = L::maxNumberKey(sums.largest[v % kSums], L::magnitudeKey(error[v]));
        }
        weights += stride;
        quantized += codeStride;
        if (kMakes == Makes::kTotalsAndValues || (kMakes == Makes::kLanes && dequantized)) dequantized += stride;
      }
      if constexpr (kMakes == Makes::kCodes) {
        isSure = wasm_i32x4_all_true(wasm_u32x4_shr(smallestFractions, 2));
      } else {
        v128_t areUnsure = wasm_i32x4_splat(0);
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kSums; ++v)
          areUnsure = wasm_v128_or(areUnsure, L::areAbove(L::magnitudeOfKey(sums.largest[v]),
                                                          L::mul(scale[v], L::splat(L::kSureError))));
        isSure = !wasm_v128_any_true(areUnsure);
      }
    }
    if (!isSure) {
      StackSums<T> divided;
      divideStack(job, stacks, stackWeights, scales, stackQuantized, stackDequantized, rows * (kVectors / 2),
                  kVectors == 4 ? kTile<T> : stride, divided);
      sums = divided;
      if constexpr (kHasTotals) {
        sums.error[0] = L::add(sums.error[0], sums.error[1]);
        sums.weight[0] = L::add(sums.weight[0], sums.weight[1]);
      }
    }
    if constexpr (kMakes == Makes::kLanes) {
      job.lanes->add(lane, sums);
      lane += stacks.laneStep;
    }
    if constexpr (kHasTotals) {
      total.error = L::add(total.error, sums.error[0]);
      total.weight = L::add(total.weight, sums.weight[0]);
      total.largest = L::maxNumberKey(total.largest, L::maxNumberKey(sums.largest[0], sums.largest[1]));
      if (--pending == 0) {
        total.flush();
        pending = untilFlush;
      }
    }
    scales += scaleStep;
    reciprocals += scaleStep;
    stackWeights += step;
    stackQuantized += codeStep;
    if (stackDequantized) stackDequantized += step;
  }
  if constexpr (kHasTotals) {
    total.flush();
    job.total = total;
  }
}

}  // namespace channelwise::simd

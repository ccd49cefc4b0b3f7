#pragma once

// The stacks of tiles of a block: their weights become codes, by products with reciprocals where these are exact enough
// and by quotients elsewhere. quantize.cpp, which alone includes this, chooses the kernels and gives them their stacks.

#include <cstddef>
#include <cstdint>

#include "../kernels.h"
#include "lanes.h"
#include "sums.h"
#include "tiling.h"

namespace channelwise::simd {

/// The most tiles in a stack of runs. No square passes through more than 16 roundings in T before it is added in
/// float64, an error below 9.6e-7 in float32: its own, that of a pair, rows - 1 of the stack and 15 - rows of stacks.
constexpr std::size_t kRows = 14;

template <typename T>
struct QuantizeJob {
  const T* weights;
  Codes quantized;
  T* dequantized;  ///< or null
  const T* scales;
  const T* reciprocals;
  const T* zeroPoints;  ///< as scales, or zeros
  v128_t qmin;
  v128_t qmax;
  bool divide;  ///< for all stacks, since products are not exact enough
  TotalSums<T>* total;
  LaneSums<T>* lanes;
  bool lanesApart;  ///< or else all stacks are added to the first
  void (*kernel)(QuantizeJob& job, const Stacks& stacks);
  void (*runKernel)(QuantizeJob& job, const Stacks& stacks);  ///< for runs, in tiles of runTile
  std::size_t runTile;
};

/// Quantizes one stack by the definition, for all scales and widths of codes. Quotients may be infinite, and are
/// clamped. With zero points, their limits are the distances of the least and the largest code from that of 0.
template <typename T>
[[gnu::noinline]] void divideStack(const QuantizeJob<T>& job, const T* weights, const T* scales, bool ofColumns,
                                   std::byte* quantized, T* dequantized, std::size_t rows, std::size_t stride,
                                   StackSums<T>& result) {
  using L = Lanes<T>;
  const bool wide = job.quantized.wide;
  const std::size_t codeStride = job.quantized.bytes(stride);
  const v128_t rounder = opaque(L::splat(L::kRounder));
  v128_t scale[2];
  v128_t zeroPoint[2];
  v128_t least[2];
  v128_t most[2];
  loadScales(scales, ofColumns, scale);
  loadScales(job.zeroPoints + (scales - job.scales), ofColumns, zeroPoint);
#pragma GCC unroll 2
  for (std::size_t v = 0; v < 2; ++v) {
    least[v] = L::sub(job.qmin, zeroPoint[v]);
    most[v] = L::sub(job.qmax, zeroPoint[v]);
  }
  // Values that nobody asked for are written to one place: a branch would take longer.
  T unused[kTile<T>];
  const std::size_t dequantizedStride = dequantized ? stride : 0;
  if (!dequantized) dequantized = unused;
  StackSums<T> sums;
  sums.clear();
  for (; rows > 0; --rows) {
    v128_t rounded[2];
#pragma GCC unroll 2
    for (std::size_t v = 0; v < 2; ++v) {
      const v128_t weight = wasm_v128_load(weights + v * L::kCount);
      // Clamping before rounding equals clamping after it, because the limits are integers.
      rounded[v] = L::add(L::max(L::min(L::div(weight, scale[v]), most[v]), least[v]), rounder);
      const v128_t back = L::mul(L::sub(rounded[v], rounder), scale[v]);
      wasm_v128_store(dequantized + v * L::kCount, back);
      const v128_t error = L::sub(weight, back);
      sums.error[v] = L::add(sums.error[v], L::mul(error, error));
      sums.weight[v] = L::add(sums.weight[v], L::mul(weight, weight));
      sums.largest[v] = L::maxKey(sums.largest[v], L::key(error));
      rounded[v] = L::add(rounded[v], zeroPoint[v]);
    }
    L::storeCodes(quantized, wide, L::integers(rounded, rounder));
    weights += stride;
    quantized += codeStride;
    dequantized += dequantizedStride;
  }
  result = sums;
}

/// The outputs of a kernel: codes, with error figures of all weights or of every lane, and with dequantized values.
enum class Makes { kCodes, kTotals, kTotalsAndValues, kLanesAndValues };

/// The kernel. Codes come from products with the reciprocals, for positive scales that cover the weights; stacks in
/// which a product may give another code than the quotient are divided. Products need no clamping: none rounds to more
/// than qmax. kAreRuns: every stack has one scale.
template <Makes kMakes, bool kAreRuns, typename T>
void quantizeStacks(QuantizeJob<T>& job, const Stacks& stacks) {
  using L = Lanes<T>;
  constexpr bool kHasFigures = kMakes != Makes::kCodes;
  constexpr bool kHasTotals = kMakes == Makes::kTotals || kMakes == Makes::kTotalsAndValues;
  constexpr bool kHasLanes = kMakes == Makes::kLanesAndValues;
  // Codes of runs without figures are made 16 at a time.
  constexpr std::size_t kVectors = kAreRuns && !kHasFigures ? 4 : 2;
  constexpr std::size_t kSums = kAreRuns ? 1 : 2;
  const v128_t rounder = opaque(L::splat(kHasFigures ? L::kRounder : L::kFixer));
  const v128_t fixerOfCodes = opaque(L::fixerOfCodes());
  const bool divide = job.divide;
  const std::size_t rows = stacks.rows;
  const std::size_t stride = stacks.stride;
  const std::size_t step = stacks.step;
  const std::size_t scaleStep = stacks.scaleStep;
  const bool ofColumns = !kAreRuns && stacks.ofColumns;
  const T* scales = job.scales + stacks.scale;
  const T* reciprocals = job.reciprocals + stacks.scale;
  const T* stackWeights = job.weights + stacks.at;
  std::byte* stackQuantized = static_cast<std::byte*>(job.quantized.from(stacks.at).data);
  // Wide codes of float32 weights never come from products.
  const bool wide = sizeof(T) > sizeof(float) && job.quantized.wide;
  const std::size_t codeStride = wide ? 2 * stride : stride;
  const std::size_t codeStep = job.quantized.bytes(step);
  T unused[kTile<T>];  // as above
  const bool dequantize = job.dequantized != nullptr;
  T* stackDequantized = dequantize ? job.dequantized + stacks.at : unused;
  const std::size_t dequantizedStep = dequantize ? step : 0;
  const std::size_t dequantizedStride = dequantize ? stride : 0;
  TotalSums<T> total = *job.total;
  std::size_t lane = job.lanesApart ? stacks.lane(kTile<T>) : 0;
  const std::size_t laneStep = job.lanesApart ? stacks.laneStep(kTile<T>) : 0;
  const std::size_t untilFlush = 16 - rows;
  std::size_t pending = untilFlush;
  for (std::size_t j = stacks.count; j > 0; --j) {
    StackSums<T> sums;
    sums.clear();
    bool isSure = !divide;
    if (isSure) {
      v128_t scale[2];
      v128_t reciprocal[2];
      loadScales(scales, ofColumns, scale);
      loadScales(reciprocals, ofColumns, reciprocal);
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
            if (kMakes != Makes::kTotals) wasm_v128_store(dequantized + v * L::kCount, back);
            error[v] = L::sub(weight[v], back);
          }
          if constexpr (kHasLanes) {
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
            sums.largest[v % kSums] = L::maxKey(sums.largest[v % kSums], L::key(error[v]));
        }
        weights += stride;
        quantized += codeStride;
        dequantized += dequantizedStride;
      }
      if constexpr (kMakes == Makes::kCodes) {
        isSure = wasm_i32x4_all_true(wasm_u32x4_shr(smallestFractions, 2));  // four or more
      } else {
        v128_t areUnsure = wasm_i32x4_splat(0);
#pragma GCC unroll 2
        for (std::size_t v = 0; v < kSums; ++v)
          areUnsure = wasm_v128_or(
              areUnsure, L::areAbove(L::magnitudeOfKey(sums.largest[v]), L::mul(scale[v], L::splat(L::kSureError))));
        isSure = !wasm_v128_any_true(areUnsure);
      }
    }
    if (!isSure) {
      StackSums<T> divided;
      divideStack(job, stackWeights, scales, stacks.ofColumns, stackQuantized, dequantize ? stackDequantized : nullptr,
                  rows * (kVectors / 2), kVectors == 4 ? kTile<T> : stride, divided);
      sums = divided;
      if constexpr (kHasTotals) {
        sums.error[0] = L::add(sums.error[0], sums.error[1]);
        sums.weight[0] = L::add(sums.weight[0], sums.weight[1]);
      }
    }
    if constexpr (kHasLanes) {
      job.lanes->add(lane, sums);
      lane += laneStep;
    }
    if constexpr (kHasTotals) {
      total.error = L::add(total.error, sums.error[0]);
      total.weight = L::add(total.weight, sums.weight[0]);
      total.largest = L::maxKey(total.largest, L::maxKey(sums.largest[0], sums.largest[1]));
      if (--pending == 0) {
        total.flush();
        pending = untilFlush;
      }
    }
    scales += scaleStep;
    reciprocals += scaleStep;
    stackWeights += step;
    stackQuantized += codeStep;
    stackDequantized += dequantizedStep;
  }
  if constexpr (kHasTotals) {
    total.flush();
    *job.total = total;
  }
}

}  // namespace channelwise::simd

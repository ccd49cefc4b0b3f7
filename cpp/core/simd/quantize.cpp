#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "../kernels.h"
#include "each.h"
#include "lanes.h"
#include "quantize_stacks.h"
#include "sums.h"
#include "tiling.h"
#include "zeros.h"

namespace channelwise::simd {

namespace {

/// Quantizes stacks of pieces that are shorter than a tile. They pass through buffers padded with zero weights, which
/// change no figure, so that nothing outside the arrays is read or written.
template <typename T>
[[gnu::noinline]] void quantizeRests(const QuantizeJob<T>& job, const Stacks& pieces) {
  constexpr std::size_t kPieces = 32;
  T weights[kPieces * kTile<T>] = {};
  std::int16_t codes[kPieces * kTile<T>];  // large enough for both widths
  T back[kPieces * kTile<T>];
  QuantizeJob<T> padded = job;
  padded.weights = weights;
  padded.quantized.data = codes;
  if (job.dequantized) padded.dequantized = back;
  Stacks tiles = pieces;
  tiles.at = 0;
  tiles.step = pieces.rows * kTile<T>;
  tiles.stride = kTile<T>;
  const auto forEachElement = [&](auto visit) {
    std::size_t at = 0;
    for (std::size_t j = 0; j < pieces.count; ++j)
      for (std::size_t row = 0; row < pieces.rows; ++row, at += kTile<T>)
        for (std::size_t i = 0; i < pieces.width; ++i)
          visit(at + i, pieces.at + j * pieces.step + row * pieces.stride + i);
  };
  forEachElement([&](std::size_t at, std::size_t from) { weights[at] = job.weights[from]; });
  job.kernel(padded, tiles);
  forEachElement([&](std::size_t at, std::size_t to) {
    job.quantized.set(to, padded.quantized.get(at));
    if (job.dequantized) job.dequantized[to] = back[at];
  });
}

template <typename T>
void quantizeAnyStacks(void* opaqueJob, const Stacks& stacks) {
  auto& job = *static_cast<QuantizeJob<T>*>(opaqueJob);
  if (stacks.width < kTile<T>)
    quantizeRests(job, stacks);
  else if (!stacks.ofColumns && stacks.width == job.runTile)
    job.runKernel(job, stacks);
  else
    job.kernel(job, stacks);
}

/// Adds `sums` of weights, or the weights one by one where their sums are not sound.
template <typename T>
void addFigures(ErrorFigures& figures, const ErrorFigures& sums, const Elements& elements) {
  if (areSound<T>(sums))
    figures.add(sums);
  else
    addEach(figures, elements);
}

/// Computes the reciprocals of the scales of a span; returns false unless all are far enough from underflow and
/// overflow for products.
template <typename T>
[[gnu::noinline]] bool invert(const T* scales, std::size_t count, T* reciprocals) {
  using L = Lanes<T>;
  constexpr bool kSingle = sizeof(T) == sizeof(float);
  constexpr T kLowest = kSingle ? 0x1p-100 : 0x1p-900;
  constexpr T kHighest = 1 / kLowest;
  const v128_t one = L::splat(1);
  v128_t lowest = one;
  v128_t highest = one;
  std::size_t i = 0;
  for (; i + L::kCount <= count; i += L::kCount) {
    const v128_t scale = wasm_v128_load(scales + i);
    lowest = L::min(lowest, scale);
    highest = L::max(highest, scale);
    wasm_v128_store(reciprocals + i, L::div(one, scale));
  }
  bool areSafe = !wasm_v128_any_true(
      wasm_v128_or(L::areAbove(L::splat(kLowest), lowest), L::areAbove(highest, L::splat(kHighest))));
  for (; i < count; ++i) {
    reciprocals[i] = 1 / scales[i];
    areSafe = areSafe && scales[i] >= kLowest && scales[i] <= kHighest;
  }
  return areSafe;
}

}  // namespace

template <typename T>
void quantize(const T* weights, Extent extent, Scales<T> scales, const Scheme& scheme, Codes quantized, T* dequantized,
              FiguresOf figuresOf, ErrorFigures* figures) {
  using L = Lanes<T>;
  constexpr bool kSingle = sizeof(T) == sizeof(float);
  TotalSums<T> total;
  LaneSums<T> lanes;
  QuantizeJob<T> job;
  job.weights = weights;
  job.quantized = quantized;
  job.dequantized = dequantized;
  job.qmin = L::splat(static_cast<T>(scheme.qmin()));
  job.qmax = L::splat(static_cast<T>(scheme.qmax()));
  job.total = &total;
  job.lanes = &lanes;
  job.lanesApart = figuresOf == FiguresOf::kChannels;
  Tiling tiling{kTile<T>, kTile<T>, kRows};
  if (figuresOf == FiguresOf::kNothing && !dequantized) {
    job.kernel = job.runKernel = quantizeStacks<Makes::kCodes, false, T>;
    if constexpr (kSingle) {
      job.runKernel = quantizeStacks<Makes::kCodes, true, T>;
      tiling = {kTile<T>, 2 * kTile<T>, 8};
    }
  } else {
    job.kernel = job.runKernel = quantizeStacks<Makes::kLanesAndValues, false, T>;
    if constexpr (!kSingle) {
      lanes = {};
    } else if (!job.lanesApart) {
      job.kernel = quantizeStacks<Makes::kTotalsAndValues, false, T>;
      job.runKernel =
          dequantized ? quantizeStacks<Makes::kTotalsAndValues, true, T> : quantizeStacks<Makes::kTotals, true, T>;
    }
  }
  job.runTile = tiling.runTile;

  // It is not on the stack, where it would be filled for every call: 0.2 us of the 8 us for 64 x 64 weights. Nothing
  // writes into it.
  static T none[kLanes];
  T expanded[3][kLanes];
  T reciprocals[kLanes];
  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  for (Span span(extent); span.channels > 0; span.advance(extent)) {
    const T* ofChannels = scales.values + span.first;
    const T* zeroPoints = scales.zeroPoints ? scales.zeroPoints + span.first : nullptr;
    job.zeroPoints = zeroPoints ? scalesOf(span, extent.inner, zeroPoints, expanded[2]) : none;
    job.divide = !scales.cover || !invert(ofChannels, span.channels, reciprocals) || (kSingle && quantized.wide);
    job.scales = scalesOf(span, extent.inner, ofChannels, expanded[0]);
    job.reciprocals = scalesOf<T>(span, extent.inner, reciprocals, expanded[1]);
    if (job.lanesApart) lanes = {};
    forEachStacks(extent, span, tiling, quantizeAnyStacks<T>, &job);
    if (!job.lanesApart) continue;
    const std::size_t lanesOfChannel = span.ofColumns ? extent.inner : kTile<T>;
    for (std::size_t c = 0; c < span.channels; ++c) {
      const std::size_t at = (span.first + c) * extent.inner;
      addFigures<T>(figures[span.first + c], lanes.figures(c * lanesOfChannel, lanesOfChannel),
                    {!kSingle, weights + at, quantized.from(at), Extent{extent.outer, 1, extent.inner}, stride,
                     ofChannels + c, zeroPoints ? zeroPoints + c : nullptr});
    }
  }
  if (dequantized && !scales.cover) dropSignsOfZeros(scales.values, extent, dequantized);
  if (figuresOf != FiguresOf::kAll) return;
  const ErrorFigures ofAll = kSingle ? total.figures() : lanes.figures(0, kTile<T>);
  addFigures<T>(*figures, ofAll, {!kSingle, weights, quantized, extent, stride, scales.values, scales.zeroPoints});
}

template void quantize(const float*, Extent, Scales<float>, const Scheme&, Codes, float*, FiguresOf, ErrorFigures*);
template void quantize(const double*, Extent, Scales<double>, const Scheme&, Codes, double*, FiguresOf, ErrorFigures*);

}  // namespace channelwise::simd

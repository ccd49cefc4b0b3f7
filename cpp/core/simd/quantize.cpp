#include <algorithm>
#include <cstdint>

#include "../kernels.h"
#include "../rule.h"
#include "columns.h"
#include "lanes.h"
#include "stacks.h"
#include "sums.h"

namespace channelwise::simd {

namespace {

/// Rows of columns that are worked on together.
constexpr std::size_t kColumnRows = 4;
/// Channels of runs that are worked on together.
constexpr std::size_t kRuns = 32;

template <typename T>
using Kernel = void (*)(Job<T>&, const Stacks<T>&);

/// Stacks of pieces that are shorter than a tile, `rest` elements each. They pass through buffers padded with weights of
/// zero, which change no figure, so that nothing outside the arrays is read or written.
template <typename T>
[[gnu::noinline]] void quantizeRests(Job<T>& job, const Stacks<T>& pieces, std::size_t rest, Kernel<T> kernel) {
  T weights[kRuns * kTile<T>];
  std::int16_t codes[kRuns * kTile<T>];  // large enough for both widths
  T back[kRuns * kTile<T>];
  T columnScales[2][kTile<T>];
  Stacks<T> padded = pieces;
  if (pieces.scaleStep == kTile<T>) {
    for (T* scales : columnScales) std::fill_n(scales, kTile<T>, T{1});
    std::copy_n(pieces.scales, rest, columnScales[0]);
    std::copy_n(pieces.reciprocals, rest, columnScales[1]);
    padded.scales = columnScales[0];
    padded.reciprocals = columnScales[1];
  }
  padded.weights = weights;
  padded.quantized.data = codes;
  if (pieces.dequantized) padded.dequantized = back;
  padded.step = pieces.rows * kTile<T>;
  padded.stride = kTile<T>;
  const auto forEachElement = [&](auto visit) {
    std::size_t at = 0;
    for (std::size_t j = 0; j < pieces.count; ++j)
      for (std::size_t row = 0; row < pieces.rows; ++row, at += kTile<T>)
        for (std::size_t i = 0; i < rest; ++i) visit(at + i, j * pieces.step + row * pieces.stride + i);
  };
  std::fill_n(weights, kRuns * kTile<T>, T{0});
  forEachElement([&](std::size_t at, std::size_t from) { weights[at] = pieces.weights[from]; });
  kernel(job, padded);
  forEachElement([&](std::size_t at, std::size_t to) {
    pieces.quantized.set(to, padded.quantized.get(at));
    if (pieces.dequantized) pieces.dequantized[to] = back[at];
  });
}

/// Adds `sums` of the weights of an extent, whose rows are `stride` elements apart; where they are not sound, adds what
/// the weights give one by one.
template <typename T>
[[gnu::noinline]] void addFigures(ErrorFigures& figures, const ErrorFigures& sums, const T* weights, Codes quantized,
                                  Extent extent, std::size_t stride, const T* scales) {
  if (areSound<T>(sums)) {
    figures.add(sums);
    return;
  }
  for (std::size_t o = 0; o < extent.outer; ++o) {
    std::size_t at = o * stride;
    for (std::size_t c = 0; c < extent.channels; ++c)
      for (std::size_t i = 0; i < extent.inner; ++i, ++at)
        figures.addElement(weights[at], weights[at] - static_cast<T>(quantized.get(at)) * scales[c]);
  }
}

/// Reciprocals of up to kChunk scales; false if not all of these are far enough from under- and overflow for products.
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
void quantize(const T* weights, Extent extent, const T* scales, int bits, Codes quantized, T* dequantized,
              FiguresOf figuresOf, ErrorFigures* figures) {
  using L = Lanes<T>;
  constexpr bool kSingle = sizeof(T) == sizeof(float);
  const bool columns = inColumns(extent);
  const std::size_t inner = extent.inner;
  if (inner == 0) return;
  const std::size_t stride = extent.channels * inner;
  const std::size_t perChunk = columns ? kChunk / inner : kRuns;
  const bool ofLanes = figuresOf == FiguresOf::kChannels;

  Kernel<T> kernel = quantizeStacks<Makes::kLanes, false, T>;
  Kernel<T> runKernel = kernel;
  std::size_t runTile = kTile<T>;
  std::size_t runRows = kRows;
  if (!ofLanes) {
    if (figuresOf == FiguresOf::kNothing && !dequantized) {
      runKernel = kernel = quantizeStacks<Makes::kCodes, false, T>;
      if constexpr (kSingle) {
        runKernel = quantizeStacks<Makes::kCodes, true, T>;
        runTile *= 2;
        runRows = 8;
      }
    } else if (!dequantized) {
      runKernel = kernel = quantizeStacks<Makes::kTotals, false, T>;
      if constexpr (kSingle) runKernel = quantizeStacks<Makes::kTotals, true, T>;
    } else {
      runKernel = kernel = quantizeStacks<Makes::kTotalsAndValues, false, T>;
      if constexpr (kSingle) runKernel = quantizeStacks<Makes::kTotalsAndValues, true, T>;
    }
  }
  const std::size_t runStack = runRows * runTile;

  LaneSums<T> lanes;
  Job<T> job{L::splat(static_cast<T>(qminOf(bits))), L::splat(static_cast<T>(qmaxOf(bits))), false, {}, &lanes};
  T reciprocals[kChunk];
  T expanded[2][kChunk];
  for (std::size_t first = 0; first < extent.channels; first += perChunk) {
    const std::size_t channels = std::min<std::size_t>(perChunk, extent.channels - first);
    job.divide = !invert(scales + first, channels, reciprocals) || (kSingle && quantized.wide);
    if (ofLanes) lanes.clear();
    Stacks<T> all{weights, quantized, dequantized, 0, 0, 0, 0, scales + first, reciprocals, 1, 0, kTile<T>};
    if (columns && inner > 1) {
      expandToColumns(scales + first, channels, inner, expanded[0]);
      expandToColumns(reciprocals, channels, inner, expanded[1]);
      all.scales = expanded[0];
      all.reciprocals = expanded[1];
    }
    all = all.from(first * inner);
    if (columns) {
      const std::size_t rest = channels * inner % kTile<T>;
      const std::size_t whole = channels * inner - rest;
      all.count = whole / kTile<T>;
      all.step = all.scaleStep = kTile<T>;
      all.stride = stride;
      for (std::size_t o = 0; o < extent.outer; o += kColumnRows) {
        Stacks<T> rows = all.from(o * stride);
        rows.rows = std::min<std::size_t>(kColumnRows, extent.outer - o);
        kernel(job, rows);
        if (rest == 0) continue;
        rows = rows.from(whole);
        rows.count = 1;
        rows.scales += whole;
        rows.reciprocals += whole;
        rows.lane = whole;
        quantizeRests(job, rows, rest, kernel);
      }
    } else {
      for (std::size_t o = 0; o < extent.outer; ++o) {
        Stacks<T> runs = all.from(o * stride);
        std::size_t left = inner;
        runs.stride = runTile;
        if (left >= 3 * runStack) {
          runs.count = left / runStack;
          runs.rows = runRows;
          runs.step = runStack;
          runs.scaleStep = 0;
          runs.laneStep = 0;
          Stacks<T> run = runs;
          for (std::size_t c = 0; c < channels; ++c) {
            runKernel(job, run);
            run = run.from(inner);
            ++run.scales;
            ++run.reciprocals;
            run.lane += kTile<T>;
          }
          runs = runs.from(runs.count * runStack);
          left %= runStack;
        }
        runs.count = channels;
        runs.step = inner;
        runs.scaleStep = 1;
        runs.laneStep = kTile<T>;
        for (; left >= runTile; left -= runs.rows * runTile) {
          runs.rows = std::min(left / runTile, runRows);
          runKernel(job, runs);
          runs = runs.from(runs.rows * runTile);
        }
        runs.rows = 1;
        if (left >= kTile<T>) {
          kernel(job, runs);
          runs = runs.from(kTile<T>);
          left -= kTile<T>;
        }
        if (left > 0) quantizeRests(job, runs, left, kernel);
      }
    }
    if (!ofLanes) continue;
    const std::size_t lanesOfChannel = columns ? inner : kTile<T>;
    for (std::size_t c = 0; c < channels; ++c) {
      const std::size_t at = (first + c) * inner;
      addFigures(figures[first + c], lanes.figures(c * lanesOfChannel, lanesOfChannel), weights + at,
                 quantized.from(at), Extent{extent.outer, 1, extent.inner}, stride, scales + first + c);
    }
  }
  if (figuresOf == FiguresOf::kAll)
    addFigures(*figures, job.total.figures(), weights, quantized, extent, stride, scales);
}

template void quantize(const float*, Extent, const float*, int, Codes, float*, FiguresOf, ErrorFigures*);
template void quantize(const double*, Extent, const double*, int, Codes, double*, FiguresOf, ErrorFigures*);

}  // namespace channelwise::simd

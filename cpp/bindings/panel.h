#pragma once

// Quantizes what is staged, panel by panel.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "../core/kernels.h"
#include "../core/rule.h"
#include "memory.h"

namespace channelwise::bindings {

namespace {

// A build of the tests puts the oracle here.
#ifndef CHANNELWISE_KERNELS
#define CHANNELWISE_KERNELS simd
#endif
namespace kernels = channelwise::CHANNELWISE_KERNELS;

/// What the calls that follow are about.
struct Job {
  Dtype dtype;  ///< of the weights
  FiguresOf figuresOf;
  bool dequantize;
  Scheme scheme;
};

Job job;

/// Enumerations come as their numbers, and the scheme in the order of its members.
void prepare(int dtype, int figuresOf, bool dequantize, int bits, int scaleType, int rule, bool zeroPoints) {
  job = {static_cast<Dtype>(dtype),
         static_cast<FiguresOf>(figuresOf),
         dequantize,
         {bits, static_cast<Dtype>(scaleType), static_cast<ScaleRule>(rule), zeroPoints}};
}

/// Numbers that a channel's range has.
std::uint32_t rangeLength() { return job.scheme.bothSides() ? 2 : 1; }

bool isFloat64() { return job.dtype == Dtype::kFloat64; }

/// The type in which is computed.
Dtype arithmetic() { return isFloat64() ? Dtype::kFloat64 : Dtype::kFloat32; }

// A panel is a number of channels whose state is held here. Its weights pass in one block or more: ranges of every
// block, scales, quantize every block, close; quantizePanel does all that with one block. The caller clears what is
// added to. Error figures are kept for each channel or for all of them as one.

/// Staged halves become staged floats.
void widenHalves(Extent extent) {
  if (job.dtype != Dtype::kFloat16 && job.dtype != Dtype::kBfloat16) return;
  kernels::widen(quantized<std::uint16_t>(), extent.size(), job.dtype, as<float>(memory.weights));
}

template <typename T>
void rangesOf(Extent extent) {
  const T* weights = as<T>(memory.weights);
  if (job.scheme.bothSides())
    kernels::ranges(weights, extent, as<Range<T>>(memory.ranges));
  else
    kernels::ranges(weights, extent, as<T>(memory.ranges));
}

[[gnu::noinline]] void rangesOfFloats(Extent extent) {
  const auto run = isFloat64() ? rangesOf<double> : rangesOf<float>;
  run(extent);
}

void ranges(std::uint32_t outer, std::uint32_t channels, std::uint32_t inner) {
  const Extent extent{outer, channels, inner};
  widenHalves(extent);
  rangesOfFloats(extent);
}

/// Whether the scales that were made last cover the weights.
bool cover;

/// A number of the type of the arithmetic.
double numberAt(const double* numbers, std::uint32_t i) {
  return isFloat64() ? numbers[i] : reinterpret_cast<const float*>(numbers)[i];
}

void putNumber(double* numbers, std::uint32_t i, double number) {
  if (isFloat64())
    numbers[i] = number;
  else
    reinterpret_cast<float*>(numbers)[i] = static_cast<float>(number);
}

/// False if a channel holds NaN or infinity.
bool scales(std::uint32_t channels) {
  const Scheme& scheme = job.scheme;
  const Dtype type = arithmetic();
  const std::uint32_t length = rangeLength();
  const bool areRounded = scheme.scaleType != type && scheme.scaleType != Dtype::kFloat64;
  cover = !searches(scheme) && !scheme.zeroPoints;
  const bool isPlain = length == 1 && !areRounded && type == Dtype::kFloat32;
  for (std::uint32_t c = 0; c < channels; ++c) {
    if (isPlain) {
      // Nearly always, the quotient is the scale. In groups of 32, scaleOf() would take a fifth of the time.
      const float largest = as<float>(memory.ranges)[c];
      const float scale = largest / static_cast<float>(scheme.qmax());
      as<float>(memory.scales)[c] = scale;
      if (scale > 0 && largest <= std::numeric_limits<float>::max() / 2) continue;
    }
    const std::uint32_t at = c * length;
    const Range<double> range{numberAt(memory.ranges, at), numberAt(memory.ranges, at + length - 1)};
    if (!(range.largest() <= std::numeric_limits<double>::max())) return false;
    const double scale = scaleOf(range, scheme, type);
    const double zeroPoint = scheme.zeroPoints ? zeroPointOf(range, scale, scheme, type) : 0;
    putNumber(memory.scales, c, scale);
    putNumber(memory.zeroPoints, c, zeroPoint);
    if (searches(scheme)) memory.searches[c] = searchOf(range.signedLargest(), scale, zeroPoint);
    if (areRounded || scheme.bothSides()) cover = cover && covers(scale, range.largest(), scheme);
  }
  return true;
}

bool scalesCover() { return cover; }

// Scales by search take sweeps over all blocks of a panel between makeScales and quantize, each with a judgement.

std::uint32_t sweeps() { return searches(job.scheme) ? lastSweep(job.scheme) + 1 : 0; }

template <typename T>
void sweepBlock(Extent extent, int sweep) {
  kernels::sweep(as<T>(memory.weights), extent, memory.searches, sweep, job.scheme, dequantized<double>());
}

void sweep(int sweep, std::uint32_t outer, std::uint32_t channels, std::uint32_t inner) {
  const Extent extent{outer, channels, inner};
  widenHalves(extent);
  const auto run = isFloat64() ? sweepBlock<double> : sweepBlock<float>;
  run(extent, sweep);
}

/// Takes the scales that searches found.
void takeScales(std::uint32_t channels) {
  for (std::uint32_t c = 0; c < channels; ++c) {
    const Search& search = memory.searches[c];
    if (search.peak != 0) putNumber(memory.scales, c, search.scale);
  }
}

/// The sums of a sweep over all blocks become what the next sweep begins with; the last one leaves the scales.
void judgeSweep(int sweep, std::uint32_t channels) {
  for (std::uint32_t c = 0; c < channels; ++c)
    if (memory.searches[c].peak != 0)
      judge(memory.searches[c], sweep, dequantized<double>() + c * kSweepSums, job.scheme, arithmetic());
  takeScales(channels);
}

template <typename T>
void searchPanel(Extent extent) {
  kernels::search(as<T>(memory.weights), extent, memory.searches, job.scheme);
  takeScales(extent.channels);
}

/// Adds the figures of a block. Each block is summed by itself, and the blocks are added in their order, so that
/// whoever quantizes a block elsewhere can reproduce the sums.
void addFigures(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) memory.channelFigures[i].add(memory.blockFigures[i]);
}

/// Adds the panel's figures to the total.
void close(std::uint32_t measured) {
  ErrorFigures panel;
  for (std::uint32_t i = 0; i < measured; ++i) panel.add(memory.channelFigures[i]);
  memory.totalFigures.add(panel);
}

std::uint32_t measuredOf(std::uint32_t channels) { return job.figuresOf == FiguresOf::kChannels ? channels : 1; }

template <typename T>
void quantizeBlock(Extent extent, bool cover) {
  kernels::quantize(as<T>(memory.weights), extent,
                    Scales<T>{as<T>(memory.scales), cover, job.scheme.zeroPoints ? as<T>(memory.zeroPoints) : nullptr},
                    job.scheme, stagedCodes(job.scheme.wide()), job.dequantize ? dequantized<T>() : nullptr,
                    job.figuresOf, memory.blockFigures);
}

void quantizeFloats(Extent extent, bool cover) {
  const std::uint32_t measured = measuredOf(extent.channels);
  std::fill_n(memory.blockFigures, measured, ErrorFigures{});
  const auto run = isFloat64() ? quantizeBlock<double> : quantizeBlock<float>;
  run(extent, cover);
  addFigures(measured);
}

/// `cover`: see Scales in core/kernels.h. The block's figures are in blockFigures then, and added to channelFigures.
void quantize(std::uint32_t outer, std::uint32_t channels, std::uint32_t inner, bool cover) {
  const Extent extent{outer, channels, inner};
  widenHalves(extent);
  quantizeFloats(extent, cover);
}

/// False if a channel holds NaN or infinity.
bool quantizePanel(std::uint32_t outer, std::uint32_t channels, std::uint32_t inner) {
  const Extent extent{outer, channels, inner};
  const std::uint32_t measured = measuredOf(channels);
  std::fill_n(as<std::byte>(memory.ranges), rangeLength() * channels * sizeof(double), std::byte{});
  std::fill_n(memory.channelFigures, measured, ErrorFigures{});
  widenHalves(extent);
  rangesOfFloats(extent);
  if (!scales(channels)) return false;
  if (searches(job.scheme)) {
    const auto run = isFloat64() ? searchPanel<double> : searchPanel<float>;
    run(extent);
  }
  quantizeFloats(extent, cover);
  close(measured);
  return true;
}

}  // namespace

}  // namespace channelwise::bindings

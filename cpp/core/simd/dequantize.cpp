#include <cstdint>

#include "../kernels.h"
#include "lanes.h"
#include "tiling.h"
#include "zeros.h"

namespace channelwise::simd {

namespace {

template <typename T>
struct DequantizeJob {
  Codes quantized;
  const T* scales;
  const T* zeroPoints;  ///< or zeros
  T* dequantized;
};

template <bool kHasZeroPoints, typename T>
void dequantizeStacks(void* opaqueJob, const Stacks& stacks) {
  using L = Lanes<T>;
  const auto& job = *static_cast<const DequantizeJob<T>*>(opaqueJob);
  const bool wide = job.quantized.wide;
  const T* scales = job.scales + stacks.scale;
  const T* zeroPoints = kHasZeroPoints ? job.zeroPoints + stacks.scale : scales;
  for (std::size_t j = 0; j < stacks.count; ++j, scales += stacks.scaleStep, zeroPoints += stacks.scaleStep) {
    const std::size_t at = stacks.at + j * stacks.step;
    if (stacks.width < kTile<T>) {
      for (std::size_t row = 0; row < stacks.rows; ++row) {
        for (std::size_t i = 0; i < stacks.width; ++i) {
          const std::size_t element = at + row * stacks.stride + i;
          const std::size_t channel = stacks.ofColumns ? i : 0;
          const T code = static_cast<T>(job.quantized.get(element));
          job.dequantized[element] = (kHasZeroPoints ? code - zeroPoints[channel] : code) * scales[channel];
        }
      }
      continue;
    }
    v128_t scale[2];
    v128_t zeroPoint[2];
    loadScales(scales, stacks.ofColumns, scale);
    if constexpr (kHasZeroPoints) loadScales(zeroPoints, stacks.ofColumns, zeroPoint);
    const std::byte* quantized = static_cast<const std::byte*>(job.quantized.from(at).data);
    T* dequantized = job.dequantized + at;
    for (std::size_t row = stacks.rows; row > 0; --row) {
      v128_t codes[2];
      L::loadCodes(quantized, wide, codes);
#pragma GCC unroll 2
      for (std::size_t v = 0; v < 2; ++v) {
        if constexpr (kHasZeroPoints) codes[v] = L::sub(codes[v], zeroPoint[v]);
        wasm_v128_store(dequantized + v * L::kCount, L::mul(codes[v], scale[v]));
      }
      quantized += job.quantized.bytes(stacks.stride);
      dequantized += stacks.stride;
    }
  }
}

}  // namespace

template <typename T>
void dequantize(Codes quantized, Extent extent, const T* scales, T* dequantized, const T* zeroPoints) {
  T expanded[2][kLanes] = {};
  DequantizeJob<T> job{quantized, nullptr, expanded[1], dequantized};
  // As where codes are made, float64 has one kernel for both.
  const bool hasZeroPoints = sizeof(T) > sizeof(float) || zeroPoints;
  const auto kernel = hasZeroPoints ? dequantizeStacks<true, T> : dequantizeStacks<false, T>;
  for (Span span(extent); span.channels > 0; span.advance(extent)) {
    job.scales = scalesOf(span, extent.inner, scales + span.first, expanded[0]);
    if (zeroPoints) job.zeroPoints = scalesOf(span, extent.inner, zeroPoints + span.first, expanded[1]);
    forEachStacks(extent, span, {kTile<T>, kTile<T>, 1024}, kernel, &job);
  }
  dropSignsOfZeros(scales, extent, dequantized);
}

template void dequantize(Codes, Extent, const float*, float*, const float*);
template void dequantize(Codes, Extent, const double*, double*, const double*);

}  // namespace channelwise::simd

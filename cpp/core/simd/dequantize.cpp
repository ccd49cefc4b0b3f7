#include <cstdint>

#include "../kernels.h"
#include "each.h"
#include "lanes.h"
#include "tiling.h"
#include "zeros.h"

namespace channelwise::simd {

namespace {

template <typename T>
struct DequantizeJob {
  Codes quantized;
  const T* scales;
  T* dequantized;
};

template <typename T>
void dequantizeStacks(void* opaqueJob, const Stacks& stacks) {
  using L = Lanes<T>;
  const auto& job = *static_cast<const DequantizeJob<T>*>(opaqueJob);
  const bool wide = job.quantized.wide;
  const T* scales = job.scales + stacks.scale;
  for (std::size_t j = 0; j < stacks.count; ++j, scales += stacks.scaleStep) {
    const std::size_t at = stacks.at + j * stacks.step;
    if (stacks.width < kTile<T>) {
      for (std::size_t row = 0; row < stacks.rows; ++row) {
        for (std::size_t i = 0; i < stacks.width; ++i) {
          const std::size_t element = at + row * stacks.stride + i;
          job.dequantized[element] = static_cast<T>(job.quantized.get(element)) * scales[stacks.ofColumns ? i : 0];
        }
      }
      continue;
    }
    v128_t scale[2];
    loadScales(scales, stacks.ofColumns, scale);
    const std::byte* quantized = static_cast<const std::byte*>(job.quantized.from(at).data);
    T* dequantized = job.dequantized + at;
    for (std::size_t row = stacks.rows; row > 0; --row) {
      v128_t codes[2];
      L::loadCodes(quantized, wide, codes);
#pragma GCC unroll 2
      for (std::size_t v = 0; v < 2; ++v) wasm_v128_store(dequantized + v * L::kCount, L::mul(codes[v], scale[v]));
      quantized += job.quantized.bytes(stacks.stride);
      dequantized += stacks.stride;
    }
  }
}

}  // namespace

template <typename T>
void dequantize(Codes quantized, Extent extent, const T* scales, T* dequantized, const T* zeroPoints) {
  if (zeroPoints) {
    const std::size_t stride = std::size_t{extent.channels} * extent.inner;
    dequantizeEach({sizeof(T) > sizeof(float), nullptr, quantized, extent, stride, scales, zeroPoints}, dequantized);
    return;
  }
  T expanded[kLanes];
  for (Span span(extent); span.channels > 0; span.advance(extent)) {
    DequantizeJob<T> job{quantized, scalesOf(span, extent.inner, scales + span.first, expanded), dequantized};
    forEachStacks(extent, span, {kTile<T>, kTile<T>, 1024}, dequantizeStacks<T>, &job);
  }
  dropSignsOfZeros(scales, extent, dequantized);
}

template void dequantize(Codes, Extent, const float*, float*, const float*);
template void dequantize(Codes, Extent, const double*, double*, const double*);

}  // namespace channelwise::simd

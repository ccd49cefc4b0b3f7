#include <cstdint>

#include "../kernels.h"
#include "columns.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// Codes handled in one step: eight int16 fill a vector.
constexpr std::size_t kTile = 8;

v128_t loadCodes(Codes from) { return from.wide ? wasm_v128_load(from.data) : wasm_i16x8_load8x8(from.data); }

/// A contiguous stretch: with step kTile, a row of columns, each with a scale of its own; with step 0, a run whose
/// tiles all share the first kTile scales.
template <typename T>
[[gnu::noinline]] void dequantizeStretch(Codes quantized, std::size_t count, std::size_t step, const T* scales,
                                         T* dequantized) {
  using L = Lanes<T>;
  std::size_t at = 0;
  for (; at + kTile <= count; at += kTile, scales += step) {
    v128_t wide[kTile / L::kCount];
    L::widen(loadCodes(quantized.from(at)), wide);
#pragma GCC unroll 8
    for (std::size_t v = 0; v < kTile / L::kCount; ++v)
      wasm_v128_store(dequantized + at + v * L::kCount, L::mul(wide[v], wasm_v128_load(scales + v * L::kCount)));
  }
  for (std::size_t i = 0; at + i < count; ++i) dequantized[at + i] = static_cast<T>(quantized.get(at + i)) * scales[i];
}

}  // namespace

template <typename T>
void dequantize(Codes quantized, Extent extent, const T* scales, T* dequantized) {
  T columnScales[kChunk];
  if (!inColumns(extent)) {
    std::size_t run = 0;
    for (std::size_t o = 0; o < extent.outer; ++o) {
      for (std::size_t c = 0; c < extent.channels; ++c, run += extent.inner) {
        std::fill_n(columnScales, kTile, scales[c]);
        dequantizeStretch(quantized.from(run), extent.inner, 0, columnScales, dequantized + run);
      }
    }
    return;
  }
  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  forEachColumnChunk(extent, [&](const ColumnChunk& chunk) {
    expandToColumns(scales + chunk.firstChannel, chunk.channels, extent.inner, columnScales);
    for (std::size_t o = 0; o < extent.outer; ++o) {
      const std::size_t row = o * stride + chunk.offset;
      dequantizeStretch(quantized.from(row), chunk.width, kTile, columnScales, dequantized + row);
    }
  });
}

template void dequantize(Codes, Extent, const float*, float*);
template void dequantize(Codes, Extent, const double*, double*);

}  // namespace channelwise::simd

#include <cstdint>

#include "../kernels.h"
#include "columns.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// `scaleAt(v)` gives the scales of vector v.
template <typename T, typename Code, typename ScaleAt>
inline void dequantizeTile(const Code* quantized, ScaleAt scaleAt, T* dequantized) {
  using L = Lanes<T>;
  v128_t codes[2];
  v128_t wide[L::kVectors];
  loadCodes(quantized, codes);
  L::widen(codes, wide);
  for (std::size_t v = 0; v < L::kVectors; ++v)
    wasm_v128_store(dequantized + v * L::kCount, L::mul(wide[v], scaleAt(v)));
}

/// `scalesFrom(at)` gives the scaleAt of the tile that begins at element `at`.
template <typename T, typename Code, typename ScalesFrom>
inline void dequantizeRun(const Code* quantized, std::size_t count, ScalesFrom scalesFrom, T* dequantized) {
  std::size_t at = 0;
  for (; at + kTile <= count; at += kTile) dequantizeTile(quantized + at, scalesFrom(at), dequantized + at);
  if (at < count) {
    Code codes[kTile] = {};
    T tile[kTile];
    std::copy(quantized + at, quantized + count, codes);
    dequantizeTile(codes, scalesFrom(at), tile);
    std::copy(tile, tile + (count - at), dequantized + at);
  }
}

}  // namespace

template <typename T, typename Code>
void dequantize(const Code* quantized, Extent extent, const T* scales, T* dequantized) {
  using L = Lanes<T>;
  if (inColumns(extent)) {
    const std::size_t stride = std::size_t{extent.channels} * extent.inner;
    forEachColumnChunk(extent, [&](const ColumnChunk& chunk) {
      T columns[kChunk];
      expandToColumns(scales + chunk.firstChannel, chunk.channels, extent.inner, columns);
      const auto scalesFrom = [&](std::size_t at) {
        return [&columns, at](std::size_t v) { return wasm_v128_load(columns + at + v * L::kCount); };
      };
      for (std::size_t o = 0; o < extent.outer; ++o) {
        const std::size_t row = o * stride + chunk.offset;
        dequantizeRun(quantized + row, chunk.width, scalesFrom, dequantized + row);
      }
    });
    return;
  }
  std::size_t run = 0;
  for (std::size_t o = 0; o < extent.outer; ++o)
    for (std::size_t c = 0; c < extent.channels; ++c, run += extent.inner) {
      const v128_t scale = L::splat(scales[c]);
      const auto scalesFrom = [scale](std::size_t) { return [scale](std::size_t) { return scale; }; };
      dequantizeRun(quantized + run, extent.inner, scalesFrom, dequantized + run);
    }
}

template void dequantize(const std::int8_t*, Extent, const float*, float*);
template void dequantize(const std::int16_t*, Extent, const float*, float*);
template void dequantize(const std::int8_t*, Extent, const double*, double*);
template void dequantize(const std::int16_t*, Extent, const double*, double*);

}  // namespace channelwise::simd

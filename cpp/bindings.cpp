// What JavaScript sees of the core: fixed staging buffers as typed array views, and the kernels over what they hold.
// Arguments are checked by the TypeScript that calls; nothing is checked here.

#include <emscripten/bind.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "core/kernels.h"
#include "core/rule.h"

// Nothing here allocates but Embind, for an error message that no caller can cause. Without an allocator the module is
// 0.8 KB smaller after gzip.
extern "C" {
void* malloc(std::size_t) { return nullptr; }
void free(void*) {}
}

namespace {

using namespace channelwise;
using emscripten::typed_memory_view;
using emscripten::val;

// A build of the tests puts the oracle here.
#ifndef CHANNELWISE_KERNELS
#define CHANNELWISE_KERNELS simd
#endif
namespace kernels = channelwise::CHANNELWISE_KERNELS;

/// A block stays in the L2 cache: 256 to 512 KB measured best.
constexpr std::size_t kBlockBytes = 512 << 10;
/// Elements of a block of float32; a block of float64 has half as many.
constexpr std::size_t kBlockElements = kBlockBytes / sizeof(float);
/// Channels whose state is held at a time.
constexpr std::size_t kChannels = 4096;

alignas(64) std::byte weightsStaging[kBlockBytes];
alignas(64) std::byte dequantizedStaging[kBlockBytes];
alignas(64) std::byte quantizedStaging[kBlockElements * sizeof(std::int16_t)];
alignas(64) std::byte scalesState[kChannels * sizeof(double)];
alignas(64) std::byte largestState[kChannels * sizeof(double)];
alignas(64) ErrorFigures channelFigures[kChannels];
alignas(64) ErrorFigures blockFigures[kChannels];
/// Over all channels since reset().
ErrorFigures totalFigures;

template <typename T>
T* as(std::byte* staging) {
  return reinterpret_cast<T*>(staging);
}

Codes stagedCodes(bool wide) { return {quantizedStaging, wide}; }

template <typename T, std::byte* kStaging, std::size_t kBytes>
val view() {
  return val(typed_memory_view(kBytes / sizeof(T), as<T>(kStaging)));
}

constexpr std::size_t kFigures = sizeof(ErrorFigures) / sizeof(double);

/// Of each: sum of squared errors and its unit, sum of squared weights and its unit, largest error.
template <ErrorFigures* kFirst, std::size_t kCount>
val figuresView() {
  return val(typed_memory_view(kCount * kFigures, reinterpret_cast<double*>(kFirst)));
}

void reset() { totalFigures = {}; }

// A panel is a number of channels whose state is held here. Its weights pass through the staging buffers in one block
// or more: open, ranges of every block, scales, quantize every block, close. Error figures are kept for each channel or
// for all of them as one.

/// channelFigures will be added to, the first `measured` of them.
void open(std::uint32_t channels, std::uint32_t measured) {
  std::fill_n(largestState, channels * sizeof(double), std::byte{});
  std::fill_n(channelFigures, measured, ErrorFigures{});
}

/// Makes weights of halves that lie where the codes will be.
void widen(std::uint32_t count, bool bfloat16) {
  kernels::widen(as<std::uint16_t>(quantizedStaging), count, bfloat16 ? Half::kBfloat16 : Half::kFloat16,
                 as<float>(weightsStaging));
}

void ranges(bool float64, std::uint32_t outer, std::uint32_t channels, std::uint32_t inner) {
  const Extent extent{outer, channels, inner};
  if (float64)
    kernels::ranges(as<double>(weightsStaging), extent, as<double>(largestState));
  else
    kernels::ranges(as<float>(weightsStaging), extent, as<float>(largestState));
}

template <typename T>
bool scalesOf(std::uint32_t channels, int bits) {
  const T* largest = as<T>(largestState);
  T* scales = as<T>(scalesState);
  for (std::uint32_t c = 0; c < channels; ++c) {
    if (!(largest[c] <= std::numeric_limits<T>::max())) return false;
    scales[c] = scaleOf(largest[c], bits);
  }
  return true;
}

/// False if a channel holds NaN or infinity.
bool scales(bool float64, std::uint32_t channels, int bits) {
  return float64 ? scalesOf<double>(channels, bits) : scalesOf<float>(channels, bits);
}

/// Afresh for every block and then added in the order of the blocks, so that whoever quantizes a block elsewhere can
/// reproduce the sums.
void addFigures(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) channelFigures[i].add(blockFigures[i]);
}

template <typename T>
void quantizeBlock(Extent extent, int bits, bool dequantize, FiguresOf figuresOf) {
  const std::uint32_t measured = figuresOf == FiguresOf::kChannels ? extent.channels : 1;
  std::fill_n(blockFigures, measured, ErrorFigures{});
  kernels::quantize(as<T>(weightsStaging), extent, as<T>(scalesState), bits, stagedCodes(bits > 8),
                    dequantize ? as<T>(dequantizedStaging) : nullptr, figuresOf, blockFigures);
  addFigures(measured);
}

/// The block's figures are in blockFigures then, and added to channelFigures.
void quantize(bool float64, std::uint32_t outer, std::uint32_t channels, std::uint32_t inner, int bits, bool dequantize,
              int figuresOf) {
  const auto run = float64 ? quantizeBlock<double> : quantizeBlock<float>;
  run(Extent{outer, channels, inner}, bits, dequantize, static_cast<FiguresOf>(figuresOf));
}

/// Adds the panel's figures to the total.
void close(std::uint32_t measured) {
  ErrorFigures panel;
  for (std::uint32_t i = 0; i < measured; ++i) panel.add(channelFigures[i]);
  totalFigures.add(panel);
}

template <typename T>
void dequantizeBlock(bool wide, Extent extent) {
  kernels::dequantize(stagedCodes(wide), extent, as<T>(scalesState), as<T>(dequantizedStaging));
}

/// The codes staged, with the scales put into the state by the caller; `wide` codes are int16.
void dequantize(bool float64, bool wide, std::uint32_t outer, std::uint32_t channels, std::uint32_t inner) {
  const auto run = float64 ? dequantizeBlock<double> : dequantizeBlock<float>;
  run(wide, Extent{outer, channels, inner});
}

}  // namespace

EMSCRIPTEN_BINDINGS(channelwise) {
  using emscripten::function;
  function("weightsFloat32", &view<float, weightsStaging, sizeof weightsStaging>);
  function("weightsFloat64", &view<double, weightsStaging, sizeof weightsStaging>);
  function("quantizedInt8", &view<std::int8_t, quantizedStaging, kBlockElements>);
  function("quantizedInt16", &view<std::int16_t, quantizedStaging, sizeof quantizedStaging>);
  function("dequantizedFloat32", &view<float, dequantizedStaging, sizeof dequantizedStaging>);
  function("dequantizedFloat64", &view<double, dequantizedStaging, sizeof dequantizedStaging>);
  function("scalesFloat32", &view<float, scalesState, kChannels * sizeof(float)>);
  function("scalesFloat64", &view<double, scalesState, sizeof scalesState>);
  function("largestFloat32", &view<float, largestState, kChannels * sizeof(float)>);
  function("largestFloat64", &view<double, largestState, sizeof largestState>);
  function("blockFigures", &figuresView<blockFigures, kChannels>);
  function("channelFigures", &figuresView<channelFigures, kChannels>);
  function("totalFigures", &figuresView<&totalFigures, 1>);
  function("reset", &reset);
  function("open", &open);
  function("widen", &widen);
  function("ranges", &ranges);
  function("scales", &scales);
  function("quantize", &quantize);
  function("addFigures", &addFigures);
  function("close", &close);
  function("dequantize", &dequantize);
}

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

/// Bytes that outputs can be shifted by, so that they lie as the arrays do that they are copied to (see engine.ts).
constexpr std::size_t kMostShift = 48;

/// What JavaScript reads and writes.
struct Memory {
  alignas(64) std::byte weights[kBlockBytes];
  alignas(64) std::byte dequantized[kBlockBytes + kMostShift];
  /// Before there are codes, halves pass here.
  alignas(64) std::byte quantized[kBlockElements * sizeof(std::int16_t) + kMostShift];
  // The state, from here on (engine.ts has the same list).
  alignas(64) std::byte largest[kChannels * sizeof(double)];
  alignas(64) std::byte scales[kChannels * sizeof(double)];
  /// Of the last block, of the panel, and of all panels.
  ErrorFigures blockFigures[kChannels];
  ErrorFigures channelFigures[kChannels];
  ErrorFigures totalFigures;
} memory;

std::size_t shift = 0;

template <typename T>
T* as(std::byte* part) {
  return reinterpret_cast<T*>(part);
}

template <typename T>
T* dequantized() {
  return as<T>(memory.dequantized + shift);
}

template <typename T>
T* quantized() {
  return as<T>(memory.quantized + shift);
}

// The staging buffers and the state, once for good: the memory never grows. JavaScript makes views of other types over
// the same bytes.

/// To be called before there are views: outputs then begin that many bytes, 0, 16, 32 or 48, after a multiple of 64.
void shiftOutputs(std::uint32_t bytes) { shift = bytes; }

val weightsView() { return val(typed_memory_view(kBlockElements, as<float>(memory.weights))); }

val quantizedView() { return val(typed_memory_view(sizeof memory.quantized - kMostShift, quantized<std::int8_t>())); }

val dequantizedView() { return val(typed_memory_view(kBlockElements, dequantized<float>())); }

val stateView() {
  constexpr std::size_t kSize = sizeof memory - offsetof(Memory, largest);
  return val(typed_memory_view(kSize / sizeof(double), as<double>(memory.largest)));
}

Codes stagedCodes(bool wide) { return {quantized<std::byte>(), wide}; }

/// What weights are: 0 float32, 1 float64, 2 float16, 3 bfloat16.
using Dtype = int;

void widenHalves(Dtype dtype, Extent extent) {
  if (dtype < 2) return;
  kernels::widen(quantized<std::uint16_t>(), extent.size(), dtype == 2 ? Half::kFloat16 : Half::kBfloat16,
                 as<float>(memory.weights));
}

// A panel is a number of channels whose state is held here. Its weights pass in one block or more: ranges of every
// block, scales, quantize every block, close; quantizePanel does all that with one block. The caller clears what is
// added to. Error figures are kept for each channel or for all of them as one.

void ranges(Dtype dtype, std::uint32_t outer, std::uint32_t channels, std::uint32_t inner) {
  const Extent extent{outer, channels, inner};
  widenHalves(dtype, extent);
  if (dtype == 1)
    kernels::ranges(as<double>(memory.weights), extent, as<double>(memory.largest));
  else
    kernels::ranges(as<float>(memory.weights), extent, as<float>(memory.largest));
}

template <typename T>
bool scalesOf(std::uint32_t channels, int bits) {
  const T* largest = as<T>(memory.largest);
  T* scales = as<T>(memory.scales);
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
  for (std::uint32_t i = 0; i < count; ++i) memory.channelFigures[i].add(memory.blockFigures[i]);
}

/// Adds the panel's figures to the total.
void close(std::uint32_t measured) {
  ErrorFigures panel;
  for (std::uint32_t i = 0; i < measured; ++i) panel.add(memory.channelFigures[i]);
  memory.totalFigures.add(panel);
}

std::uint32_t measuredOf(std::uint32_t channels, int figuresOf) {
  return static_cast<FiguresOf>(figuresOf) == FiguresOf::kChannels ? channels : 1;
}

template <typename T>
void quantizeBlock(Extent extent, int bits, bool dequantize, FiguresOf figuresOf) {
  kernels::quantize(as<T>(memory.weights), extent, as<T>(memory.scales), bits, stagedCodes(bits > 8),
                    dequantize ? dequantized<T>() : nullptr, figuresOf, memory.blockFigures);
}

/// The block's figures are in blockFigures then, and added to channelFigures.
void quantize(Dtype dtype, std::uint32_t outer, std::uint32_t channels, std::uint32_t inner, int bits, bool dequantize,
              int figuresOf) {
  const Extent extent{outer, channels, inner};
  const std::uint32_t measured = measuredOf(channels, figuresOf);
  widenHalves(dtype, extent);
  std::fill_n(memory.blockFigures, measured, ErrorFigures{});
  const auto run = dtype == 1 ? quantizeBlock<double> : quantizeBlock<float>;
  run(extent, bits, dequantize, static_cast<FiguresOf>(figuresOf));
  addFigures(measured);
}

/// False if a channel holds NaN or infinity.
bool quantizePanel(Dtype dtype, std::uint32_t outer, std::uint32_t channels, std::uint32_t inner, int bits,
                   bool dequantize, int figuresOf) {
  const std::uint32_t measured = measuredOf(channels, figuresOf);
  std::fill_n(memory.largest, channels * sizeof(double), std::byte{});
  std::fill_n(memory.channelFigures, measured, ErrorFigures{});
  ranges(dtype, outer, channels, inner);
  if (!scales(dtype == 1, channels, bits)) return false;
  quantize(dtype == 1, outer, channels, inner, bits, dequantize, figuresOf);  // halves are wide by now
  close(measured);
  return true;
}

template <typename T>
void dequantizeBlock(bool wide, Extent extent) {
  kernels::dequantize(stagedCodes(wide), extent, as<T>(memory.scales), dequantized<T>());
}

/// The codes staged, with the scales put into the state by the caller; `wide` codes are int16.
void dequantize(bool float64, bool wide, std::uint32_t outer, std::uint32_t channels, std::uint32_t inner) {
  const auto run = float64 ? dequantizeBlock<double> : dequantizeBlock<float>;
  run(wide, Extent{outer, channels, inner});
}

}  // namespace

EMSCRIPTEN_BINDINGS(channelwise) {
  using emscripten::function;
  function("shiftOutputs", &shiftOutputs);
  function("weights", &weightsView);
  function("quantized", &quantizedView);
  function("dequantized", &dequantizedView);
  function("state", &stateView);
  function("ranges", &ranges);
  function("scales", &scales);
  function("quantize", &quantize);
  function("quantizePanel", &quantizePanel);
  function("addFigures", &addFigures);
  function("close", &close);
  function("dequantize", &dequantize);
}

// What JavaScript sees of the core: fixed staging buffers as typed array views, and the kernels over what they hold.
// Arguments are checked by the TypeScript that calls; nothing is checked here.

#include <emscripten/bind.h>

#include <cstddef>
#include <cstdint>

#include "bindings/memory.h"
#include "bindings/panel.h"
#include "core/kernels.h"

// Nothing here allocates but Embind, for an error message that no caller can cause. Without an allocator the module is
// 0.8 KB smaller after gzip.
extern "C" {
void* malloc(std::size_t) { return nullptr; }
void free(void*) {}
}

namespace {

using namespace channelwise;
using namespace channelwise::bindings;
using emscripten::typed_memory_view;
using emscripten::val;

// The staging buffers and the state, once for good: the memory never grows. JavaScript makes views of other types over
// the same bytes, and has the sizes from the views.

/// To be called before there are views: outputs then begin that many bytes, 0, 16, 32 or 48, after a multiple of 64.
void shiftOutputs(std::uint32_t bytes) { shift = bytes; }

val weightsView() { return val(typed_memory_view(kBlockElements, as<float>(memory.weights))); }

val quantizedView() { return val(typed_memory_view(sizeof memory.quantized - kMostShift, quantized<std::int8_t>())); }

val dequantizedView() { return val(typed_memory_view(kBlockElements, dequantized<float>())); }

[[gnu::noinline]] val doublesView(void* part, std::size_t bytes) {
  return val(typed_memory_view(bytes / sizeof(double), as<double>(part)));
}

template <auto part>
val stateView() {
  return doublesView(&(memory.*part), sizeof(memory.*part));
}

/// How error figures lie, counted in doubles, and numbers of searches, in the order in which TypeScript takes them
/// (figures.ts).
double figurePlaces[] = {
    sizeof(ErrorFigures) / sizeof(double),
    offsetof(ErrorFigures, error.value) / sizeof(double),
    offsetof(ErrorFigures, error.unit) / sizeof(double),
    offsetof(ErrorFigures, weight.value) / sizeof(double),
    offsetof(ErrorFigures, weight.unit) / sizeof(double),
    offsetof(ErrorFigures, largest) / sizeof(double),
    SquareSum::kHalfUnit,
    kSearchLength,
    kSweepSums,
};

val figurePlacesView() { return doublesView(figurePlaces, sizeof figurePlaces); }

/// Staged halves become weights, or else the values that stand for weights.
void widen(int dtype, std::uint32_t count, bool weights) {
  kernels::widen(quantized<std::uint16_t>(), count, static_cast<Dtype>(dtype),
                 weights ? as<float>(memory.weights) : dequantized<float>());
}

template <typename T>
void dequantizeBlock(bool wide, bool zeroPoints, Extent extent) {
  kernels::dequantize(stagedCodes(wide), extent, as<T>(memory.scales), dequantized<T>(),
                      zeroPoints ? as<T>(memory.zeroPoints) : nullptr);
}

/// The codes staged, with the scales, and zero points if there are any, put into the state by the caller; `wide` codes
/// are int16.
void dequantize(bool float64, bool wide, bool zeroPoints, std::uint32_t outer, std::uint32_t channels,
                std::uint32_t inner) {
  const auto run = float64 ? dequantizeBlock<double> : dequantizeBlock<float>;
  run(wide, zeroPoints, Extent{outer, channels, inner});
}

// Packed bytes pass where weights do, which are done with when there are codes, and not there yet before.

/// Bytes begin as outputs do (see shiftOutputs).
std::uint8_t* packedBytes() { return as<std::uint8_t>(memory.weights + shift); }

/// Packs `count` of the staged codes, int8, from the one at `at` on.
void pack(std::uint32_t at, std::uint32_t count, int bits, bool offset, int skip) {
  kernels::pack(quantized<std::int8_t>() + at, count, {bits, offset}, skip, packedBytes());
}

/// Unpacks `count` codes to the place `at` among the staged ones.
void unpack(std::uint32_t at, std::uint32_t count, int bits, bool offset, int skip) {
  kernels::unpack(packedBytes(), count, {bits, offset}, skip, quantized<std::int8_t>() + at);
}

template <typename T>
void measureBlock(std::uint32_t count) {
  kernels::measure(as<T>(memory.weights), dequantized<T>(), count, memory.blockFigures[0]);
}

/// The figures of the values in `dequantized` against the weights, in blockFigures.
void measure(bool float64, std::uint32_t count) {
  memory.blockFigures[0] = {};
  const auto run = float64 ? measureBlock<double> : measureBlock<float>;
  run(count);
}

}  // namespace

EMSCRIPTEN_BINDINGS(channelwise) {
  using emscripten::function;
  function("shiftOutputs", &shiftOutputs);
  function("weights", &weightsView);
  function("quantized", &quantizedView);
  function("dequantized", &dequantizedView);
  function("ranges", &stateView<&Memory::ranges>);
  function("scales", &stateView<&Memory::scales>);
  function("zeroPoints", &stateView<&Memory::zeroPoints>);
  function("blockFigures", &stateView<&Memory::blockFigures>);
  function("channelFigures", &stateView<&Memory::channelFigures>);
  function("totalFigures", &stateView<&Memory::totalFigures>);
  function("figurePlaces", &figurePlacesView);
  function("prepare", &prepare);
  function("rangeLength", &rangeLength);
  function("findRanges", &ranges);
  function("makeScales", &scales);
  function("scalesCover", &scalesCover);
  function("searches", &stateView<&Memory::searches>);
  function("sweeps", &sweeps);
  function("sweep", &sweep);
  function("judge", &judgeSweep);
  function("quantize", &quantize);
  function("quantizePanel", &quantizePanel);
  function("addFigures", &addFigures);
  function("close", &close);
  function("dequantize", &dequantize);
  function("pack", &pack);
  function("unpack", &unpack);
  function("widen", &widen);
  function("measure", &measure);
}

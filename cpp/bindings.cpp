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

/// Numbers of a Search.
constexpr int kSearchLength = sizeof(Search) / sizeof(double);
// What a sweep adds up lies where dequantized values do.
static_assert(kSweepSums * kChannels * sizeof(double) <= kBlockBytes);

/// Bytes that outputs can be shifted by, so that they lie as the arrays do that they are copied to (see buffers.ts).
constexpr std::size_t kMostShift = 48;

/// What JavaScript reads and writes.
struct Memory {
  alignas(64) std::byte weights[kBlockBytes];
  alignas(64) std::byte dequantized[kBlockBytes + kMostShift];
  /// Before there are codes, halves pass here.
  alignas(64) std::byte quantized[kBlockElements * sizeof(std::int16_t) + kMostShift];
  /// The largest |weight| of each channel, or a Range.
  alignas(64) double ranges[2 * kChannels];
  alignas(64) double scales[kChannels];
  alignas(64) double zeroPoints[kChannels];
  /// A Search of each channel.
  Search searches[kChannels];
  /// Of the last block, of the panel, and of all panels.
  ErrorFigures blockFigures[kChannels];
  ErrorFigures channelFigures[kChannels];
  ErrorFigures totalFigures;
} memory;

std::size_t shift = 0;

template <typename T>
T* as(void* part) {
  return static_cast<T*>(part);
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

Codes stagedCodes(bool wide) { return {quantized<std::byte>(), wide}; }

/// What the calls that follow are about.
struct Job {
  Dtype dtype;  ///< of the weights
  FiguresOf figuresOf;
  bool dequantize;
  Scheme scheme;
} job;

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

/// Staged halves become weights, or else the values that stand for weights.
void widen(int dtype, std::uint32_t count, bool weights) {
  kernels::widen(quantized<std::uint16_t>(), count, static_cast<Dtype>(dtype),
                 weights ? as<float>(memory.weights) : dequantized<float>());
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
  for (std::uint32_t c = 0; c < channels; ++c) {
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

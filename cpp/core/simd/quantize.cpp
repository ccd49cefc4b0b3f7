#include <cstdint>

#include "../kernels.h"
#include "../rule.h"
#include "columns.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// Squares of float32 are summed in float32 over so many tiles of a run or rows of a column, then in float64: no sum
/// passes through more than 11 roundings before that, an error below 7e-7.
constexpr std::size_t kFlushEvery = 8;

/// pointer + offset, for outputs that may be null.
template <typename T>
T* advance(T* pointer, std::size_t offset) {
  return pointer ? pointer + offset : nullptr;
}

/// The least and the largest code, in every lane.
template <typename T>
struct CodeLimits {
  v128_t qmin;
  v128_t qmax;

  explicit CodeLimits(int bits)
      : qmin(Lanes<T>::splat(static_cast<T>(qminOf(bits)))), qmax(Lanes<T>::splat(static_cast<T>(qmaxOf(bits)))) {}
};

/// How a code is made from a weight, for one vector: the codes, as numbers plus kRounder. Clamping before rounding
/// gives what clamping after it does, because the limits are integers.
template <typename T>
inline v128_t roundedCodes(v128_t weights, v128_t scales, const CodeLimits<T>& limits) {
  using L = Lanes<T>;
  const v128_t quotients = L::div(weights, scales);
  return L::add(L::max(L::min(quotients, limits.qmax), limits.qmin), L::splat(L::kRounder));
}

/// What a kernel makes. Every kind is a copy of the code: int8 codes of float32 weights, which are asked for most, have
/// a kind without anything else and one with the figures; kAny makes whatever is not null.
enum class Outputs { kCodes, kCodesAndFigures, kAny };

/// Error figures of up to kChunk columns, each in a lane of its own, or of one run in the lanes of the first tile.
template <typename T>
class Figures {
 public:
  /// Begins anew with `width` columns.
  [[gnu::noinline]] void clear(std::size_t width) {
    std::fill_n(error_, width, T{0});
    std::fill_n(weight_, width, T{0});
    std::fill_n(largest_, width, T{0});
    std::fill_n(errorSums_, width, 0.0);
    std::fill_n(weightSums_, width, 0.0);
  }

  /// Adds a vector of weights and their errors at column `at`.
  void add(std::size_t at, v128_t weights, v128_t errors) {
    wasm_v128_store(error_ + at, L::add(wasm_v128_load(error_ + at), L::mul(errors, errors)));
    wasm_v128_store(weight_ + at, L::add(wasm_v128_load(weight_ + at), L::mul(weights, weights)));
    wasm_v128_store(largest_ + at, L::max(wasm_v128_load(largest_ + at), L::abs(errors)));
  }

  [[gnu::noinline]] void flush(std::size_t width) {
    for (std::size_t at = 0; at < width; at += L::kCount) {
      L::addTo(errorSums_ + at, takeAll(error_ + at));
      L::addTo(weightSums_ + at, takeAll(weight_ + at));
    }
  }

  [[gnu::noinline]] void flushRun() {
    for (std::size_t at = L::kCount; at < kTile; at += L::kCount) {
      wasm_v128_store(error_, L::add(wasm_v128_load(error_), takeAll(error_ + at)));
      wasm_v128_store(weight_, L::add(wasm_v128_load(weight_), takeAll(weight_ + at)));
    }
    flush(L::kCount);
  }

  ErrorFigures ofColumn(std::size_t column) const {
    ErrorFigures figures;
    figures.error.value = errorSums_[column];
    figures.weight.value = weightSums_[column];
    figures.largest = largest_[column];
    return figures;
  }

  [[gnu::noinline]] ErrorFigures ofRun() const {
    ErrorFigures figures;
    for (std::size_t lane = 0; lane < kTile; ++lane) {
      figures.error.value += errorSums_[lane];
      figures.weight.value += weightSums_[lane];
      figures.largest = std::max<double>(figures.largest, largest_[lane]);
    }
    return figures;
  }

 private:
  using L = Lanes<T>;

  static v128_t takeAll(T* sums) {
    const v128_t taken = wasm_v128_load(sums);
    wasm_v128_store(sums, L::splat(0));
    return taken;
  }

  T error_[kChunk];
  T weight_[kChunk];
  T largest_[kChunk];
  double errorSums_[kChunk];
  double weightSums_[kChunk];
};

/// One tile, with the scales and the figures of its columns.
template <Outputs kOutputs, typename T, typename Code>
inline void quantizeTile(const T* weights, const CodeLimits<T>& limits, const T* scales, Code* quantized,
                         T* dequantized, Figures<T>& figures, std::size_t column) {
  using L = Lanes<T>;
  v128_t rounded[L::kVectors];
  for (std::size_t v = 0; v < L::kVectors; ++v) {
    const std::size_t at = v * L::kCount;
    const v128_t scale = wasm_v128_load(scales + at);
    const v128_t weight = wasm_v128_load(weights + at);
    rounded[v] = roundedCodes<T>(weight, scale, limits);
    if constexpr (kOutputs != Outputs::kCodes) {
      const v128_t back = L::mul(L::sub(rounded[v], L::splat(L::kRounder)), scale);
      if (kOutputs == Outputs::kAny && dequantized) wasm_v128_store(dequantized + at, back);
      figures.add(column + at, weight, L::sub(weight, back));
    }
  }
  v128_t codes[2];
  L::integers(rounded, codes);
  storeCodes(quantized, codes);
}

/// A contiguous stretch of weights: with step kTile, a row of columns, each with a scale and figures of its own; with
/// step 0, a run whose tiles all share the scales and the figures of the first kTile columns.
template <Outputs kOutputs, typename T, typename Code>
[[gnu::noinline]] void quantizeStretch(const T* weights, std::size_t count, std::size_t step,
                                       const CodeLimits<T>& limits, const T* scales, Code* quantized, T* dequantized,
                                       Figures<T>& figures) {
  PartTile<T> weightsPart;
  PartTile<Code> quantizedPart;
  PartTile<T> dequantizedPart;
  std::size_t untilFlush = step == 0 ? kFlushEvery : count;
  std::size_t column = 0;
  for (std::size_t at = 0; at < count; at += kTile, column += step) {
    const std::size_t left = count - at;
    quantizeTile<kOutputs>(weightsPart.toRead(weights + at, left), limits, scales + column,
                           quantizedPart.toWrite(quantized + at, left),
                           dequantized ? dequantizedPart.toWrite(dequantized + at, left) : nullptr, figures, column);
    if (kOutputs == Outputs::kCodes || --untilFlush > 0) continue;
    untilFlush = kFlushEvery;
    figures.flushRun();
  }
  quantizedPart.finish(quantized, count);
  if (dequantized) dequantizedPart.finish(dequantized, count);
}

/// Whether sums of squares, squared in T, lost nothing that counts: no square overflowed, and those that underflowed
/// are far below the sum. Where every error is 0, so is their sum.
template <typename T>
bool sumsAreSound(const ErrorFigures& figures) {
  constexpr bool kSingle = sizeof(T) == sizeof(float);
  constexpr double kLow = kSingle ? 0x1p-90 : 0x1p-900;
  constexpr double kHigh = kSingle ? 0x1p120 : 0x1p990;
  const auto sound = [](double sum) { return sum >= kLow && sum <= kHigh; };
  return sound(figures.weight.value) && (figures.largest == 0 || sound(figures.error.value));
}

/// Adds the sums of `count` elements `stride` apart, or, where they are not sound, what the elements give one by one.
template <typename T, typename Code>
[[gnu::noinline]] void addFigures(ErrorFigures& figures, const ErrorFigures& sums, const T* weights,
                                  const Code* quantized, std::size_t count, std::size_t stride, T scale) {
  if (sumsAreSound<T>(sums)) {
    figures.add(sums);
    return;
  }
  for (std::size_t i = 0; i < count * stride; i += stride)
    figures.addElement(weights[i], weights[i] - static_cast<T>(quantized[i]) * scale);
}

template <Outputs kOutputs, typename T, typename Code>
void quantizeExtent(const T* weights, Extent extent, const T* scales, int bits, Code* quantized, T* dequantized,
                    ErrorFigures* figures) {
  const CodeLimits<T> limits(bits);
  T columnScales[kChunk];
  Figures<T> sums;

  if (!inColumns(extent)) {
    std::size_t run = 0;
    for (std::size_t o = 0; o < extent.outer; ++o) {
      for (std::size_t c = 0; c < extent.channels; ++c, run += extent.inner) {
        std::fill_n(columnScales, kTile, scales[c]);
        if (kOutputs != Outputs::kCodes) sums.clear(kTile);
        quantizeStretch<kOutputs>(weights + run, extent.inner, 0, limits, columnScales, quantized + run,
                                  advance(dequantized, run), sums);
        if (kOutputs == Outputs::kCodes || !figures) continue;
        sums.flushRun();
        addFigures(figures[c], sums.ofRun(), weights + run, quantized + run, extent.inner, 1, scales[c]);
      }
    }
    return;
  }

  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  forEachColumnChunk(extent, [&](const ColumnChunk& chunk) {
    expandToColumns(scales + chunk.firstChannel, chunk.channels, extent.inner, columnScales);
    if (kOutputs != Outputs::kCodes) sums.clear(kChunk);
    for (std::size_t o = 0; o < extent.outer; ++o) {
      const std::size_t row = o * stride + chunk.offset;
      quantizeStretch<kOutputs>(weights + row, chunk.width, kTile, limits, columnScales, quantized + row,
                                advance(dequantized, row), sums);
      if (kOutputs != Outputs::kCodes && o % kFlushEvery == kFlushEvery - 1) sums.flush(kChunk);
    }
    if (kOutputs == Outputs::kCodes || !figures) return;
    sums.flush(kChunk);
    for (std::size_t column = 0; column < chunk.width; ++column) {
      const std::size_t at = chunk.offset + column;
      addFigures(figures[at / extent.inner], sums.ofColumn(column), weights + at, quantized + at, extent.outer, stride,
                 columnScales[column]);
    }
  });
}

}  // namespace

template <typename T, typename Code>
void quantize(const T* weights, Extent extent, const T* scales, int bits, Code* quantized, T* dequantized,
              ErrorFigures* figures) {
  auto run = quantizeExtent<Outputs::kAny, T, Code>;
  if constexpr (sizeof(T) == sizeof(float) && sizeof(Code) == 1) {
    if (!dequantized)
      run = figures ? quantizeExtent<Outputs::kCodesAndFigures, T, Code> : quantizeExtent<Outputs::kCodes, T, Code>;
  }
  run(weights, extent, scales, bits, quantized, dequantized, figures);
}

template void quantize(const float*, Extent, const float*, int, std::int8_t*, float*, ErrorFigures*);
template void quantize(const float*, Extent, const float*, int, std::int16_t*, float*, ErrorFigures*);
template void quantize(const double*, Extent, const double*, int, std::int8_t*, double*, ErrorFigures*);
template void quantize(const double*, Extent, const double*, int, std::int16_t*, double*, ErrorFigures*);

}  // namespace channelwise::simd

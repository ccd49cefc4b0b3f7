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

/// How a code is made from a weight, for one vector: the codes, as numbers plus kRounder. Clamping before rounding gives
/// what clamping after it does, because the limits are integers.
template <typename T>
inline v128_t roundedCodes(v128_t weights, v128_t scales, const CodeLimits<T>& limits) {
  using L = Lanes<T>;
  const v128_t quotients = L::div(weights, scales);
  return L::add(L::max(L::min(quotients, limits.qmax), limits.qmin), L::splat(L::kRounder));
}

/// What a kernel makes. Every kind is a copy of the code: int8 codes of float32 weights, which are asked for most, have a
/// kind without anything else and one with the figures; kAny makes whatever is not null.
enum class Outputs { kCodes, kCodesAndFigures, kAny };

/// One tile. scaleAt(v) gives the scales of vector v; measure(weights, errors) gets the vectors of the tile.
template <Outputs kOutputs, typename T, typename Code, typename ScaleAt, typename Measure>
inline void quantizeTile(const T* weights, const CodeLimits<T>& limits, ScaleAt scaleAt, Code* quantized,
                         T* dequantized, Measure measure) {
  using L = Lanes<T>;
  v128_t weight[L::kVectors];
  v128_t rounded[L::kVectors];
  v128_t error[L::kVectors];
  for (std::size_t v = 0; v < L::kVectors; ++v) {
    const v128_t scale = scaleAt(v);
    weight[v] = wasm_v128_load(weights + v * L::kCount);
    rounded[v] = roundedCodes<T>(weight[v], scale, limits);
    if constexpr (kOutputs != Outputs::kCodes) {
      const v128_t back = L::mul(L::sub(rounded[v], L::splat(L::kRounder)), scale);
      if (kOutputs == Outputs::kAny && dequantized) wasm_v128_store(dequantized + v * L::kCount, back);
      error[v] = L::sub(weight[v], back);
    }
  }
  v128_t codes[2];
  L::integers(rounded, codes);
  storeCodes(quantized, codes);
  if constexpr (kOutputs != Outputs::kCodes) measure(weight, error);
}

/// Calls kernel(weights, quantized, dequantized) on a tile padded with weights of zero, which change no figure, and keeps
/// the first `count` of what it makes.
template <typename T, typename Code, typename Kernel>
void withPadding(const T* weights, std::size_t count, Code* quantized, T* dequantized, Kernel kernel) {
  T in[kTile] = {};
  Code codes[kTile];
  T back[kTile];
  std::copy(weights, weights + count, in);
  kernel(in, codes, dequantized ? back : nullptr);
  std::copy(codes, codes + count, quantized);
  if (dequantized) std::copy(back, back + count, dequantized);
}

/// The sum of the squares in every lane.
template <typename T>
inline v128_t sumOfSquares(const v128_t* vectors) {
  using L = Lanes<T>;
  v128_t sums[L::kVectors / 2];
  for (std::size_t v = 0; v < L::kVectors / 2; ++v)
    sums[v] = L::add(L::mul(vectors[2 * v], vectors[2 * v]), L::mul(vectors[2 * v + 1], vectors[2 * v + 1]));
  for (std::size_t v = 1; v < L::kVectors / 2; ++v) sums[0] = L::add(sums[0], sums[v]);
  return sums[0];
}

/// A contiguous run of weights with one scale; adds to the plain values of `sums`.
template <Outputs kOutputs, typename T, typename Code>
[[gnu::noinline]] void quantizeRun(const T* weights, std::size_t count, T scale, const CodeLimits<T>& limits,
                                   Code* quantized, T* dequantized, ErrorFigures& sums) {
  using L = Lanes<T>;
  const v128_t scales = L::splat(scale);
  v128_t errorSums = wasm_f64x2_splat(0);
  v128_t weightSums = wasm_f64x2_splat(0);
  v128_t largest = L::splat(0);
  const std::size_t whole = count - count % kTile;
  std::size_t at = 0;
  while (at < whole) {
    const std::size_t end = kOutputs == Outputs::kCodes ? whole : std::min(whole, at + kFlushEvery * kTile);
    v128_t error = L::splat(0);
    v128_t weight = L::splat(0);
    for (; at < end; at += kTile) {
      quantizeTile<kOutputs>(
          weights + at, limits, [&](std::size_t) { return scales; }, quantized + at, advance(dequantized, at),
          [&](const v128_t* tileWeights, const v128_t* tileErrors) {
            error = L::add(error, sumOfSquares<T>(tileErrors));
            weight = L::add(weight, sumOfSquares<T>(tileWeights));
            for (std::size_t v = 0; v < L::kVectors; ++v) largest = L::max(largest, L::abs(tileErrors[v]));
          });
    }
    errorSums = wasm_f64x2_add(errorSums, L::pairSums(error));
    weightSums = wasm_f64x2_add(weightSums, L::pairSums(weight));
  }
  if constexpr (kOutputs != Outputs::kCodes) {
    sums.error.value += wasm_f64x2_extract_lane(errorSums, 0) + wasm_f64x2_extract_lane(errorSums, 1);
    sums.weight.value += wasm_f64x2_extract_lane(weightSums, 0) + wasm_f64x2_extract_lane(weightSums, 1);
    T lanes[L::kCount];
    wasm_v128_store(lanes, largest);
    for (T lane : lanes) sums.largest = std::max<double>(sums.largest, lane);
  }
  if (at == count) return;
  withPadding(weights + at, count - at, quantized + at, advance(dequantized, at),
              [&](const T* in, Code* codes, T* back) {
                quantizeRun<kOutputs>(in, kTile, scale, limits, codes, back, sums);
              });
}

/// Error figures of up to kChunk columns, each in a lane of its own.
template <typename T>
class ColumnFigures {
 public:
  /// Begins anew.
  [[gnu::noinline]] void clear() {
    std::fill_n(error_, kChunk, T{0});
    std::fill_n(weight_, kChunk, T{0});
    std::fill_n(largest_, kChunk, T{0});
    std::fill_n(errorSums_, kChunk, 0.0);
    std::fill_n(weightSums_, kChunk, 0.0);
  }

  /// Adds a tile at column `at`.
  void add(std::size_t at, const v128_t* weights, const v128_t* errors) {
    for (std::size_t v = 0; v < L::kVectors; ++v, at += L::kCount) {
      wasm_v128_store(error_ + at, L::add(wasm_v128_load(error_ + at), L::mul(errors[v], errors[v])));
      wasm_v128_store(weight_ + at, L::add(wasm_v128_load(weight_ + at), L::mul(weights[v], weights[v])));
      wasm_v128_store(largest_ + at, L::max(wasm_v128_load(largest_ + at), L::abs(errors[v])));
    }
  }

  [[gnu::noinline]] void flush() {
    for (std::size_t at = 0; at < kChunk; at += L::kCount) {
      L::addTo(errorSums_ + at, takeAll(error_ + at));
      L::addTo(weightSums_ + at, takeAll(weight_ + at));
    }
  }

  ErrorFigures figures(std::size_t column) const {
    ErrorFigures figures;
    figures.error.value = errorSums_[column];
    figures.weight.value = weightSums_[column];
    figures.largest = largest_[column];
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

/// A row of `count` columns from column `first` on.
template <Outputs kOutputs, typename T, typename Code>
[[gnu::noinline]] void quantizeRow(const T* weights, std::size_t first, std::size_t count, const CodeLimits<T>& limits,
                                   const T* scales, Code* quantized, T* dequantized, ColumnFigures<T>& sums) {
  std::size_t at = 0;
  for (; at + kTile <= count; at += kTile) {
    quantizeTile<kOutputs>(
        weights + at, limits, [&](std::size_t v) { return wasm_v128_load(scales + first + at + v * Lanes<T>::kCount); },
        quantized + at, advance(dequantized, at),
        [&](const v128_t* tileWeights, const v128_t* tileErrors) { sums.add(first + at, tileWeights, tileErrors); });
  }
  if (at == count) return;
  withPadding(weights + at, count - at, quantized + at, advance(dequantized, at),
              [&](const T* in, Code* codes, T* back) {
                quantizeRow<kOutputs>(in, first + at, kTile, limits, scales, codes, back, sums);
              });
}

/// Whether sums of squares, squared in T, lost nothing that counts: no square overflowed, and those that underflowed are
/// far below the sum. Where every error is 0, so is their sum.
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

  if (!inColumns(extent)) {
    std::size_t run = 0;
    for (std::size_t o = 0; o < extent.outer; ++o) {
      for (std::size_t c = 0; c < extent.channels; ++c, run += extent.inner) {
        ErrorFigures sums;
        quantizeRun<kOutputs>(weights + run, extent.inner, scales[c], limits, quantized + run,
                              advance(dequantized, run), sums);
        if (kOutputs != Outputs::kCodes && figures)
          addFigures(figures[c], sums, weights + run, quantized + run, extent.inner, 1, scales[c]);
      }
    }
    return;
  }

  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  T columnScales[kChunk];
  ColumnFigures<T> sums;
  forEachColumnChunk(extent, [&](const ColumnChunk& chunk) {
    expandToColumns(scales + chunk.firstChannel, chunk.channels, extent.inner, columnScales);
    if (kOutputs != Outputs::kCodes) sums.clear();
    for (std::size_t o = 0; o < extent.outer; ++o) {
      const std::size_t row = o * stride + chunk.offset;
      quantizeRow<kOutputs>(weights + row, 0, chunk.width, limits, columnScales, quantized + row,
                            advance(dequantized, row), sums);
      if (kOutputs != Outputs::kCodes && o % kFlushEvery == kFlushEvery - 1) sums.flush();
    }
    if (kOutputs == Outputs::kCodes || !figures) return;
    sums.flush();
    for (std::size_t column = 0; column < chunk.width; ++column) {
      const std::size_t at = chunk.offset + column;
      addFigures(figures[at / extent.inner], sums.figures(column), weights + at, quantized + at, extent.outer, stride,
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

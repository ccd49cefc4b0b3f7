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

/// What the rule needs in every lane.
template <typename T>
struct CodeLimits {
  v128_t qmin;
  v128_t qmax;
  v128_t rounder = Lanes<T>::splat(Lanes<T>::kRounder);

  explicit CodeLimits(int bits)
      : qmin(Lanes<T>::splat(static_cast<T>(qminOf(bits)))), qmax(Lanes<T>::splat(static_cast<T>(qmaxOf(bits)))) {
#ifdef __wasm__
    // The compiler may not know its value, or subtracting it would become adding its negative: one more register, for
    // which there is no room in the loops.
    asm("" : "+r"(rounder));
#endif
  }
};

/// How a code is made from a weight, for one vector: the codes, as numbers plus kRounder. Clamping before rounding
/// gives what clamping after it does, because the limits are integers.
template <typename T>
inline v128_t roundedCodes(v128_t weights, v128_t scales, const CodeLimits<T>& limits) {
  using L = Lanes<T>;
  const v128_t quotients = L::div(weights, scales);
  return L::add(L::max(L::min(quotients, limits.qmax), limits.qmin), limits.rounder);
}

/// What a kernel makes. Every kind is a copy of the code: int8 codes of float32 weights, which are asked for most, have
/// a kind without anything else and one with the figures; kAny makes whatever is not null.
enum class Outputs { kCodes, kCodesAndFigures, kAny };

/// One tile. scaleAt(v) gives the scales of vector v; measure(v, weights, errors) gets two vectors at a time.
template <Outputs kOutputs, typename T, typename Code, typename ScaleAt, typename Measure>
inline void quantizeTile(const T* weights, const CodeLimits<T>& limits, ScaleAt scaleAt, Code* quantized,
                         T* dequantized, Measure measure) {
  using L = Lanes<T>;
  v128_t codes[2];
#pragma GCC unroll 8
  for (std::size_t half = 0; half < 2; ++half) {
    v128_t rounded[L::kVectors / 2];
#pragma GCC unroll 8
    for (std::size_t pair = 0; pair < L::kVectors / 2; pair += 2) {
      v128_t weight[2];
      v128_t error[2];
#pragma GCC unroll 8
      for (std::size_t i = 0; i < 2; ++i) {
        const std::size_t v = half * L::kVectors / 2 + pair + i;
        const v128_t scale = scaleAt(v);
        weight[i] = wasm_v128_load(weights + v * L::kCount);
        rounded[pair + i] = roundedCodes<T>(weight[i], scale, limits);
        if constexpr (kOutputs != Outputs::kCodes) {
          const v128_t back = L::mul(L::sub(rounded[pair + i], limits.rounder), scale);
          if (kOutputs == Outputs::kAny && dequantized) wasm_v128_store(dequantized + v * L::kCount, back);
          error[i] = L::sub(weight[i], back);
        }
      }
      if constexpr (kOutputs != Outputs::kCodes) {
        measure(half * L::kVectors / 2 + pair, weight, error);
      }
    }
    codes[half] = L::integers(rounded, limits.rounder);
  }
  storeCodes(quantized, codes);
}

/// Calls kernel(weights, quantized, dequantized) on a tile padded with weights of zero, which change no figure, and
/// keeps the first `count` of what it makes.
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

/// a^2 + b^2 in every lane.
template <typename T>
inline v128_t sumOfSquares(const v128_t* pair) {
  using L = Lanes<T>;
  return L::add(L::mul(pair[0], pair[0]), L::mul(pair[1], pair[1]));
}

/// A contiguous run of weights with one scale; adds to the plain values of `sums`.
template <Outputs kOutputs, typename T, typename Code>
[[gnu::noinline]] void quantizeRun(const T* weights, std::size_t count, T scale, const CodeLimits<T> limits,
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
          [&](std::size_t, const v128_t* weights, const v128_t* errors) {
            error = L::add(error, sumOfSquares<T>(errors));
            weight = L::add(weight, sumOfSquares<T>(weights));
            largest = L::maxKey(largest, L::maxKey(L::magnitudeKey(errors[0]), L::magnitudeKey(errors[1])));
          });
    }
    errorSums = wasm_f64x2_add(errorSums, L::pairSums(error));
    weightSums = wasm_f64x2_add(weightSums, L::pairSums(weight));
  }
  if constexpr (kOutputs != Outputs::kCodes) {
    sums.error.value += wasm_f64x2_extract_lane(errorSums, 0) + wasm_f64x2_extract_lane(errorSums, 1);
    sums.weight.value += wasm_f64x2_extract_lane(weightSums, 0) + wasm_f64x2_extract_lane(weightSums, 1);
    T lanes[L::kCount];
    wasm_v128_store(lanes, L::magnitudeOfKey(largest));
    for (T lane : lanes) sums.largest = std::max<double>(sums.largest, lane);
  }
  if (at == count) return;
  withPadding(
      weights + at, count - at, quantized + at, advance(dequantized, at),
      [&](const T* in, Code* codes, T* back) { quantizeRun<kOutputs>(in, kTile, scale, limits, codes, back, sums); });
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

  /// Adds two vectors at column `at`.
  void add(std::size_t at, const v128_t* weights, const v128_t* errors) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 2; ++i, at += L::kCount) {
      wasm_v128_store(error_ + at, L::add(wasm_v128_load(error_ + at), L::mul(errors[i], errors[i])));
      wasm_v128_store(weight_ + at, L::add(wasm_v128_load(weight_ + at), L::mul(weights[i], weights[i])));
      wasm_v128_store(largest_ + at, L::max(wasm_v128_load(largest_ + at), L::abs(errors[i])));
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
        [&](std::size_t v, const v128_t* weights, const v128_t* errors) {
          sums.add(first + at + v * Lanes<T>::kCount, weights, errors);
        });
  }
  if (at == count) return;
  withPadding(weights + at, count - at, quantized + at, advance(dequantized, at),
              [&](const T* in, Code* codes, T* back) {
                quantizeRow<kOutputs>(in, first + at, kTile, limits, scales, codes, back, sums);
              });
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

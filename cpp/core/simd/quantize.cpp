#include <cstdint>

#include "../kernels.h"
#include "../rule.h"
#include "columns.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// Squares of float32 are summed in float32 over so many tiles of a run or rows of a column, then in float64: no sum
/// passes through more than 11 roundings before that, an error below 7e-7.
constexpr std::size_t kTilesPerFlush = 8;
constexpr std::size_t kRowsPerFlush = 8;

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

/// What a kernel makes beside the codes. Every kind is a copy of the code: the two that are asked for most have their
/// own, the third makes whatever is not null.
enum class Outputs { kCodes, kCodesAndFigures, kAny };

/// One tile. scaleAt(v) gives the scales of vector v; measure(weights, errors) gets the tile's vectors.
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
      if constexpr (kOutputs == Outputs::kAny)
        if (dequantized) wasm_v128_store(dequantized + v * L::kCount, back);
      error[v] = L::sub(weight[v], back);
    }
  }
  v128_t codes[2];
  L::integers(rounded, codes);
  storeCodes(quantized, codes);
  if constexpr (kOutputs != Outputs::kCodes) measure(weight, error);
}

/// Calls visitTile(at, weights, quantized, dequantized) for every tile of `count` elements. The last one, where it is not
/// whole, passes through buffers padded with weights of zero, which change no figure.
template <typename T, typename Code, typename VisitTile>
inline void forEachTile(const T* weights, std::size_t count, Code* quantized, T* dequantized, VisitTile visitTile) {
  T in[kTile];
  Code codes[kTile];
  T back[kTile];
  for (std::size_t at = 0; at < count; at += kTile) {
    const std::size_t left = count - at;
    if (left < kTile) {
      std::fill(std::copy(weights + at, weights + count, in), in + kTile, T{0});
    }
    visitTile(at, left < kTile ? in : weights + at, left < kTile ? codes : quantized + at,
              !dequantized ? nullptr : left < kTile ? back : dequantized + at);
    if (left < kTile) {
      std::copy(codes, codes + left, quantized + at);
      if (dequantized) std::copy(back, back + left, dequantized + at);
    }
  }
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

/// The figures of elements `stride` apart with one scale, for any magnitude, one by one.
template <typename T, typename Code>
[[gnu::noinline]] ErrorFigures measureOneByOne(const T* weights, const Code* quantized, std::size_t count, std::size_t stride, T scale) {
  ErrorFigures figures;
  for (std::size_t i = 0; i < count * stride; i += stride)
    figures.addElement(weights[i], weights[i] - static_cast<T>(quantized[i]) * scale);
  return figures;
}

/// The figures of a run, in vectors.
template <typename T>
class RunFigures {
 public:
  void add(const v128_t* weights, const v128_t* errors) {
    error_ = L::add(error_, sumOfSquares(errors));
    weight_ = L::add(weight_, sumOfSquares(weights));
    v128_t largest = L::abs(errors[0]);
    for (std::size_t v = 1; v < L::kVectors; ++v) largest = L::max(largest, L::abs(errors[v]));
    largest_ = L::max(largest_, largest);
  }

  void flush() {
    errorSums_ = wasm_f64x2_add(errorSums_, L::pairSums(error_));
    weightSums_ = wasm_f64x2_add(weightSums_, L::pairSums(weight_));
    error_ = weight_ = L::splat(0);
  }

  ErrorFigures figures() {
    flush();
    ErrorFigures result;
    result.error.value = wasm_f64x2_extract_lane(errorSums_, 0) + wasm_f64x2_extract_lane(errorSums_, 1);
    result.weight.value = wasm_f64x2_extract_lane(weightSums_, 0) + wasm_f64x2_extract_lane(weightSums_, 1);
    T lanes[L::kCount];
    wasm_v128_store(lanes, largest_);
    result.largest = *std::max_element(lanes, lanes + L::kCount);
    return result;
  }

 private:
  using L = Lanes<T>;

  static v128_t sumOfSquares(const v128_t* vectors) {
    v128_t sums[L::kVectors / 2];
    for (std::size_t v = 0; v < L::kVectors / 2; ++v)
      sums[v] = L::add(L::mul(vectors[2 * v], vectors[2 * v]), L::mul(vectors[2 * v + 1], vectors[2 * v + 1]));
    for (std::size_t v = 1; v < L::kVectors / 2; ++v) sums[0] = L::add(sums[0], sums[v]);
    return sums[0];
  }

  v128_t error_ = L::splat(0);
  v128_t weight_ = L::splat(0);
  v128_t largest_ = L::splat(0);
  v128_t errorSums_ = wasm_f64x2_splat(0);
  v128_t weightSums_ = wasm_f64x2_splat(0);
};

/// A contiguous run of weights with one scale.
template <Outputs kOutputs, typename T, typename Code>
void quantizeRun(const T* weights, std::size_t count, T scale, const CodeLimits<T>& limits, Code* quantized,
                 T* dequantized, ErrorFigures* figures) {
  const v128_t scales = Lanes<T>::splat(scale);
  RunFigures<T> run;
  forEachTile(weights, count, quantized, dequantized, [&](std::size_t at, const T* in, Code* codes, T* back) {
    quantizeTile<kOutputs>(
        in, limits, [&](std::size_t) { return scales; }, codes, back,
        [&](const v128_t* weight, const v128_t* error) { run.add(weight, error); });
    if (kOutputs != Outputs::kCodes && at / kTile % kTilesPerFlush == kTilesPerFlush - 1) run.flush();
  });
  if (kOutputs != Outputs::kCodes && figures) {
    const ErrorFigures sums = run.figures();
    figures->add(sumsAreSound<T>(sums) ? sums : measureOneByOne(weights, quantized, count, 1, scale));
  }
}

/// The figures of a chunk's columns, each in a lane of its own.
template <typename T>
class ColumnFigures {
 public:
  /// Adds a tile at column `at`.
  void add(std::size_t at, const v128_t* weights, const v128_t* errors) {
    for (std::size_t v = 0; v < L::kVectors; ++v, at += L::kCount) {
      wasm_v128_store(error_ + at, L::add(wasm_v128_load(error_ + at), L::mul(errors[v], errors[v])));
      wasm_v128_store(weight_ + at, L::add(wasm_v128_load(weight_ + at), L::mul(weights[v], weights[v])));
      wasm_v128_store(largest_ + at, L::max(wasm_v128_load(largest_ + at), L::abs(errors[v])));
    }
  }

  void flush() {
    for (std::size_t column = 0; column < kChunk; ++column) {
      errorSums_[column] += error_[column];
      weightSums_[column] += weight_[column];
      error_[column] = weight_[column] = 0;
    }
  }

  ErrorFigures figures(std::size_t column) const {
    ErrorFigures result;
    result.error.value = errorSums_[column];
    result.weight.value = weightSums_[column];
    result.largest = largest_[column];
    return result;
  }

 private:
  using L = Lanes<T>;

  T error_[kChunk] = {};
  T weight_[kChunk] = {};
  T largest_[kChunk] = {};
  double errorSums_[kChunk] = {};
  double weightSums_[kChunk] = {};
};

template <Outputs kOutputs, typename T, typename Code>
void quantizeColumns(const T* weights, Extent extent, const ColumnChunk& chunk, const T* scales,
                     const CodeLimits<T>& limits, Code* quantized, T* dequantized, ErrorFigures* figures) {
  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  T columnScales[kChunk];
  expandToColumns(scales, chunk.channels, extent.inner, columnScales);
  std::conditional_t<kOutputs == Outputs::kCodes, char, ColumnFigures<T>> columns{};

  for (std::size_t o = 0; o < extent.outer; ++o) {
    const std::size_t row = o * stride;
    forEachTile(
        weights + row, chunk.width, quantized + row, advance(dequantized, row),
        [&](std::size_t at, const T* in, Code* codes, T* back) {
          quantizeTile<kOutputs>(
              in, limits, [&](std::size_t v) { return wasm_v128_load(columnScales + at + v * Lanes<T>::kCount); },
              codes, back, [&](const v128_t* weight, const v128_t* error) { if constexpr (kOutputs != Outputs::kCodes) columns.add(at, weight, error);
              });
        });
    if constexpr (kOutputs != Outputs::kCodes)
      if (o % kRowsPerFlush == kRowsPerFlush - 1) columns.flush();
  }

  if constexpr (kOutputs != Outputs::kCodes) {
    if (!figures) return;
    columns.flush();
    for (std::size_t column = 0; column < chunk.width; ++column) {
      const ErrorFigures sums = columns.figures(column);
      figures[column / extent.inner].add(
          sumsAreSound<T>(sums)
              ? sums
              : measureOneByOne(weights + column, quantized + column, extent.outer, stride, columnScales[column]));
    }
  }
}

template <Outputs kOutputs, typename T, typename Code>
void quantizeExtent(const T* weights, Extent extent, const T* scales, int bits, Code* quantized, T* dequantized,
                    ErrorFigures* figures) {
  const CodeLimits<T> limits(bits);
  if (inColumns(extent)) {
    forEachColumnChunk(extent, [&](const ColumnChunk& chunk) {
      quantizeColumns<kOutputs>(weights + chunk.offset, extent, chunk, scales + chunk.firstChannel, limits,
                                quantized + chunk.offset, advance(dequantized, chunk.offset),
                                advance(figures, chunk.firstChannel));
    });
    return;
  }
  std::size_t run = 0;
  for (std::size_t o = 0; o < extent.outer; ++o)
    for (std::size_t c = 0; c < extent.channels; ++c, run += extent.inner)
      quantizeRun<kOutputs>(weights + run, extent.inner, scales[c], limits, quantized + run, advance(dequantized, run),
                            advance(figures, c));
}

}  // namespace

template <typename T, typename Code>
void quantize(const T* weights, Extent extent, const T* scales, int bits, Code* quantized, T* dequantized,
              ErrorFigures* figures) {
  // Codes of float32 weights in int8 are what is asked for most.
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

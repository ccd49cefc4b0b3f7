#include <algorithm>
#include <cstdint>

#include "../kernels.h"
#include "../rule.h"
#include "columns.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// Squares of float32 are summed in float32 over so many tiles of a stretch or rows of a column, then in float64: no
/// sum passes through more than 14 roundings before that, an error below 9e-7.
constexpr std::size_t kFlushEvery = 12;

/// pointer + offset, for outputs that may be null.
template <typename T>
T* advance(T* pointer, std::size_t offset) {
  return pointer ? pointer + offset : nullptr;
}

/// How a code is made from a weight, a vector at a time.
template <typename T>
struct Rule {
  using L = Lanes<T>;

  v128_t qmin;
  v128_t qmax;
  /// The compiler may not know its value, or subtracting it would become adding its negative: one more register, for
  /// which there is no room in the loops.
  v128_t rounder = opaque(L::splat(L::kRounder));

  explicit Rule(int bits)
      : qmin(L::splat(static_cast<T>(qminOf(bits)))), qmax(L::splat(static_cast<T>(qmaxOf(bits)))) {}

  /// Codes as numbers, plus kRounder. Clamping before rounding gives what clamping after it does, because the limits
  /// are integers.
  v128_t roundedCodes(v128_t weights, v128_t scales) const {
    return L::add(L::max(L::min(L::div(weights, scales), qmax), qmin), rounder);
  }
};

/// What a kernel makes. Every kind is a copy of the code: int8 codes of float32 weights, which are asked for most, have
/// a kind without anything else and one with the figures; kAny also dequantizes, where that is asked for.
enum class Outputs { kCodes, kCodesAndFigures, kAny };

/// One tile. scaleAt(v) gives the scales of vector v; measure(v, weights, errors) gets two vectors at a time.
template <Outputs kOutputs, typename T, typename ScaleAt, typename Measure>
inline void quantizeTile(const T* weights, const Rule<T>& rule, ScaleAt scaleAt, Codes quantized, T* dequantized,
                         Measure measure) {
  using L = Lanes<T>;
  v128_t rounded[L::kVectors];
#pragma GCC unroll 8
  for (std::size_t v = 0; v < L::kVectors; v += 2) {
    v128_t weight[2];
    v128_t error[2];
#pragma GCC unroll 8
    for (std::size_t i = 0; i < 2; ++i) {
      const v128_t scale = scaleAt(v + i);
      weight[i] = wasm_v128_load(weights + (v + i) * L::kCount);
      rounded[v + i] = rule.roundedCodes(weight[i], scale);
      if constexpr (kOutputs != Outputs::kCodes) {
        const v128_t back = L::mul(L::sub(rounded[v + i], rule.rounder), scale);
        if (kOutputs == Outputs::kAny && dequantized) wasm_v128_store(dequantized + (v + i) * L::kCount, back);
        error[i] = L::sub(weight[i], back);
      }
    }
    if constexpr (kOutputs != Outputs::kCodes) measure(v, weight, error);
  }
  if (kOutputs != Outputs::kAny) quantized.wide = false;  // known to the compiler
  storeCodes(quantized, L::integers(rounded, rule.rounder));
}

/// Error figures of a number of stretches, in lanes.
template <typename T>
struct Sums {
  using L = Lanes<T>;

  v128_t error = L::splat(0);  // squares, in T until they are flushed
  v128_t weight = L::splat(0);
  v128_t largest = L::splat(0);  // magnitude keys
  v128_t errorFlushed = wasm_f64x2_splat(0);
  v128_t weightFlushed = wasm_f64x2_splat(0);
  std::size_t untilFlush = kFlushEvery;

  void add(const v128_t* weights, const v128_t* errors) {
    error = L::add(error, L::add(L::mul(errors[0], errors[0]), L::mul(errors[1], errors[1])));
    weight = L::add(weight, L::add(L::mul(weights[0], weights[0]), L::mul(weights[1], weights[1])));
    largest = L::maxKey(largest, L::maxKey(L::magnitudeKey(errors[0]), L::magnitudeKey(errors[1])));
  }

  /// Makes room for the tiles from element `at` on; says to which element, of `tiles` tiles, it suffices.
  std::size_t flushBefore(std::size_t at, std::size_t tiles) {
    if (untilFlush == 0) flush();
    const std::size_t count = std::min(tiles - at / kTile, untilFlush);
    untilFlush -= count;
    return at + count * kTile;
  }

  void flush() {
    errorFlushed = wasm_f64x2_add(errorFlushed, L::pairSums(error));
    weightFlushed = wasm_f64x2_add(weightFlushed, L::pairSums(weight));
    error = weight = L::splat(0);
    untilFlush = kFlushEvery;
  }

  /// The figures of all that was added, as plain values.
  [[gnu::noinline]] ErrorFigures figures() {
    flush();
    ErrorFigures figures;
    figures.error.value = wasm_f64x2_extract_lane(errorFlushed, 0) + wasm_f64x2_extract_lane(errorFlushed, 1);
    figures.weight.value = wasm_f64x2_extract_lane(weightFlushed, 0) + wasm_f64x2_extract_lane(weightFlushed, 1);
    T lanes[L::kCount];
    wasm_v128_store(lanes, L::magnitudeOfKey(largest));
    for (T lane : lanes) figures.largest = std::max<double>(figures.largest, lane);
    return figures;
  }
};

/// Whether sums of squares, squared in T, lost nothing that counts: no square overflowed, and those that underflowed
/// are far below the sum. Where every error is 0, so is their sum.
template <typename T>
bool areSound(const ErrorFigures& figures) {
  constexpr bool kSingle = sizeof(T) == sizeof(float);
  constexpr double kLow = kSingle ? 0x1p-90 : 0x1p-900;
  constexpr double kHigh = kSingle ? 0x1p120 : 0x1p990;
  const auto isSound = [](double sum) { return sum >= kLow && sum <= kHigh; };
  return isSound(figures.weight.value) && (figures.largest == 0 || isSound(figures.error.value));
}

/// Adds `sums` of the weights of an extent, whose rows are `stride` elements apart; where they are not sound, adds what
/// the weights give one by one.
template <typename T>
[[gnu::noinline]] void addFigures(ErrorFigures& figures, const ErrorFigures& sums, const T* weights, Codes quantized,
                                  Extent extent, std::size_t stride, const T* scales) {
  if (areSound<T>(sums)) {
    figures.add(sums);
    return;
  }
  for (std::size_t o = 0; o < extent.outer; ++o) {
    std::size_t at = o * stride;
    for (std::size_t c = 0; c < extent.channels; ++c)
      for (std::size_t i = 0; i < extent.inner; ++i, ++at)
        figures.addElement(weights[at], weights[at] - static_cast<T>(quantized.get(at)) * scales[c]);
  }
}

/// A number of tiles, and after them the rest of what they are part of, if it has one. The rest passes through buffers
/// padded with weights of zero, which change no figure, so that nothing outside the arrays is read or written.
template <typename T>
class Part {
 public:
  const T* weights;
  std::size_t tiles;
  Codes quantized;
  T* dequantized;

  /// All whole tiles of `count` elements.
  Part(const T* weightsOfAll, std::size_t count, Codes quantizedOfAll, T* dequantizedOfAll)
      : weights(weightsOfAll),
        tiles(count / kTile),
        quantized(quantizedOfAll),
        dequantized(dequantizedOfAll),
        rest_(count % kTile) {}

  /// Goes on to the rest, the first time; false when there is none, or it has been worked on.
  bool next() {
    if (rest_ == 0) return false;
    if (quantized.data == codes_) {
      keepRest();
      return false;
    }
    padRest();
    return true;
  }

 private:
  [[gnu::noinline]] void padRest() {
    const std::size_t whole = tiles * kTile;
    std::fill(std::copy(weights + whole, weights + whole + rest_, in_), in_ + kTile, T{0});
    restQuantized_ = quantized.from(whole);
    restDequantized_ = advance(dequantized, whole);
    weights = in_;
    tiles = 1;
    quantized.data = codes_;
    dequantized = dequantized ? back_ : nullptr;
  }

  [[gnu::noinline]] void keepRest() {
    for (std::size_t i = 0; i < rest_; ++i) restQuantized_.set(i, quantized.get(i));
    if (restDequantized_) std::copy(back_, back_ + rest_, restDequantized_);
  }

  std::size_t rest_;
  Codes restQuantized_;
  T* restDequantized_;
  T in_[kTile];
  std::int16_t codes_[kTile];  // large enough for both widths
  T back_[kTile];
};

/// Weights whose inner part is a run with one scale.
template <Outputs kOutputs, typename T>
[[gnu::noinline]] void quantizeRuns(const T* weights, Extent extent, const T* scales, const Rule<T>& ruleGiven,
                                    Codes quantized, T* dequantized, FiguresOf figuresOf, ErrorFigures* figures,
                                    Sums<T>& total) {
  const Rule<T> rule = ruleGiven;  // in registers, as the sums
  Sums<T> sums;
  const Extent run{1, 1, extent.inner};
  std::size_t at = 0;
  for (std::size_t o = 0; o < extent.outer; ++o) {
    for (std::size_t c = 0; c < extent.channels; ++c, at += extent.inner) {
      const v128_t scale = Lanes<T>::splat(scales[c]);
      Part<T> part(weights + at, extent.inner, quantized.from(at), advance(dequantized, at));
      do {
        for (std::size_t i = 0; i < part.tiles * kTile;) {
          const std::size_t end = kOutputs == Outputs::kCodes ? part.tiles * kTile : sums.flushBefore(i, part.tiles);
          for (; i < end; i += kTile) {
            quantizeTile<kOutputs>(
                part.weights + i, rule, [&](std::size_t) { return scale; }, part.quantized.from(i),
                advance(part.dequantized, i),
                [&](std::size_t, const v128_t* weight, const v128_t* error) { sums.add(weight, error); });
          }
        }
      } while (part.next());
      if (kOutputs == Outputs::kCodes || figuresOf != FiguresOf::kChannels) continue;
      addFigures(figures[c], sums.figures(), weights + at, quantized.from(at), run, extent.inner, scales + c);
      sums = {};
    }
  }
  total = sums;
}

/// A row of columns, each with a scale of its own.
template <Outputs kOutputs, typename T>
[[gnu::noinline]] void quantizeRow(const T* weights, std::size_t count, const T* scales, const Rule<T>& ruleGiven,
                                   Codes quantized, T* dequantized, Sums<T>& total) {
  const Rule<T> rule = ruleGiven;
  Sums<T> sums = total;
  Part<T> part(weights, count, quantized, dequantized);
  do {
    for (std::size_t i = 0; i < part.tiles * kTile;) {
      const std::size_t end = kOutputs == Outputs::kCodes ? part.tiles * kTile : sums.flushBefore(i, part.tiles);
      for (; i < end; i += kTile, scales += kTile) {
        quantizeTile<kOutputs>(
            part.weights + i, rule, [&](std::size_t v) { return wasm_v128_load(scales + v * Lanes<T>::kCount); },
            part.quantized.from(i), advance(part.dequantized, i),
            [&](std::size_t, const v128_t* weight, const v128_t* error) { sums.add(weight, error); });
      }
    }
  } while (part.next());
  total = sums;
}

/// Error figures of up to kChunk columns, each in a lane of its own.
template <typename T>
class ColumnSums {
 public:
  /// Begins anew.
  [[gnu::noinline]] void clear() {
    std::fill_n(error_, kChunk, T{0});
    std::fill_n(weight_, kChunk, T{0});
    std::fill_n(largest_, kChunk, T{0});
    std::fill_n(errorFlushed_, kChunk, 0.0);
    std::fill_n(weightFlushed_, kChunk, 0.0);
  }

  /// Adds two vectors at column `at`.
  void add(std::size_t at, const v128_t* weights, const v128_t* errors) {
    for (std::size_t i = 0; i < 2; ++i, at += L::kCount) {
      wasm_v128_store(error_ + at, L::add(wasm_v128_load(error_ + at), L::mul(errors[i], errors[i])));
      wasm_v128_store(weight_ + at, L::add(wasm_v128_load(weight_ + at), L::mul(weights[i], weights[i])));
      wasm_v128_store(largest_ + at, L::max(wasm_v128_load(largest_ + at), L::abs(errors[i])));
    }
  }

  [[gnu::noinline]] void flush() {
    for (std::size_t at = 0; at < kChunk; at += L::kCount) {
      L::addTo(errorFlushed_ + at, takeAll(error_ + at));
      L::addTo(weightFlushed_ + at, takeAll(weight_ + at));
    }
  }

  /// The figures of some columns, as plain values, after a flush.
  ErrorFigures figures(std::size_t first, std::size_t count) const {
    ErrorFigures figures;
    for (std::size_t column = first; column < first + count; ++column) {
      figures.error.value += errorFlushed_[column];
      figures.weight.value += weightFlushed_[column];
      figures.largest = std::max<double>(figures.largest, largest_[column]);
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
  double errorFlushed_[kChunk];
  double weightFlushed_[kChunk];
};

/// The same, with figures of each.
template <typename T>
[[gnu::noinline]] void quantizeRow(const T* weights, std::size_t count, const T* scales, const Rule<T>& ruleGiven,
                                   Codes quantized, T* dequantized, ColumnSums<T>& sums) {
  const Rule<T> rule = ruleGiven;
  Part<T> part(weights, count, quantized, dequantized);
  std::size_t column = 0;
  do {
    for (std::size_t i = 0; i < part.tiles * kTile; i += kTile, column += kTile) {
      quantizeTile<Outputs::kAny>(
          part.weights + i, rule, [&](std::size_t v) { return wasm_v128_load(scales + column + v * Lanes<T>::kCount); },
          part.quantized.from(i), advance(part.dequantized, i),
          [&](std::size_t v, const v128_t* weight, const v128_t* error) {
            sums.add(column + v * Lanes<T>::kCount, weight, error);
          });
    }
  } while (part.next());
}

/// Weights as columns, a row at a time.
template <Outputs kOutputs, typename T>
[[gnu::noinline]] void quantizeColumns(const T* weights, Extent extent, const T* scales, const Rule<T>& rule,
                                       Codes quantized, T* dequantized, FiguresOf figuresOf, ErrorFigures* figures,
                                       Sums<T>& total) {
  const std::size_t stride = std::size_t{extent.channels} * extent.inner;
  const Extent column{extent.outer, 1, extent.inner};
  T columnScales[kChunk];
  ColumnSums<T> columnSums;
  total = {};
  forEachColumnChunk(extent, [&](const ColumnChunk& chunk) {
    expandToColumns(scales + chunk.firstChannel, chunk.channels, extent.inner, columnScales);
    if (kOutputs != Outputs::kAny || figuresOf != FiguresOf::kChannels) {
      for (std::size_t o = 0; o < extent.outer; ++o) {
        const std::size_t at = o * stride + chunk.offset;
        quantizeRow<kOutputs>(weights + at, chunk.width, columnScales, rule, quantized.from(at),
                              advance(dequantized, at), total);
      }
      return;
    }
    columnSums.clear();
    for (std::size_t o = 0; o < extent.outer; ++o) {
      const std::size_t at = o * stride + chunk.offset;
      quantizeRow(weights + at, chunk.width, columnScales, rule, quantized.from(at), advance(dequantized, at),
                  columnSums);
      if (o % kFlushEvery == kFlushEvery - 1) columnSums.flush();
    }
    columnSums.flush();
    for (std::size_t c = 0; c < chunk.channels; ++c) {
      const std::size_t at = chunk.offset + c * extent.inner;
      addFigures(figures[chunk.firstChannel + c], columnSums.figures(c * extent.inner, extent.inner), weights + at,
                 quantized.from(at), column, stride, scales + chunk.firstChannel + c);
    }
  });
}

template <Outputs kOutputs, typename T>
auto kernelFor(Extent extent) {
  return inColumns(extent) ? quantizeColumns<kOutputs, T> : quantizeRuns<kOutputs, T>;
}

}  // namespace

template <typename T>
void quantize(const T* weights, Extent extent, const T* scales, int bits, Codes quantized, T* dequantized,
              FiguresOf figuresOf, ErrorFigures* figures) {
  auto kernel = kernelFor<Outputs::kAny, T>(extent);
  if constexpr (sizeof(T) == sizeof(float)) {
    const bool common = !quantized.wide && !dequantized;
    if (common && figuresOf == FiguresOf::kNothing) kernel = kernelFor<Outputs::kCodes, T>(extent);
    if (common && figuresOf == FiguresOf::kAll) kernel = kernelFor<Outputs::kCodesAndFigures, T>(extent);
  }
  Sums<T> sums;
  kernel(weights, extent, scales, Rule<T>(bits), quantized, dequantized, figuresOf, figures, sums);
  if (figuresOf == FiguresOf::kAll)
    addFigures(*figures, sums.figures(), weights, quantized, extent, std::size_t{extent.channels} * extent.inner,
               scales);
}

template void quantize(const float*, Extent, const float*, int, Codes, float*, FiguresOf, ErrorFigures*);
template void quantize(const double*, Extent, const double*, int, Codes, double*, FiguresOf, ErrorFigures*);

}  // namespace channelwise::simd

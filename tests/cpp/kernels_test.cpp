// The SIMD kernels are compared with the scalar oracle, in arrays at every offset from a vector's alignment, guarded on
// both sides.

#include "core/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "core/rule.h"
#include "guarded.h"

namespace channelwise {

void PrintTo(const Extent& extent, std::ostream* out) {
  *out << extent.outer << " x " << extent.channels << " x " << extent.inner;
}

namespace {

template <typename TypeT, typename CodeT>
struct Types {
  using T = TypeT;
  using Code = CodeT;
};

template <typename>
class Kernels : public testing::Test {};
using AllTypes = testing::Types<Types<float, std::int8_t>, Types<float, std::int16_t>, Types<double, std::int8_t>,
                                Types<double, std::int16_t>>;
TYPED_TEST_SUITE(Kernels, AllTypes);

template <typename Code>
Codes codesOf(Code* data) {
  return {data, sizeof(Code) > 1};
}

/// Numbers of both sides as ranges.
template <typename T>
Range<T>* asRanges(T* sides) {
  return reinterpret_cast<Range<T>*>(sides);
}

/// Runs and columns of every length around one and two tiles and around a span of columns, in each place of the extent.
std::vector<Extent> extents() {
  std::vector<Extent> all;
  for (std::uint32_t n = 0; n <= 33; ++n) all.push_back({1, 1, n});  // 0 to 2 tiles + 1
  for (std::uint32_t n = 1; n <= 33; ++n) {
    all.push_back({3, 2, n});
    all.push_back({3, n, 1});
    all.push_back({n, 3, 2});
  }
  for (std::uint32_t n : {127u, 128u, 129u, 143u, 256u, 1000u}) all.push_back({2, 2, n});  // where sums are flushed
  for (std::uint32_t n : {7u, 8u, 9u, 16u, 17u}) all.push_back({n, 5, 3});
  for (std::uint32_t n : {255u, 256u, 257u, 511u, 513u}) all.push_back({2, n, 1});  // where spans of columns end
  for (std::uint32_t n : {16u, 17u, 18u, 35u}) all.push_back({2, n, 15});
  all.push_back({9, 1, 70});
  all.push_back({1, 300, 40});
  return all;
}

template <typename T>
using Fill = std::function<T(std::mt19937_64&)>;

template <typename T>
T anyFinite(std::mt19937_64& random) {
  for (;;) {
    const std::uint64_t bits = random();
    T value;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) return value;
  }
}

/// Kinds of finite weights, each with a way to make one.
template <typename T>
std::vector<std::pair<std::string, Fill<T>>> kindsOfWeights(const Scheme& scheme) {
  using Limits = std::numeric_limits<T>;
  const auto uniform = [](std::mt19937_64& random) { return std::uniform_real_distribution<T>(-1, 1)(random); };
  const T qmax = static_cast<T>(scheme.qmax());
  return {
      {"uniform", uniform},
      {"any finite bits", anyFinite<T>},
      {"ties, once the scale is 1",
       [qmax](std::mt19937_64& random) {
         const int halves = std::uniform_int_distribution<int>(-9, 9)(random);
         return halves % 5 == 0 ? qmax : static_cast<T>(halves) / 2;
       }},
      {"next to ties",
       [scheme](std::mt19937_64& random) {
         const T largest = static_cast<T>(2.0521684);
         const int qmax = scheme.qmax();
         const int code = std::uniform_int_distribution<int>(-qmax, qmax)(random);
         if (code == qmax) return largest;
         T weight = (static_cast<T>(code) + T{0.5}) * scaleOf(largest, scheme);
         for (auto steps = random() % 4; steps > 0; --steps)
           weight = std::nextafter(weight, random() % 2 == 0 ? T{3} : T{-3});
         return random() % 16 == 0 ? largest : weight;
       }},
      {"subnormal",
       [uniform](std::mt19937_64& random) {
         return static_cast<T>(std::round(uniform(random) * 300)) * Limits::denorm_min();
       }},
      {"near the largest",
       [uniform](std::mt19937_64& random) { return std::round(uniform(random) * 2) * (Limits::max() / 2); }},
      {"exact codes", [uniform, qmax](std::mt19937_64& random) { return std::round(uniform(random) * qmax); }},
      {"exact codes beside tiny weights",
       [uniform, qmax](std::mt19937_64& random) {
         return random() % 3 == 0 ? Limits::min() * uniform(random) : std::round(uniform(random) * qmax);
       }},
      {"zeros of both signs", [](std::mt19937_64& random) { return random() % 2 == 0 ? T{0} : -T{0}; }},
  };
}

template <typename E>
std::vector<std::uint64_t> bitsOf(const std::vector<E>& values) {
  std::vector<std::uint64_t> bits(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) std::memcpy(&bits[i], &values[i], sizeof(E));
  return bits;
}

/// The logarithm of a sum that may be outside the range of doubles.
double logOf(const SquareSum& sum) { return std::log(sum.value) + sum.unit * 2 * SquareSum::kHalfUnit * std::log(2.0); }

void expectSameSum(const SquareSum& actual, const SquareSum& expected, double tolerance) {
  if (expected.value == 0 || std::isinf(expected.value)) {
    EXPECT_EQ(actual.value, expected.value);
  } else {
    EXPECT_NEAR(logOf(actual), logOf(expected), tolerance);
  }
}

template <typename T>
void expectSameFigures(const ErrorFigures& actual, const ErrorFigures& expected) {
  const double tolerance = sizeof(T) == sizeof(float) ? 1e-6 : 1e-12;
  EXPECT_EQ(actual.largest, expected.largest);
  expectSameSum(actual.error, expected.error, tolerance);
  expectSameSum(actual.weight, expected.weight, tolerance);
}

constexpr FiguresOf kAllFigures[] = {FiguresOf::kNothing, FiguresOf::kAll, FiguresOf::kChannels};

/// Runs both versions of quantize, with every choice of outputs.
template <typename T, typename Code>
void expectSameQuantized(const std::vector<T>& values, Extent extent, const Scales<T>& scales, const Scheme& scheme,
                         std::size_t misalignment) {
  const std::size_t n = extent.size();
  Guarded<T> weights(n, misalignment * sizeof(T));
  weights.fill(values);
  std::vector<Code> expectedQuantized(n);
  std::vector<T> expectedDequantized(n);
  std::vector<ErrorFigures> expectedOfChannels(extent.channels);
  ErrorFigures expectedOfAll;
  scalar::quantize(values.data(), extent, scales, scheme, codesOf(expectedQuantized.data()), expectedDequantized.data(),
                   FiguresOf::kChannels, expectedOfChannels.data());
  scalar::quantize(values.data(), extent, scales, scheme, codesOf(expectedQuantized.data()), expectedDequantized.data(),
                   FiguresOf::kAll, &expectedOfAll);

  for (const bool dequantize : {false, true}) {
    for (const FiguresOf figuresOf : kAllFigures) {
      Guarded<Code> quantized(n, misalignment * sizeof(Code));
      Guarded<T> dequantized(n, misalignment * sizeof(T));
      std::vector<ErrorFigures> figures(figuresOf == FiguresOf::kChannels ? extent.channels : 1);
      simd::quantize<T>(weights.data(), extent, scales, scheme, codesOf(quantized.data()),
                        dequantize ? dequantized.data() : nullptr, figuresOf, figures.data());
      ASSERT_EQ(quantized.values(), expectedQuantized);
      ASSERT_TRUE(quantized.guardsIntact());
      ASSERT_TRUE(dequantized.guardsIntact());
      ASSERT_TRUE(weights.guardsIntact());
      ASSERT_EQ(bitsOf(weights.values()), bitsOf(values));
      if (dequantize) {
        ASSERT_EQ(bitsOf(dequantized.values()), bitsOf(expectedDequantized));
      }
      if (figuresOf == FiguresOf::kAll) expectSameFigures<T>(figures[0], expectedOfAll);
      if (figuresOf != FiguresOf::kChannels) continue;
      for (std::size_t c = 0; c < figures.size(); ++c) expectSameFigures<T>(figures[c], expectedOfChannels[c]);
    }
  }
}

template <typename Code>
constexpr int kFewestBits = sizeof(Code) == 1 ? 2 : 9;
template <typename Code>
constexpr int kMostBits = sizeof(Code) == 1 ? 8 : 16;

TYPED_TEST(Kernels, SimdEqualsScalarBitForBit) {
  using T = typename TypeParam::T;
  using Code = typename TypeParam::Code;
  std::mt19937_64 random(1);
  std::size_t misalignment = 0;
  for (const Extent extent : extents()) {
    const std::size_t n = extent.size();
    for (int bits = kFewestBits<Code>; bits <= kMostBits<Code>; ++bits) {
      const Scheme scheme{bits, kDtype<T>};
      for (const auto& [kind, fill] : kindsOfWeights<T>(scheme)) {
        SCOPED_TRACE(testing::Message() << testing::PrintToString(extent) << ", " << bits << " bits, " << kind);
        misalignment = (misalignment + 1) % 5;
        std::vector<T> values(n);
        for (T& value : values) value = fill(random);
        Guarded<T> weights(n, misalignment * sizeof(T));
        weights.fill(values);

        std::vector<T> expectedLargest(extent.channels, 0);
        Guarded<T> largest(extent.channels, misalignment * sizeof(T));
        largest.fill(expectedLargest);
        scalar::ranges(values.data(), extent, expectedLargest.data());
        simd::ranges<T>(weights.data(), extent, largest.data());
        ASSERT_EQ(bitsOf(largest.values()), bitsOf(expectedLargest));
        ASSERT_TRUE(largest.guardsIntact());
        std::vector<T> expectedSides(2 * extent.channels, 0);
        Guarded<T> sides(expectedSides.size(), misalignment * sizeof(T));
        sides.fill(expectedSides);
        scalar::ranges(values.data(), extent, asRanges(expectedSides.data()));
        simd::ranges<T>(weights.data(), extent, asRanges(sides.data()));
        ASSERT_EQ(bitsOf(sides.values()), bitsOf(expectedSides));
        ASSERT_TRUE(sides.guardsIntact());
        for (std::size_t c = 0; c < extent.channels; ++c)
          ASSERT_EQ(asRanges(expectedSides.data())[c].largest(), expectedLargest[c]);

        std::vector<T> scales(extent.channels);
        for (std::size_t c = 0; c < scales.size(); ++c) scales[c] = scaleOf(expectedLargest[c], scheme);
        expectSameQuantized<T, Code>(values, extent, {scales.data(), true}, scheme, misalignment);
        ASSERT_FALSE(testing::Test::HasFailure());
      }
    }
  }
}

/// Extents with every shape of tile, for tests that would take too long with all extents.
std::vector<Extent> fewExtents() {
  return {{1, 3, 37}, {2, 2, 1}, {3, 35, 1}, {5, 7, 3}, {2, 3, 300}, {2, 259, 1}, {1, 40, 32}, {2, 17, 15}};
}

/// Ways to make a scale from the largest |weight| of its channel, other than the rule's.
template <typename T>
std::vector<std::pair<std::string, std::function<T(T, std::mt19937_64&)>>> kindsOfScales(const Scheme& scheme) {
  using Limits = std::numeric_limits<T>;
  const auto fitting = [scheme](T largest) { return scaleOf(largest, scheme); };
  const auto factor = [](std::mt19937_64& random) { return std::uniform_real_distribution<T>(0.3, 1.7)(random); };
  const auto sign = [](std::mt19937_64& random) { return random() % 2 == 0 ? T{1} : T{-1}; };
  const auto usable = [](T scale) { return scale == 0 || std::isinf(scale) ? T{1} : scale; };
  return {
      {"of any exponent and sign", [usable](T, std::mt19937_64& random) { return usable(anyFinite<T>(random)); }},
      {"subnormal",
       [sign](T, std::mt19937_64& random) {
         return sign(random) * static_cast<T>(1 + random() % 50) * Limits::denorm_min();
       }},
      {"around what the range needs",
       [=](T largest, std::mt19937_64& random) { return usable(sign(random) * fitting(largest) * factor(random)); }},
      {"next to what the range needs",
       [=](T largest, std::mt19937_64& random) {
         T scale = fitting(largest);
         for (auto steps = random() % 4; steps > 0; --steps)
           scale = std::nextafter(scale, random() % 2 == 0 ? T{0} : Limits::max());
         return usable(sign(random) * scale);
       }},
      // The largest weight is qmax + 1/2 scales, or next to it.
      {"between two codes",
       [=](T largest, std::mt19937_64& random) {
         T scale = largest / (static_cast<T>(scheme.qmax()) + T{0.5});
         if (random() % 2 == 0) scale = std::nextafter(scale, random() % 2 == 0 ? T{0} : Limits::max());
         return usable(sign(random) * scale);
       }},
      // The largest weight has the code qmin.
      {"of the signed maximum",
       [=](T largest, std::mt19937_64& random) {
         return usable(sign(random) * (largest / static_cast<T>(-scheme.qmin())));
       }},
      {"rounded to float16",
       [=](T largest, std::mt19937_64&) { return scaleOf(largest, Scheme{scheme.bits, Dtype::kFloat16}); }},
      {"rounded to bfloat16",
       [=](T largest, std::mt19937_64&) { return scaleOf(largest, Scheme{scheme.bits, Dtype::kBfloat16}); }},
      {"just small enough for finite values",
       [=](T, std::mt19937_64& random) { return sign(random) * (Limits::max() / static_cast<T>(scheme.qmax())); }},
      {"so large that values are infinite", [=](T, std::mt19937_64& random) { return sign(random) * Limits::max(); }},
  };
}

TYPED_TEST(Kernels, SimdEqualsScalarForScalesFromElsewhere) {
  using T = typename TypeParam::T;
  using Code = typename TypeParam::Code;
  std::mt19937_64 random(3);
  std::size_t misalignment = 0;
  std::size_t covering = 0;
  for (const Extent extent : fewExtents()) {
    for (int bits = kFewestBits<Code>; bits <= kMostBits<Code>; ++bits) {
      const Scheme scheme{bits, kDtype<T>};
      for (const auto& [kind, fill] : kindsOfWeights<T>(scheme)) {
        for (const auto& [kindOfScale, scaleFor] : kindsOfScales<T>(scheme)) {
          SCOPED_TRACE(testing::Message() << testing::PrintToString(extent) << ", " << bits << " bits, " << kind
                                          << ", scales " << kindOfScale);
          misalignment = (misalignment + 1) % 5;
          std::vector<T> values(extent.size());
          for (T& value : values) value = fill(random);
          std::vector<T> largest(extent.channels, 0);
          scalar::ranges(values.data(), extent, largest.data());
          std::vector<T> scales(extent.channels);
          bool cover = true;
          for (std::size_t c = 0; c < scales.size(); ++c) {
            scales[c] = scaleFor(largest[c], random);
            cover = cover && covers(scales[c], largest[c], scheme);
          }
          expectSameQuantized<T, Code>(values, extent, {scales.data(), false}, scheme, misalignment);
          // Where nothing needs clamping, products are allowed.
          if (cover) expectSameQuantized<T, Code>(values, extent, {scales.data(), true}, scheme, misalignment);
          covering += cover;
          ASSERT_FALSE(testing::Test::HasFailure());
        }
      }
    }
  }
  EXPECT_GT(covering, 100u);
}

/// Zero points by the range, and any others.
TYPED_TEST(Kernels, SimdEqualsScalarWithZeroPoints) {
  using T = typename TypeParam::T;
  using Code = typename TypeParam::Code;
  std::mt19937_64 random(6);
  std::size_t misalignment = 0;
  for (const Extent extent : fewExtents()) {
    for (int bits = kFewestBits<Code>; bits <= kMostBits<Code>; ++bits) {
      const Scheme scheme{bits, kDtype<T>, ScaleRule::kMax, true};
      for (const auto& [kind, fill] : kindsOfWeights<T>(scheme)) {
        for (const bool byRange : {true, false}) {
          SCOPED_TRACE(testing::Message() << testing::PrintToString(extent) << ", " << bits << " bits, " << kind
                                          << ", by the range " << byRange);
          misalignment = (misalignment + 1) % 5;
          std::vector<T> values(extent.size());
          for (T& value : values) value = fill(random);
          std::vector<Range<T>> ranges(extent.channels, Range<T>{0, 0});
          scalar::ranges(values.data(), extent, ranges.data());
          std::vector<T> scales(extent.channels);
          std::vector<T> zeroPoints(extent.channels);
          for (std::size_t c = 0; c < scales.size(); ++c) {
            scales[c] = scaleOf(ranges[c], scheme);
            zeroPoints[c] = zeroPointOf(ranges[c], scales[c], scheme);
            if (!byRange)
              zeroPoints[c] = static_cast<T>(scheme.qmin() + static_cast<int>(random() % (scheme.steps() + 1)));
          }
          expectSameQuantized<T, Code>(values, extent, {scales.data(), false, zeroPoints.data()}, scheme, misalignment);
          ASSERT_FALSE(testing::Test::HasFailure());
        }
      }
    }
  }
}

/// The law once more, with operations of a wider type where those of the weights' type are exact.
TYPED_TEST(Kernels, TheScalarLawWithZeroPoints) {
  using T = typename TypeParam::T;
  struct Case {
    T weight, scale, zeroPoint;
    int code;
    T back;
  };
  for (const auto& [weight, scale, zeroPoint, code, back] : std::initializer_list<Case>{
           {0, 3, 5, 5, 0},        // 0 has the zero point
           {T{-0.0}, 3, 5, 5, 0},  // +0
           {T{-0.25}, 1, -8, -8, 0},
           {3, 2, 1, 3, 4},  // 1.5 is rounded to even before the zero point is added
           {5, 2, 1, 3, 4},  // and so is 2.5
           {-5, 2, 7, 5, -4},
           {100, 1, 5, 7, 2},      // clamped above
           {-100, 1, 5, -8, -13},  // and below
           {15, 1, -8, 7, 15},     // all codes are on one side
           {-15, 1, 7, -8, -15},
       }) {
    const Scheme scheme{4, kDtype<T>, ScaleRule::kMax, true};
    typename TypeParam::Code scalarCode, simdCode;
    T scalarBack, simdBack, scalarDequantized, simdDequantized;
    const Extent one{1, 1, 1};
    const Scales<T> scales{&scale, false, &zeroPoint};
    scalar::quantize<T>(&weight, one, scales, scheme, codesOf(&scalarCode), &scalarBack, FiguresOf::kNothing, nullptr);
    simd::quantize<T>(&weight, one, scales, scheme, codesOf(&simdCode), &simdBack, FiguresOf::kNothing, nullptr);
    scalar::dequantize<T>(codesOf(&simdCode), one, &scale, &scalarDequantized, &zeroPoint);
    simd::dequantize<T>(codesOf(&simdCode), one, &scale, &simdDequantized, &zeroPoint);
    EXPECT_EQ(scalarCode, code) << weight << " / " << scale;
    EXPECT_EQ(simdCode, code) << weight << " / " << scale;
    const std::vector<std::uint64_t> expected = bitsOf<T>({back, back, back, back});
    EXPECT_EQ(bitsOf<T>({scalarBack, simdBack, scalarDequantized, simdDequantized}), expected) << weight;
  }
}

/// The largest weight is at the limit of covers().
TYPED_TEST(Kernels, NoCodeNeedsClampingUpToWhereScalesCover) {
  using T = typename TypeParam::T;
  using Code = typename TypeParam::Code;
  std::mt19937_64 random(4);
  for (int bits = kFewestBits<Code>; bits <= kMostBits<Code>; ++bits) {
    const Scheme scheme{bits, kDtype<T>};
    for (int trial = 0; trial < 200; ++trial) {
      const Extent extent{1, 1, 64};
      const T scale = std::ldexp(std::uniform_real_distribution<T>(1, 2)(random), static_cast<int>(random() % 60) - 30);
      T largest = (static_cast<T>(scheme.qmax()) + static_cast<T>(0.375)) * scale;
      while (!covers(scale, largest, scheme)) largest = std::nextafter(largest, T{0});
      std::vector<T> values(extent.size());
      for (T& value : values) value = largest * std::uniform_real_distribution<T>(-1, 1)(random);
      values[random() % values.size()] = largest;
      values[random() % values.size()] = -largest;
      expectSameQuantized<T, Code>(values, extent, {&scale, true}, scheme, 0);
      ASSERT_FALSE(testing::Test::HasFailure()) << bits << " bits, scale " << scale;
    }
  }
}

TYPED_TEST(Kernels, TheScalarLawForGivenScales) {
  using T = typename TypeParam::T;
  using Limits = std::numeric_limits<T>;
  const T tiny = Limits::denorm_min();
  const T huge = Limits::max();
  const T infinity = Limits::infinity();
  struct Case {
    T weight, scale;
    int code;
    T back;
  };
  for (const auto& [weight, scale, code, back] : std::initializer_list<Case>{
           {3, 2, 2, 4},                         // 1.5 to even
           {3, -2, -2, 4},                       // a negative scale turns the code's sign
           {-5, -2, 2, -4},                      // 2.5 to even
           {100, 1, 7, 7},                       // clamped above
           {-100, 1, -8, -8},                    // and below
           {100, -1, -8, 8},                     // the smallest code is a large weight's where the scale is negative
           {-100, -1, 7, -7},                    //
           {huge, tiny, 7, 7 * tiny},            // the quotient is infinite
           {-huge, tiny, -8, -8 * tiny},         //
           {huge, -tiny, -8, 8 * tiny},          //
           {tiny, huge, 0, 0},                   // the quotient is 0
           {huge, huge, 1, huge},                //
           {huge, huge / 4, 4, huge},            //
           {-huge, huge / 7.7f, -8, -infinity},  // -7.7 of them are finite, -8 are not
           {0, -1, 0, 0},                        // +0
           {T{-0.0}, -1, 0, 0},                  //
           {T{-0.0}, 1, 0, 0},                   //
           {T{-0.25}, 1, 0, 0},                  //
           {T{0.25}, -1, 0, 0},                  //
       }) {
    const Scheme scheme{4, kDtype<T>};
    typename TypeParam::Code scalarCode, simdCode;
    T scalarBack, simdBack, dequantized;
    const Extent one{1, 1, 1};
    scalar::quantize<T>(&weight, one, {&scale, false}, scheme, codesOf(&scalarCode), &scalarBack, FiguresOf::kNothing,
                        nullptr);
    simd::quantize<T>(&weight, one, {&scale, false}, scheme, codesOf(&simdCode), &simdBack, FiguresOf::kNothing,
                      nullptr);
    simd::dequantize<T>(codesOf(&simdCode), one, &scale, &dequantized);
    EXPECT_EQ(scalarCode, code) << weight << " / " << scale;
    EXPECT_EQ(simdCode, code) << weight << " / " << scale;
    const std::vector<std::uint64_t> expected = bitsOf<T>({back, back, back});
    EXPECT_EQ(bitsOf<T>({scalarBack, simdBack, dequantized}), expected) << weight << " / " << scale;
  }
}

TYPED_TEST(Kernels, InfiniteValuesHaveInfiniteErrors) {
  using T = typename TypeParam::T;
  std::vector<T> weights(100, 1);
  weights[70] = -std::numeric_limits<T>::max();
  const T scale = std::numeric_limits<T>::max() / T{7.7f};
  std::vector<typename TypeParam::Code> codes(100);
  for (const FiguresOf figuresOf : {FiguresOf::kAll, FiguresOf::kChannels}) {
    ErrorFigures figures;
    simd::quantize<T>(weights.data(), {1, 1, 100}, {&scale, false}, {4, kDtype<T>}, codesOf(codes.data()), nullptr,
                      figuresOf, &figures);
    EXPECT_EQ(figures.largest, std::numeric_limits<double>::infinity());
    EXPECT_EQ(figures.error.value, std::numeric_limits<double>::infinity());
    EXPECT_TRUE(std::isfinite(figures.weight.value));
  }
}

TYPED_TEST(Kernels, DequantizeEqualsScalarForAnyCodesAndScales) {
  using T = typename TypeParam::T;
  using Code = typename TypeParam::Code;
  std::mt19937_64 random(2);
  std::size_t misalignment = 0;
  for (const Extent extent : extents()) {
    SCOPED_TRACE(testing::PrintToString(extent));
    misalignment = (misalignment + 1) % 5;
    std::vector<Code> codes(extent.size());
    for (Code& code : codes) code = static_cast<Code>(random());
    std::vector<T> scales(extent.channels);
    for (T& scale : scales)
      scale = random() % 2 == 0 ? anyFinite<T>(random) : -std::uniform_real_distribution<T>(0, 1)(random);
    for (std::size_t i = 0; i < codes.size(); i += 3) codes[i] = 0;
    Guarded<Code> quantized(codes.size(), misalignment * sizeof(Code));
    quantized.fill(codes);
    std::vector<T> expected(codes.size());
    Guarded<T> dequantized(codes.size(), misalignment * sizeof(T));
    std::vector<T> zeroPoints(extent.channels);
    for (T& zeroPoint : zeroPoints) zeroPoint = static_cast<Code>(random());
    for (const T* ofChannels : {static_cast<const T*>(nullptr), static_cast<const T*>(zeroPoints.data())}) {
      scalar::dequantize<T>(codesOf(codes.data()), extent, scales.data(), expected.data(), ofChannels);
      simd::dequantize<T>(codesOf(quantized.data()), extent, scales.data(), dequantized.data(), ofChannels);
      ASSERT_EQ(bitsOf(dequantized.values()), bitsOf(expected));
      ASSERT_TRUE(dequantized.guardsIntact());
    }
  }
}

template <typename T>
class Measure : public testing::Test {};
using FloatTypes = testing::Types<float, double>;
TYPED_TEST_SUITE(Measure, FloatTypes);

/// Runs both versions, which add to figures that are not empty.
template <typename T>
void expectSameMeasure(const std::vector<T>& weights, const std::vector<T>& values, std::size_t misalignment) {
  Guarded<T> ofWeights(weights.size(), misalignment * sizeof(T));
  Guarded<T> ofValues(values.size(), (misalignment + 1) % 3 * sizeof(T));
  ofWeights.fill(weights);
  ofValues.fill(values);
  ErrorFigures expected;
  expected.addElement(3, 0x1p-3);
  ErrorFigures actual = expected;
  scalar::measure(weights.data(), values.data(), weights.size(), expected);
  simd::measure<T>(ofWeights.data(), ofValues.data(), weights.size(), actual);
  ASSERT_TRUE(ofWeights.guardsIntact() && ofValues.guardsIntact());
  EXPECT_EQ(actual.largest, expected.largest);
  expectSameSum(actual.error, expected.error, 1e-12);
  expectSameSum(actual.weight, expected.weight, 1e-12);
}

TYPED_TEST(Measure, SimdEqualsScalar) {
  using T = TypeParam;
  std::mt19937_64 random(5);
  std::vector<std::size_t> counts;
  for (std::size_t n = 0; n <= 13; ++n) counts.push_back(n);
  for (std::size_t n : {1023u, 1024u, 1025u, 1029u, 4099u, 20000u}) counts.push_back(n);  // where runs end
  for (const std::size_t count : counts) {
    for (const auto& [kind, fill] : kindsOfWeights<T>({8, kDtype<T>})) {
      for (const auto& [kindOfValue, fillValue] : kindsOfWeights<T>({8, kDtype<T>})) {
        SCOPED_TRACE(testing::Message() << count << " weights " << kind << ", values " << kindOfValue);
        std::vector<T> weights(count), values(count);
        for (T& weight : weights) weight = fill(random);
        for (T& value : values) value = fillValue(random);
        expectSameMeasure(weights, values, count % 3);
        expectSameMeasure(weights, weights, count % 3);
        ASSERT_FALSE(testing::Test::HasFailure());
      }
    }
  }
}

/// NaN or infinity at each place of a run, and among the elements after the last whole step.
TYPED_TEST(Measure, NonFiniteFloatsShowWhereverTheyAre) {
  using T = TypeParam;
  const T infinity = std::numeric_limits<T>::infinity();
  const T nan = std::numeric_limits<T>::quiet_NaN();
  for (std::size_t at = 0; at < 1031; at += at < 9 ? 1 : 73) {
    for (const auto& [weight, value] : {std::pair{nan, T{1}}, {T{1}, nan}, {infinity, infinity}, {-infinity, T{1}}}) {
      std::vector<T> weights(1031, 2), values(1031, 1);
      weights[at] = weight;
      values[at] = value;
      ErrorFigures figures;
      simd::measure<T>(weights.data(), values.data(), weights.size(), figures);
      figures.addElement(1, 0.5);  // a later addition does not hide it
      const bool isNan = !(weight == -infinity);
      EXPECT_EQ(std::isnan(figures.largest), isNan) << weight << " and " << value << " at " << at;
      EXPECT_EQ(std::isnan(figures.error.value), isNan) << weight << " and " << value << " at " << at;
      if (isNan) continue;
      EXPECT_EQ(figures.largest, infinity);
      EXPECT_EQ(figures.error.value, infinity);
    }
  }
}

/// Tests every half, in arrays of every length up to several tiles and at every offset.
TEST(Widen, EveryHalfEqualsScalar) {
  std::vector<std::uint16_t> all(1 << 16);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  for (const Dtype type : {Dtype::kFloat16, Dtype::kBfloat16}) {
    std::vector<float> expected(all.size());
    scalar::widen(all.data(), all.size(), type, expected.data());
    std::size_t length = 0;
    for (std::size_t first = 0; first < all.size(); first += length, length = (length + 1) % 34) {
      const std::size_t count = std::min(length, all.size() - first);
      Guarded<std::uint16_t> halves(count, first % 5 * sizeof(std::uint16_t));
      halves.fill({all.begin() + first, all.begin() + first + count});
      Guarded<float> weights(count, first % 3 * sizeof(float));
      simd::widen(halves.data(), count, type, weights.data());
      for (std::size_t i = 0; i < count; ++i) {
        if (std::isnan(expected[first + i])) {
          ASSERT_TRUE(std::isnan(weights.data()[i])) << first + i;
        } else {
          ASSERT_EQ(bitsOf<float>({weights.data()[i]}), bitsOf<float>({expected[first + i]})) << first + i;
        }
      }
      ASSERT_TRUE(halves.guardsIntact());
      ASSERT_TRUE(weights.guardsIntact());
    }
  }
}

TEST(Widen, KnownHalves) {
  const auto widened = [](std::uint16_t half, Dtype type) {
    float weight;
    scalar::widen(&half, 1, type, &weight);
    return weight;
  };
  EXPECT_EQ(widened(0x3c00, Dtype::kFloat16), 1.0f);
  EXPECT_EQ(widened(0xc000, Dtype::kFloat16), -2.0f);
  EXPECT_EQ(widened(0x7bff, Dtype::kFloat16), 65504.0f);
  EXPECT_EQ(widened(0x0400, Dtype::kFloat16), 0x1p-14f);
  EXPECT_EQ(widened(0x0001, Dtype::kFloat16), 0x1p-24f);
  EXPECT_EQ(widened(0x83ff, Dtype::kFloat16), -0x1.ff8p-15f);
  EXPECT_EQ(widened(0x7c00, Dtype::kFloat16), std::numeric_limits<float>::infinity());
  EXPECT_EQ(widened(0x3f80, Dtype::kBfloat16), 1.0f);
  EXPECT_EQ(widened(0xc049, Dtype::kBfloat16), -3.140625f);
  EXPECT_EQ(widened(0x0001, Dtype::kBfloat16), 0x1p-133f);
  EXPECT_EQ(widened(0xff80, Dtype::kBfloat16), -std::numeric_limits<float>::infinity());
}

/// Tests fields of every width, from every bit where one can begin, and of every length around several vectors.
TEST(Pack, SimdEqualsScalarAndGivesCodesBack) {
  std::mt19937_64 random(5);
  for (int bits = 2; bits <= 8; ++bits) {
    for (const bool offset : {false, true}) {
      const Packing packing{bits, offset};
      for (int skip = 0; skip < 8; skip += std::gcd(bits, 8)) {
        for (std::size_t count = 0; count <= 130; ++count) {
          SCOPED_TRACE(testing::Message() << count << " codes of " << bits << " bits from bit " << skip << " on"
                                          << (offset ? ", with an offset" : ""));
          std::vector<std::int8_t> values(count);
          const int qmin = -(1 << (bits - 1));
          for (std::int8_t& value : values)
            value = static_cast<std::int8_t>(qmin + static_cast<int>(random() % (1u << bits)));
          Guarded<std::int8_t> codes(count, random() % 16);
          codes.fill(values);
          const std::size_t size = (skip + count * bits + 7) / 8;
          std::vector<std::uint8_t> expected(size);
          scalar::pack(values.data(), count, packing, skip, expected.data());
          Guarded<std::uint8_t> bytes(size, random() % 16);
          simd::pack(codes.data(), count, packing, skip, bytes.data());
          ASSERT_EQ(bytes.values(), expected);
          ASSERT_TRUE(bytes.guardsIntact());

          // Neighbours share the first and the last byte.
          if (size > 0) {
            expected[0] = static_cast<std::uint8_t>(expected[0] | ((1 << skip) - 1));
            const std::size_t end = (skip + count * bits) % 8;
            if (end > 0) expected[size - 1] = static_cast<std::uint8_t>(expected[size - 1] | 0xff << end);
          }
          bytes.fill(expected);
          Guarded<std::int8_t> back(count, random() % 16);
          simd::unpack(bytes.data(), count, packing, skip, back.data());
          ASSERT_EQ(back.values(), values);
          ASSERT_TRUE(back.guardsIntact());
          std::vector<std::int8_t> scalarBack(count);
          scalar::unpack(expected.data(), count, packing, skip, scalarBack.data());
          ASSERT_EQ(scalarBack, values);
        }
      }
    }
  }
}

TEST(Pack, KeepsTheLowestBitsOfWiderCodes) {
  const std::vector<std::int8_t> codes(40, 0x5a);
  std::vector<std::uint8_t> bytes(20), expected(20, 0xaa);
  simd::pack(codes.data(), codes.size(), {4, false}, 0, bytes.data());
  EXPECT_EQ(bytes, expected);
  scalar::pack(codes.data(), codes.size(), {4, false}, 0, bytes.data());
  EXPECT_EQ(bytes, expected);
}

TEST(Pack, KnownBytes) {
  const auto packed = [](std::vector<std::int8_t> codes, Packing packing, int skip = 0) {
    std::vector<std::uint8_t> bytes((skip + codes.size() * packing.bits + 7) / 8);
    scalar::pack(codes.data(), codes.size(), packing, skip, bytes.data());
    return bytes;
  };
  using Bytes = std::vector<std::uint8_t>;
  EXPECT_EQ(packed({1, -1, 7}, {4, false}), (Bytes{0xf1, 0x07}));  // the first code in the lower half
  EXPECT_EQ(packed({1, -1, 7}, {4, true}), (Bytes{0x79, 0x0f}));   // 9, 7, 15
  EXPECT_EQ(packed({1, -2, -1, 0}, {2, false}), (Bytes{0b00'11'10'01}));
  EXPECT_EQ(packed({1, -2, -1, 0}, {2, true}), (Bytes{0b10'01'00'11}));
  EXPECT_EQ(packed({1, 2, 3}, {3, false}), (Bytes{0b11'010'001, 0b0}));  // the third begins at bit 6
  EXPECT_EQ(packed({1, -1}, {4, false}, 4), (Bytes{0x10, 0x0f}));
  EXPECT_EQ(packed({-128, 127}, {8, true}), (Bytes{0, 255}));
}

template <typename T>
class Ranges : public testing::Test {};
TYPED_TEST_SUITE(Ranges, FloatTypes);

TYPED_TEST(Ranges, NonFiniteWeightsShowWhereverTheyAre) {
  using T = TypeParam;
  for (const T bad : {std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity(),
                      std::numeric_limits<T>::quiet_NaN(), -std::numeric_limits<T>::quiet_NaN()}) {
    for (const Extent extent : {Extent{1, 1, 1}, {1, 2, 37}, {3, 37, 1}, {2, 5, 3}, {2, 300, 1}}) {
      for (std::size_t at = 0; at < extent.size(); ++at) {
        std::vector<T> weights(extent.size(), 1);
        weights[at] = bad;
        std::vector<T> largest(extent.channels, 0);
        simd::ranges(weights.data(), extent, largest.data());
        std::vector<Range<T>> ranges(extent.channels, Range<T>{0, 0});
        simd::ranges(weights.data(), extent, ranges.data());
        for (std::size_t c = 0; c < largest.size(); ++c) {
          const bool isFinite = c != at / extent.inner % extent.channels;
          ASSERT_EQ(largest[c] <= std::numeric_limits<T>::max(), isFinite)
              << testing::PrintToString(extent) << ", weight " << at << " is " << bad;
          ASSERT_EQ(ranges[c].largest() <= std::numeric_limits<T>::max(), isFinite)
              << testing::PrintToString(extent) << ", weight " << at << " is " << bad;
        }
      }
    }
  }
}

TYPED_TEST(Ranges, LargestIsRaisedNeverLowered) {
  using T = TypeParam;
  for (const std::uint32_t inner : {3u, 20u}) {
    const std::vector<T> weights(2 * inner, -2);
    std::vector<T> largest = {5, 1};
    simd::ranges(weights.data(), Extent{1, 2, inner}, largest.data());
    EXPECT_EQ(largest, (std::vector<T>{5, 2}));
  }
}

TYPED_TEST(Ranges, BothSidesAreRaisedNeverLowered) {
  using T = TypeParam;
  for (const std::uint32_t inner : {3u, 20u}) {
    std::vector<T> weights(2 * inner, -2);
    weights[inner + 1] = 4;
    std::vector<Range<T>> ranges = {{5, 3}, {1, 1}};
    simd::ranges(weights.data(), Extent{1, 2, inner}, ranges.data());
    EXPECT_EQ(ranges[0].up, 5);
    EXPECT_EQ(ranges[0].down, 3);
    EXPECT_EQ(ranges[1].up, 4);
    EXPECT_EQ(ranges[1].down, 2);
  }
}

TYPED_TEST(Ranges, ThePositiveOneOfTwoLargestIsTheSignedLargest) {
  using T = TypeParam;
  EXPECT_EQ((Range<T>{3, 2}.signedLargest()), 3);
  EXPECT_EQ((Range<T>{2, 3}.signedLargest()), -3);
  EXPECT_EQ((Range<T>{3, 3}.signedLargest()), 3);
  EXPECT_EQ((Range<T>{0, 0}.signedLargest()), 0);
}

}  // namespace
}  // namespace channelwise

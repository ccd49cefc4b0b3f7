#include "core/rule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

namespace channelwise {
namespace {

constexpr float kFloatMax = std::numeric_limits<float>::max();
constexpr double kDoubleMax = std::numeric_limits<double>::max();
constexpr double kFloat16Max = 65504;

constexpr Scheme kFloat32Scales(int bits) { return {bits, Dtype::kFloat32}; }
constexpr Scheme kFloat64Scales(int bits) { return {bits, Dtype::kFloat64}; }
constexpr Scheme kFloat16Scales(int bits) { return {bits, Dtype::kFloat16}; }
constexpr Scheme kBfloat16Scales(int bits) { return {bits, Dtype::kBfloat16}; }

TEST(Scheme, CodesRunFromMinusTwoToTheBitsLessOne) {
  EXPECT_EQ(kFloat32Scales(8).qmin(), -128);
  EXPECT_EQ(kFloat32Scales(8).qmax(), 127);
  EXPECT_EQ(kFloat32Scales(2).qmin(), -2);
  EXPECT_EQ(kFloat32Scales(16).qmax(), 32767);
}

TEST(Rule, ScaleIsOneRoundedDivision) {
  EXPECT_EQ(scaleOf(127.0f, kFloat32Scales(8)), 1.0f);
  EXPECT_EQ(scaleOf(0x1.06ad74p+1f, kFloat32Scales(8)), 0x1.06ad74p+1f / 127.0f);
  EXPECT_EQ(scaleOf(0x1.06ad74p+1f, kFloat64Scales(8)), 0x1.06ad74p+1f / 127.0f);
  EXPECT_EQ(scaleOf(1.0, kFloat64Scales(8)), 1.0 / 127.0);
}

TEST(Rule, ZerosAndUnderflowGiveScaleOne) {
  EXPECT_EQ(scaleOf(0.0f, kFloat32Scales(8)), 1.0f);
  EXPECT_EQ(scaleOf(0.0, kFloat64Scales(8)), 1.0);
  EXPECT_EQ(scaleOf(63 * 0x1p-149f, kFloat32Scales(8)), 1.0f);
  EXPECT_EQ(scaleOf(64 * 0x1p-149f, kFloat32Scales(8)), 0x1p-149f);
  EXPECT_EQ(scaleOf(63 * 0x1p-1074, kFloat64Scales(8)), 1.0);
  EXPECT_EQ(scaleOf(64 * 0x1p-1074, kFloat64Scales(8)), 0x1p-1074);
}

TEST(Rule, SubnormalScaleStands) { EXPECT_EQ(scaleOf(190 * 0x1p-149f, kFloat32Scales(8)), 0x1p-149f); }

TEST(Rule, DequantizedValuesStayFinite) {
  for (int bits = 2; bits <= 16; ++bits) {
    const float qmax = static_cast<float>(kFloat32Scales(bits).qmax());
    const float plain = kFloatMax / qmax;
    const bool overflows = std::isinf(qmax * plain);
    EXPECT_EQ(overflows, bits == 6 || bits == 8 || bits == 10 || bits == 11 || bits == 12 || bits >= 14) << bits;
    const float scale = scaleOf(kFloatMax, kFloat32Scales(bits));
    EXPECT_EQ(scale, overflows ? std::nextafter(plain, 0.0f) : plain) << bits;
    EXPECT_TRUE(std::isfinite(qmax * scale)) << bits;
    EXPECT_TRUE(std::isfinite(kFloat64Scales(bits).qmax() * scaleOf(kDoubleMax, kFloat64Scales(bits)))) << bits;
  }
}

TEST(Rule, StoredScalesAreRoundedHalfToEven) {
  // Of each type, the last bit of 1 lies between 2^-11 and 2^-10, or between 2^-8 and 2^-7.
  EXPECT_EQ(scaleOf(127.0f * (1 + 0x1p-11f), kFloat16Scales(8)), 1.0f);
  EXPECT_EQ(scaleOf(127.0f * (1 + 0x1.8p-10f), kFloat16Scales(8)), 1 + 0x1p-9f);
  EXPECT_EQ(scaleOf(127.0f * (1 + 0x1p-8f), kBfloat16Scales(8)), 1.0f);
  EXPECT_EQ(scaleOf(127.0f * (1 + 0x1.8p-7f), kBfloat16Scales(8)), 1 + 0x1p-6f);
  // Subnormal numbers have a fixed last bit, 2^-24 and 2^-133.
  EXPECT_EQ(scaleOf(127 * 0x1.8p-24f, kFloat16Scales(8)), 0x1p-23f);
  EXPECT_EQ(scaleOf(127 * 0x1.4p-23f, kFloat16Scales(8)), 0x1p-23f);
  EXPECT_EQ(scaleOf(127 * 0x1.8p-133f, kBfloat16Scales(8)), 0x1p-132f);
  // float64 weights, to all narrower types.
  EXPECT_EQ(scaleOf(127.0 * (1 + 0x1p-24), kFloat32Scales(8)), 1.0);
  EXPECT_EQ(scaleOf(127.0 * (1 + 0x1.8p-23), kFloat32Scales(8)), 1 + 0x1p-22);
  EXPECT_EQ(scaleOf(127 * 0x1.8p-149, kFloat32Scales(8)), 0x1p-148);
  EXPECT_EQ(scaleOf(127.0 * (1 + 0x1p-11), kFloat16Scales(8)), 1.0);
}

TEST(Rule, StoredScalesThatBecomeZeroAreOne) {
  EXPECT_EQ(scaleOf(127 * 0x1p-25f, kFloat16Scales(8)), 1.0f);  // a tie with 0, which is even
  EXPECT_EQ(scaleOf(127 * 0x1.02p-25f, kFloat16Scales(8)), 0x1p-24f);
  EXPECT_EQ(scaleOf(127 * 0x1p-134f, kBfloat16Scales(8)), 1.0f);
  EXPECT_EQ(scaleOf(127 * 0x1.02p-134f, kBfloat16Scales(8)), 0x1p-133f);
  EXPECT_EQ(scaleOf(127 * 0x1p-150, kFloat32Scales(8)), 1.0);
  EXPECT_EQ(scaleOf(0.0f, kFloat16Scales(8)), 1.0f);
}

TEST(Rule, WhatComesBackIsFiniteInTheTypeOfTheScale) {
  // 65504 / 127 is nearest to 516, but 127 * 516 is 65532, which is an infinity in float16.
  EXPECT_EQ(scaleOf(65504.0f, kFloat16Scales(8)), 515.5f);
  EXPECT_EQ(scaleOf(65504.0f, kFloat16Scales(2)), 65504.0f);
  // Scales that the type cannot hold.
  EXPECT_EQ(scaleOf(1e30f, kFloat16Scales(8)), 511.75f);  // all codes are -128 or 127, and 128 * 511.75 is 65504
  EXPECT_EQ(scaleOf(1e300, kFloat32Scales(8)), std::nextafter(0x1p121f, 0.0f));
  std::mt19937 random(1);
  for (const auto& [type, most] : {std::pair{Dtype::kFloat16, kFloat16Max}, {Dtype::kBfloat16, 0x1.fep127}}) {
    for (int bits = 2; bits <= 16; ++bits) {
      const Scheme scheme{bits, type};
      for (int trial = 0; trial < 1000; ++trial) {
        const double share = std::uniform_real_distribution<double>(0.9, 1.1)(random);
        const float largest = static_cast<float>(std::min(most * share, double{kFloatMax}));
        const float scale = scaleOf(largest, scheme);
        const auto comesBack = [&, type = type](double candidate) {
          const double code = std::min(std::nearbyint(largest / static_cast<float>(candidate)), float(-scheme.qmin()));
          return roundTo(type, code * candidate);
        };
        EXPECT_LE(comesBack(scale), formatOf(type).largest) << largest;
        // The scale is the nearest one, or the first below it for which that holds.
        const double nearest = std::min(roundTo(type, largest / static_cast<float>(scheme.qmax())), most);
        for (double above = nearest; above > scale; above = nextBelow(type, above))
          ASSERT_GT(comesBack(above), formatOf(type).largest) << bits << " bits, " << largest << ", " << above;
      }
    }
  }
}

constexpr Scheme kSigned(int bits, Dtype type = Dtype::kFloat32) { return {bits, type, ScaleRule::kSignedMax}; }

TEST(SignedMax, TheLargestMagnitudeHasTheLeastCode) {
  EXPECT_EQ(scaleOf(Range<float>{8, 7}, kSigned(4)), -1.0f);
  EXPECT_EQ(scaleOf(Range<float>{7, 8}, kSigned(4)), 1.0f);
  EXPECT_EQ(scaleOf(Range<float>{8, 8}, kSigned(4)), -1.0f);  // the positive one of two
  EXPECT_EQ(scaleOf(Range<double>{0.1, 0.3}, kSigned(2, Dtype::kFloat64)), 0.3 / 2);
  EXPECT_EQ(scaleOf(Range<float>{1, 0}, kSigned(16)), -0x1p-15f);
  EXPECT_EQ(scaleOf(Range<float>{1, 2}, kFloat32Scales(2)), 2.0f);  // the maximum ignores the sign
}

TEST(SignedMax, ZerosAndUnderflowGiveScaleOne) {
  EXPECT_EQ(scaleOf(Range<float>{0, 0}, kSigned(4)), 1.0f);
  EXPECT_EQ(scaleOf(Range<float>{4 * 0x1p-149f, 0}, kSigned(4)), 1.0f);  // a tie with 0, which is even
  EXPECT_EQ(scaleOf(Range<float>{0, 4 * 0x1p-149f}, kSigned(4)), 1.0f);
  EXPECT_EQ(scaleOf(Range<float>{5 * 0x1p-149f, 0}, kSigned(4)), -0x1p-149f);
  EXPECT_EQ(scaleOf(Range<float>{8 * 0x1p-25f, 0}, kSigned(4, Dtype::kFloat16)), 1.0f);
  EXPECT_EQ(scaleOf(Range<float>{8 * 0x1.02p-25f, 0}, kSigned(4, Dtype::kFloat16)), -0x1p-24f);
}

TEST(SignedMax, WhatComesBackIsFinite) {
  for (int bits = 2; bits <= 16; ++bits) {
    const float qmin = static_cast<float>(kSigned(bits).qmin());
    EXPECT_EQ(qmin * scaleOf(Range<float>{kFloatMax, 1}, kSigned(bits)), kFloatMax) << bits;
    EXPECT_EQ(qmin * scaleOf(Range<float>{1, kFloatMax}, kSigned(bits)), -kFloatMax) << bits;
  }
  EXPECT_EQ(scaleOf(Range<float>{65519, 0}, kSigned(8, Dtype::kFloat16)), -511.75f);
  EXPECT_EQ(scaleOf(Range<float>{1e30f, 0}, kSigned(8, Dtype::kFloat16)), -511.75f);
}

/// By the definition of the types, without the trick of roundTo().
TEST(RoundTo, IsTheNearestNumberOfTheType) {
  std::mt19937_64 random(2);
  for (const Dtype type : {Dtype::kFloat16, Dtype::kBfloat16, Dtype::kFloat32}) {
    const auto [digits, leastNormal, largest] = formatOf(type);
    const int leastExponent = std::ilogb(leastNormal);
    for (int trial = 0; trial < 100000; ++trial) {
      const int exponent = leastExponent - digits - 2 + static_cast<int>(random() % (2 - 2 * leastExponent));
      const double x =
          std::ldexp(std::uniform_real_distribution<double>(-2, 2)(random), std::min(exponent, -leastExponent));
      const double unit = std::ldexp(1.0, std::max(std::ilogb(x), leastExponent) - digits + 1);
      ASSERT_EQ(roundTo(type, x), std::nearbyint(x / unit) * unit) << x;
    }
    EXPECT_EQ(roundTo(type, largest), largest);
    EXPECT_GT(roundTo(type, largest * (1 + std::ldexp(1.0, -digits))), largest);
    EXPECT_EQ(roundTo(type, 0), 0);
  }
  for (int trial = 0; trial < 100000; ++trial) {
    const double x =
        std::ldexp(std::uniform_real_distribution<double>(-2, 2)(random), static_cast<int>(random() % 290) - 160);
    const float rounded = static_cast<float>(x);
    if (std::isfinite(rounded)) {
      ASSERT_EQ(roundTo(Dtype::kFloat32, x), rounded) << x;
    }
    ASSERT_EQ(roundTo(Dtype::kFloat64, x), x);
  }
}

TEST(NextBelow, IsTheNumberBefore) {
  EXPECT_EQ(nextBelow(Dtype::kFloat16, 1), 1 - 0x1p-11);
  EXPECT_EQ(nextBelow(Dtype::kFloat16, 1 - 0x1p-11), 1 - 0x1p-10);
  EXPECT_EQ(nextBelow(Dtype::kFloat16, 516), 515.5);
  EXPECT_EQ(nextBelow(Dtype::kBfloat16, 0x1p120), 0x1.fep119);
  EXPECT_EQ(nextBelow(Dtype::kFloat32, 2), std::nextafter(2.0f, 0.0f));
  EXPECT_EQ(nextBelow(Dtype::kFloat64, 2), std::nextafter(2.0, 0.0));
}

/// A scheme of 4 bits with zero points.
constexpr Scheme kWide(Dtype scaleType = Dtype::kFloat64, int bits = 4) {
  return {bits, scaleType, ScaleRule::kMax, true};
}

template <typename T>
void expectWide(Range<T> range, T scale, int zeroPoint, const Scheme& scheme = kWide()) {
  EXPECT_EQ(scaleOf(range, scheme), scale) << range.up << ", " << range.down;
  EXPECT_EQ(zeroPointOf(range, scale, scheme), zeroPoint) << range.up << ", " << range.down;
}

TEST(ZeroPoints, TheRangeHasAsManyStepsAsThereAreCodesButOne) {
  expectWide<float>({8, 7}, 1, -1);
  expectWide<float>({15, 0}, 1, -8);                // no negative weights
  expectWide<float>({0, 15}, 1, 7);                 // no positive ones
  expectWide<float>({7.5f, 7.5f}, 1, 0);            // 7.5 to even, which is 8
  expectWide<float>({8.5f, 6.5f}, 1, -2);           // 6.5 to even, which is 6
  expectWide<float>({1, 2}, 3 / 15.0f, 2);          //
  expectWide<double>({1, 2}, 3 / 15.0, 2);          //
  expectWide<float>({1, 0x1p-25f}, 1 / 15.0f, -8);  // the sum is rounded
  expectWide<float>({1, 2}, 0.2001953125f, 2, kWide(Dtype::kBfloat16));
}

TEST(ZeroPoints, ZerosAndUnderflowGiveScaleOne) {
  for (const float tiny : {0.0f, 0x1p-149f, 3 * 0x1p-149f}) expectWide<float>({tiny, tiny}, 1, -8);
  expectWide<double>({0, 7 * 0x1p-1074}, 1, -8);
  expectWide<float>({15 * 0x1p-26f, 0}, 1, -8, kWide(Dtype::kFloat16));
  expectWide<float>({20 * 0x1p-149f, 0}, 0x1p-149f, -8);                   // subnormal
  expectWide<float>({40 * 0x1p-149f, 20 * 0x1p-149f}, 4 * 0x1p-149f, -3);  //
}

TEST(ZeroPoints, WhatComesBackIsFinite) {
  for (int bits = 2; bits <= 16; ++bits) {
    for (const Dtype type : {Dtype::kFloat64, Dtype::kFloat16, Dtype::kBfloat16}) {
      const Scheme scheme = kWide(type, bits);
      for (const float up : {kFloatMax, kFloatMax / 2, kFloatMax / 3, 0.0f})
        for (const float down : {kFloatMax, kFloatMax / 2, 0x1p-149f, 1.0f, 0.0f}) {
          const Range<float> range{up, down};
          const float scale = scaleOf(range, scheme);
          const float zeroPoint = zeroPointOf(range, scale, scheme);
          ASSERT_TRUE(scale > 0 && zeroPoint >= scheme.qmin() && zeroPoint <= scheme.qmax()) << up << ", " << down;
          for (const float weight : {up, -down}) {
            const float code = std::nearbyint(weight / scale) + zeroPoint;
            const float clamped = std::min<float>(std::max<float>(code, scheme.qmin()), scheme.qmax()) - zeroPoint;
            const double most = type == Dtype::kFloat16 ? kFloat16Max : kFloatMax;
            EXPECT_LE(roundTo(type == Dtype::kFloat64 ? Dtype::kFloat32 : type, std::fabs(double{clamped} * scale)),
                      most)
                << bits << " bits, " << up << ", " << down;
          }
        }
      if (type != Dtype::kFloat64) continue;
      const Range<double> widest{kDoubleMax, kDoubleMax};
      const double scale = scaleOf(widest, scheme);
      EXPECT_TRUE(std::isfinite(scale * std::nearbyint(kDoubleMax / scale))) << bits;
      EXPECT_GE(scale, kDoubleMax / scheme.steps()) << bits;
    }
  }
}

}  // namespace
}  // namespace channelwise

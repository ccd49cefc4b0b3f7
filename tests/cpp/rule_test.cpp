#include "core/rule.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace channelwise {
namespace {

constexpr float kFloatMax = std::numeric_limits<float>::max();
constexpr double kDoubleMax = std::numeric_limits<double>::max();

TEST(Rule, CodesRunFromMinusTwoToTheBitsLessOne) {
  EXPECT_EQ(qminOf(8), -128);
  EXPECT_EQ(qmaxOf(8), 127);
  EXPECT_EQ(qminOf(2), -2);
  EXPECT_EQ(qmaxOf(16), 32767);
}

TEST(Rule, ScaleIsOneRoundedDivision) {
  EXPECT_EQ(scaleOf(127.0f, 8), 1.0f);
  EXPECT_EQ(scaleOf(0x1.06ad74p+1f, 8), 0x1.06ad74p+1f / 127.0f);
  EXPECT_EQ(scaleOf(1.0, 8), 1.0 / 127.0);
}

TEST(Rule, ZerosAndUnderflowGiveScaleOne) {
  EXPECT_EQ(scaleOf(0.0f, 8), 1.0f);
  EXPECT_EQ(scaleOf(0.0, 8), 1.0);
  EXPECT_EQ(scaleOf(63 * 0x1p-149f, 8), 1.0f);
  EXPECT_EQ(scaleOf(64 * 0x1p-149f, 8), 0x1p-149f);
  EXPECT_EQ(scaleOf(63 * 0x1p-1074, 8), 1.0);
  EXPECT_EQ(scaleOf(64 * 0x1p-1074, 8), 0x1p-1074);
}

TEST(Rule, SubnormalScaleStands) { EXPECT_EQ(scaleOf(190 * 0x1p-149f, 8), 0x1p-149f); }

TEST(Rule, DequantizedValuesStayFinite) {
  for (int bits = 2; bits <= 16; ++bits) {
    const float qmax = static_cast<float>(qmaxOf(bits));
    const float plain = kFloatMax / qmax;
    const bool overflows = std::isinf(qmax * plain);
    EXPECT_EQ(overflows, bits == 6 || bits == 8 || bits == 10 || bits == 11 || bits == 12 || bits >= 14) << bits;
    EXPECT_EQ(scaleOf(kFloatMax, bits), overflows ? std::nextafter(plain, 0.0f) : plain) << bits;
    EXPECT_TRUE(std::isfinite(qmax * scaleOf(kFloatMax, bits))) << bits;
    EXPECT_TRUE(std::isfinite(qmaxOf(bits) * scaleOf(kDoubleMax, bits))) << bits;
  }
}

}  // namespace
}  // namespace channelwise

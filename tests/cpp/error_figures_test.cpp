#include "core/error_figures.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace channelwise {
namespace {

/// log2 of the sum, which may be far outside the range of doubles.
double log2Of(const SquareSum& sum) { return std::log2(sum.value) + 2 * SquareSum::kHalfUnit * sum.unit; }

SquareSum sumOf(const std::vector<double>& values) {
  SquareSum sum;
  for (double value : values) sum.addSquareOf(value);
  return sum;
}

TEST(SquareSum, OrdinarySquaresAreSummedAsTheyAre) {
  const SquareSum sum = sumOf({3, -4, 0});
  EXPECT_EQ(sum.value, 25);
  EXPECT_EQ(sum.unit, 0);
}

TEST(SquareSum, ZerosSumToZero) { EXPECT_EQ(sumOf({0, -0.0}).value, 0); }

TEST(SquareSum, SquaresNeitherUnderflowNorOverflow) {
  EXPECT_NEAR(log2Of(sumOf({0x1p-1074})), -2148, 1e-9);
  EXPECT_NEAR(log2Of(sumOf({0x1p-700, 0x1p-700})), -1399, 1e-9);
  EXPECT_NEAR(log2Of(sumOf({0x1p1023})), 2046, 1e-9);
  EXPECT_NEAR(log2Of(sumOf({0x1p900, -0x1p900})), 1801, 1e-9);
}

TEST(SquareSum, UnitsMeetInTheLarger) {
  // 2^480 is the last number of the ordinary unit, 2^481 the first of the large one; the sum is 1 + 4 times the square
  // of 2^480.
  EXPECT_NEAR(log2Of(sumOf({0x1p480, 0x1p481})), 960 + std::log2(5), 1e-9);
  EXPECT_NEAR(log2Of(sumOf({0x1p481, 0x1p480})), 960 + std::log2(5), 1e-9);
  EXPECT_NEAR(log2Of(sumOf({0x1p-480, 0x1p-481})), -960 + std::log2(1.25), 1e-9);
  EXPECT_NEAR(log2Of(sumOf({0x1p-481, 0x1p-480})), -960 + std::log2(1.25), 1e-9);
  EXPECT_NEAR(log2Of(sumOf({0x1p-900, 0x1p900})), 1800, 1e-9);
}

TEST(ErrorFigures, AddsSumsAndKeepsTheLargestError) {
  ErrorFigures a;
  a.addElement(2, -0.5);
  ErrorFigures b;
  b.addElement(3, 0.25);
  a.add(b);
  EXPECT_EQ(a.error.value, 0.3125);
  EXPECT_EQ(a.weight.value, 13);
  EXPECT_EQ(a.largest, 0.5);
}

}  // namespace
}  // namespace channelwise

#include "error_figures.h"

#include <cmath>
#include <utility>

namespace channelwise {

namespace {

// A whole unit, 2^1200, exceeds a double.
constexpr double kUp = 0x1p600;
constexpr double kDown = 0x1p-600;
static_assert(SquareSum::kHalfUnit == 600);

}  // namespace

[[gnu::noinline]] void SquareSum::add(SquareSum other) {
  if (other.value == 0) return;
  if (value == 0) {
    *this = other;
    return;
  }
  if (unit < other.unit) std::swap(*this, other);
  for (; other.unit < unit; ++other.unit) other.value = other.value * kDown * kDown;
  value += other.value;
}

void SquareSum::addSquareOf(double x) {
  const double a = std::fabs(x);
  // 2^32 squares of up to 2^480 still fit a double; a square of 2^-480 is still normal.
  if (a > 0x1p480) {
    add({(a * kDown) * (a * kDown), 1});
  } else if (a < 0x1p-480) {
    add({(a * kUp) * (a * kUp), -1});
  } else {
    add({a * a, 0});
  }
}

namespace {

/// The larger of two numbers; NaN if one of them is.
double largerOf(double a, double b) { return a >= b || std::isnan(a) ? a : b; }

}  // namespace

void ErrorFigures::add(const ErrorFigures& other) {
  error.add(other.error);
  weight.add(other.weight);
  largest = largerOf(largest, other.largest);
}

void ErrorFigures::addElement(double weightValue, double errorValue) {
  weight.addSquareOf(weightValue);
  error.addSquareOf(errorValue);
  largest = largerOf(largest, std::fabs(errorValue));
}

}  // namespace channelwise

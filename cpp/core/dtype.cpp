#include "dtype.h"

#include <algorithm>
#include <cstdint>

namespace channelwise {

double roundTo(Dtype type, double x) {
  if (type == Dtype::kFloat64) return x;
  const Format format = formatOf(type);
  // The power of two at or below |x|, at whose 53rd bit a sum is rounded.
  const double power = __builtin_bit_cast(double, __builtin_bit_cast(std::uint64_t, x) & 0x7ff0000000000000);
  const double rounder = std::max(power, format.leastNormal) * (0x1.8p53 / (1 << format.digits));
  return x + rounder - rounder;
}

double nextBelow(Dtype type, double x) {
  const int shift = 53 - formatOf(type).digits;
  return __builtin_bit_cast(double, (__builtin_bit_cast(std::uint64_t, x) - 1) >> shift << shift);
}

}  // namespace channelwise

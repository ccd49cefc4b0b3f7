#pragma once

#include <cmath>
#include <limits>

namespace channelwise {

/// Codes of `bits` bits run from qmin = -2^(bits-1) to qmax = 2^(bits-1) - 1; bits is 2 to 16.
constexpr int qminOf(int bits) { return -(1 << (bits - 1)); }
constexpr int qmaxOf(int bits) { return (1 << (bits - 1)) - 1; }

/// The scale of a channel whose largest |weight| is `largest` (finite, >= 0): largest / qmax, one rounded division.
///
/// Three corners: a channel of zeros, and one so small that the quotient underflows to zero, get scale 1 (every code is
/// then 0); where qmax * scale would overflow, the next float below is taken, so that every dequantized value is
/// finite.
template <typename T>
T scaleOf(T largest, int bits) {
  const T qmax = static_cast<T>(qmaxOf(bits));
  const T scale = largest / qmax;
  if (scale == 0) return 1;
  if (qmax * scale > std::numeric_limits<T>::max()) return std::nextafter(scale, T{0});
  return scale;
}

}  // namespace channelwise

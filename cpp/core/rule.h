#pragma once

#include "range.h"
#include "scheme.h"

namespace channelwise {

/// The scale that is stored, from a scale that one division in the type `arithmetic` gave.
[[gnu::pure]] double storedScale(double scale, double largest, const Scheme& scheme, Dtype arithmetic);

/// The scale by the scheme's rule, for weights with a finite range. Every operation is rounded to the type
/// `arithmetic`.
///
/// The largest |weight| is divided by qmax; or the weight of the largest magnitude by qmin, which is exact except for
/// subnormal scales, so that it has that code whatever its sign, as ggml's quantize_row_q4_0_ref makes the scales of
/// Q4_0; or, with zero points, the sum of both sides by the number of steps from the least code to the largest. The
/// scale is then rounded to the type in which it is stored.
///
/// There are two corners. A scale that would be zero, as for zeros and very small weights, is 1: every code is 0. Where
/// the largest weight would be dequantized to an infinity in the type of the scale, the scale is the first one below
/// with which it is not.
double scaleOf(const Range<double>& range, const Scheme& scheme, Dtype arithmetic);

/// The zero point, the code of 0, with a scale as it is stored: the least weight gets the least code, but for rounding.
double zeroPointOf(const Range<double>& range, double scale, const Scheme& scheme, Dtype arithmetic);

/// The same for ranges of the type of the arithmetic.
template <typename T>
T scaleOf(const Range<T>& range, const Scheme& scheme) {
  return static_cast<T>(scaleOf(Range<double>{range.up, range.down}, scheme, kDtype<T>));
}

template <typename T>
T scaleOf(T largest, const Scheme& scheme) {
  return scaleOf(Range<T>{largest, largest}, scheme);
}

template <typename T>
T zeroPointOf(const Range<T>& range, T scale, const Scheme& scheme) {
  return static_cast<T>(zeroPointOf(Range<double>{range.up, range.down}, scale, scheme, kDtype<T>));
}

/// Whether a positive scale needs no clamping for weights of up to `largest`: weight / scale then rounds to at most
/// qmax, and so do products with the reciprocal. This holds for all scales that scaleOf() does not round, except for
/// subnormal ones, with which no products are formed, and for most of the others.
inline bool covers(double scale, double largest, const Scheme& scheme) {
  return largest <= (scheme.qmax() + 0.375) * scale;
}

}  // namespace channelwise

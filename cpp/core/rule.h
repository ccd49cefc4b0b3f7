#pragma once

#include "range.h"
#include "scheme.h"

namespace channelwise {

/// The scale that is stored, from a scale that one division in the type `arithmetic` gave.
[[gnu::pure]] double storedScale(double scale, double largest, const Scheme& scheme, Dtype arithmetic);

/// The scale of a channel whose largest |weight| is `largest` (finite, >= 0): largest / qmax, one rounded division,
/// then rounded to the type in which it is stored.
///
/// There are two corners. A scale that would be zero, as for zeros and very small weights, is 1: every code is 0. Where
/// the largest weight would be dequantized to an infinity in the type of the scale, the scale is the first one below
/// with which it is not.
template <typename T>
T scaleOf(T largest, const Scheme& scheme) {
  const T scale = largest / static_cast<T>(scheme.qmax());
  if (holds<T>(scheme.scaleType) && scale > 0 && largest <= static_cast<T>(formatOf(kDtype<T>).largest / 2))
    return scale;
  return static_cast<T>(storedScale(scale, largest, scheme, kDtype<T>));
}

/// The scale with which the weight of the largest magnitude has the code qmin, whatever its sign: that weight / qmin,
/// one rounded division, which is exact except for subnormal scales. Its corners are those of the magnitudes.
///
/// ggml's quantize_row_q4_0_ref makes the scales of Q4_0 in this way.
template <typename T>
T signedScaleOf(T signedLargest, const Scheme& scheme) {
  const T largest = signedLargest < 0 ? -signedLargest : signedLargest;
  const T magnitude = static_cast<T>(storedScale(largest / static_cast<T>(-scheme.qmin()), largest, scheme, kDtype<T>));
  // Where all codes are 0, the scale is 1 for this rule too.
  return signedLargest > 0 && largest >= magnitude ? -magnitude : magnitude;
}

/// The scale by the scheme's rule, for weights with a finite range.
template <typename T>
T scaleOf(const Range<T>& range, const Scheme& scheme) {
  if (scheme.rule == ScaleRule::kSignedMax) return signedScaleOf(range.signedLargest(), scheme);
  return scaleOf(range.largest(), scheme);
}

/// Whether a positive scale needs no clamping for weights of up to `largest`: weight / scale then rounds to at most
/// qmax, and so do products with the reciprocal. This holds for all scales that scaleOf() does not round, except for
/// subnormal ones, with which no products are formed, and for most of the others.
inline bool covers(double scale, double largest, const Scheme& scheme) {
  return largest <= (scheme.qmax() + 0.375) * scale;
}

}  // namespace channelwise

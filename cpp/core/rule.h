#pragma once

#include "range.h"
#include "scheme.h"

namespace channelwise {

/// What becomes of a scale that was formed by one division in the type `arithmetic`: the scale that is stored.
[[gnu::pure]] double storedScale(double scale, double largest, const Scheme& scheme, Dtype arithmetic);

/// The scale of a channel whose largest |weight| is `largest` (finite, >= 0): largest / qmax, one rounded division,
/// then rounded to the type in which it is stored.
///
/// Two corners. A scale that is zero then, as that of zeros and of very small weights, is 1: every code is 0. Where the
/// largest weight would come back as an infinity in the type of the scale, the scale is the next one below with which
/// it does not.
template <typename T>
T scaleOf(T largest, const Scheme& scheme) {
  const T scale = largest / static_cast<T>(scheme.qmax());
  if (holds<T>(scheme.scaleType) && scale > 0 && largest <= static_cast<T>(formatOf(kDtype<T>).largest / 2))
    return scale;
  return static_cast<T>(storedScale(scale, largest, scheme, kDtype<T>));
}

/// The scale with which the weight of the largest magnitude has the code qmin, whatever its sign: that weight / qmin,
/// one rounded division, which is exact but for subnormal scales. Its corners are those of the magnitudes.
///
/// This is how ggml's quantize_row_q4_0_ref makes the scales of Q4_0.
template <typename T>
T signedScaleOf(T signedLargest, const Scheme& scheme) {
  const T largest = signedLargest < 0 ? -signedLargest : signedLargest;
  const T magnitude = static_cast<T>(storedScale(largest / static_cast<T>(-scheme.qmin()), largest, scheme, kDtype<T>));
  // Where all codes are 0, the scale is 1 as elsewhere.
  return signedLargest > 0 && largest >= magnitude ? -magnitude : magnitude;
}

/// The scale by the scheme's rule for weights of a range that is finite.
template <typename T>
T scaleOf(const Range<T>& range, const Scheme& scheme) {
  if (scheme.rule == ScaleRule::kSignedMax) return signedScaleOf(range.signedLargest(), scheme);
  return scaleOf(range.largest(), scheme);
}

/// Whether no code needs clamping that a positive scale makes of weights of up to `largest`: weight / scale rounds to
/// no more than qmax, with so much to spare that products with the reciprocal do not either. Scales that scaleOf() does
/// not round all do, but for subnormal ones, with which no products are formed; most of the others do, too.
inline bool covers(double scale, double largest, const Scheme& scheme) {
  return largest <= (scheme.qmax() + 0.375) * scale;
}

}  // namespace channelwise

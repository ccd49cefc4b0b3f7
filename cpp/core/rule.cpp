#include "rule.h"

#include <algorithm>
#include <cmath>

namespace channelwise {

double storedScale(double scale, double largest, const Scheme& scheme, Dtype arithmetic) {
  const Dtype type = scheme.scaleType == Dtype::kFloat64 ? arithmetic : scheme.scaleType;
  const double finite = formatOf(type).largest;
  scale = roundTo(type, std::min(scale, finite));
  if (scale == 0) return 1;
  // A dequantized weight is less than half as large again.
  if (largest <= finite / 2) return scale;
  for (;;) {
    // A negative weight may have a code below -qmax, with a scale that was rounded down.
    const double most = scheme.zeroPoints ? scheme.steps() : -scheme.qmin();
    const double code = std::min(std::nearbyint(roundTo(arithmetic, largest / scale)), most);
    if (roundTo(type, code * scale) <= finite) return scale;
    scale = std::min(nextBelow(type, scale), roundTo(type, finite / code));
  }
}

namespace {

/// a / b, which are numbers of the type and become a quotient of it.
double divided(double a, double b, Dtype type) {
  return type == Dtype::kFloat64 ? a / b : static_cast<float>(a) / static_cast<float>(b);
}

/// a + b, in the same way.
double added(double a, double b, Dtype type) {
  return type == Dtype::kFloat64 ? a + b : static_cast<float>(a) + static_cast<float>(b);
}

/// The scale with zero points.
double wideScaleOf(const Range<double>& range, double steps, Dtype arithmetic) {
  const double width = added(range.up, range.down, arithmetic);
  if (width <= formatOf(arithmetic).largest) return divided(width, steps, arithmetic);
  // The sum of halves is no infinity.
  return 2 * divided(added(range.up / 2, range.down / 2, arithmetic), steps, arithmetic);
}

}  // namespace

double scaleOf(const Range<double>& range, const Scheme& scheme, Dtype arithmetic) {
  const double largest = range.largest();
  if (scheme.rule == ScaleRule::kSignedMax) {
    const double magnitude = storedScale(divided(largest, -scheme.qmin(), arithmetic), largest, scheme, arithmetic);
    // Where all codes are 0, the scale is 1 for this rule too.
    return range.signedLargest() > 0 && largest >= magnitude ? -magnitude : magnitude;
  }
  const double scale =
      scheme.zeroPoints ? wideScaleOf(range, scheme.steps(), arithmetic) : divided(largest, scheme.qmax(), arithmetic);
  const bool isStored = scheme.scaleType == Dtype::kFloat64 || scheme.scaleType == arithmetic;
  if (isStored && scale > 0 && largest <= formatOf(arithmetic).largest / 2) return scale;
  return storedScale(scale, largest, scheme, arithmetic);
}

double zeroPointOf(const Range<double>& range, double scale, const Scheme& scheme, Dtype arithmetic) {
  return scheme.qmin() + std::min<double>(std::nearbyint(divided(range.down, scale, arithmetic)), scheme.steps());
}

}  // namespace channelwise

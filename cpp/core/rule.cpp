#include "rule.h"

#include <algorithm>
#include <cmath>

namespace channelwise {

double storedScale(double scale, double largest, const Scheme& scheme, Dtype arithmetic) {
  const Dtype type = scheme.scaleType == Dtype::kFloat64 ? arithmetic : scheme.scaleType;
  const double most = formatOf(type).largest;
  scale = roundTo(type, std::min(scale, most));
  if (scale == 0) return 1;
  // A dequantized weight is less than half as large again.
  if (largest <= most / 2) return scale;
  for (;;) {
    // A negative weight may have a code below -qmax, with a scale that was rounded down.
    const double quotient = roundTo(arithmetic, largest / scale);
    const double code = std::min(std::nearbyint(quotient), static_cast<double>(-scheme.qmin()));
    if (roundTo(type, code * scale) <= most) return scale;
    scale = std::min(nextBelow(type, scale), roundTo(type, most / code));
  }
}

}  // namespace channelwise

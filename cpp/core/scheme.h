#pragma once

#include "dtype.h"

namespace channelwise {

/// How weights become codes: symmetric, with scales that the largest |weight| gives (rule.h).
struct Scheme {
  int bits;         ///< of a code: 2 to 16
  Dtype scaleType;  ///< in which scales are stored

  /// Codes run from qmin to qmax.
  constexpr int qmin() const { return -(1 << (bits - 1)); }
  constexpr int qmax() const { return (1 << (bits - 1)) - 1; }

  /// Whether codes take 16 bits where they lie by themselves, or else 8.
  constexpr bool wide() const { return bits > 8; }
};

}  // namespace channelwise

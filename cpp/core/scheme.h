#pragma once

#include "dtype.h"

namespace channelwise {

/// How some weights get their scale: from their range (rule.h), or by a search (search/search.h). TypeScript has the
/// names of the rules, in this order (scale-rules.ts).
enum class ScaleRule { kMax, kSignedMax, kSearch, kPositiveSearch };

/// How weights become codes: with scales that a rule gives, and with zero points or symmetrically.
struct Scheme {
  int bits;         ///< of a code: 2 to 16
  Dtype scaleType;  ///< in which scales are stored
  ScaleRule rule = ScaleRule::kMax;
  bool zeroPoints = false;  ///< whether 0 has another code in each channel, or else the code 0 in all

  /// Codes run from qmin to qmax.
  constexpr int qmin() const { return -(1 << (bits - 1)); }
  constexpr int qmax() const { return (1 << (bits - 1)) - 1; }

  /// How many scales lie between the values of the least and the largest code.
  constexpr int steps() const { return (1 << bits) - 1; }

  /// Whether codes take 16 bits where they lie by themselves, or else 8.
  constexpr bool wide() const { return bits > 8; }

  /// Whether the rule needs both sides of a range, and not only the largest |weight|.
  constexpr bool bothSides() const { return rule != ScaleRule::kMax || zeroPoints; }

  /// Whether a search takes positive scales alone.
  constexpr bool positive() const { return rule == ScaleRule::kPositiveSearch || zeroPoints; }
};

}  // namespace channelwise

#pragma once

#include "dtype.h"

namespace channelwise {

/// How some weights get their scale: from their range (rule.h), or by a search (search/search.h).
enum class ScaleRule { kMax, kSignedMax, kSearch, kPositiveSearch };

/// What the rules are called where they are chosen, in the order of ScaleRule.
constexpr const char* kScaleRules[] = {"max", "signed-max", "search", "positive-search"};

/// How weights become codes: symmetric, with scales that a rule gives.
struct Scheme {
  int bits;         ///< of a code: 2 to 16
  Dtype scaleType;  ///< in which scales are stored
  ScaleRule rule = ScaleRule::kMax;

  /// Codes run from qmin to qmax.
  constexpr int qmin() const { return -(1 << (bits - 1)); }
  constexpr int qmax() const { return (1 << (bits - 1)) - 1; }

  /// Whether codes take 16 bits where they lie by themselves, or else 8.
  constexpr bool wide() const { return bits > 8; }

  /// Whether the rule needs both sides of a range, and not only the largest |weight|.
  constexpr bool bothSides() const { return rule != ScaleRule::kMax; }
};

}  // namespace channelwise

#include "search.h"

#include <algorithm>
#include <cmath>

#include "../rule.h"

namespace channelwise {

Trials trialsOf(const Search& search, int sweep, const Scheme& scheme) {
  if (scheme.zeroPoints) {
    const float steps = static_cast<float>(scheme.steps());
    const float magnitude = static_cast<float>(std::fabs(search.peak));
    const float unit = std::min(magnitude / static_cast<float>(search.maximum), steps) / steps * (1 << kTrialShift);
    return {static_cast<int>(std::nearbyint(unit * (steps - kWideBegin))),
            static_cast<int>(std::nearbyint(unit * kWideStep))};
  }
  if (sweep == 0) {
    const int most = scheme.rule == ScaleRule::kSearch ? -scheme.qmin() : scheme.qmax();
    return {(most - 1) << kTrialShift, kFirstStep};
  }
  const float best = static_cast<float>(search.squares) / static_cast<float>(search.products) * kTrialUnit;
  return {static_cast<int>(std::nearbyint(std::min(best, kMostTrial))) + kOtherBegin, kOtherStep};
}

void takeTrial(Search& search, float products, float squares, const Scheme& scheme, Dtype arithmetic) {
  search.products = products;
  search.squares = squares;
  const double magnitude = std::fabs(search.peak);
  const double scale = products / squares * (magnitude / (kPeak * static_cast<double>(kUnit)));
  const double stored = storedScale(roundTo(arithmetic, scale), magnitude, scheme, arithmetic);
  search.scale = integerFactor(search, scheme) < 0 ? -stored : stored;
}

void addErrors(double ofSearch, double ofMaximum, const Search& search, const Scheme& scheme, double* sums) {
  const double steps = scheme.qmax() / std::fabs(search.peak) * 0x1p8;
  sums[0] += std::ceil(ofSearch * steps * steps);
  sums[1] += std::floor(ofMaximum * steps * steps);
}

void judge(Search& search, int sweep, const double* sums, const Scheme& scheme, Dtype arithmetic) {
  if (sweep == lastSweep(scheme)) {
    // More than what rounding makes of the sums in a chunk.
    constexpr double kMargin = 1 + 0x1p-14;
    if (!(sums[0] * kMargin < sums[1])) search.scale = search.maximum;
    return;
  }
  float products = static_cast<float>(search.products);
  float squares = static_cast<float>(search.squares);
  for (int j = 0; j < kTrials; ++j) {
    const float a = static_cast<float>(sums[2 * j]) * kUnit;
    const float c = static_cast<float>(sums[2 * j + 1]);
    if (!(a * a * squares > products * products * c)) continue;
    products = a;
    squares = c;
  }
  takeTrial(search, products, squares, scheme, arithmetic);
}

}  // namespace channelwise

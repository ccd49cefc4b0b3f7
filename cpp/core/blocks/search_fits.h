#pragma once

#include "fits.h"

// Searches for the scales with the least sum of squared errors, with equal weights. A trial takes codes, and then the
// scale (and minimum) that fit these best by least squares. Sums are of float32, so a fit only proposes: the errors of
// the stored block decide.

namespace channelwise::blocks {

/// The scales that are tried: with them the largest weight is this many codes beyond the last code, which clamps it.
struct Window {
  float narrowest;
  float widest;
  int trials;

  float beyond(int k) const {
    return narrowest + (widest - narrowest) * static_cast<float>(k) / static_cast<float>(trials - 1);
  }
};

/// The scale, which may be negative, for codes from `least` (below 0) to `most`.
template <std::size_t length, typename V>
[[gnu::noinline]] V searchScale(const V* x, int least, int most, Window window) {
  const V zero(0.0f);
  const Limits<V> limits{least, most};
  const V largest = signedLargest<length>(x);
  V scale = zero;
  V bestXL = zero;
  V bestLL(1.0f);
  const auto sumsOf = [&](const V& inverse) {
    V sumXL = zero;
    V sumLL = zero;
    for (std::size_t i = 0; i < length; ++i) {
      const V code = nearest<true>(inverse * x[i], limits);
      sumXL = sumXL + x[i] * code;
      sumLL = sumLL + code * code;
    }
    const auto wins = both(sumLL > zero, sumXL * sumXL * bestLL > bestXL * bestXL * sumLL);
    bestXL = select(wins, sumXL, bestXL);
    bestLL = select(wins, sumLL, bestLL);
    scale = select(wins, sumXL / sumLL, scale);
  };
  for (int k = 0; k < window.trials; ++k) sumsOf(V(static_cast<float>(least) - window.beyond(k)) / largest);
  for (int round = 0; round < 2; ++round) sumsOf(V(1.0f) / scale);
  return scale;
}

/// A scale and an added minimum.
template <typename V>
struct Affine {
  V scale;
  V min;
};

/// The scale and minimum for codes from 0 to most. With `noneAbove`, the minimum is 0 or less.
template <std::size_t length, bool noneAbove, typename V>
[[gnu::noinline]] Affine<V> searchScaleAndMin(const V* x, int most, Window window) {
  const V zero(0.0f);
  const V count(static_cast<float>(length));
  const Limits<V> limits{0, most};
  V least = x[0];
  V largest = x[0];
  V sumX = zero;
  for (std::size_t i = 0; i < length; ++i) {
    least = select(x[i] < least, x[i], least);
    largest = select(x[i] > largest, x[i], largest);
    sumX = sumX + x[i];
  }
  if (noneAbove) least = select(least > zero, zero, least);
  // Sums around the mean lose fewer bits.
  const V mean = sumX / count;
  Affine<V> best{zero, noneAbove ? select(mean > zero, zero, mean) : mean};
  V gain = zero;
  const auto trial = [&](const V& inverse, const V& from) {
    V sumL = zero;
    V sumLL = zero;
    V sumXL = zero;
    for (std::size_t i = 0; i < length; ++i) {
      const V code = nearest<true>(inverse * (x[i] - from), limits);
      sumL = sumL + code;
      sumLL = sumLL + code * code;
      sumXL = sumXL + code * (x[i] - mean);
    }
    const V determinant = count * sumLL - sumL * sumL;
    V scale = count * sumXL / determinant;
    V min = mean - scale * sumL / count;
    // The amount by which the fit reduces the sum of squares around the mean.
    V taken = count * sumXL * sumXL / determinant;
    if (noneAbove) {
      // Where the minimum would be above 0, the fit goes through 0.
      const V sumX0L = sumXL + mean * sumL;
      const auto isAbove = min > zero;
      scale = select(isAbove, sumX0L / sumLL, scale);
      min = select(isAbove, zero, min);
      taken = select(isAbove, sumX0L * sumX0L / sumLL - count * mean * mean, taken);
    }
    const auto wins = both(scale > zero, taken > gain);
    gain = select(wins, taken, gain);
    best.scale = select(wins, scale, best.scale);
    best.min = select(wins, min, best.min);
  };
  if (noneAbove) gain = select(mean > zero, zero - count * mean * mean, zero);
  for (int k = 0; k < window.trials; ++k)
    trial(V(static_cast<float>(most) + window.beyond(k)) / (largest - least), least);
  for (int round = 0; round < 2; ++round) trial(V(1.0f) / best.scale, best.min);
  return best;
}

}  // namespace channelwise::blocks

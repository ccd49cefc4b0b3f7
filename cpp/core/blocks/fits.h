#pragma once

#include "lanes.h"

// The fits of a sub-block's scale, over lanes of sub-blocks. They equal ggml's make_qkx2_quants, make_q3_quants and
// make_qx_quants, operation by operation.

namespace channelwise::blocks {

/// A sub-block counts as zeros up to this magnitude.
constexpr float kLeastMagnitude = 1e-15f;

/// weight = scale * code - min. The codes of the fit are nearest(inverse * (weight - from)), and 0 where inverse is 0.
template <typename V>
struct ScaleAndMinFit {
  V scale;
  V min;
  V inverse;
  V from;
};

/// The number of codes, and the scales that are tried: (most + first + 0.1 k) / range for k from 0 to steps.
struct Trials {
  int most;
  float first;
  int steps;
};

template <bool absolute, typename V>
V penaltyOf(const V& difference) {
  return absolute ? magnitude(difference) : difference * difference;
}

/// The result of a trial: the scale and the minimum (as they are added) that fit its codes best by squares, and their
/// error.
template <typename V>
struct Trial {
  V scale;
  V min;
  V error;
  V determinant;  ///< above 0 where there is such a fit
};

/// Tries the codes nearest(inverse * (x - from)). Sums are of the importance and its product with x.
template <std::size_t length, bool absolute, bool anyRange, typename V>
[[gnu::always_inline]] inline Trial<V> tryInverse(const V* x, const V* importance, const V& sum, const V& sumX,
                                                  const V& inverse, const V& from, const Limits<V>& limits) {
  const V zero(0.0f);
  V codes[length];
  // Codes and sums together would need more registers than there are.
  for (std::size_t i = 0; i < length; ++i) codes[i] = nearest<anyRange>(inverse * (x[i] - from), limits);
  V sumL = zero;
  V sumLL = zero;
  V sumXL = zero;
  for (std::size_t i = 0; i < length; ++i) {
    const V code = codes[i];
    const V product = importance[i] * code;
    sumL = sumL + product;
    sumLL = sumLL + product * code;
    sumXL = sumXL + product * x[i];
  }
  const V determinant = sum * sumLL - sumL * sumL;
  V min = (sumLL * sumX - sumL * sumXL) / determinant;
  V scale = (sum * sumXL - sumX * sumL) / determinant;
  const auto isAbove = min > zero;
  if (any(isAbove)) {
    min = select(isAbove, zero, min);
    scale = select(isAbove, sumXL / sumLL, scale);
  }
  V error = zero;
  for (std::size_t i = 0; i < length; ++i)
    error = error + importance[i] * penaltyOf<absolute>(scale * codes[i] + min - x[i]);
  return {scale, min, error, determinant};
}

/// The scale and the minimum (0 or less, negated) with the least sum of weighted errors: of squares, or of magnitudes
/// if `absolute`. A trial takes codes, and the scale and minimum that fit them best by squares.
template <std::size_t length, bool absolute, typename V>
[[gnu::noinline]] ScaleAndMinFit<V> fitScaleAndMin(const V* x, const V* importance, Trials trials) {
  const V zero(0.0f);
  const Limits<V> limits{0, trials.most};
  V least = x[0];
  V largest = x[0];
  V sum = importance[0];
  V sumX = importance[0] * x[0];
  for (std::size_t i = 1; i < length; ++i) {
    least = select(x[i] < least, x[i], least);
    largest = select(x[i] > largest, x[i], largest);
    sum = sum + importance[i];
    sumX = sumX + importance[i] * x[i];
  }
  const V first = select(least > zero, zero, least);
  const auto isFlat = largest == first;

  const V most(static_cast<float>(trials.most));
  const V inverse = most / (largest - first);
  const V scale = V(1.0f) / inverse;
  V best = zero;
  for (std::size_t i = 0; i < length; ++i) {
    const V code = nearest<true>(inverse * (x[i] - first), limits);
    best = best + importance[i] * penaltyOf<absolute>(scale * code + first - x[i]);
  }

  ScaleAndMinFit<V> fit{scale, first, inverse, first};
  const V farthest(0x1.fffff8p21f);
  for (int k = 0; k <= trials.steps; ++k) {
    const V tried =
        V(trials.first + 0.1f * static_cast<float>(k) + static_cast<float>(trials.most)) / (largest - fit.min);
    // All codes lie between those of the least and of the largest weight.
    const bool isNear =
        all(both(magnitude(tried * (least - fit.min)) < farthest, magnitude(tried * (largest - fit.min)) < farthest));
    const Trial<V> trial = isNear
                               ? tryInverse<length, absolute, false>(x, importance, sum, sumX, tried, fit.min, limits)
                               : tryInverse<length, absolute, true>(x, importance, sum, sumX, tried, fit.min, limits);
    const auto wins = both(trial.determinant > zero, trial.error < best);
    if (!any(wins)) continue;
    best = select(wins, trial.error, best);
    fit.inverse = select(wins, tried, fit.inverse);
    fit.from = select(wins, fit.min, fit.from);
    fit.scale = select(wins, trial.scale, fit.scale);
    fit.min = select(wins, trial.min, fit.min);
  }
  return {select(isFlat, zero, fit.scale), zero - select(isFlat, first, fit.min), select(isFlat, zero, fit.inverse),
          fit.from};
}

/// The first weight of the largest magnitude, with its sign.
template <std::size_t length, typename V>
V signedLargest(const V* x) {
  V largest(0.0f);
  for (std::size_t i = 0; i < length; ++i) largest = select(magnitude(x[i]) > magnitude(largest), x[i], largest);
  return largest;
}

/// weight = scale * code. The codes of the fit are nearest(inverse * weight), and the least code where inverse is 0.
template <typename V>
struct ScaleFit {
  V scale;
  V inverse;
};

/// The scale with the least sum of errors, weighted by weight^2, of 19 trials for codes from -half to half - 1.
template <std::size_t length, typename V>
[[gnu::noinline]] ScaleFit<V> fitScale(const V* x, int half) {
  const V zero(0.0f);
  const Limits<V> limits{-half, half - 1};
  const V largest = signedLargest<length>(x);
  const auto isZero = magnitude(largest) < V(kLeastMagnitude);
  V squares[length];
  V cubes[length];
  for (std::size_t i = 0; i < length; ++i) {
    squares[i] = x[i] * x[i];
    cubes[i] = squares[i] * x[i];
  }
  ScaleFit<V> fit{zero, zero};
  V best = zero;
  for (int k = 0; k < 19; ++k) {
    // The steps are 0 first, then -9 to 9 without it.
    const int step = k == 0 ? 0 : k <= 9 ? k - 10 : k - 9;
    const V trial = V(-(static_cast<float>(half) + 0.1f * static_cast<float>(step))) / largest;
    V sumXL = zero;
    V sumLL = zero;
    for (std::size_t i = 0; i < length; ++i) {
      const V code = nearest<false>(trial * x[i], limits);
      sumXL = sumXL + cubes[i] * code;
      sumLL = sumLL + squares[i] * code * code;
    }
    const V scale = sumXL / sumLL;
    if (k == 0) {
      fit = {select(sumLL != zero, scale, zero), trial};
      best = fit.scale * sumXL;
      continue;
    }
    const auto wins = both(sumLL > zero, sumXL * sumXL > best * sumLL);
    fit.scale = select(wins, scale, fit.scale);
    fit.inverse = select(wins, trial, fit.inverse);
    best = select(wins, scale * sumXL, best);
  }
  return {select(isZero, zero, fit.scale), select(isZero, zero, fit.inverse)};
}

/// Fits by moving codes one after the other to where they are best for the scale of the others, at most five times
/// over. `codes` are those of the fit, counted from the least.
template <std::size_t length, typename V>
[[gnu::noinline]] V fitScaleByMoves(const V* x, int half, V* codes) {
  const V zero(0.0f);
  const Limits<V> limits{-half, half - 1};
  const V largest = signedLargest<length>(x);
  const auto isZero = magnitude(largest) < V(kLeastMagnitude);
  const V inverse = V(static_cast<float>(-half)) / largest;
  V sumXL = zero;
  V sumLL = zero;
  V squares[length];
  V cubes[length];
  for (std::size_t i = 0; i < length; ++i) {
    squares[i] = x[i] * x[i];
    cubes[i] = squares[i] * x[i];
    codes[i] = nearest<true>(inverse * x[i], limits);
    sumXL = sumXL + cubes[i] * codes[i];
    sumLL = sumLL + squares[i] * codes[i] * codes[i];
  }
  for (int round = 0; round < 5; ++round) {
    bool hasChanged = false;
    for (std::size_t i = 0; i < length; ++i) {
      const V otherXL = sumXL - cubes[i] * codes[i];
      const V otherLL = sumLL - squares[i] * codes[i] * codes[i];
      const V code = nearest<true>(x[i] * otherLL / otherXL, limits);
      const V newXL = otherXL + cubes[i] * code;
      const V newLL = otherLL + squares[i] * code * code;
      const auto moves = both(both(otherXL > zero, code != codes[i]),
                              both(newLL > zero, newXL * newXL * sumLL > sumXL * sumXL * newLL));
      hasChanged = hasChanged || any(moves);
      codes[i] = select(moves, code, codes[i]);
      sumXL = select(moves, newXL, sumXL);
      sumLL = select(moves, newLL, sumLL);
    }
    if (!hasChanged) break;
  }
  for (std::size_t i = 0; i < length; ++i) codes[i] = select(isZero, zero, codes[i] + V(static_cast<float>(half)));
  return select(isZero, zero, select(sumLL > zero, sumXL / sumLL, zero));
}

}  // namespace channelwise::blocks

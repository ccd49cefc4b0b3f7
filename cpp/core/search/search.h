#pragma once

#include "../dtype.h"
#include "../scheme.h"

// Scales by search: docs/arithmetic.md says what it computes. A search tries scales on integers that stand for the
// weights, so that its sums are exact: they are the same in whatever order they are added, and whoever adds them.

namespace channelwise {

constexpr int kTrials = 8;

/// A search sweeps over all weights of a channel: twice for the sums of eight trials, or once with zero points, and
/// once more to compare the best of them with the maximum.
constexpr int lastSweep(const Scheme& scheme) { return scheme.zeroPoints ? 1 : 2; }

/// Numbers that a sweep adds up for a channel: for each trial the sums of integer weight * code and of code^2; at last
/// the errors of the search and those of the maximum.
constexpr int kSweepSums = 2 * kTrials;

/// What is known of a channel between two sweeps.
struct Search {
  double peak;      ///< the weight of the largest magnitude, or 0 where there is no search
  double products;  ///< the sums of the best trial, which are float32, the first times kUnit
  double squares;
  double scale;      ///< the best so far, as it is stored
  double maximum;    ///< the scale of the maximum, as it is stored
  double zeroPoint;  ///< with which codes of both are made, or 0

  /// Codes less the zero point run from least to most.
  int least(const Scheme& scheme) const { return scheme.qmin() - static_cast<int>(zeroPoint); }
  int most(const Scheme& scheme) const { return scheme.qmax() - static_cast<int>(zeroPoint); }
};

/// Sums of integer weight * code are taken times this, so that no score of a trial overflows.
constexpr float kUnit = 0x1p-24f;

/// The integer weight of the peak, or its negative. A product of two integers is divided by 2^15, rounding half up.
constexpr int kPeak = 32767;

/// Fraction bits of what is rounded to a code, half up.
constexpr int kTrialShift = 7;

/// Trial j gives the peak a code of `first + j * step`, before it is rounded and clamped, in units of 2^-kTrialShift.
struct Trials {
  int first;
  int step;
};

/// Steps of the first trials, and where the others begin beside the best of them.
constexpr int kFirstStep = 102;
constexpr int kOtherStep = 13;
constexpr int kOtherBegin = -45;

/// With zero points: where the trials begin below the maximum, and their distance, in codes of the whole range.
constexpr float kWideBegin = 1;
constexpr float kWideStep = 0.65f;

/// The best trial so far in these units is squares / products * kTrialUnit, and taken as no more than kMostTrial.
constexpr float kTrialUnit = static_cast<float>(1 << kTrialShift) * 0x1p15f * kUnit;
constexpr float kMostTrial = 30000;

/// Whether there is a search: with more bits, it would gain next to nothing.
constexpr bool searches(const Scheme& scheme) {
  return (scheme.rule == ScaleRule::kSearch || scheme.rule == ScaleRule::kPositiveSearch) && scheme.bits <= 8;
}

/// The search of a channel whose weight of the largest magnitude is finite, and the scale of the maximum.
inline Search searchOf(double peak, double maximum, double zeroPoint = 0) {
  // Outside of these, squares of errors could over- or underflow in float32.
  const double magnitude = peak < 0 ? -peak : peak;
  return {magnitude >= 0x1p-40 && magnitude <= 0x1p40 ? peak : 0, 0, 1, maximum, maximum, zeroPoint};
}

/// What makes integers of weights: their products in float32, rounded half to even.
inline float integerFactor(const Search& search, const Scheme& scheme) {
  const bool isUp = scheme.positive() && search.peak > 0;
  return static_cast<float>(isUp ? kPeak : -kPeak) / static_cast<float>(search.peak);
}

/// The trials of a sweep before the last: the first ones lie a code below that of the maximum and up to 4.6 above it,
/// the others around the best of them. With zero points, codes are counted over the whole range, and not over its
/// longer side.
Trials trialsOf(const Search& search, int sweep, const Scheme& scheme);

/// Takes the sums of a trial for the best, of weights of the type `arithmetic`.
void takeTrial(Search& search, float products, float squares, const Scheme& scheme, Dtype arithmetic);

/// Adds squared errors of some weights of a channel to what the last sweep adds up. They are counted in 2^-16 of a
/// squared step of the maximum, rounded against the search: sums of such numbers are exact.
void addErrors(double ofSearch, double ofMaximum, const Search& search, const Scheme& scheme, double* sums);

/// Draws the conclusion from the sums of a sweep over all weights of a channel: the best trial, and at last the scale.
void judge(Search& search, int sweep, const double* sums, const Scheme& scheme, Dtype arithmetic);

}  // namespace channelwise

#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels.h"

// What is made of whole rows, beside their codes.

namespace channelwise::embeddings {

/// The scale of numbers whose largest magnitude is `largest`: that of core/rule.h for float32. It is 1 where it would
/// be 0, and the next one below where the largest number would come back as an infinity.
inline float scaleOf(float largest, int qmax) {
  const float most = static_cast<float>(qmax);
  const float scale = largest / most;
  if (scale == 0) return 1;
  if (scale * most <= std::numeric_limits<float>::max()) return scale;
  return scale * (1 - 0x1p-24f);  // the number below, for every normal one
}

/// Finds the scale, the factors and the centres of a row of groups, whose codes are worth scale * (factor * code +
/// kCentre * centre). Factors and centres are written as nibbles, as packNibbles() of bindings.cpp wants them; `starts`
/// and `steps` become what a code of 0, and 1 more, is worth. `largest` is that of the row.
inline float fitGroups(const float* x, std::size_t size, float largest, std::int8_t* staged, float* starts,
                       float* steps) {
  if (largest == 0) largest = 1;
  float unit = 0;
  for (std::size_t at = 0; at < size; at += kGroup) {
    // The last number stands for those that are missing.
    float numbers[kGroup];
    for (std::size_t i = 0; i < kGroup; ++i) numbers[i] = x[at + i < size ? at + i : size - 1] / largest;
    const Line line = simd::lineOf(numbers, kGroup);
    starts[at] = line.centre / kCentre;
    steps[at] = line.step;
    const float centre = std::fabs(starts[at]);
    const float more = centre > line.step ? centre : line.step;
    if (more > unit) unit = more;
  }
  unit = unit == 0 ? 1 : unit / 127;
  float scale = unit * largest;
  // With more, codes could be worth an infinity.
  constexpr float kMost = std::numeric_limits<float>::max() * 0x1p-11f;
  if (scale > kMost) scale = kMost;
  if (scale == 0) {
    // Then all codes become 0, and are worth 0.
    scale = 1;
    unit = std::numeric_limits<float>::infinity();
  }
  for (std::size_t at = 0; at < size; at += kGroup) {
    int factor = static_cast<int>(std::nearbyint(steps[at] / unit));
    if (factor == 0) factor = 1;
    const int centre = static_cast<int>(std::nearbyint(starts[at] / unit));
    const std::size_t group = at / kGroup;
    std::int8_t* nibbles = staged + 2 * (group / kFactors * kRowBytes + group % kFactors);
    nibbles[0] = static_cast<std::int8_t>(factor);
    nibbles[1] = static_cast<std::int8_t>(factor >> 4);
    nibbles[2 * kFactors] = static_cast<std::int8_t>(centre);
    nibbles[2 * kFactors + 1] = static_cast<std::int8_t>(centre >> 4);
    const float start = scale * static_cast<float>(kCentre * centre);
    const float step = scale * static_cast<float>(factor);
    for (std::size_t i = at; i < at + kGroup && i < size; ++i) {
      starts[i] = start;
      steps[i] = step;
    }
  }
  return scale;
}

/// The sum of the squares of what codes stand for, in float64 from the first on: start + step * level, and half a step
/// more where levels were rounded down.
inline double squaresOf(const std::int8_t* codes, std::size_t size, Ranges ranges, Levels levels) {
  const double half = levels.rounding == Rounding::kFloor ? 0.5 : 0;
  double sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double level = codes[i] + levels.offset + half;
    const double value = static_cast<double>(ranges.starts[i]) + static_cast<double>(ranges.steps[i]) * level;
    sum += value * value;
  }
  return sum;
}

}  // namespace channelwise::embeddings

#pragma once

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

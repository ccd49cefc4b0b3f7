#include "encode_nonlinear.h"

#include <cmath>

#include "fits.h"

namespace channelwise::blocks {

int placeOf(float x) {
  int place = 0;
  // Between neighbours, the differences to both are exact where they are equal.
  for (int k = 1; k < 16; ++k) place += !(x < static_cast<float>(kNonLinear[k - 1] + kNonLinear[k]) / 2) ? 1 : 0;
  return place;
}

void encodeBlock(const float* weights, IQ4_NL& block) {
  const float largest = signedLargest<32>(weights);
  float scale = 0;
  if (!(std::fabs(largest) < kLeastMagnitude)) {
    float best = 0;
    for (int trial = -8; trial <= 7; ++trial) {
      // The first trial puts the largest weight on the last number of the table; up to seven more on either side
      // follow.
      const float inverse =
          trial == -8 ? 1 / (-largest / kNonLinear[0]) : static_cast<float>(trial + kNonLinear[0]) / largest;
      float sumXL = 0;
      float sumLL = 0;
      for (int i = 0; i < 32; ++i) {
        const float value = kNonLinear[placeOf(inverse * weights[i])];
        const float importance = weights[i] * weights[i];
        sumXL += importance * value * weights[i];
        sumLL += importance * value * value;
      }
      if (trial == -8) {
        scale = sumLL > 0 ? sumXL / sumLL : 0;
        best = scale * sumXL;
      } else if (sumLL > 0 && sumXL * sumXL > best * sumLL) {
        scale = sumXL / sumLL;
        best = scale * sumXL;
      }
    }
  }
  // An operation that gives NaN sets its sign on x86-64, and not elsewhere.
  block.d = std::isnan(scale) ? 0xfe00 : halfOf(scale);
  const float inverse = scale == 0 ? 0 : 1 / scale;
  for (int i = 0; i < 16; ++i)
    block.codes[i] = static_cast<std::uint8_t>(placeOf(inverse * weights[i]) | placeOf(inverse * weights[i + 16]) << 4);
}

}  // namespace channelwise::blocks

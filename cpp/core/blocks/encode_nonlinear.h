#pragma once

#include "layouts.h"

namespace channelwise::blocks {

/// The place of the nearest number of kNonLinear; the upper one for a tie, the last for NaN.
int placeOf(float x);

/// Encodes blocks whose codes are places in a table (kNonLinear). Of 16 trials, the scale with the least sum of errors,
/// weighted by weight^2, is taken. Weights are finite.
void encodeBlock(const float* weights, IQ4_NL& block);

}  // namespace channelwise::blocks

#pragma once

#include "layouts.h"

namespace channelwise::blocks {

/// The place of the nearest number of kNonLinear, the upper of two that are as near; the last for NaN.
int placeOf(float x);

/// Blocks whose codes are places in a table (kNonLinear), with the scale of the least sum of errors weighted by
/// weight^2, of 16 trials. Weights are finite.
void encodeBlock(const float* weights, IQ4_NL& block);

}  // namespace channelwise::blocks

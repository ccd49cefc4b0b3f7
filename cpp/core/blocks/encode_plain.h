#pragma once

#include "layouts.h"

namespace channelwise::blocks {

// Encodes blocks of 32 with one scale, or a scale and a minimum, directly from the range of the weights, which are
// finite.

void encodeBlock(const float* weights, Q4_0& block);
void encodeBlock(const float* weights, Q4_1& block);
void encodeBlock(const float* weights, Q5_0& block);
void encodeBlock(const float* weights, Q5_1& block);
void encodeBlock(const float* weights, Q8_0& block);

}  // namespace channelwise::blocks

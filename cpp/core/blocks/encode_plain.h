#pragma once

#include <cstddef>

#include "layouts.h"

namespace channelwise::blocks {

// Encodes blocks of 32 with one scale, or a scale and a minimum, directly from the range of the weights. Each returns
// whether all weights are finite; otherwise the blocks are of no use.

bool encodeBlocks(const float* weights, std::size_t count, Q4_0* blocks);
bool encodeBlocks(const float* weights, std::size_t count, Q4_1* blocks);
bool encodeBlocks(const float* weights, std::size_t count, Q5_0* blocks);
bool encodeBlocks(const float* weights, std::size_t count, Q5_1* blocks);
bool encodeBlocks(const float* weights, std::size_t count, Q8_0* blocks);

}  // namespace channelwise::blocks

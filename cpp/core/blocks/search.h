#pragma once

#include "layouts.h"

namespace channelwise::blocks {

// Searches scales (and minima) of blocks for the least sum of squared errors. A search begins with ggml's block and
// keeps it unless it finds a better one, so no block has a larger error than ggml's. Weights are finite.

/// Encodes `count` blocks.
void searchBlocks(const float* weights, std::size_t count, Q4_0* blocks);
void searchBlocks(const float* weights, std::size_t count, Q4_1* blocks);
void searchBlocks(const float* weights, std::size_t count, Q5_0* blocks);
void searchBlocks(const float* weights, std::size_t count, Q5_1* blocks);
void searchBlocks(const float* weights, std::size_t count, Q8_0* blocks);
void searchBlocks(const float* weights, std::size_t count, IQ4_NL* blocks);
void searchBlocks(const float* weights, std::size_t count, Q2_K* blocks);
void searchBlocks(const float* weights, std::size_t count, Q3_K* blocks);
void searchBlocks(const float* weights, std::size_t count, Q4_K* blocks);
void searchBlocks(const float* weights, std::size_t count, Q5_K* blocks);
void searchBlocks(const float* weights, std::size_t count, Q6_K* blocks);

}  // namespace channelwise::blocks

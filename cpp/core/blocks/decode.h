#pragma once

#include "layouts.h"

namespace channelwise::blocks {

/// Decodes a block into weights.
void decodeBlock(const Q4_0& block, float* weights);
void decodeBlock(const Q4_1& block, float* weights);
void decodeBlock(const Q5_0& block, float* weights);
void decodeBlock(const Q5_1& block, float* weights);
void decodeBlock(const Q8_0& block, float* weights);
void decodeBlock(const Q2_K& block, float* weights);
void decodeBlock(const Q3_K& block, float* weights);
void decodeBlock(const Q4_K& block, float* weights);
void decodeBlock(const Q5_K& block, float* weights);
void decodeBlock(const Q6_K& block, float* weights);
void decodeBlock(const IQ4_NL& block, float* weights);
void decodeBlock(const IQ4_XS& block, float* weights);
void decodeBlock(const MXFP4& block, float* weights);
void decodeBlock(const TQ1_0& block, float* weights);
void decodeBlock(const TQ2_0& block, float* weights);

}  // namespace channelwise::blocks

#pragma once

#include <cstddef>

#include "layouts.h"

// ggml's blocks as codes: rows of float32 to blocks and back. Decoding, and encoding as kGgml, is bit for bit as ggml
// d99724f does it on x86-64, where every operation of float32 is rounded once and none is fused. The formulas are those
// of its src/ggml-quants.c, of the functions quantize_row_*_ref and dequantize_row_*.

namespace channelwise::blocks {

/// What chooses scales and codes: ggml's formulas, or a search for the least squared error (search.h).
enum class Encoder { kGgml, kSearch };

/// Weights of `count` blocks of the type become blocks. False if a weight is NaN or infinite, or if the type is one
/// that is only decoded; what `blocks` holds is then undefined.
bool encode(BlockType type, const float* weights, std::size_t count, Encoder encoder, void* blocks);

/// What `count` blocks of the type stand for. False if there is no such type.
bool decode(BlockType type, const void* blocks, std::size_t count, float* weights);

}  // namespace channelwise::blocks

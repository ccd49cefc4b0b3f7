#pragma once

#include <cstddef>

#include "layouts.h"

// ggml's blocks: rows of float32 to blocks and back. Decoding, and encoding as kGgml, equal ggml d99724f on x86-64 bit
// for bit; there every operation of float32 is rounded once, and none is fused. The formulas are those of the functions
// quantize_row_*_ref and dequantize_row_* in its src/ggml-quants.c.

namespace channelwise::blocks {

/// The method that chooses scales and codes: ggml's formulas, or a search for the least squared error (search.h).
enum class Encoder { kGgml, kSearch };

/// Encodes weights into `count` blocks of the type. Returns false if a weight is NaN or infinite, or if the type can
/// only be decoded; the contents of `blocks` are then undefined.
bool encode(BlockType type, const float* weights, std::size_t count, Encoder encoder, void* blocks);

/// Decodes `count` blocks of the type. Returns false if there is no such type.
bool decode(BlockType type, const void* blocks, std::size_t count, float* weights);

}  // namespace channelwise::blocks

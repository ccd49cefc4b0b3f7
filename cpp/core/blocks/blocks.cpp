#include "blocks.h"

#include "decode.h"
#include "encode_k.h"
#include "encode_nonlinear.h"
#include "encode_plain.h"
#include "finite.h"
#include "search.h"

namespace channelwise::blocks {

namespace {

/// Eight sub-blocks are encoded at a time, or 16 where each step waits for the one before it.
void encodeBlock(const float* weights, Q2_K& block) { encodeBlock<Vectors<2>>(weights, block); }
void encodeBlock(const float* weights, Q3_K& block) { encodeBlock<Vectors<4>>(weights, block); }
void encodeBlock(const float* weights, Q4_K& block) { encodeBlock<Vectors<2>>(weights, block); }
void encodeBlock(const float* weights, Q5_K& block) { encodeBlock<Vectors<2>>(weights, block); }
void encodeBlock(const float* weights, Q6_K& block) { encodeBlock<Vectors<2>>(weights, block); }

template <typename Block>
bool encodeBlocks(const float* weights, std::size_t count, Block* blocks) {
  if (!areFinite(weights, count * Block::kLength)) return false;
  for (std::size_t i = 0; i < count; ++i) encodeBlock(weights + i * Block::kLength, blocks[i]);
  return true;
}

template <typename Block>
bool encodeAll(const float* weights, std::size_t count, Encoder encoder, void* to) {
  Block* blocks = static_cast<Block*>(to);
  if (encoder == Encoder::kGgml) return encodeBlocks(weights, count, blocks);
  if (!areFinite(weights, count * Block::kLength)) return false;
  searchBlocks(weights, count, blocks);
  return true;
}

template <typename Block>
bool decodeAll(const void* blocks, std::size_t count, float* weights) {
  for (std::size_t i = 0; i < count; ++i)
    decodeBlock(static_cast<const Block*>(blocks)[i], weights + i * Block::kLength);
  return true;
}

}  // namespace

bool encode(BlockType type, const float* weights, std::size_t count, Encoder encoder, void* blocks) {
  switch (type) {
    case BlockType::kQ4_0:
      return encodeAll<Q4_0>(weights, count, encoder, blocks);
    case BlockType::kQ4_1:
      return encodeAll<Q4_1>(weights, count, encoder, blocks);
    case BlockType::kQ5_0:
      return encodeAll<Q5_0>(weights, count, encoder, blocks);
    case BlockType::kQ5_1:
      return encodeAll<Q5_1>(weights, count, encoder, blocks);
    case BlockType::kQ8_0:
      return encodeAll<Q8_0>(weights, count, encoder, blocks);
    case BlockType::kQ2_K:
      return encodeAll<Q2_K>(weights, count, encoder, blocks);
    case BlockType::kQ3_K:
      return encodeAll<Q3_K>(weights, count, encoder, blocks);
    case BlockType::kQ4_K:
      return encodeAll<Q4_K>(weights, count, encoder, blocks);
    case BlockType::kQ5_K:
      return encodeAll<Q5_K>(weights, count, encoder, blocks);
    case BlockType::kQ6_K:
      return encodeAll<Q6_K>(weights, count, encoder, blocks);
    case BlockType::kIQ4_NL:
      return encodeAll<IQ4_NL>(weights, count, encoder, blocks);
    default:
      return false;
  }
}

bool decode(BlockType type, const void* blocks, std::size_t count, float* weights) {
  switch (type) {
    case BlockType::kQ4_0:
      return decodeAll<Q4_0>(blocks, count, weights);
    case BlockType::kQ4_1:
      return decodeAll<Q4_1>(blocks, count, weights);
    case BlockType::kQ5_0:
      return decodeAll<Q5_0>(blocks, count, weights);
    case BlockType::kQ5_1:
      return decodeAll<Q5_1>(blocks, count, weights);
    case BlockType::kQ8_0:
      return decodeAll<Q8_0>(blocks, count, weights);
    case BlockType::kQ2_K:
      return decodeAll<Q2_K>(blocks, count, weights);
    case BlockType::kQ3_K:
      return decodeAll<Q3_K>(blocks, count, weights);
    case BlockType::kQ4_K:
      return decodeAll<Q4_K>(blocks, count, weights);
    case BlockType::kQ5_K:
      return decodeAll<Q5_K>(blocks, count, weights);
    case BlockType::kQ6_K:
      return decodeAll<Q6_K>(blocks, count, weights);
    case BlockType::kIQ4_NL:
      return decodeAll<IQ4_NL>(blocks, count, weights);
    case BlockType::kIQ4_XS:
      return decodeAll<IQ4_XS>(blocks, count, weights);
    case BlockType::kMXFP4:
      return decodeAll<MXFP4>(blocks, count, weights);
    case BlockType::kTQ1_0:
      return decodeAll<TQ1_0>(blocks, count, weights);
    case BlockType::kTQ2_0:
      return decodeAll<TQ2_0>(blocks, count, weights);
    default:
      return false;
  }
}

}  // namespace channelwise::blocks

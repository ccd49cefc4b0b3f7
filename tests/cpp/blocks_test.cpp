// Tests of ggml's blocks: the fits with a sub-block in each lane are compared with the same fits one after the other,
// and memory accesses are checked. tests/lib/ggml compares with ggml itself.

#include "core/blocks/blocks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <tuple>
#include <vector>

#include "core/blocks/decode.h"
#include "core/blocks/encode_k.h"
#include "core/dtype.h"
#include "guarded.h"

namespace channelwise::blocks {

namespace {

constexpr std::size_t kCount = 64;

/// Weights of `count` blocks, of another kind in every stretch.
std::vector<float> weightsOf(std::size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> weights(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float x = normal(random);
    switch (i / 512 % 8) {
      case 0:
        weights[i] = x;
        break;
      case 1:
        weights[i] = std::ldexp(x, static_cast<int>(i / 16 % 200) - 100);
        break;
      case 2:
        weights[i] = i / 16 % 3 == 0 ? 0 : x * 1e-6f;
        break;
      case 3:
        weights[i] = std::round(8 * x) / 2;
        break;
      case 4:
        weights[i] = std::round(100 * x) * 0x1p-149f;
        break;
      case 5:
        weights[i] = std::ldexp(x > 0 ? 0.9f : -0.6f, 128);
        break;
      case 6:
        weights[i] = 1 + std::fabs(x);
        break;
      default:
        weights[i] = std::fmod(x, 0.5f) * 0x1p-20f;
    }
  }
  return weights;
}

template <typename BlockT, BlockType type>
struct Case {
  using Block = BlockT;
  static constexpr BlockType kType = type;
};

template <typename>
class EveryBlock : public testing::Test {};
using Encoded = testing::Types<Case<Q4_0, BlockType::kQ4_0>, Case<Q4_1, BlockType::kQ4_1>, Case<Q5_0, BlockType::kQ5_0>,
                               Case<Q5_1, BlockType::kQ5_1>, Case<Q8_0, BlockType::kQ8_0>, Case<Q2_K, BlockType::kQ2_K>,
                               Case<Q3_K, BlockType::kQ3_K>, Case<Q4_K, BlockType::kQ4_K>, Case<Q5_K, BlockType::kQ5_K>,
                               Case<Q6_K, BlockType::kQ6_K>, Case<IQ4_NL, BlockType::kIQ4_NL>>;
TYPED_TEST_SUITE(EveryBlock, Encoded);

TYPED_TEST(EveryBlock, StaysWithinItsArrays) {
  using Block = typename TypeParam::Block;
  // A search takes as many blocks at a time as there are lanes. kCount - 3 leaves a rest.
  for (const auto& [encoder, count, misalignment] :
       {std::tuple<Encoder, std::size_t, std::size_t>{Encoder::kGgml, kCount, 0},
        {Encoder::kGgml, kCount, 12},
        {Encoder::kSearch, kCount, 4},
        {Encoder::kSearch, kCount - 3, 12}}) {
    const std::vector<float> values = weightsOf(count * Block::kLength);
    Guarded<float> weights(values.size(), misalignment);
    Guarded<Block> blocks(count, misalignment);
    Guarded<float> decoded(values.size(), misalignment);
    weights.fill(values);
    ASSERT_TRUE(encode(TypeParam::kType, weights.data(), count, encoder, blocks.data()));
    ASSERT_TRUE(decode(TypeParam::kType, blocks.data(), count, decoded.data()));
    EXPECT_TRUE(weights.guardsIntact() && blocks.guardsIntact() && decoded.guardsIntact());
    EXPECT_EQ(weights.values(), values);
  }
}

TYPED_TEST(EveryBlock, RefusesWhatIsNotFinite) {
  using Block = typename TypeParam::Block;
  std::vector<Block> blocks(2);
  for (float value : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                      std::numeric_limits<float>::quiet_NaN()}) {
    for (std::size_t at = 0; at < 2 * Block::kLength; ++at) {
      std::vector<float> weights(2 * Block::kLength, 1.0f);
      weights[at] = value;
      EXPECT_FALSE(encode(TypeParam::kType, weights.data(), 2, Encoder::kGgml, blocks.data()));
    }
  }
}

template <typename>
class KBlock : public testing::Test {};
using KBlocks = testing::Types<Case<Q2_K, BlockType::kQ2_K>, Case<Q3_K, BlockType::kQ3_K>, Case<Q4_K, BlockType::kQ4_K>,
                               Case<Q5_K, BlockType::kQ5_K>, Case<Q6_K, BlockType::kQ6_K>>;
TYPED_TEST_SUITE(KBlock, KBlocks);

TYPED_TEST(KBlock, LanesGiveTheBitsOfOneAfterTheOther) {
  using Block = typename TypeParam::Block;
  const std::vector<float> weights = weightsOf(kCount * Block::kLength);
  std::vector<Block> blocks(kCount);
  ASSERT_TRUE(encode(TypeParam::kType, weights.data(), kCount, Encoder::kGgml, blocks.data()));
  for (std::size_t i = 0; i < kCount; ++i) {
    Block expected;
    encodeBlock<float>(weights.data() + i * Block::kLength, expected);
    EXPECT_EQ(std::memcmp(&blocks[i], &expected, sizeof expected), 0) << "block " << i;
  }
}

TEST(Half, RoundsAsTheTypeDoes) {
  for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const float x = floatOf(static_cast<Half>(bits));
    const float next = bits == 0x7bff ? 65536.0f : floatOf(static_cast<Half>(bits + 1));
    EXPECT_EQ(halfOf(x), bits);
    EXPECT_EQ(halfOf(-x), bits | 0x8000);
    const float middle = x + (next - x) / 2;
    EXPECT_EQ(halfOf(middle), bits + (bits & 1)) << middle;
    EXPECT_EQ(halfOf(std::nextafter(middle, 0.0f)), bits) << middle;
    EXPECT_EQ(halfOf(std::nextafter(middle, next)), bits + 1) << middle;
    EXPECT_EQ(roundTo(Dtype::kFloat16, x), x);
  }
  EXPECT_EQ(halfOf(std::numeric_limits<float>::infinity()), 0x7c00);
  EXPECT_TRUE(std::isinf(floatOf(0xfc00)));
  EXPECT_TRUE(std::isnan(floatOf(halfOf(std::numeric_limits<float>::quiet_NaN()))));
}

}  // namespace

}  // namespace channelwise::blocks

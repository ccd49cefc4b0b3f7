#include "search.h"

#include <algorithm>
#include <cmath>

#include "decode.h"
#include "encode_k.h"
#include "encode_nonlinear.h"
#include "encode_plain.h"
#include "search_fits.h"

namespace channelwise::blocks {

namespace {

using V = Vectors<2>;

void encodeAsGgml(const float* weights, Q2_K& block) { encodeBlock<V>(weights, block); }
void encodeAsGgml(const float* weights, Q3_K& block) { encodeBlock<V>(weights, block); }
void encodeAsGgml(const float* weights, Q4_K& block) { encodeBlock<V>(weights, block); }
void encodeAsGgml(const float* weights, Q5_K& block) { encodeBlock<V>(weights, block); }
void encodeAsGgml(const float* weights, Q6_K& block) { encodeBlock<V>(weights, block); }
void encodeAsGgml(const float* weights, IQ4_NL& block) { encodeBlock(weights, block); }
template <typename Block>
void encodeAsGgml(const float* weights, Block& block) {
  encodeBlocks(weights, 1, &block);
}

/// The sum of squared errors of a block.
template <typename Block>
double errorOf(const float* weights, const Block& block) {
  alignas(16) float decoded[Block::kLength];
  decodeBlock(block, decoded);
  v128_t sums = wasm_f64x2_splat(0);
  for (std::size_t i = 0; i < Block::kLength; i += 4) {
    const v128_t error = wasm_f32x4_sub(wasm_v128_load(decoded + i), wasm_v128_load(weights + i));
    const v128_t low = wasm_f64x2_promote_low_f32x4(error);
    const v128_t high = wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(error, error, 1, 1));
    sums = wasm_f64x2_add(sums, wasm_f64x2_add(wasm_f64x2_mul(low, low), wasm_f64x2_mul(high, high)));
  }
  return wasm_f64x2_extract_lane(sums, 0) + wasm_f64x2_extract_lane(sums, 1);
}

/// The best block so far, which is ggml's at first.
template <typename Block>
class Best {
 public:
  Best(const float* weights, Block& block) : weights_(weights), block_(block) {
    encodeAsGgml(weights, block);
    error_ = errorOf(weights, block);
  }

  void consider(const Block& block) {
    const double error = errorOf(weights_, block);
    if (!(error < error_)) return;
    error_ = error;
    block_ = block;
  }

 private:
  const float* weights_;
  Block& block_;
  double error_;
};

// Blocks of 32: one in each lane.

/// Packs 32 codes of at most 5 bits, one a byte, and returns the fifth bits.
std::uint32_t packed32(const std::uint8_t* codes, std::uint8_t* nibbles) {
  std::uint32_t high = 0;
  for (std::size_t i = 0; i < 32; ++i) high |= static_cast<std::uint32_t>(codes[i] >> 4 & 1) << i;
  for (std::size_t i = 0; i < 16; ++i) nibbles[i] = byteOf((codes[i] & 15) | (codes[i + 16] & 15) << 4);
  return high;
}

void setHigh(std::uint32_t, Q4_0&) {}
void setHigh(std::uint32_t, Q4_1&) {}
template <typename Block>
void setHigh(std::uint32_t high, Block& block) {
  std::memcpy(block.high, &high, sizeof high);
}

/// Calls `search` with the weights of as many blocks as there are lanes, one in each. The last call is padded with
/// zeros.
template <typename Search>
void forLanesOfBlocks(const float* weights, std::size_t count, Search search) {
  constexpr std::size_t kLanesOfV = kLanes<V>;
  for (std::size_t first = 0; first < count; first += kLanesOfV) {
    const std::size_t blocks = std::min(kLanesOfV, count - first);
    alignas(16) float padded[32 * kLanesOfV] = {};
    std::copy_n(weights + 32 * first, 32 * blocks, padded);
    V x[32];
    loadSubBlocks<32>(padded, x);
    search(first, blocks, x);
  }
}

/// Codes from `least` to `most`, counted from `least`.
template <typename Block, typename Pack>
void searchScales(const float* weights, std::size_t count, int least, int most, Block* blocks, Pack pack) {
  forLanesOfBlocks(weights, count, [&](std::size_t first, std::size_t lanes, const V* x) {
    float scales[kLanes<V>];
    store(scales, searchScale<32>(x, least, most, {-4, 4, 24}));
    for (std::size_t j = 0; j < lanes; ++j) {
      const float* of = weights + 32 * (first + j);
      Best<Block> best(of, blocks[first + j]);
      Block block;
      block.d = halfOf(scales[j]);
      const float scale = floatOf(block.d);
      if (scale == 0) continue;
      std::uint8_t codes[32];
      codesOf<V>(of, 32, scale, 0, least, most, codes);
      pack(codes, block);
      best.consider(block);
    }
  });
}

template <typename Block>
void searchNibbles(const float* weights, std::size_t count, int half, Block* blocks) {
  searchScales(weights, count, -half, half - 1, blocks,
               [](const std::uint8_t* codes, Block& block) { setHigh(packed32(codes, block.codes), block); });
}

template <typename Block>
void searchNibblesAndMins(const float* weights, std::size_t count, int most, Block* blocks) {
  forLanesOfBlocks(weights, count, [&](std::size_t first, std::size_t lanes, const V* x) {
    float scales[kLanes<V>];
    float mins[kLanes<V>];
    const Affine<V> fit = searchScaleAndMin<32, false>(x, most, {-2, 2, 21});
    store(scales, fit.scale);
    store(mins, fit.min);
    for (std::size_t j = 0; j < lanes; ++j) {
      const float* of = weights + 32 * (first + j);
      Best<Block> best(of, blocks[first + j]);
      Block block;
      block.d = halfOf(scales[j]);
      block.min = halfOf(mins[j]);
      const float scale = floatOf(block.d);
      if (scale == 0) continue;
      std::uint8_t codes[32];
      codesOf<V>(of, 32, scale, -floatOf(block.min), 0, most, codes);
      setHigh(packed32(codes, block.codes), block);
      best.consider(block);
    }
  });
}

/// The nearest number of kNonLinear.
V nonLinear(const V& x) {
  V value(static_cast<float>(kNonLinear[0]));
  for (int k = 1; k < 16; ++k) {
    const V middle(static_cast<float>(kNonLinear[k - 1] + kNonLinear[k]) / 2);
    value = value + select(x < middle, V(0.0f), V(static_cast<float>(kNonLinear[k] - kNonLinear[k - 1])));
  }
  return value;
}

/// Searches as searchScale does, with the numbers of the table for codes: the largest weight is tried near either end
/// of the table.
[[gnu::noinline]] V searchNonLinearScale(const V* x) {
  const V zero(0.0f);
  const V largest = signedLargest<32>(x);
  V scale = zero;
  V bestXL = zero;
  V bestLL(1.0f);
  const auto trial = [&](const V& inverse) {
    V sumXL = zero;
    V sumLL = zero;
    for (int i = 0; i < 32; ++i) {
      const V value = nonLinear(inverse * x[i]);
      sumXL = sumXL + x[i] * value;
      sumLL = sumLL + value * value;
    }
    const auto wins = sumXL * sumXL * bestLL > bestXL * bestXL * sumLL;
    bestXL = select(wins, sumXL, bestXL);
    bestLL = select(wins, sumLL, bestLL);
    scale = select(wins, sumXL / sumLL, scale);
  };
  constexpr Window kWindow{-24, 24, 13};
  for (int k = 0; k < kWindow.trials; ++k) {
    trial(V(static_cast<float>(kNonLinear[0]) - kWindow.beyond(k)) / largest);
    trial(V(static_cast<float>(kNonLinear[15]) + kWindow.beyond(k)) / largest);
  }
  for (int round = 0; round < 2; ++round) trial(V(1.0f) / scale);
  return scale;
}

// K blocks: a sub-block in each lane. Its scale (and minimum) becomes one of the integers near the number found.

/// 1 / x, and 0 for 0.
V reciprocalOf(const V& x) { return select(x == V(0.0f), V(0.0f), V(1.0f) / x); }

/// The squared errors of sub-blocks with the best codes for their scales and minima.
template <std::size_t length>
V errorsOf(const V* x, const V& scale, const V& min, const Limits<V>& limits) {
  const V inverse = reciprocalOf(scale);
  V error(0.0f);
  for (std::size_t i = 0; i < length; ++i) {
    const V code = nearest<true>((x[i] + min) * inverse, limits);
    const V difference = scale * code - min - x[i];
    error = error + difference * difference;
  }
  return error;
}

/// Sums of the products over sub-blocks that a fit of d and dmin needs.
struct Products {
  double scaleScale = 0;
  double scaleMin = 0;
  double minMin = 0;
  double xScale = 0;
  double xMin = 0;
};

/// Adds lanes of sub-blocks whose weights are d * scale * code - dmin * min.
template <std::size_t length>
void addProducts(const V* x, const V& d, const V& dmin, const V& scale, const V& min, const Limits<V>& limits,
                 Products& products) {
  const V inverse = reciprocalOf(d * scale);
  const V shift = dmin * min;
  V sumL(0.0f);
  V sumLL(0.0f);
  V sumX(0.0f);
  V sumXL(0.0f);
  for (std::size_t i = 0; i < length; ++i) {
    const V code = nearest<true>((x[i] + shift) * inverse, limits);
    sumL = sumL + code;
    sumLL = sumLL + code * code;
    sumX = sumX + x[i];
    sumXL = sumXL + x[i] * code;
  }
  const auto total = [](const V& lanes) {
    float values[kLanes<V>];
    store(values, lanes);
    double sum = 0;
    for (float value : values) sum += value;
    return sum;
  };
  products.scaleScale += total(scale * scale * sumLL);
  products.scaleMin += total(scale * min * sumL);
  products.minMin += total(min * min * V(static_cast<float>(length)));
  products.xScale += total(scale * sumXL);
  products.xMin += total(min * sumX);
}

/// The integers nearest to scale / d and min / dmin.
Affine<V> rounded(const Affine<V>& fit, float d, float dmin, const Limits<V>& stored) {
  const V inverseD(d == 0 ? 0 : 1 / d);
  const V inverseMin(dmin == 0 ? 0 : 1 / dmin);
  return {nearest<true>(fit.scale * inverseD, stored), nearest<true>(fit.min * inverseMin, stored)};
}

/// Tries pairs of integers up to `reach` from some, and takes those with the least error.
template <std::size_t length>
Affine<V> bestAround(const V* x, const Affine<V>& centre, int reach, float d, float dmin, const Limits<V>& stored,
                     const Limits<V>& limits) {
  Affine<V> best = centre;
  V least = errorsOf<length>(x, V(d) * centre.scale, V(dmin) * centre.min, limits);
  for (int ofScale = -reach; ofScale <= reach; ++ofScale) {
    for (int ofMin = -reach; ofMin <= reach; ++ofMin) {
      if (ofScale == 0 && ofMin == 0) continue;
      const V scale = nearest<true>(centre.scale + V(static_cast<float>(ofScale)), stored);
      const V min = nearest<true>(centre.min + V(static_cast<float>(ofMin)), stored);
      const V error = errorsOf<length>(x, V(d) * scale, V(dmin) * min, limits);
      const auto wins = error < least;
      least = select(wins, error, least);
      best.scale = select(wins, scale, best.scale);
      best.min = select(wins, min, best.min);
    }
  }
  return best;
}

void packAll(const ScaleAndMin* stored, const std::uint8_t* codes, Q2_K& block) {
  for (std::size_t j = 0; j < 16; ++j) block.scales[j] = byteOf(stored[j].scale | stored[j].min << 4);
  packPairs(codes, 0, block.codes);
}

void packAll(const ScaleAndMin* stored, const std::uint8_t* codes, Q4_K& block) {
  packScalesAndMins(stored, block.scales);
  packNibbles(codes, 32, block.codes);
}

void packAll(const ScaleAndMin* stored, const std::uint8_t* codes, Q5_K& block) {
  packScalesAndMins(stored, block.scales);
  packNibbles(codes, 32, block.codes);
  packBits(codes, 4, block.high);
}

/// How blocks with scales and minima are searched.
struct AffineSearch {
  int most;
  int mostScale;
  Window window;
  /// How far the best integers may be from those that are nearest to the fit. Those of 4 bits are coarse.
  int reach;
  int rounds;
  /// Whether it begins again from other numbers for d and dmin, where coarse integers end a descent early.
  bool again;
};

/// The shares of the first d and dmin from which a search begins again, and how far it looks from there.
constexpr struct {
  float d;
  float dmin;
} kOtherStarts[] = {{1, 0.92f}, {1, 1.08f}, {1, 0.84f}, {1, 1.16f}, {0.88f, 1}};
constexpr int kOtherReach = 3;

/// Sub-blocks in lanes, and the scales and minima that fit them.
template <std::size_t length>
struct FittedBlock {
  static constexpr std::size_t kCount = 256 / length;
  static constexpr std::size_t kParts = kCount / kLanes<V>;
  V x[kParts][length];
  Affine<V> fits[kParts];
};

/// Goes from d and dmin to better ones: scales and minima become integers, d and dmin are fitted to them, and so on.
template <typename Block, std::size_t length>
[[gnu::noinline]] void descend(const float* weights, const FittedBlock<length>& of, float d, float dmin, int firstReach,
                               const AffineSearch& search, Best<Block>& best) {
  constexpr std::size_t kCount = FittedBlock<length>::kCount;
  constexpr std::size_t kParts = FittedBlock<length>::kParts;
  const Limits<V> limits{0, search.most};
  const Limits<V> stored{0, search.mostScale};
  Affine<V> integers[kParts];
  float scales[kCount];
  float mins[kCount];
  for (int round = 0; round < search.rounds; ++round) {
    Block block;
    block.d = halfOf(d);
    block.dmin = halfOf(dmin);
    d = floatOf(block.d);
    dmin = floatOf(block.dmin);
    if (!(d < 65520) || !(dmin < 65520)) return;
    ScaleAndMin packed[kCount];
    std::uint8_t codes[256];
    Products products;
    for (std::size_t part = 0; part < kParts; ++part) {
      // Later rounds go on from the pair that was best before.
      const bool isFirst = round == 0;
      const Affine<V> centre = isFirst ? rounded(of.fits[part], d, dmin, stored) : integers[part];
      const int reach = isFirst ? firstReach : 1;
      integers[part] = bestAround<length>(of.x[part], centre, reach, d, dmin, stored, limits);
      addProducts<length>(of.x[part], V(d), V(dmin), integers[part].scale, integers[part].min, limits, products);
      store(scales + part * kLanes<V>, integers[part].scale);
      store(mins + part * kLanes<V>, integers[part].min);
    }
    for (std::size_t j = 0; j < kCount; ++j) {
      packed[j] = {static_cast<int>(scales[j]), static_cast<int>(mins[j])};
      if (d * scales[j] == 0)
        std::fill_n(codes + j * length, length, std::uint8_t{0});
      else
        codesOf<V>(weights + j * length, length, d * scales[j], dmin * mins[j], 0, search.most, codes + j * length);
    }
    packAll(packed, codes, block);
    best.consider(block);
    const double determinant = products.scaleScale * products.minMin - products.scaleMin * products.scaleMin;
    const double newD = products.minMin == 0
                            ? products.xScale / products.scaleScale
                            : (products.xScale * products.minMin - products.scaleMin * products.xMin) / determinant;
    const double newMin = products.minMin == 0 ? 0 : (newD * products.scaleMin - products.xMin) / products.minMin;
    if (!(newD > 0) || !(newMin >= 0)) return;
    d = static_cast<float>(newD);
    dmin = static_cast<float>(newMin);
  }
}

/// Searches one block of sub-blocks with scales and minima.
template <typename Block, std::size_t length>
[[gnu::noinline]] void searchScalesAndMins(const float* weights, const AffineSearch& search, Block& result) {
  using Fitted = FittedBlock<length>;
  Best<Block> best(weights, result);
  Fitted of;
  float scales[Fitted::kCount];
  float mins[Fitted::kCount];
  for (std::size_t part = 0; part < Fitted::kParts; ++part) {
    loadSubBlocks<length>(weights + part * kLanes<V> * length, of.x[part]);
    of.fits[part] = searchScaleAndMin<length, true>(of.x[part], search.most, search.window);
    of.fits[part].min = V(0.0f) - of.fits[part].min;
    store(scales + part * kLanes<V>, of.fits[part].scale);
    store(mins + part * kLanes<V>, of.fits[part].min);
  }
  const float d = largestOf(scales) / static_cast<float>(search.mostScale);
  const float dmin = largestOf(mins) / static_cast<float>(search.mostScale);
  descend(weights, of, d, dmin, search.reach, search, best);
  if (!search.again) return;
  for (const auto& start : kOtherStarts)
    descend(weights, of, d * start.d, dmin * start.dmin, kOtherReach, search, best);
}

void packAll(const int* stored, const std::uint8_t* codes, Q3_K& block) {
  std::memset(block.scales, 0, sizeof block.scales);
  for (std::size_t j = 0; j < 16; ++j) packScale(stored[j] + 32, j, block.scales);
  packPairs(codes, 0, block.codes);
  packBits(codes, 2, block.high);
}

void packAll(const int* stored, const std::uint8_t* codes, Q6_K& block) {
  for (std::size_t j = 0; j < 16; ++j) block.scales[j] = static_cast<std::int8_t>(stored[j]);
  packNibbles(codes, 64, block.codes);
  packPairs(codes, 4, block.high);
}

/// Searches one block of 16 sub-blocks with scales: codes from -half to half - 1, and scales from -halfScale to
/// halfScale - 1.
template <typename Block>
[[gnu::noinline]] void searchSignedScales(const float* weights, int half, int halfScale, Window window, Block& result) {
  constexpr std::size_t kParts = 16 / kLanes<V>;
  Best<Block> best(weights, result);
  const Limits<V> limits{-half, half - 1};
  const Limits<V> stored{-halfScale, halfScale - 1};
  const V zero(0.0f);
  V x[kParts][16];
  V fits[kParts];
  float scales[16];
  for (std::size_t part = 0; part < kParts; ++part) {
    loadSubBlocks<16>(weights + part * kLanes<V> * 16, x[part]);
    fits[part] = searchScale<16>(x[part], -half, half - 1, window);
    store(scales + part * kLanes<V>, fits[part]);
  }
  float d = signedLargestOf(scales) / static_cast<float>(-halfScale);
  for (int round = 0; round < 3; ++round) {
    Block block;
    block.d = halfOf(d);
    d = floatOf(block.d);
    if (d == 0 || !(std::fabs(d) < 65520)) return;
    Products products;
    for (std::size_t part = 0; part < kParts; ++part) {
      const V middle = nearest<true>(fits[part] * V(1 / d), stored);
      V rounded = middle;
      V least = errorsOf<16>(x[part], V(d) * middle, zero, limits);
      for (int step = -1; step <= 1; step += 2) {
        const V tried = nearest<true>(middle + V(static_cast<float>(step)), stored);
        const V error = errorsOf<16>(x[part], V(d) * tried, zero, limits);
        const auto wins = error < least;
        least = select(wins, error, least);
        rounded = select(wins, tried, rounded);
      }
      addProducts<16>(x[part], V(d), zero, rounded, zero, limits, products);
      store(scales + part * kLanes<V>, rounded);
    }
    int integers[16];
    std::uint8_t codes[256];
    for (std::size_t j = 0; j < 16; ++j) {
      integers[j] = static_cast<int>(scales[j]);
      if (integers[j] == 0)
        std::fill_n(codes + 16 * j, 16, byteOf(half));
      else
        codesOf<V>(weights + 16 * j, 16, d * scales[j], 0, -half, half - 1, codes + 16 * j);
    }
    packAll(integers, codes, block);
    best.consider(block);
    if (!(products.scaleScale > 0)) return;
    d = static_cast<float>(products.xScale / products.scaleScale);
  }
}

}  // namespace

void searchBlocks(const float* weights, std::size_t count, Q4_0* blocks) { searchNibbles(weights, count, 8, blocks); }

void searchBlocks(const float* weights, std::size_t count, Q5_0* blocks) { searchNibbles(weights, count, 16, blocks); }

void searchBlocks(const float* weights, std::size_t count, Q4_1* blocks) {
  searchNibblesAndMins(weights, count, 15, blocks);
}

void searchBlocks(const float* weights, std::size_t count, Q5_1* blocks) {
  searchNibblesAndMins(weights, count, 31, blocks);
}

void searchBlocks(const float* weights, std::size_t count, IQ4_NL* blocks) {
  forLanesOfBlocks(weights, count, [&](std::size_t first, std::size_t lanes, const V* x) {
    float scales[kLanes<V>];
    store(scales, searchNonLinearScale(x));
    for (std::size_t j = 0; j < lanes; ++j) {
      const float* of = weights + 32 * (first + j);
      Best<IQ4_NL> best(of, blocks[first + j]);
      IQ4_NL block;
      block.d = halfOf(scales[j]);
      const float scale = floatOf(block.d);
      if (scale == 0) continue;
      std::uint8_t codes[32];
      for (std::size_t i = 0; i < 32; ++i) codes[i] = byteOf(placeOf(of[i] / scale));
      packed32(codes, block.codes);
      best.consider(block);
    }
  });
}

/// No code is -128, as in ggml.
void searchBlocks(const float* weights, std::size_t count, Q8_0* blocks) {
  searchScales(weights, count, -127, 127, blocks, [](const std::uint8_t* codes, Q8_0& block) {
    for (std::size_t i = 0; i < 32; ++i) block.codes[i] = static_cast<std::int8_t>(codes[i] - 127);
  });
}

void searchBlocks(const float* weights, std::size_t count, Q2_K* blocks) {
  const AffineSearch kSearch{3, 15, {-1, 1, 21}, 6, 4, true};
  for (std::size_t i = 0; i < count; ++i) searchScalesAndMins<Q2_K, 16>(weights + 256 * i, kSearch, blocks[i]);
}

void searchBlocks(const float* weights, std::size_t count, Q4_K* blocks) {
  const AffineSearch kSearch{15, 63, {-3, 3, 31}, 1, 3, false};
  for (std::size_t i = 0; i < count; ++i) searchScalesAndMins<Q4_K, 32>(weights + 256 * i, kSearch, blocks[i]);
}

void searchBlocks(const float* weights, std::size_t count, Q5_K* blocks) {
  const AffineSearch kSearch{31, 63, {-2, 2, 21}, 1, 3, false};
  for (std::size_t i = 0; i < count; ++i) searchScalesAndMins<Q5_K, 32>(weights + 256 * i, kSearch, blocks[i]);
}

void searchBlocks(const float* weights, std::size_t count, Q3_K* blocks) {
  for (std::size_t i = 0; i < count; ++i) searchSignedScales(weights + 256 * i, 4, 32, {-1, 4, 16}, blocks[i]);
}

void searchBlocks(const float* weights, std::size_t count, Q6_K* blocks) {
  for (std::size_t i = 0; i < count; ++i) searchSignedScales(weights + 256 * i, 32, 128, {-5, 3, 33}, blocks[i]);
}

}  // namespace channelwise::blocks

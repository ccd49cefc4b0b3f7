#pragma once

#include <cstring>

#include "fits.h"
#include "layouts.h"
#include "packed_scales.h"

// Encodes K blocks: 256 weights, whose sub-blocks get scales (and minima) of their own, which are then rounded to small
// integers times d (and dmin). Like fits.h, it is written over V. Weights are finite.

namespace channelwise::blocks {

/// The low byte of an integer.
inline std::uint8_t byteOf(int x) { return static_cast<std::uint8_t>(x); }

/// Computes codes of neighbours with one scale and one minimum, as stored.
template <typename V>
void codesOf(const float* weights, std::size_t length, float scale, float min, int least, int most,
             std::uint8_t* codes) {
  const Limits<V> limits{least, most};
  for (std::size_t i = 0; i < length; i += kLanes<V>) {
    V x;
    load(weights + i, x);
    storeNearest(codes + i, (x + V(min)) / V(scale), limits);
  }
}

// Codes of 256 weights, one a byte, are packed 16 bytes at a time. Shifts are of 16 bits, and masks let no bit cross a
// byte.

inline v128_t bitsOf(const std::uint8_t* codes, int mask) {
  return wasm_v128_and(wasm_v128_load(codes), wasm_i8x16_splat(static_cast<std::int8_t>(mask)));
}

/// Packs the lower four bits of the codes of elements i and i + distance of every 2 distance into one byte.
inline void packNibbles(const std::uint8_t* codes, std::size_t distance, std::uint8_t* packed) {
  for (std::size_t i = 0; i < 128; i += 16) {
    const std::uint8_t* of = codes + i / distance * 2 * distance + i % distance;
    wasm_v128_store(packed + i, wasm_v128_or(bitsOf(of, 15), wasm_i16x8_shl(bitsOf(of + distance, 15), 4)));
  }
}

/// Packs two bits of each code, from bit `first` on.
inline void packPairs(const std::uint8_t* codes, int first, std::uint8_t* packed) {
  for (std::size_t i = 0; i < 64; i += 16) {
    const std::uint8_t* of = codes + i / 32 * 128 + i % 32;
    v128_t bytes = wasm_i8x16_splat(0);
    for (int k = 0; k < 4; ++k) {
      const v128_t pair = wasm_v128_and(wasm_u16x8_shr(wasm_v128_load(of + 32 * k), first), wasm_i8x16_splat(3));
      bytes = wasm_v128_or(bytes, wasm_i16x8_shl(pair, 2 * k));
    }
    wasm_v128_store(packed + i, bytes);
  }
}

/// Packs one bit of each code.
inline void packBits(const std::uint8_t* codes, int bit, std::uint8_t* packed) {
  for (std::size_t i = 0; i < 32; i += 16) {
    v128_t bytes = wasm_i8x16_splat(0);
    for (int k = 0; k < 8; ++k) {
      const v128_t one = wasm_v128_and(wasm_u16x8_shr(wasm_v128_load(codes + 32 * k + i), bit), wasm_i8x16_splat(1));
      bytes = wasm_v128_or(bytes, wasm_i16x8_shl(one, k));
    }
    wasm_v128_store(packed + i, bytes);
  }
}

/// Scales and minima of a block's sub-blocks, and the parameters that give the codes of the fit.
template <std::size_t count>
struct SubBlocks {
  float scales[count];
  float mins[count];
  float inverses[count];
  float froms[count];
};

/// The largest of non-negative numbers.
template <std::size_t count>
float largestOf(const float (&numbers)[count]) {
  float largest = 0;
  for (float number : numbers)
    if (number > largest) largest = number;
  return largest;
}

/// Fits the sub-blocks of a block, each of `length` weights, as many at a time as there are lanes. Sums are weighted by
/// |x|, and where squares are summed also by the root of the mean square.
template <typename V, std::size_t length, bool absolute>
void fitSubBlocks(const float* weights, Trials trials, SubBlocks<256 / length>& fits) {
  for (std::size_t first = 0; first < 256 / length; first += kLanes<V>) {
    V x[length];
    V importance[length];
    loadSubBlocks<length>(weights + first * length, x);
    V base(0.0f);
    if (!absolute) {
      for (std::size_t i = 0; i < length; ++i) base = base + x[i] * x[i];
      base = root(base / V(static_cast<float>(length)));
    }
    for (std::size_t i = 0; i < length; ++i) importance[i] = absolute ? magnitude(x[i]) : base + magnitude(x[i]);
    const ScaleAndMinFit<V> fit = fitScaleAndMin<length, absolute>(x, importance, trials);
    store(fits.scales + first, fit.scale);
    store(fits.mins + first, fit.min);
    store(fits.inverses + first, fit.inverse);
    store(fits.froms + first, fit.from);
  }
}

/// The codes of sub-block j for its stored scale and minimum. Where that scale is 0, the codes of the fit stay.
template <typename V, std::size_t length>
void codesOfSubBlock(const float* weights, const SubBlocks<256 / length>& fits, std::size_t j, float scale, float min,
                     int most, std::uint8_t* codes) {
  const float* x = weights + j * length;
  if (scale != 0) return codesOf<V>(x, length, scale, min, 0, most, codes + j * length);
  for (std::size_t i = 0; i < length; ++i)
    codes[j * length + i] = byteOf(static_cast<int>(nearest(fits.inverses[j] * (x[i] - fits.froms[j]), 0, most)));
}

template <typename V>
void encodeBlock(const float* weights, Q2_K& block) {
  SubBlocks<16> fits;
  fitSubBlocks<V, 16, true>(weights, {3, -0.5f, 15}, fits);
  const float maxScale = largestOf(fits.scales);
  const float maxMin = largestOf(fits.mins);
  const float inverseScale = maxScale > 0 ? 15 / maxScale : 0;
  const float inverseMin = maxMin > 0 ? 15 / maxMin : 0;
  block.d = halfOf(maxScale / 15);
  block.dmin = halfOf(maxMin / 15);
  std::uint8_t codes[256];
  for (std::size_t j = 0; j < 16; ++j) {
    const int scale = maxScale > 0 ? nearestInt(inverseScale * fits.scales[j]) : 0;
    const int min = maxMin > 0 ? nearestInt(inverseMin * fits.mins[j]) : 0;
    block.scales[j] = byteOf(scale | min << 4);
    codesOfSubBlock<V, 16>(weights, fits, j, floatOf(block.d) * static_cast<float>(block.scales[j] & 15),
                           floatOf(block.dmin) * static_cast<float>(block.scales[j] >> 4), 3, codes);
  }
  packPairs(codes, 0, block.codes);
}

/// The common part of Q4_K and Q5_K.
template <typename V, typename Block>
void encodeScalesAndCodes(const float* weights, Trials trials, Block& block, std::uint8_t* codes) {
  SubBlocks<8> fits;
  fitSubBlocks<V, 32, false>(weights, trials, fits);
  const float maxScale = largestOf(fits.scales);
  const float maxMin = largestOf(fits.mins);
  const float inverseScale = maxScale > 0 ? 63 / maxScale : 0;
  const float inverseMin = maxMin > 0 ? 63 / maxMin : 0;
  block.d = halfOf(maxScale / 63);
  block.dmin = halfOf(maxMin / 63);
  ScaleAndMin stored[8];
  for (std::size_t j = 0; j < 8; ++j) {
    stored[j] = {std::min<int>(63, byteOf(nearestInt(inverseScale * fits.scales[j]))),
                 std::min<int>(63, byteOf(nearestInt(inverseMin * fits.mins[j])))};
    codesOfSubBlock<V, 32>(weights, fits, j, floatOf(block.d) * static_cast<float>(stored[j].scale),
                           floatOf(block.dmin) * static_cast<float>(stored[j].min), trials.most, codes);
  }
  packScalesAndMins(stored, block.scales);
}

template <typename V>
void encodeBlock(const float* weights, Q4_K& block) {
  std::uint8_t codes[256];
  encodeScalesAndCodes<V>(weights, {15, -1, 20}, block, codes);
  packNibbles(codes, 32, block.codes);
}

template <typename V>
void encodeBlock(const float* weights, Q5_K& block) {
  std::uint8_t codes[256];
  encodeScalesAndCodes<V>(weights, {31, -0.5f, 15}, block, codes);
  packNibbles(codes, 32, block.codes);
  packBits(codes, 4, block.high);
}

/// The first scale of the largest magnitude, with its sign.
inline float signedLargestOf(const float (&scales)[16]) {
  float largest = 0;
  for (float scale : scales)
    if (std::fabs(scale) > std::fabs(largest)) largest = scale;
  return largest;
}

template <typename V>
void encodeBlock(const float* weights, Q3_K& block) {
  float scales[16];
  std::uint8_t codes[256];
  // All are fitted at once: each move waits for the one before it, and other lanes fill the time.
  V fitted[256 / kLanes<V>];
  for (std::size_t first = 0; first < 16; first += kLanes<V>) {
    V x[16];
    loadSubBlocks<16>(weights + 16 * first, x);
    store(scales + first, fitScaleByMoves<16>(x, 4, fitted + 16 * first / kLanes<V>));
  }
  const float largest = signedLargestOf(scales);
  const float inverse = -32 / largest;
  block.d = largest == 0 ? 0 : halfOf(1 / inverse);
  const float d = floatOf(block.d);
  std::memset(block.scales, 0, sizeof block.scales);
  for (std::size_t j = 0; j < 16; ++j) {
    int stored = -32;
    if (largest != 0) {
      const int rounded = static_cast<std::int8_t>(nearestInt(inverse * scales[j]));
      stored = std::max(-32, std::min(31, rounded));
      packScale(stored + 32, j, block.scales);
    }
    const float scale = d * static_cast<float>(stored);
    if (scale != 0) {
      codesOf<V>(weights + 16 * j, 16, scale, 0, -4, 3, codes + 16 * j);
      continue;
    }
    for (std::size_t i = 0; i < 16; ++i) {
      float lanes[kLanes<V>];
      store(lanes, fitted[j / kLanes<V> * 16 + i]);
      codes[16 * j + i] = byteOf(static_cast<int>(lanes[j % kLanes<V>]));
    }
  }
  packPairs(codes, 0, block.codes);
  packBits(codes, 2, block.high);
}

template <typename V>
void encodeBlock(const float* weights, Q6_K& block) {
  float scales[16];
  float inverses[16];
  for (std::size_t first = 0; first < 16; first += kLanes<V>) {
    V x[16];
    loadSubBlocks<16>(weights + 16 * first, x);
    const ScaleFit<V> fit = fitScale<16>(x, 32);
    store(scales + first, fit.scale);
    store(inverses + first, fit.inverse);
  }
  const float largest = signedLargestOf(scales);
  if (std::fabs(largest) < kLeastMagnitude) {
    std::memset(&block, 0, sizeof block);
    return;
  }
  const float inverse = -128 / largest;
  block.d = halfOf(1 / inverse);
  const float d = floatOf(block.d);
  std::uint8_t codes[256];
  for (std::size_t j = 0; j < 16; ++j) {
    const float* x = weights + 16 * j;
    block.scales[j] = static_cast<std::int8_t>(std::min(127, nearestInt(inverse * scales[j])));
    const float scale = d * static_cast<float>(block.scales[j]);
    if (scale != 0) {
      codesOf<V>(x, 16, scale, 0, -32, 31, codes + 16 * j);
      continue;
    }
    // The least code stands for 0 where the fit was of zeros.
    for (std::size_t i = 0; i < 16; ++i)
      codes[16 * j + i] = inverses[j] == 0 ? 0 : byteOf(static_cast<int>(nearest(inverses[j] * x[i], -32, 31)) + 32);
  }
  packNibbles(codes, 64, block.codes);
  packPairs(codes, 4, block.high);
}

}  // namespace channelwise::blocks

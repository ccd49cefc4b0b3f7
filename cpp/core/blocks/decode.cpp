#include "decode.h"

#include <cstring>

#include "packed_scales.h"

namespace channelwise::blocks {

namespace {

/// The code of element i of 32 that lie as nibbles.
int nibbleAt(const std::uint8_t* codes, int i) { return i < 16 ? codes[i] & 15 : codes[i - 16] >> 4; }

/// The fifth bit of element i of 32, at its place.
int fifthBitAt(const std::uint8_t* high, int i) { return (high[i / 8] >> i % 8 & 1) << 4; }

/// The code of 2 bits of element i of a block of 256.
int pairAt(const std::uint8_t* codes, int i) { return codes[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3; }

/// The code of 4 bits of element i of a block of 256 that lies in stretches of 64.
int nibbleOf64(const std::uint8_t* codes, int i) { return codes[i / 64 * 32 + i % 32] >> i % 64 / 32 * 4 & 15; }

/// A bit of element i of a block of 256: 0 or 1.
int bitAt(const std::uint8_t* high, int i) { return high[i % 32] >> i / 32 & 1; }

/// Digit n of a byte of TQ1_0, from 0 to 2.
int digitAt(std::uint8_t byte, int n) {
  constexpr std::uint8_t kPowers[] = {1, 3, 9, 27, 81};
  return static_cast<std::uint8_t>(byte * kPowers[n]) * 3 >> 8;
}

/// 2^(exponent - 128), which is half the scale of MXFP4, whose table has doubled values.
float halfPower(int exponent) {
  const std::uint32_t bits = exponent < 2 ? 0x00200000u << exponent : static_cast<std::uint32_t>(exponent - 1) << 23;
  return __builtin_bit_cast(float, bits);
}

}  // namespace

void decodeBlock(const Q4_0& block, float* weights) {
  const float d = floatOf(block.d);
  for (int i = 0; i < 32; ++i) weights[i] = static_cast<float>(nibbleAt(block.codes, i) - 8) * d;
}

void decodeBlock(const Q4_1& block, float* weights) {
  const float d = floatOf(block.d);
  const float min = floatOf(block.min);
  for (int i = 0; i < 32; ++i) weights[i] = static_cast<float>(nibbleAt(block.codes, i)) * d + min;
}

void decodeBlock(const Q5_0& block, float* weights) {
  const float d = floatOf(block.d);
  for (int i = 0; i < 32; ++i) {
    const int code = nibbleAt(block.codes, i) | fifthBitAt(block.high, i);
    weights[i] = static_cast<float>(code - 16) * d;
  }
}

void decodeBlock(const Q5_1& block, float* weights) {
  const float d = floatOf(block.d);
  const float min = floatOf(block.min);
  for (int i = 0; i < 32; ++i) {
    const int code = nibbleAt(block.codes, i) | fifthBitAt(block.high, i);
    weights[i] = static_cast<float>(code) * d + min;
  }
}

void decodeBlock(const Q8_0& block, float* weights) {
  const float d = floatOf(block.d);
  for (int i = 0; i < 32; ++i) weights[i] = static_cast<float>(block.codes[i]) * d;
}

void decodeBlock(const Q2_K& block, float* weights) {
  const float d = floatOf(block.d);
  const float dmin = floatOf(block.dmin);
  for (int i = 0; i < 256; ++i) {
    const int scales = block.scales[i / 16];
    const float scale = d * static_cast<float>(scales & 15);
    const float min = dmin * static_cast<float>(scales >> 4);
    weights[i] = scale * static_cast<float>(pairAt(block.codes, i)) - min;
  }
}

void decodeBlock(const Q3_K& block, float* weights) {
  const float d = floatOf(block.d);
  for (int i = 0; i < 256; ++i) {
    const float scale = d * static_cast<float>(scaleAt(block.scales, i / 16) - 32);
    const int code = pairAt(block.codes, i) | bitAt(block.high, i) << 2;
    weights[i] = scale * static_cast<float>(code - 4);
  }
}

void decodeBlock(const Q4_K& block, float* weights) {
  const float d = floatOf(block.d);
  const float dmin = floatOf(block.dmin);
  for (int i = 0; i < 256; ++i) {
    const ScaleAndMin of = scaleAndMinAt(block.scales, i / 32);
    const float scale = d * static_cast<float>(of.scale);
    weights[i] = scale * static_cast<float>(nibbleOf64(block.codes, i)) - dmin * static_cast<float>(of.min);
  }
}

void decodeBlock(const Q5_K& block, float* weights) {
  const float d = floatOf(block.d);
  const float dmin = floatOf(block.dmin);
  for (int i = 0; i < 256; ++i) {
    const ScaleAndMin of = scaleAndMinAt(block.scales, i / 32);
    const float scale = d * static_cast<float>(of.scale);
    const int code = nibbleOf64(block.codes, i) | bitAt(block.high, i) << 4;
    weights[i] = scale * static_cast<float>(code) - dmin * static_cast<float>(of.min);
  }
}

void decodeBlock(const Q6_K& block, float* weights) {
  const float d = floatOf(block.d);
  for (int i = 0; i < 256; ++i) {
    const float scale = d * static_cast<float>(block.scales[i / 16]);
    const int low = block.codes[i / 128 * 64 + i % 64] >> i % 128 / 64 * 4 & 15;
    weights[i] = scale * static_cast<float>((low | pairAt(block.high, i) << 4) - 32);
  }
}

void decodeBlock(const IQ4_NL& block, float* weights) {
  const float d = floatOf(block.d);
  for (int i = 0; i < 32; ++i) weights[i] = d * static_cast<float>(kNonLinear[nibbleAt(block.codes, i)]);
}

void decodeBlock(const IQ4_XS& block, float* weights) {
  const float d = floatOf(block.d);
  for (int j = 0; j < 8; ++j) {
    const int low = block.scalesLow[j / 2] >> j % 2 * 4 & 15;
    const int high = block.scalesHigh >> j * 2 & 3;
    const float scale = d * static_cast<float>((low | high << 4) - 32);
    for (int i = 0; i < 32; ++i)
      weights[32 * j + i] = scale * static_cast<float>(kNonLinear[nibbleAt(block.codes + 16 * j, i)]);
  }
}

void decodeBlock(const MXFP4& block, float* weights) {
  const float d = halfPower(block.exponent);
  for (int i = 0; i < 32; ++i) weights[i] = static_cast<float>(kE2M1[nibbleAt(block.codes, i)]) * d;
}

void decodeBlock(const TQ1_0& block, float* weights) {
  const float d = floatOf(block.d);
  const auto value = [d](std::uint8_t byte, int n) { return static_cast<float>(digitAt(byte, n) - 1) * d; };
  for (int i = 0; i < 160; ++i) weights[i] = value(block.codes[i % 32], i / 32);
  for (int i = 0; i < 80; ++i) weights[160 + i] = value(block.codes[32 + i % 16], i / 16);
  for (int i = 0; i < 16; ++i) weights[240 + i] = value(block.last[i % 4], i / 4);
}

void decodeBlock(const TQ2_0& block, float* weights) {
  const float d = floatOf(block.d);
  for (int i = 0; i < 256; ++i) weights[i] = static_cast<float>(pairAt(block.codes, i) - 1) * d;
}

}  // namespace channelwise::blocks

#pragma once

#include <cstdint>

// float16 (IEEE 754 binary16), in which the scales of blocks are stored: bits from and to float32.

namespace channelwise::blocks {

using Half = std::uint16_t;

/// x rounded half to even; infinite from 65520 on.
inline Half halfOf(float x) {
  const std::uint32_t bits = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t sign = bits >> 16 & 0x8000;
  const std::uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return static_cast<Half>(sign | 0x7e00);  // NaN
  if (magnitude >= 0x47800000) return static_cast<Half>(sign | 0x7c00);
  if (magnitude < 0x38800000) {
    // For subnormals, the last bit of the sum is 2^-24.
    const float sum = __builtin_bit_cast(float, magnitude) + 0.5f;
    return static_cast<Half>(sign | (__builtin_bit_cast(std::uint32_t, sum) - 0x3f000000));
  }
  // 13 bits are dropped, and the bias of the exponent becomes 15 instead of 127. A carry correctly raises the exponent.
  const std::uint32_t odd = magnitude >> 13 & 1;
  return static_cast<Half>(sign | ((magnitude - 0x38000000 + 0xfff + odd) >> 13));
}

inline float floatOf(Half half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t magnitude = half & 0x7fff;
  std::uint32_t bits;
  if (magnitude >= 0x7c00)
    bits = 0x7f800000 | (magnitude & 0x3ff) << 13;
  else if (magnitude >= 0x400)
    bits = (magnitude << 13) + 0x38000000;
  else
    bits = __builtin_bit_cast(std::uint32_t, static_cast<float>(magnitude) * 0x1p-24f);
  return __builtin_bit_cast(float, sign | bits);
}

}  // namespace channelwise::blocks

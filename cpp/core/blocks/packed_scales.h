#pragma once

#include <cstddef>
#include <cstdint>

// Scales of 6 bits in 12 bytes, as ggml packs them.

namespace channelwise::blocks {

struct ScaleAndMin {
  int scale;
  int min;
};

/// The scale and minimum of sub-block j of 8 in Q4_K and Q5_K. Bytes 0 to 3 have the scales and bytes 4 to 7 the minima
/// of the first four. Bytes 8 to 11 have the four lower bits of both for the others, whose upper bits are in the upper
/// bits of bytes 0 to 7.
inline ScaleAndMin scaleAndMinAt(const std::uint8_t* packed, int j) {
  if (j < 4) return {packed[j] & 63, packed[j + 4] & 63};
  return {(packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4, packed[j + 4] >> 4 | (packed[j] >> 6) << 4};
}

/// Packs 8 scales and minima into 12 bytes.
inline void packScalesAndMins(const ScaleAndMin* of, std::uint8_t* packed) {
  for (int j = 0; j < 4; ++j) {
    packed[j] = static_cast<std::uint8_t>(of[j].scale | (of[j + 4].scale >> 4) << 6);
    packed[j + 4] = static_cast<std::uint8_t>(of[j].min | (of[j + 4].min >> 4) << 6);
    packed[j + 8] = static_cast<std::uint8_t>((of[j + 4].scale & 15) | (of[j + 4].min & 15) << 4);
  }
}

/// The scale of sub-block j of 16 in Q3_K, from 0 to 63. Bytes 0 to 7 have the four lower bits of j and j + 8, bytes 8
/// to 11 the two upper bits of j, j + 4, j + 8 and j + 12.
inline int scaleAt(const std::uint8_t* packed, int j) {
  const int low = j < 8 ? packed[j] & 15 : packed[j - 8] >> 4;
  return low | (packed[8 + j % 4] >> 2 * (j / 4) & 3) << 4;
}

/// Adds the scale of sub-block j to bytes that are 0 before the first one.
inline void packScale(int scale, std::size_t j, std::uint8_t* packed) {
  packed[j % 8] = static_cast<std::uint8_t>(packed[j % 8] | (scale & 15) << (j < 8 ? 0 : 4));
  packed[8 + j % 4] = static_cast<std::uint8_t>(packed[8 + j % 4] | (scale >> 4) << 2 * (j / 4));
}

}  // namespace channelwise::blocks

#pragma once

#include <cstddef>
#include <cstdint>

#include "half.h"

// The block types of ggml as they lie in GGUF files, little-endian, after ggml's src/ggml-common.h (commit d99724f). In
// the names of members, d is the scale of a block and dmin that of its minima.

namespace channelwise::blocks {

/// The values are the numbers of the types in GGUF.
enum class BlockType {
  kQ4_0 = 2,
  kQ4_1 = 3,
  kQ5_0 = 6,
  kQ5_1 = 7,
  kQ8_0 = 8,
  kQ2_K = 10,
  kQ3_K = 11,
  kQ4_K = 12,
  kQ5_K = 13,
  kQ6_K = 14,
  kIQ4_NL = 20,
  kIQ4_XS = 23,
  kTQ1_0 = 34,
  kTQ2_0 = 35,
  kMXFP4 = 39,
};

// Blocks of 32. In nibbles, byte j has the code of element j in its lower half and that of element j + 16 in its upper.

struct Q4_0 {
  static constexpr std::size_t kLength = 32;
  Half d;
  std::uint8_t codes[16];
};

struct Q4_1 {
  static constexpr std::size_t kLength = 32;
  Half d;
  Half min;
  std::uint8_t codes[16];
};

struct Q5_0 {
  static constexpr std::size_t kLength = 32;
  Half d;
  std::uint8_t high[4];  ///< bit j of all 32: the fifth bit of element j
  std::uint8_t codes[16];
};

struct Q5_1 {
  static constexpr std::size_t kLength = 32;
  Half d;
  Half min;
  std::uint8_t high[4];  ///< as in Q5_0
  std::uint8_t codes[16];
};

struct Q8_0 {
  static constexpr std::size_t kLength = 32;
  Half d;
  std::int8_t codes[32];
};

/// Codes are places in a table of 16 numbers, as in IQ4_XS.
struct IQ4_NL {
  static constexpr std::size_t kLength = 32;
  Half d;
  std::uint8_t codes[16];
};

/// Codes are floats of 4 bits (E2M1), and the scale is a power of two: OCP Microscaling Formats 1.0.
struct MXFP4 {
  static constexpr std::size_t kLength = 32;
  std::uint8_t exponent;  ///< of the scale, biased by 127
  std::uint8_t codes[16];
};

// Blocks of 256, in which 16 or 32 neighbours are a sub-block with a scale of its own, a small integer times d.

struct Q2_K {
  static constexpr std::size_t kLength = 256;
  std::uint8_t scales[16];  ///< of sub-blocks of 16: scale below, minimum above
  std::uint8_t codes[64];   ///< of 128: byte i has elements i, i + 32, i + 64 and i + 96 in 2 bits each
  Half d;
  Half dmin;
};

struct Q3_K {
  static constexpr std::size_t kLength = 256;
  std::uint8_t high[32];    ///< bit k of byte i: the third bit of element 32 k + i
  std::uint8_t codes[64];   ///< the two lower bits, as in Q2_K
  std::uint8_t scales[12];  ///< of sub-blocks of 16, 6 bits each: nibbles of j and j + 8, then pairs of bits
  Half d;
};

struct Q4_K {
  static constexpr std::size_t kLength = 256;
  Half d;
  Half dmin;
  std::uint8_t scales[12];  ///< of sub-blocks of 32, scales and minima of 6 bits: see packed_scales.h
  std::uint8_t codes[128];  ///< of 64: byte i has element i below and element i + 32 above
};

struct Q5_K {
  static constexpr std::size_t kLength = 256;
  Half d;
  Half dmin;
  std::uint8_t scales[12];  ///< as in Q4_K
  std::uint8_t high[32];    ///< bit k of byte i: the fifth bit of element 32 k + i
  std::uint8_t codes[128];  ///< as in Q4_K
};

struct Q6_K {
  static constexpr std::size_t kLength = 256;
  std::uint8_t codes[128];  ///< of 128: byte i (of 64) has the four lower bits of element i, and of i + 64 above
  std::uint8_t high[64];    ///< of 128: byte i has the upper bits of elements i, i + 32, i + 64 and i + 96
  std::int8_t scales[16];   ///< of sub-blocks of 16
  Half d;
};

struct IQ4_XS {
  static constexpr std::size_t kLength = 256;
  Half d;
  std::uint16_t scalesHigh;   ///< two upper bits of the scale of each sub-block of 32
  std::uint8_t scalesLow[4];  ///< four lower bits
  std::uint8_t codes[128];    ///< of 32, as in IQ4_NL
};

/// Three values. A byte b holds five of them: the digits after the point of b / 256 in base 3.
struct TQ1_0 {
  static constexpr std::size_t kLength = 256;
  std::uint8_t codes[48];  ///< digit n of 32 bytes: elements 32 n + i; then digit n of 16: 160 + 16 n + i
  std::uint8_t last[4];    ///< digit n: element 240 + 4 n + i
  Half d;
};

struct TQ2_0 {
  static constexpr std::size_t kLength = 256;
  std::uint8_t codes[64];  ///< as in Q2_K
  Half d;
};

static_assert(sizeof(Q4_0) == 18 && sizeof(Q4_1) == 20 && sizeof(Q5_0) == 22 && sizeof(Q5_1) == 24 &&
              sizeof(Q8_0) == 34 && sizeof(IQ4_NL) == 18 && sizeof(MXFP4) == 17);
static_assert(sizeof(Q2_K) == 84 && sizeof(Q3_K) == 110 && sizeof(Q4_K) == 144 && sizeof(Q5_K) == 176 &&
              sizeof(Q6_K) == 210 && sizeof(IQ4_XS) == 136 && sizeof(TQ1_0) == 54 && sizeof(TQ2_0) == 66);

/// The numbers that codes of IQ4_NL and IQ4_XS stand for.
constexpr std::int8_t kNonLinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// The numbers that codes of MXFP4 stand for, times 2.
constexpr std::int8_t kE2M1[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace channelwise::blocks

#pragma once

#include "lanes.h"

// The check that weights are finite.

namespace channelwise::blocks {

/// Whether a lane has all bits of the exponent, as NaN and infinities have.
inline bool hasFullExponent(v128_t bits) {
  const v128_t exponent = wasm_i32x4_splat(0x7f800000);
  return wasm_v128_any_true(wasm_i32x4_eq(wasm_v128_and(bits, exponent), exponent));
}

/// Whether a multiple of 32 weights are finite.
inline bool areFinite(const float* weights, std::size_t count) {
  // The bits that any of the weights has.
  v128_t bits[4] = {};
  for (std::size_t i = 0; i < count; i += 16)
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) bits[k] = wasm_v128_or(bits[k], wasm_v128_load(weights + i + 4 * k));
  if (!hasFullExponent(wasm_v128_or(wasm_v128_or(bits[0], bits[1]), wasm_v128_or(bits[2], bits[3])))) return true;
  // Finite weights may have them together.
  for (std::size_t i = 0; i < count; i += 4)
    if (hasFullExponent(wasm_v128_load(weights + i))) return false;
  return true;
}

}  // namespace channelwise::blocks

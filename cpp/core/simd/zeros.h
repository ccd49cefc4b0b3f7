#pragma once

#include <cstddef>

#include "../extent.h"
#include "lanes.h"

namespace channelwise::simd {

/// Zero codes give -0 with negative scales, which is turned into +0 where there is one. Positive scales, the usual
/// case, need no addition.
template <typename T>
[[gnu::noinline]] void dropSignsOfZeros(const T* scales, Extent extent, T* values) {
  using L = Lanes<T>;
  // Vectors for float64, which is rare, are not worth their bytes.
  constexpr bool kHasVectors = sizeof(T) == sizeof(float);
  const v128_t zero = L::splat(0);
  v128_t bits = zero;
  bool anyNegative = false;
  std::size_t i = 0;
  if constexpr (kHasVectors)
    for (; i + L::kCount <= extent.channels; i += L::kCount) bits = wasm_v128_or(bits, wasm_v128_load(scales + i));
  for (; i < extent.channels; ++i) anyNegative = anyNegative || scales[i] < 0;
  if (!anyNegative && L::signs(bits) == 0) return;
  const std::size_t size = extent.size();
  i = 0;
  if constexpr (kHasVectors)
    for (; i + L::kCount <= size; i += L::kCount) wasm_v128_store(values + i, L::add(wasm_v128_load(values + i), zero));
  for (; i < size; ++i) values[i] += 0;
}

}  // namespace channelwise::simd

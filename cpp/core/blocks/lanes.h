#pragma once

// Numbers side by side. The fits of encode_k.h are written once, over a type V of lanes: with one lane, float, they are
// the law; with Vectors, each lane takes a sub-block of its own, so that its sums run in the order of the law and have
// its bits.

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace channelwise::blocks {

/// Adding this rounds |x| < 2^22 half to even to an integer, and leaves that integer in the low bits of the sum.
constexpr float kRounder = 0x1.8p23f;
constexpr std::int32_t kFraction = 0x007fffff;
/// What kRounder itself has there.
constexpr std::int32_t kOffset = 0x00400000;

// One lane.

using Mask1 = bool;

inline float select(bool mask, float a, float b) { return mask ? a : b; }
inline bool any(bool mask) { return mask; }
inline bool both(bool a, bool b) { return a && b; }
inline float magnitude(float x) { return std::fabs(x); }
inline float root(float x) { return std::sqrt(x); }

/// ggml's nearest_int: x rounded half to even where |x| < 2^22. For others the bits that it leaves, 0 for NaN.
inline int nearestInt(float x) { return (__builtin_bit_cast(std::int32_t, x + kRounder) & kFraction) - kOffset; }

/// nearestInt within limits, as a number.
inline float nearest(float x, int least, int most) {
  return static_cast<float>(std::min(most, std::max(least, nearestInt(x))));
}

inline void load(const float* from, float& x) { x = *from; }
inline void store(float* to, float x) { *to = x; }
/// An integer from 0 to 255 that lies in a float.
inline void storeByte(std::uint8_t* to, float x) { *to = static_cast<std::uint8_t>(x); }

/// The elements of neighbouring sub-blocks of `length`, one sub-block in each lane.
template <std::size_t length>
void loadSubBlocks(const float* weights, float* x) {
  std::copy_n(weights, length, x);
}

// 4 n lanes. Loops over vectors are unrolled, or the vectors would go through memory.

template <int n>
struct Vectors {
  v128_t v[n];

  Vectors() = default;
  explicit Vectors(float x) {
#pragma GCC unroll 4
    for (int k = 0; k < n; ++k) v[k] = wasm_f32x4_splat(x);
  }
};

template <typename V>
constexpr std::size_t kLanes = 1;
template <int n>
constexpr std::size_t kLanes<Vectors<n>> = 4 * n;

#define CHANNELWISE_EACH_VECTOR(name, expression)                                   \
  template <int n>                                                                  \
  inline Vectors<n> name(const Vectors<n>& a, const Vectors<n>& b) {                \
    Vectors<n> result;                                                              \
    _Pragma("GCC unroll 4") for (int k = 0; k < n; ++k) result.v[k] = (expression); \
    return result;                                                                  \
  }
CHANNELWISE_EACH_VECTOR(operator+, wasm_f32x4_add(a.v[k], b.v[k]))
CHANNELWISE_EACH_VECTOR(operator-, wasm_f32x4_sub(a.v[k], b.v[k]))
CHANNELWISE_EACH_VECTOR(operator*, wasm_f32x4_mul(a.v[k], b.v[k]))
CHANNELWISE_EACH_VECTOR(operator/, wasm_f32x4_div(a.v[k], b.v[k]))
CHANNELWISE_EACH_VECTOR(operator<, wasm_f32x4_lt(a.v[k], b.v[k]))
CHANNELWISE_EACH_VECTOR(operator>, wasm_f32x4_gt(a.v[k], b.v[k]))
CHANNELWISE_EACH_VECTOR(operator==, wasm_f32x4_eq(a.v[k], b.v[k]))
CHANNELWISE_EACH_VECTOR(operator!=, wasm_f32x4_ne(a.v[k], b.v[k]))
CHANNELWISE_EACH_VECTOR(both, wasm_v128_and(a.v[k], b.v[k]))
#undef CHANNELWISE_EACH_VECTOR

/// Masks are vectors with all bits of a lane set or none.
template <int n>
Vectors<n> select(const Vectors<n>& mask, const Vectors<n>& a, const Vectors<n>& b) {
  Vectors<n> result;
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k) result.v[k] = wasm_v128_bitselect(a.v[k], b.v[k], mask.v[k]);
  return result;
}

template <int n>
bool any(const Vectors<n>& mask) {
  v128_t all = mask.v[0];
#pragma GCC unroll 4
  for (int k = 1; k < n; ++k) all = wasm_v128_or(all, mask.v[k]);
  return wasm_v128_any_true(all);
}

template <int n>
Vectors<n> magnitude(const Vectors<n>& a) {
  Vectors<n> result;
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k) result.v[k] = wasm_f32x4_abs(a.v[k]);
  return result;
}

template <int n>
Vectors<n> root(const Vectors<n>& a) {
  Vectors<n> result;
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k) result.v[k] = wasm_f32x4_sqrt(a.v[k]);
  return result;
}

template <int n>
Vectors<n> nearest(const Vectors<n>& a, int least, int most) {
  Vectors<n> result;
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k) {
    const v128_t bits = wasm_f32x4_add(a.v[k], wasm_f32x4_splat(kRounder));
    const v128_t integers = wasm_v128_and(bits, wasm_i32x4_splat(kFraction));
    const v128_t within =
        wasm_i32x4_min(wasm_i32x4_max(integers, wasm_i32x4_splat(least + kOffset)), wasm_i32x4_splat(most + kOffset));
    // With the exponent of kRounder again, they are that much more than the integers.
    result.v[k] = wasm_f32x4_sub(wasm_v128_or(within, wasm_i32x4_splat(0x4b000000)), wasm_f32x4_splat(kRounder));
  }
  return result;
}

template <int n>
void load(const float* from, Vectors<n>& x) {
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k) x.v[k] = wasm_v128_load(from + 4 * k);
}

template <int n>
void store(float* to, const Vectors<n>& x) {
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k) wasm_v128_store(to + 4 * k, x.v[k]);
}

template <int n>
void storeByte(std::uint8_t* to, const Vectors<n>& x) {
#pragma GCC unroll 2
  for (int k = 0; k < n; k += 2) {
    const v128_t halves =
        wasm_i16x8_narrow_i32x4(wasm_i32x4_trunc_sat_f32x4(x.v[k]), wasm_i32x4_trunc_sat_f32x4(x.v[k + 1]));
    wasm_v128_store64_lane(to + 4 * k, wasm_u8x16_narrow_i16x8(halves, halves), 0);
  }
}

template <std::size_t length, int n>
void loadSubBlocks(const float* weights, Vectors<n>* x) {
  for (std::size_t i = 0; i < length; i += 4) {
#pragma GCC unroll 4
    for (int k = 0; k < n; ++k) {
      const float* from = weights + 4 * k * length + i;
      const v128_t a = wasm_v128_load(from);
      const v128_t b = wasm_v128_load(from + length);
      const v128_t c = wasm_v128_load(from + 2 * length);
      const v128_t d = wasm_v128_load(from + 3 * length);
      const v128_t ab = wasm_i32x4_shuffle(a, b, 0, 4, 1, 5);
      const v128_t cd = wasm_i32x4_shuffle(c, d, 0, 4, 1, 5);
      const v128_t abHigh = wasm_i32x4_shuffle(a, b, 2, 6, 3, 7);
      const v128_t cdHigh = wasm_i32x4_shuffle(c, d, 2, 6, 3, 7);
      x[i].v[k] = wasm_i64x2_shuffle(ab, cd, 0, 2);
      x[i + 1].v[k] = wasm_i64x2_shuffle(ab, cd, 1, 3);
      x[i + 2].v[k] = wasm_i64x2_shuffle(abHigh, cdHigh, 0, 2);
      x[i + 3].v[k] = wasm_i64x2_shuffle(abHigh, cdHigh, 1, 3);
    }
  }
}

}  // namespace channelwise::blocks

#pragma once

// Lanes of numbers. The fits of encode_k.h are written once, over a type V of lanes. With one lane, float, they are the
// law; with Vectors, each lane takes a sub-block of its own, so that its sums have the order and the bits of the law.

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
/// The low bits of kRounder itself.
constexpr std::int32_t kOffset = 0x00400000;

// One lane.

inline float select(bool mask, float a, float b) { return mask ? a : b; }
inline bool any(bool mask) { return mask; }
inline bool all(bool mask) { return mask; }
inline bool both(bool a, bool b) { return a && b; }
inline float magnitude(float x) { return std::fabs(x); }
inline float root(float x) { return std::sqrt(x); }

/// ggml's nearest_int: x rounded half to even for |x| < 2^22. For other x it returns the bits that the addition leaves,
/// and 0 for NaN.
inline int nearestInt(float x) { return (__builtin_bit_cast(std::int32_t, x + kRounder) & kFraction) - kOffset; }

/// The limits for nearest(), in a form that stays in registers.
template <typename V>
struct Limits;

template <>
struct Limits<float> {
  int least;
  int most;
};

/// nearestInt within limits, as a number. Without `anyRange`, |x| must be below 2^22.
template <bool anyRange>
float nearest(float x, const Limits<float>& limits) {
  return static_cast<float>(std::min(limits.most, std::max(limits.least, nearestInt(x))));
}

inline float nearest(float x, int least, int most) { return nearest<true>(x, {least, most}); }

inline void load(const float* from, float& x) { x = *from; }
inline void store(float* to, float x) { *to = x; }

/// Stores nearest() counted from the least, as 0 to 255.
inline void storeNearest(std::uint8_t* to, float x, const Limits<float>& limits) {
  *to = static_cast<std::uint8_t>(std::min(limits.most, std::max(limits.least, nearestInt(x))) - limits.least);
}

/// Loads the elements of neighbouring sub-blocks of `length`, one sub-block in each lane.
template <std::size_t length>
void loadSubBlocks(const float* weights, float* x) {
  std::copy_n(weights, length, x);
}

// 4 n lanes. Loops over vectors are unrolled, or else the vectors would go through memory.

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

/// Masks are vectors with all bits of a lane set, or none.
template <int n>
Vectors<n> select(const Vectors<n>& mask, const Vectors<n>& a, const Vectors<n>& b) {
  Vectors<n> result;
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k) result.v[k] = wasm_v128_bitselect(a.v[k], b.v[k], mask.v[k]);
  return result;
}

template <int n>
bool any(const Vectors<n>& mask) {
  v128_t some = mask.v[0];
#pragma GCC unroll 4
  for (int k = 1; k < n; ++k) some = wasm_v128_or(some, mask.v[k]);
  return wasm_v128_any_true(some);
}

template <int n>
bool all(const Vectors<n>& mask) {
  v128_t every = mask.v[0];
#pragma GCC unroll 4
  for (int k = 1; k < n; ++k) every = wasm_v128_and(every, mask.v[k]);
  return wasm_i32x4_all_true(every);
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

/// Hides the value of a vector from the compiler. A constant then stays in a register, where V8 would otherwise build
/// it for each use.
inline v128_t opaque(v128_t v) {
#ifdef __wasm__
  asm("" : "+r"(v));
#endif
  return v;
}

template <int n>
struct Limits<Vectors<n>> {
  v128_t rounder;
  /// The bits of kRounder with the limits added.
  v128_t least;
  v128_t most;

  Limits(int least, int most)
      : rounder(opaque(wasm_f32x4_splat(kRounder))),
        least(opaque(wasm_i32x4_splat(0x4b000000 + kOffset + least))),
        most(opaque(wasm_i32x4_splat(0x4b000000 + kOffset + most))) {}
};

/// The bits of kRounder with the nearest integer added.
template <bool anyRange>
v128_t nearestBits(v128_t x, v128_t rounder, v128_t least, v128_t most) {
  v128_t bits = wasm_f32x4_add(x, rounder);
  // Sets the exponent to that of kRounder.
  if (anyRange) bits = wasm_v128_or(wasm_v128_and(bits, wasm_i32x4_splat(kFraction)), wasm_i32x4_splat(0x4b000000));
  return wasm_i32x4_min(wasm_i32x4_max(bits, least), most);
}

template <bool anyRange, int n>
Vectors<n> nearest(const Vectors<n>& a, const Limits<Vectors<n>>& limits) {
  Vectors<n> result;
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k)
    result.v[k] =
        wasm_f32x4_sub(nearestBits<anyRange>(a.v[k], limits.rounder, limits.least, limits.most), limits.rounder);
  return result;
}

template <int n>
void storeNearest(std::uint8_t* to, const Vectors<n>& x, const Limits<Vectors<n>>& limits) {
  v128_t codes[n];
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k)
    codes[k] = wasm_i32x4_sub(nearestBits<true>(x.v[k], limits.rounder, limits.least, limits.most), limits.least);
#pragma GCC unroll 2
  for (int k = 0; k < n; k += 2) {
    const v128_t halves = wasm_i16x8_narrow_i32x4(codes[k], codes[k + 1]);
    wasm_v128_store64_lane(to + 4 * k, wasm_u8x16_narrow_i16x8(halves, halves), 0);
  }
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

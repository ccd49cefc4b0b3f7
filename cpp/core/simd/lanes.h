#pragma once

// 128-bit vectors of float32 and float64 with the same names, so that each kernel is written once. The intrinsics are
// WebAssembly's; in native builds SIMDe provides the same ones.

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

#include <cstddef>
#include <cstdint>

namespace channelwise::simd {

/// Hides the value of a vector from the compiler, which then cannot fold a constant into other instructions or use how
/// the vector was made.
inline v128_t opaque(v128_t v) {
#ifdef __wasm__
  asm("" : "+r"(v));
#endif
  return v;
}

template <typename T>
struct Lanes;

template <>
struct Lanes<double> {
  static constexpr std::size_t kCount = 2;

  static v128_t splat(double x) { return wasm_f64x2_splat(x); }
  static v128_t loadSplat(const double* x) { return wasm_v128_load64_splat(x); }
  static void storeFirst(double* x, v128_t a) { *x = wasm_f64x2_extract_lane(a, 0); }
  static v128_t add(v128_t a, v128_t b) { return wasm_f64x2_add(a, b); }
  static v128_t sub(v128_t a, v128_t b) { return wasm_f64x2_sub(a, b); }
  static v128_t mul(v128_t a, v128_t b) { return wasm_f64x2_mul(a, b); }
  static v128_t div(v128_t a, v128_t b) { return wasm_f64x2_div(a, b); }
  static v128_t min(v128_t a, v128_t b) { return wasm_f64x2_pmin(a, b); }
  static v128_t max(v128_t a, v128_t b) { return wasm_f64x2_pmax(a, b); }
  static v128_t areAbove(v128_t a, v128_t b) { return wasm_f64x2_gt(a, b); }
  static int signs(v128_t a) { return wasm_i64x2_bitmask(a); }

  static v128_t abs(v128_t a) { return wasm_f64x2_abs(a); }
  static v128_t magnitudeBits() { return wasm_i64x2_splat(0x7fffffffffffffff); }
  static v128_t maxMagnitude(v128_t a, v128_t b) { return wasm_v128_bitselect(a, b, wasm_i64x2_gt(a, b)); }
  static v128_t largestMagnitude(v128_t a) { return maxMagnitude(a, wasm_i64x2_shuffle(a, a, 1, 0)); }

  static v128_t key(v128_t a) { return abs(a); }
  static v128_t maxKey(v128_t a, v128_t b) { return max(a, b); }
  static v128_t magnitudeOfKey(v128_t key) { return key; }

  static v128_t pairSums(v128_t a) { return a; }
  static void addTo(double* sums, v128_t a) { wasm_v128_store(sums, wasm_f64x2_add(wasm_v128_load(sums), a)); }

  static constexpr double kSureError = 0.5 - 0x1p-32;
  static constexpr double kRounder = 0x1.8p52;
  static v128_t integers(const v128_t* rounded, v128_t) {
    const v128_t codes = wasm_i32x4_shuffle(rounded[0], rounded[1], 0, 2, 4, 6);
    return wasm_i16x8_narrow_i32x4(codes, codes);
  }

  // There are 32 fraction bits: the lower half of a lane is the fraction.
  static constexpr double kFixer = 0x1.8p20 + 0.5 + 0x1p-32;
  static v128_t fixerOfCodes() { return wasm_i32x4_splat(0x41380000); }
  static v128_t integersOfFixed(const v128_t* fixed, v128_t fixerOfCodes) {
    const v128_t codes = wasm_i32x4_sub(wasm_i32x4_shuffle(fixed[0], fixed[1], 1, 3, 5, 7), fixerOfCodes);
    return wasm_i16x8_narrow_i32x4(codes, codes);
  }
  static v128_t smallestFractions(v128_t smallest, const v128_t* fixed) {
    return wasm_u32x4_min(smallest, wasm_i32x4_shuffle(fixed[0], fixed[1], 0, 2, 4, 6));
  }

  static void storeCodes(void* to, bool wide, v128_t codes) {
    if (wide)
      wasm_v128_store64_lane(to, codes, 0);
    else
      wasm_v128_store32_lane(to, wasm_i8x16_narrow_i16x8(codes, codes), 0);
  }

  static void loadCodes(const void* from, bool wide, v128_t* codes) {
    const v128_t narrow = wide ? wasm_v128_load64_zero(from) : wasm_i16x8_extend_low_i8x16(wasm_v128_load32_zero(from));
    const v128_t integers = wasm_i32x4_extend_low_i16x8(narrow);
    codes[0] = wasm_f64x2_convert_low_i32x4(integers);
    codes[1] = wasm_f64x2_convert_low_i32x4(wasm_i64x2_shuffle(integers, integers, 1, 1));
  }
};

template <>
struct Lanes<float> {
  static constexpr std::size_t kCount = 4;

  static v128_t splat(float x) { return wasm_f32x4_splat(x); }
  static v128_t loadSplat(const float* x) { return wasm_v128_load32_splat(x); }
  static void storeFirst(float* x, v128_t a) { *x = wasm_f32x4_extract_lane(a, 0); }
  static v128_t add(v128_t a, v128_t b) { return wasm_f32x4_add(a, b); }
  static v128_t sub(v128_t a, v128_t b) { return wasm_f32x4_sub(a, b); }
  static v128_t mul(v128_t a, v128_t b) { return wasm_f32x4_mul(a, b); }
  static v128_t div(v128_t a, v128_t b) { return wasm_f32x4_div(a, b); }
  // pmin and pmax are one instruction on x86, while min and max are several. They only differ for NaN and the sign of
  // zero.
  static v128_t min(v128_t a, v128_t b) { return wasm_f32x4_pmin(a, b); }
  static v128_t max(v128_t a, v128_t b) { return wasm_f32x4_pmax(a, b); }
  static v128_t areAbove(v128_t a, v128_t b) { return wasm_f32x4_gt(a, b); }
  /// A bit for each lane, which is set for negative numbers.
  static int signs(v128_t a) { return wasm_i32x4_bitmask(a); }

  static v128_t magnitudeBits() { return wasm_i32x4_splat(0x7fffffff); }

  /// As integers, the bits of magnitudes have the order of the magnitudes, with infinity above every number and NaN
  /// above infinity. Bits with a sign are below them all.
  static v128_t maxMagnitude(v128_t a, v128_t b) { return wasm_i32x4_max(a, b); }

  /// The largest magnitude of all lanes, in every lane.
  static v128_t largestMagnitude(v128_t a) {
    a = maxMagnitude(a, wasm_i64x2_shuffle(a, a, 1, 0));
    return maxMagnitude(a, wasm_i32x4_shuffle(a, a, 1, 0, 3, 2));
  }

  /// A key by which magnitudes are compared: shifting the sign out needs no constant, for which the loops have no
  /// register.
  static v128_t key(v128_t a) { return wasm_i32x4_shl(a, 1); }
  static v128_t maxKey(v128_t a, v128_t b) { return wasm_u32x4_max(a, b); }
  static v128_t magnitudeOfKey(v128_t key) { return wasm_u32x4_shr(key, 1); }

  /// The sum of all lanes as two float64 lanes.
  static v128_t pairSums(v128_t a) {
    return wasm_f64x2_add(wasm_f64x2_promote_low_f32x4(a),
                          wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(a, a, 1, 1)));
  }

  /// sums[i] += lane i, in float64.
  static void addTo(double* sums, v128_t a) {
    Lanes<double>::addTo(sums, wasm_f64x2_promote_low_f32x4(a));
    Lanes<double>::addTo(sums + 2, wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(a, a, 1, 1)));
  }

  /// The rounded product x of a weight and a reciprocal may give another code than the division only if its |error| is
  /// above this part of the scale: product and quotient lie within three roundings of x, so that a tie between them is
  /// no farther from x than 2.1 u |x| (u = 2^-24), and the error itself is rounded twice, together less than 385 u for
  /// |x| < 128. (float64: less than 2^17 u, for |x| < 2^15.)
  static constexpr float kSureError = 0.5f - 0x1p-15f;

  /// Adding this rounds |x| < 2^22 half to even to an integer, and leaves that integer in the low bits of the sum.
  static constexpr float kRounder = 0x1.8p23f;

  /// The integers in two vectors of x + kRounder (|x| <= 2^15), as int16 from the first lane on.
  static v128_t integers(const v128_t* rounded, v128_t rounder) {
    return wasm_i16x8_narrow_i32x4(wasm_i32x4_sub(rounded[0], rounder), wasm_i32x4_sub(rounded[1], rounder));
  }

  /// Adding this to |x| < 127.5 makes the low bits of the sum x + 1/2 in fixed point, with 15 fraction bits, of which
  /// the last is one too high. Product and quotient differ by less than 0.8 of the last bit, and the sum is rounded by
  /// half a bit, so with a fraction of three or more both are on the same side of the tie.
  static constexpr float kFixer = 0x1.8p8f + 0.5f + 0x1p-15f;

  /// The integers of two vectors of x + kFixer, as int16 from the first lane on.
  static v128_t integersOfFixed(const v128_t* fixed, v128_t fixerOfCodes) {
    return wasm_i16x8_sub(wasm_u16x8_narrow_i32x4(wasm_i32x4_shr(fixed[0], 15), wasm_i32x4_shr(fixed[1], 15)),
                          fixerOfCodes);
  }

  /// The number that kFixer itself adds to them.
  static v128_t fixerOfCodes() { return wasm_i16x8_splat(static_cast<std::int16_t>(0x8780)); }

  /// The smaller of `smallest` and the fractions of two vectors of x + kFixer, in units of their last bit.
  static v128_t smallestFractions(v128_t smallest, const v128_t* fixed) {
    const v128_t mask = opaque(wasm_i32x4_splat(0x7fff));
    return wasm_u32x4_min(smallest, wasm_u32x4_min(wasm_v128_and(fixed[0], mask), wasm_v128_and(fixed[1], mask)));
  }

  /// Stores two vectors of codes, as int16 lanes.
  static void storeCodes(void* to, bool wide, v128_t codes) {
    if (wide)
      wasm_v128_store(to, codes);
    else
      wasm_v128_store64_lane(to, wasm_i8x16_narrow_i16x8(codes, codes), 0);
  }

  /// Loads two vectors of codes as numbers. LLVM 14 would merge the two steps into one conversion from int16, and do
  /// that lane by lane.
  static void loadCodes(const void* from, bool wide, v128_t* codes) {
    const v128_t narrow = wide ? wasm_v128_load(from) : wasm_i16x8_load8x8(from);
    codes[0] = wasm_f32x4_convert_i32x4(opaque(wasm_i32x4_extend_low_i16x8(narrow)));
    codes[1] = wasm_f32x4_convert_i32x4(opaque(wasm_i32x4_extend_high_i16x8(narrow)));
  }
};

}  // namespace channelwise::simd

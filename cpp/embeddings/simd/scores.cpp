#include "../../core/simd/lanes.h"
#include "../kernels.h"

namespace channelwise::embeddings::simd {

namespace {

v128_t twoOf(const std::int32_t* dots) { return wasm_f64x2_convert_low_i32x4(wasm_v128_load64_zero(dots)); }

v128_t twoOf(const float* numbers) { return wasm_f64x2_promote_low_f32x4(wasm_v128_load64_zero(numbers)); }

}  // namespace

// Two values at a time: a search spends a tenth of its time here, since nearly all values are below the limit.
std::size_t firstAbove(double limit, Scoring scoring, const std::int32_t* dots, std::size_t from, std::size_t to) {
  const v128_t factor = wasm_f64x2_splat(scoring.factor);
  const v128_t bias = wasm_f64x2_splat(scoring.bias);
  const v128_t limits = wasm_f64x2_splat(limit);
  for (; from + 2 <= to; from += 2) {
    v128_t values = wasm_f64x2_add(bias, wasm_f64x2_mul(factor, twoOf(dots + from)));
    if (scoring.factors != nullptr) values = wasm_f64x2_mul(values, twoOf(scoring.factors + from));
    if (scoring.offsets != nullptr) values = wasm_f64x2_sub(values, twoOf(scoring.offsets + from));
    if (wasm_v128_any_true(wasm_f64x2_gt(values, limits))) break;
  }
  while (from < to && !(scoring.valueOf(static_cast<double>(dots[from]), from) > limit)) ++from;
  return from;
}

}  // namespace channelwise::embeddings::simd

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "../kernels.h"
#include "lanes.h"
#include "sums.h"

namespace channelwise::simd {

namespace {

/// The number of elements of one step.
constexpr std::size_t kStep = 4;

/// The number of elements whose squares are added in the same lanes before they are added to the total. It limits the
/// roundings that a square passes through to 1024 / 4, and one for each run of a block.
constexpr std::size_t kRun = 1024;

/// Loads the elements of a step as float64, which is exact.
void load(const float* from, v128_t* doubles) {
  const v128_t floats = wasm_v128_load(from);
  doubles[0] = wasm_f64x2_promote_low_f32x4(floats);
  doubles[1] = wasm_f64x2_promote_low_f32x4(wasm_i64x2_shuffle(floats, floats, 1, 1));
}

void load(const double* from, v128_t* doubles) {
  doubles[0] = wasm_v128_load(from);
  doubles[1] = wasm_v128_load(from + 2);
}

using L = Lanes<double>;

struct Sums {
  v128_t error = L::splat(0);
  v128_t weight = L::splat(0);
  v128_t largest = L::splat(0);

  void add(const Sums& other) {
    error = L::add(error, other.error);
    weight = L::add(weight, other.weight);
    largest = L::max(largest, other.largest);
  }

  /// Adds a vector of elements.
  void addElements(v128_t weights, v128_t values) {
    const v128_t errors = L::sub(weights, values);
    error = L::add(error, L::mul(errors, errors));
    weight = L::add(weight, L::mul(weights, weights));
    largest = L::max(largest, L::abs(errors));
  }

  ErrorFigures figures() const {
    const auto sumOf = [](v128_t a) { return wasm_f64x2_extract_lane(a, 0) + wasm_f64x2_extract_lane(a, 1); };
    ErrorFigures figures;
    figures.error.value = sumOf(error);
    figures.weight.value = sumOf(weight);
    figures.largest = std::max(wasm_f64x2_extract_lane(largest, 0), wasm_f64x2_extract_lane(largest, 1));
    // Comparisons of vectors skip NaN.
    if (std::isnan(figures.error.value)) figures.largest = figures.error.value;
    return figures;
  }
};

/// The sums of `count` elements, in whole steps.
template <typename T>
[[gnu::noinline]] Sums sumsOf(const T* weights, const T* values, std::size_t count) {
  Sums sums[2];
  for (std::size_t i = 0; i < count; i += kStep) {
    v128_t weight[2];
    v128_t value[2];
    load(weights + i, weight);
    load(values + i, value);
#pragma GCC unroll 2
    for (std::size_t v = 0; v < 2; ++v) sums[v].addElements(weight[v], value[v]);
  }
  sums[0].add(sums[1]);
  return sums[0];
}

}  // namespace

template <typename T>
void measure(const T* weights, const T* values, std::size_t count, ErrorFigures& figures) {
  Sums all;
  const std::size_t whole = count / kStep * kStep;
  for (std::size_t i = 0; i < whole; i += kRun) all.add(sumsOf(weights + i, values + i, std::min(kRun, whole - i)));
  const ErrorFigures sums = all.figures();
  std::size_t i = whole;
  // Squares of float32 neither underflow nor overflow in float64.
  if (sizeof(T) == sizeof(float) || areSound<T>(sums))
    figures.add(sums);
  else
    i = 0;
  for (; i < count; ++i) {
    if (weights[i] == 0 && values[i] == 0) continue;  // they may be many, and change no figure
    figures.addElement(weights[i], double{weights[i]} - values[i]);
  }
}

template void measure(const float*, const float*, std::size_t, ErrorFigures&);
template void measure(const double*, const double*, std::size_t, ErrorFigures&);

}  // namespace channelwise::simd

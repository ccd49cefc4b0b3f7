#include "../search/search.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "../kernels.h"
#include "lanes.h"

namespace channelwise::simd {

namespace {

/// Weights that are worked on at a time. Their sums of products, two to a lane, are below 2^31.
constexpr std::size_t kChunk = 1024;
/// Integers of a tile: four vectors, for which the loop over the trials has registers.
constexpr std::size_t kIntegers = 32;
/// Short channels are searched four at a time, one in each lane of the sums.
constexpr std::size_t kShort = kChunk / 4;

/// Four numbers rounded half to even to integers.
v128_t rounded(v128_t numbers) {
  const v128_t rounder = opaque(wasm_f32x4_splat(Lanes<float>::kRounder));
  return wasm_i32x4_sub(wasm_f32x4_add(numbers, rounder), rounder);
}

/// The lower half of each lane in both of its halves.
v128_t twice(v128_t lanes) {
  return wasm_v128_or(wasm_v128_and(lanes, wasm_i32x4_splat(0xffff)), wasm_i32x4_shl(lanes, 16));
}

/// What eight trials need, and their sums.
struct EightTrials {
  v128_t first;
  v128_t step;
  v128_t least;
  v128_t most;
  v128_t sums[kSweepSums];

  /// Eight trials of one channel.
  EightTrials(const Search& search, const Trials& trials, const Scheme& scheme)
      : first(wasm_i16x8_splat(static_cast<std::int16_t>(trials.first))),
        step(wasm_i16x8_splat(static_cast<std::int16_t>(trials.step))),
        least(wasm_i16x8_splat(static_cast<std::int16_t>(search.least(scheme)))),
        most(wasm_i16x8_splat(static_cast<std::int16_t>(search.most(scheme)))) {}

  /// Sets the trials of four channels with zero points, which have a lane of 32 bits each, as trialsOf() does.
  void setFour(const Search* searches, const Scheme& scheme) {
    float peaks[4];
    float maxima[4];
    float zeroPoints[4];
    for (int lane = 0; lane < 4; ++lane) {
      peaks[lane] = static_cast<float>(searches[lane].peak);
      maxima[lane] = static_cast<float>(searches[lane].maximum);
      zeroPoints[lane] = static_cast<float>(searches[lane].zeroPoint);
    }
    const auto steps = static_cast<float>(scheme.steps());
    const v128_t codes = wasm_f32x4_div(wasm_f32x4_abs(wasm_v128_load(peaks)), wasm_v128_load(maxima));
    const v128_t unit =
        wasm_f32x4_mul(wasm_f32x4_div(wasm_f32x4_pmin(codes, wasm_f32x4_splat(steps)), wasm_f32x4_splat(steps)),
                       wasm_f32x4_splat(1 << kTrialShift));
    const v128_t zeroPoint = wasm_v128_load(zeroPoints);
    first = twice(rounded(wasm_f32x4_mul(unit, wasm_f32x4_splat(steps - kWideBegin))));
    step = twice(rounded(wasm_f32x4_mul(unit, wasm_f32x4_splat(kWideStep))));
    least = twice(rounded(wasm_f32x4_sub(wasm_f32x4_splat(static_cast<float>(scheme.qmin())), zeroPoint)));
    most = twice(rounded(wasm_f32x4_sub(wasm_f32x4_splat(static_cast<float>(scheme.qmax())), zeroPoint)));
  }
};

/// The sums of some tiles. From trial to trial, codes differ by an addition. It saturates beyond every code.
[[gnu::noinline]] void tryEight(const std::int16_t* integers, std::size_t tiles, EightTrials& trials) {
  const v128_t first = trials.first;
  const v128_t step = trials.step;
  const v128_t least = opaque(trials.least);
  const v128_t most = opaque(trials.most);
  for (v128_t& sum : trials.sums) sum = wasm_i32x4_splat(0);
  for (; tiles > 0; --tiles, integers += kIntegers) {
    v128_t weight[4];
    v128_t codes[4];
    v128_t steps[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      weight[v] = wasm_v128_load(integers + 8 * v);
      steps[v] = wasm_i16x8_q15mulr_sat(weight[v], step);
      codes[v] = wasm_i16x8_add_sat(wasm_i16x8_q15mulr_sat(weight[v], first), wasm_i16x8_splat(1 << (kTrialShift - 1)));
    }
    // Two trials in a round take a fifth less time than one, and all eight more.
    for (v128_t* sums = trials.sums; sums < trials.sums + kSweepSums; sums += 4) {
#pragma GCC unroll 2
      for (int j = 0; j < 4; j += 2) {
        v128_t products = sums[j];
        v128_t squares = sums[j + 1];
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
          const v128_t code = wasm_i16x8_min(wasm_i16x8_max(wasm_i16x8_shr(codes[v], kTrialShift), least), most);
          products = wasm_i32x4_add(products, wasm_i32x4_dot_i16x8(weight[v], code));
          squares = wasm_i32x4_add(squares, wasm_i32x4_dot_i16x8(code, code));
          codes[v] = wasm_i16x8_add_sat(codes[v], steps[v]);
        }
        sums[j] = products;
        sums[j + 1] = squares;
      }
    }
  }
}

/// Weights of a channel, from the one at `at` on, with zeros behind them up to eight: those change no sum.
template <typename To, typename T>
[[gnu::noinline]] const To* copyOf(const T* weights, Extent extent, std::size_t at, std::size_t count, To* copy) {
  const std::size_t gap = std::size_t{extent.channels - 1} * extent.inner;
  std::size_t i = at % extent.inner;
  weights += at + at / extent.inner * gap;
  for (std::size_t k = 0; k < count; ++k) {
    copy[k] = static_cast<To>(*weights++);
    if (++i < extent.inner) continue;
    i = 0;
    weights += gap;
  }
  std::fill(copy + count, copy + (count + 7) / 8 * 8, To{0});
  return copy;
}

/// The same where they lie, if they can be read there.
template <typename To, typename T>
const To* rowOf(const T* weights, Extent extent, std::size_t at, std::size_t count, To* copy) {
  if constexpr (sizeof(To) == sizeof(T))
    if (extent.outer == 1 && count % 8 == 0) return weights + at;
  return copyOf(weights, extent, at, count, copy);
}

/// Eight integers.
v128_t integersOf(const float* weights, v128_t factor, v128_t rounder) {
  const v128_t rounded[2] = {wasm_f32x4_add(wasm_f32x4_mul(wasm_v128_load(weights), factor), rounder),
                             wasm_f32x4_add(wasm_f32x4_mul(wasm_v128_load(weights + 4), factor), rounder)};
  return Lanes<float>::integers(rounded, rounder);
}

/// Adds the sums of eight trials for a row.
[[gnu::noinline]] void addTrials(const float* row, std::size_t count, float factor, EightTrials& trials, double* sums) {
  std::int16_t integers[kChunk];
  const v128_t factors = wasm_f32x4_splat(factor);
  const v128_t rounder = opaque(wasm_f32x4_splat(Lanes<float>::kRounder));
  const std::size_t tiles = (count + kIntegers - 1) / kIntegers;
  for (std::size_t i = 0; i < tiles * kIntegers; i += 8)
    wasm_v128_store(integers + i, i < count ? integersOf(row + i, factors, rounder) : wasm_i16x8_splat(0));
  tryEight(integers, tiles, trials);
  for (int k = 0; k < kSweepSums; ++k) {
    const v128_t sum = trials.sums[k];
    const v128_t pairs = wasm_i64x2_add(wasm_i64x2_extend_low_i32x4(sum), wasm_i64x2_extend_high_i32x4(sum));
    sums[k] += static_cast<double>(wasm_i64x2_extract_lane(pairs, 0) + wasm_i64x2_extract_lane(pairs, 1));
  }
}

/// Squared errors of a row with the scale of a search and with that of the maximum: every fourth weight's in one of
/// four sums, and then these.
template <typename T>
struct Squares {
  T scales[2];
  T least;
  T most;
  T sums[2][4] = {};

  Squares(const Search& search, const Scheme& scheme)
      : scales{static_cast<T>(search.scale), static_cast<T>(search.maximum)},
        least(static_cast<T>(search.least(scheme))),
        most(static_cast<T>(search.most(scheme))) {}

  T total(int s) const { return (sums[s][0] + sums[s][2]) + (sums[s][1] + sums[s][3]); }
};

void addSquares(const float* row, std::size_t count, Squares<float>& squares) {
  using L = Lanes<float>;
  const v128_t least = L::splat(squares.least);
  const v128_t most = L::splat(squares.most);
  const v128_t rounder = opaque(L::splat(L::kRounder));
  const v128_t scales[2] = {L::splat(squares.scales[0]), L::splat(squares.scales[1])};
  v128_t sums[2] = {L::splat(0), L::splat(0)};
  for (std::size_t i = 0; i < count; i += 4) {
    const v128_t weight = wasm_v128_load(row + i);
#pragma GCC unroll 2
    for (int s = 0; s < 2; ++s) {
      const v128_t rounded = L::add(L::max(L::min(L::div(weight, scales[s]), most), least), rounder);
      const v128_t error = L::sub(weight, L::mul(L::sub(rounded, rounder), scales[s]));
      sums[s] = L::add(sums[s], L::mul(error, error));
    }
  }
  wasm_v128_store(squares.sums[0], sums[0]);
  wasm_v128_store(squares.sums[1], sums[1]);
}

void addSquares(const double* row, std::size_t count, Squares<double>& squares) {
  for (std::size_t i = 0; i < 2 * count; ++i) {
    const double weight = row[i / 2];
    const double scale = squares.scales[i % 2];
    const double code = std::clamp(std::nearbyint(weight / scale), squares.least, squares.most);
    const double error = weight - code * scale;
    squares.sums[i % 2][i / 2 % 4] += error * error;
  }
}

/// Adds the errors of a row.
template <typename T>
[[gnu::noinline]] void addErrorsOf(const T* row, std::size_t count, const Search& search, const Scheme& scheme,
                                   double* sums) {
  Squares<T> squares(search, scheme);
  addSquares(row, count, squares);
  addErrors(squares.total(0), squares.total(1), search, scheme, sums);
}

template <typename T>
[[gnu::noinline]] void sweepChannel(const T* weights, Extent extent, const Search& search, int sweep,
                                    const Scheme& scheme, double* sums) {
  const std::size_t count = std::size_t{extent.outer} * extent.inner;
  T copy[kChunk];
  EightTrials trials(search, trialsOf(search, sweep, scheme), scheme);
  for (std::size_t at = 0; at < count; at += kChunk) {
    const std::size_t some = std::min(kChunk, count - at);
    if (sweep == lastSweep(scheme))
      addErrorsOf(rowOf<T>(weights, extent, at, some, copy), some, search, scheme, sums);
    else
      addTrials(rowOf<float>(weights, extent, at, some, reinterpret_cast<float*>(copy)), some,
                integerFactor(search, scheme), trials, sums);
  }
}

/// The best of eight trials of four channels, or what was better before.
[[gnu::noinline]] void takeBest(const v128_t* sums, v128_t* best) {
  const v128_t unit = wasm_f32x4_splat(kUnit);
  v128_t products = best[0];
  v128_t squares = best[1];
  for (int j = 0; j < kTrials; ++j, sums += 2) {
    const v128_t a = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sums[0]), unit);
    const v128_t c = wasm_f32x4_convert_i32x4(sums[1]);
    const v128_t wins = wasm_f32x4_gt(wasm_f32x4_mul(wasm_f32x4_mul(a, a), squares),
                                      wasm_f32x4_mul(wasm_f32x4_mul(products, products), c));
    products = wasm_v128_bitselect(a, products, wins);
    squares = wasm_v128_bitselect(c, squares, wins);
  }
  best[0] = products;
  best[1] = squares;
}

/// Integers of four rows, two of each row in turn. Gives the number of tiles.
std::size_t integersOfFour(const float* const* rows, std::size_t count, const float* factors, std::int16_t* integers) {
  const v128_t rounder = opaque(wasm_f32x4_splat(Lanes<float>::kRounder));
  std::size_t i = 0;
  for (; i < count; i += 8, integers += kIntegers) {
    v128_t eight[4];
#pragma GCC unroll 4
    for (int lane = 0; lane < 4; ++lane)
      eight[lane] = integersOf(rows[lane] + i, wasm_v128_load32_splat(factors + lane), rounder);
#pragma GCC unroll 2
    for (int half = 0; half < 2; ++half) {
      const v128_t ab = half ? wasm_i32x4_shuffle(eight[0], eight[1], 2, 6, 3, 7)
                             : wasm_i32x4_shuffle(eight[0], eight[1], 0, 4, 1, 5);
      const v128_t cd = half ? wasm_i32x4_shuffle(eight[2], eight[3], 2, 6, 3, 7)
                             : wasm_i32x4_shuffle(eight[2], eight[3], 0, 4, 1, 5);
      wasm_v128_store(integers + 16 * half, wasm_i64x2_shuffle(ab, cd, 0, 2));
      wasm_v128_store(integers + 16 * half + 8, wasm_i64x2_shuffle(ab, cd, 1, 3));
    }
  }
  return i / 8;
}

/// Four short channels side by side.
[[gnu::noinline]] void searchFour(const float* weights, Extent extent, Search* searches, const Scheme& scheme) {
  const std::size_t count = std::size_t{extent.outer} * extent.inner;
  float copies[4][kShort];
  std::int16_t integers[kChunk];
  const float* rows[4];
  float factors[4];
  for (int lane = 0; lane < 4; ++lane) {
    rows[lane] = rowOf<float>(weights + lane * extent.inner, extent, 0, count, copies[lane]);
    factors[lane] = searches[lane].peak == 0 ? 0 : integerFactor(searches[lane], scheme);
  }
  const std::size_t tiles = integersOfFour(rows, count, factors, integers);
  v128_t best[2] = {wasm_f32x4_splat(0), wasm_f32x4_splat(1)};
  EightTrials trials(searches[0], trialsOf(searches[0], 0, scheme), scheme);
  if (scheme.zeroPoints) trials.setFour(searches, scheme);
  tryEight(integers, tiles, trials);
  takeBest(trials.sums, best);
  if (!scheme.zeroPoints) {
    // These are the trials of trialsOf().
    const v128_t trial = wasm_f32x4_pmin(wasm_f32x4_mul(wasm_f32x4_div(best[1], best[0]), wasm_f32x4_splat(kTrialUnit)),
                                         wasm_f32x4_splat(kMostTrial));
    trials.first = twice(wasm_i32x4_add(rounded(trial), wasm_i32x4_splat(kOtherBegin)));
    trials.step = wasm_i16x8_splat(kOtherStep);
    tryEight(integers, tiles, trials);
    takeBest(trials.sums, best);
  }
  float ofLanes[2][4];
  wasm_v128_store(ofLanes[0], best[0]);
  wasm_v128_store(ofLanes[1], best[1]);
  for (int lane = 0; lane < 4; ++lane) {
    Search& search = searches[lane];
    if (search.peak == 0) continue;
    takeTrial(search, ofLanes[0][lane], ofLanes[1][lane], scheme, Dtype::kFloat32);
    double sums[2] = {};
    addErrorsOf(rows[lane], count, search, scheme, sums);
    judge(search, lastSweep(scheme), sums, scheme, Dtype::kFloat32);
  }
}

}  // namespace

template <typename T>
void sweep(const T* weights, Extent extent, const Search* searches, int sweep, const Scheme& scheme, double* sums) {
  for (std::size_t c = 0; c < extent.channels; ++c)
    if (searches[c].peak != 0)
      sweepChannel(weights + c * extent.inner, extent, searches[c], sweep, scheme, sums + c * kSweepSums);
}

template <typename T>
void search(const T* weights, Extent extent, Search* searches, const Scheme& scheme) {
  std::size_t c = 0;
  if constexpr (sizeof(T) == sizeof(float)) {
    if (std::size_t{extent.outer} * extent.inner <= kShort)
      for (; c + 4 <= extent.channels; c += 4) searchFour(weights + c * extent.inner, extent, searches + c, scheme);
  }
  for (; c < extent.channels; ++c)
    for (int sweep = 0; sweep <= lastSweep(scheme) && searches[c].peak != 0; ++sweep) {
      double sums[kSweepSums] = {};
      sweepChannel(weights + c * extent.inner, extent, searches[c], sweep, scheme, sums);
      judge(searches[c], sweep, sums, scheme, kDtype<T>);
    }
}

template void sweep(const float*, Extent, const Search*, int, const Scheme&, double*);
template void sweep(const double*, Extent, const Search*, int, const Scheme&, double*);
template void search(const float*, Extent, Search*, const Scheme&);
template void search(const double*, Extent, Search*, const Scheme&);

}  // namespace channelwise::simd

// Scales by search: the SIMD kernels against the scalar oracle, and both against what a search promises.

#include "core/search/search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "core/kernels.h"
#include "core/rule.h"
#include "guarded.h"

namespace channelwise {

namespace {

template <typename>
class SearchOf : public testing::Test {};
using Floats = testing::Types<float, double>;
TYPED_TEST_SUITE(SearchOf, Floats);

constexpr ScaleRule kRules[] = {ScaleRule::kSearch, ScaleRule::kPositiveSearch};

/// A search of one of three kinds: with scales of either sign, with positive ones, with zero points.
Scheme schemeOf(int bits, Dtype scaleType, unsigned kind) { return {bits, scaleType, kRules[kind % 2], kind % 3 == 2}; }

/// Channels of every length around a tile, around where they are short, and around a chunk, in rows and columns.
std::vector<Extent> extents() {
  std::vector<Extent> all;
  for (std::uint32_t n = 1; n <= 34; ++n) all.push_back({1, 5, n});
  for (std::uint32_t n : {1u, 2u, 3u, 4u, 7u, 8u, 9u}) all.push_back({1, n, 32});
  for (std::uint32_t n : {63u, 64u, 127u, 128u, 255u, 256u, 257u, 1023u, 1024u, 1025u, 2500u}) all.push_back({1, 5, n});
  for (std::uint32_t n : {1u, 3u, 33u, 256u, 257u, 1500u}) all.push_back({n, 6, 1});
  all.push_back({3, 7, 5});
  all.push_back({31, 4, 9});
  all.push_back({5, 3, 700});
  return all;
}

template <typename T>
T anyBits(std::mt19937_64& random) {
  for (;;) {
    const std::uint64_t bits = random();
    T value;
    std::memcpy(&value, &bits, sizeof value);
    if (std::isfinite(value)) return value;
  }
}

/// Weights of a kind: alike, all of a few values, of any magnitude, in steps, tiny ones and the largest ones, zeros.
template <typename T>
std::vector<T> weightsOf(std::size_t count, int kind, std::mt19937_64& random) {
  std::normal_distribution<T> normal;
  std::vector<T> weights(count);
  for (T& weight : weights) {
    const T x = normal(random);
    switch (kind) {
      case 0:
        weight = x;
        break;
      case 1:
        weight = std::round(x * 2);
        break;
      case 2:
        weight = anyBits<T>(random);
        break;
      case 3:
        weight = x * x * x * T(0x1p-39f);
        break;
      case 4:
        weight = random() % 9 == 0 ? x : 0;
        break;
      case 5:
        weight = x < 0 ? T{-3} : T{3};
        break;
      case 6:
        weight = std::abs(x) < 1 ? x * std::numeric_limits<T>::max() : 1;
        break;
      case 7:
        weight = std::round(x * 40) * std::numeric_limits<T>::denorm_min();
        break;
      default:
        weight = T{0.25};
    }
  }
  return weights;
}
constexpr int kKinds = 9;

template <typename T>
std::vector<Search> searchesOf(const T* weights, Extent extent, const Scheme& scheme) {
  std::vector<Range<T>> ranges(extent.channels, Range<T>{0, 0});
  scalar::ranges(weights, extent, ranges.data());
  std::vector<Search> searches;
  for (const Range<T>& range : ranges) {
    const T scale = scaleOf(range, scheme);
    const T zeroPoint = scheme.zeroPoints ? zeroPointOf(range, scale, scheme) : T{0};
    searches.push_back(searchOf(range.signedLargest(), scale, zeroPoint));
  }
  return searches;
}

bool areSame(const std::vector<Search>& a, const std::vector<Search>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(Search)) == 0;
}

/// The sum of squared errors of a channel, in long double.
template <typename T>
long double errorOf(const T* weights, Extent extent, std::size_t channel, T scale, const Search& search,
                    const Scheme& scheme) {
  long double sum = 0;
  for (std::size_t o = 0; o < extent.outer; ++o)
    for (std::size_t i = 0; i < extent.inner; ++i) {
      const T weight = weights[(o * extent.channels + channel) * extent.inner + i];
      const T code = std::clamp<T>(std::nearbyint(weight / scale), search.least(scheme), search.most(scheme));
      const long double error = static_cast<T>(weight - code * scale);
      sum += error * error;
    }
  return sum;
}

TYPED_TEST(SearchOf, EqualsTheOracleAndIsNeverWorseThanTheMaximum) {
  using T = TypeParam;
  std::mt19937_64 random(7);
  int searched = 0;
  int better = 0;
  for (const Extent& extent : extents())
    for (int kind = 0; kind < kKinds; ++kind) {
      const int bits = 2 + static_cast<int>(random() % 7);
      const Dtype types[] = {Dtype::kFloat64, Dtype::kFloat16, Dtype::kBfloat16, Dtype::kFloat32};
      const Scheme scheme = schemeOf(bits, types[random() % 4], static_cast<unsigned>(random() % 6));
      Guarded<T> weights(extent.size(), random() % 4 * sizeof(T));
      weights.fill(weightsOf<T>(extent.size(), kind, random));
      std::vector<Search> expected = searchesOf(weights.data(), extent, scheme);
      std::vector<Search> actual = expected;
      std::vector<Search> swept = expected;
      const std::vector<Search> before = expected;
      scalar::search(weights.data(), extent, expected.data(), scheme);
      simd::search(weights.data(), extent, actual.data(), scheme);
      const auto name = [&] {
        return testing::Message() << bits << " bits, zero points " << scheme.zeroPoints << ", " << extent.outer << " x "
                                  << extent.channels << " x " << extent.inner << ", kind " << kind;
      };
      ASSERT_TRUE(areSame(expected, actual)) << name();
      for (int sweep = 0; sweep <= lastSweep(scheme); ++sweep) {
        std::vector<double> sums(extent.channels * kSweepSums);
        std::vector<double> sumsOfOracle(sums.size());
        simd::sweep(weights.data(), extent, swept.data(), sweep, scheme, sums.data());
        scalar::sweep(weights.data(), extent, swept.data(), sweep, scheme, sumsOfOracle.data());
        ASSERT_EQ(sums, sumsOfOracle) << name() << ", sweep " << sweep;
        for (std::size_t c = 0; c < extent.channels; ++c)
          if (swept[c].peak != 0) judge(swept[c], sweep, sums.data() + c * kSweepSums, scheme, kDtype<T>);
      }
      ASSERT_TRUE(areSame(expected, swept)) << name();
      ASSERT_TRUE(weights.guardsIntact());
      for (std::size_t c = 0; c < extent.channels; ++c) {
        if (before[c].peak == 0) {
          ASSERT_EQ(actual[c].scale, before[c].maximum);
          continue;
        }
        ASSERT_TRUE(std::isfinite(actual[c].scale) && actual[c].scale != 0) << name();
        if (scheme.positive()) {
          ASSERT_GT(actual[c].scale, 0) << name();
        }
        const auto errorWith = [&](double scale) {
          return errorOf(weights.data(), extent, c, static_cast<T>(scale), actual[c], scheme);
        };
        const long double error = errorWith(actual[c].scale);
        const long double ofMaximum = errorWith(before[c].maximum);
        ASSERT_LE(error, ofMaximum) << name() << ", channel " << c;
        ++searched;
        better += error < ofMaximum;
      }
    }
  EXPECT_GT(better, searched / 2);
}

/// The least sum of squared errors of all scales, of either sign, or of all positive ones with all zero points. As the
/// inverse of a scale grows, code k of a weight
/// becomes k + 1 at (k + 1/2) / |weight|; between two such places the codes stay, and the best scale for them is a / c
/// with a = sum of weight * code and c = sum of code^2. All of these are visited in order (Idelbayev et al., "Optimal
/// quantization using scaled codebook", CVPR 2021).
double leastErrorOf(const float* weights, std::size_t count, const Scheme& scheme) {
  double energy = 0;
  for (std::size_t i = 0; i < count; ++i) energy += static_cast<double>(weights[i]) * weights[i];
  double best = 0;
  for (int kind = 0; kind < (scheme.zeroPoints ? scheme.steps() + 1 : 2); ++kind) {
    const int sign = !scheme.zeroPoints && kind == 1 ? -1 : 1;
    const int below = scheme.zeroPoints ? kind : -scheme.qmin();
    struct Change {
      double place;
      double magnitude;
      int code;
    };
    std::vector<Change> changes;
    for (std::size_t i = 0; i < count; ++i) {
      const double weight = sign * static_cast<double>(weights[i]);
      const int most = weight > 0 ? scheme.steps() - below : below;
      for (int code = 0; code < most && weight != 0; ++code)
        changes.push_back({(code + 0.5) / std::fabs(weight), std::fabs(weight), code});
    }
    std::sort(changes.begin(), changes.end(), [](const Change& a, const Change& b) { return a.place < b.place; });
    double a = 0;
    double c = 0;
    for (const Change& change : changes) {
      a += change.magnitude;
      c += 2 * change.code + 1;
      best = std::max(best, a * a / c);
    }
  }
  return energy - best;
}

struct Bound {
  int bits;
  std::uint32_t count;
  double decibels;
  bool zeroPoints = false;
};

TEST(Search, IsCloseToTheExactOptimum) {
  for (const Bound& bound : {Bound{4, 32, 0.03}, Bound{3, 32, 0.03}, Bound{2, 32, 0.08}, Bound{4, 512, 0.04},
                             Bound{3, 512, 0.06}, Bound{2, 512, 0.15}, Bound{4, 32, 0.05, true},
                             Bound{3, 32, 0.05, true}, Bound{2, 32, 0.1, true}, Bound{4, 512, 0.05, true}}) {
    const Extent extent{1, 64, bound.count};
    const Scheme scheme{bound.bits, Dtype::kFloat32, ScaleRule::kSearch, bound.zeroPoints};
    std::mt19937_64 random(bound.bits);
    long double searched = 0;
    long double least = 0;
    for (int kind = 0; kind < 2; ++kind) {
      std::vector<float> weights = weightsOf<float>(extent.size(), 0, random);
      // The second ones have longer tails.
      if (kind == 1)
        for (float& weight : weights) weight *= std::fabs(weight);
      std::vector<Search> searches = searchesOf(weights.data(), extent, scheme);
      simd::search(weights.data(), extent, searches.data(), scheme);
      for (std::size_t c = 0; c < extent.channels; ++c) {
        const double exact = leastErrorOf(weights.data() + c * bound.count, bound.count, scheme);
        const auto found =
            errorOf(weights.data(), extent, c, static_cast<float>(searches[c].scale), searches[c], scheme);
        ASSERT_GE(found, exact * (1 - 1e-5)) << "no scale is better than the best";
        least += exact;
        searched += found;
      }
    }
    EXPECT_LE(10 * std::log10(static_cast<double>(searched / least)), bound.decibels)
        << bound.bits << " bits, " << bound.count << " weights" << (bound.zeroPoints ? ", zero points" : "");
  }
}

}  // namespace

}  // namespace channelwise

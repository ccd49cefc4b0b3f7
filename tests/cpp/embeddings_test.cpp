// The SIMD kernels of channelwise/embeddings are compared with the scalar oracle, in arrays at every offset from a
// vector's alignment, guarded on both sides. The heap of hits is compared with sorting.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "embeddings/kernels.h"
#include "embeddings/rows.h"
#include "embeddings/search.h"
#include "guarded.h"

namespace channelwise::embeddings {

namespace {

std::mt19937 random_(1);

std::vector<std::size_t> sizes() {
  std::vector<std::size_t> all;
  for (std::size_t n = 0; n <= 35; ++n) all.push_back(n);
  for (std::size_t n : {100u, 383u, 384u, 1000u}) all.push_back(n);
  return all;
}

std::vector<float> normals(std::size_t size, float spread = 1) {
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> all(size);
  for (float& x : all) x = normal(random_);
  return all;
}

/// Finite numbers of any magnitude.
std::vector<float> patterns(std::size_t size) {
  std::vector<float> all(size);
  for (float& x : all) {
    do {
      const std::uint32_t bits = random_();
      std::memcpy(&x, &bits, sizeof x);
    } while (!std::isfinite(x));
  }
  return all;
}

template <typename E>
std::vector<E> randomBytes(std::size_t size) {
  std::vector<E> all(size);
  for (E& byte : all) byte = static_cast<E>(random_());
  return all;
}

/// Runs both versions of a kernel on `size` numbers at each offset. They must write the same.
template <typename Out, typename Run>
void expectSame(const std::vector<float>& x, std::size_t outs, Run run) {
  for (std::size_t misalignment : {0u, 4u, 12u}) {
    Guarded<float> input(x.size(), misalignment);
    input.fill(x);
    Guarded<Out> simdOut(outs, misalignment / 4);
    Guarded<Out> scalarOut(outs, 0);
    run(input.data(), simdOut.data(), scalarOut.data());
    ASSERT_EQ(simdOut.values(), scalarOut.values()) << x.size() << " numbers, offset " << misalignment;
    ASSERT_TRUE(simdOut.guardsIntact());
  }
}

TEST(Encode, LargestIsThatOfTheOracle) {
  for (std::size_t size : sizes()) {
    std::vector<float> x = patterns(size);
    ASSERT_EQ(simd::largest(x.data(), size), scalar::largest(x.data(), size));
    if (size == 0) continue;
    x[size - 1] = std::numeric_limits<float>::infinity();
    ASSERT_EQ(simd::largest(x.data(), size), x[size - 1]);
    x[size / 2] = -std::numeric_limits<float>::quiet_NaN();
    ASSERT_TRUE(std::isnan(simd::largest(x.data(), size)));
    ASSERT_TRUE(std::isnan(scalar::largest(x.data(), size)));
  }
}

TEST(Encode, ScaledCodesAreThoseOfTheOracle) {
  for (std::size_t size : {0u, 8u, 16u, 24u, 104u, 384u, 1000u}) {
    for (const auto& x : {normals(size), patterns(size)}) {
      for (int qmax : {7, 127}) {
        for (float scale : {scaleOf(scalar::largest(x.data(), size), qmax), 1.0f / 127, 1e-40f}) {
          const std::vector<float> starts(size, 0);
          const std::vector<float> steps(size, scale);
          const Levels levels{-qmax, qmax, 0, Rounding::kHalfEven};
          expectSame<std::int8_t>(x, size, [&](const float* in, std::int8_t* a, std::int8_t* b) {
            simd::encode(in, size, {starts.data(), steps.data()}, levels, a);
            scalar::encode(in, size, {starts.data(), steps.data()}, levels, b);
          });
        }
      }
    }
  }
}

TEST(Encode, CodesOfRangesAreThoseOfTheOracle) {
  for (std::size_t size : {0u, 8u, 16u, 24u, 104u, 384u, 1000u}) {
    std::vector<float> starts = normals(size, 0.1f);
    std::vector<float> steps = normals(size, 0.01f);
    for (float& step : steps) step = std::fabs(step) + 1e-3f;
    for (const Levels& levels : {Levels{0, 255, 0, Rounding::kHalfEven}, Levels{0, 255, 128, Rounding::kFloor},
                                 Levels{0, 15, 8, Rounding::kHalfEven}, Levels{0, 255, 128, Rounding::kHalfEven}}) {
      std::vector<float> onEdges(size);
      for (std::size_t i = 0; i < size; ++i) onEdges[i] = starts[i] + steps[i] * (random_() % 600 * 0.5f - 20);
      for (const auto& x : {normals(size), onEdges, patterns(size)}) {
        expectSame<std::int8_t>(x, size, [&](const float* in, std::int8_t* a, std::int8_t* b) {
          simd::encode(in, size, {starts.data(), steps.data()}, levels, a);
          scalar::encode(in, size, {starts.data(), steps.data()}, levels, b);
        });
      }
    }
  }
}

TEST(Encode, LinesAreThoseOfTheOracle) {
  for (int n = 0; n < 3000; ++n) {
    std::vector<float> x = n % 3 == 0 ? patterns(kGroup) : normals(kGroup);
    if (n % 5 == 1) std::fill(x.begin() + n % 16, x.end(), 0.25f);
    if (n % 7 == 1)
      for (float& number : x) number = 1 + number * 1e-7f;
    if (n % 7 == 2)
      for (float& number : x) number *= 1e-42f;
    const float largest = n % 7 == 2 ? 1 : std::max(1e-30f, scalar::largest(x.data(), kGroup));
    for (float& number : x) number /= largest;
    const Line a = simd::lineOf(x.data(), kGroup);
    const Line b = scalar::lineOf(x.data(), kGroup);
    ASSERT_EQ(a.centre, b.centre) << n;
    ASSERT_EQ(a.step, b.step) << n;
    ASSERT_TRUE(std::isfinite(a.centre) && a.step >= 0) << n;
  }
}

TEST(Encode, SignsAreThoseOfTheOracle) {
  for (std::size_t size : {0u, 8u, 16u, 24u, 104u, 384u, 1000u}) {
    std::vector<float> x = normals(size);
    if (size > 2) x[1] = -0.0f, x[2] = 0;
    expectSame<std::uint8_t>(x, size / 8, [&](const float* in, std::uint8_t* a, std::uint8_t* b) {
      simd::packSigns(in, size, a);
      scalar::packSigns(in, size, b);
    });
  }
}

/// The numbers of a query, as large as `sum` allows.
std::vector<std::int16_t> query(std::size_t size, double sum) {
  const int most = static_cast<int>(std::min(32767.0, std::floor(sum / static_cast<double>(size))));
  std::vector<std::int16_t> all(size);
  for (std::int16_t& x : all) x = static_cast<std::int16_t>(random_() % (2 * most + 1) - most);
  // All extremes together.
  if (random_() % 2 == 0) std::fill(all.begin(), all.end(), static_cast<std::int16_t>(most));
  return all;
}

constexpr std::size_t kStrides[] = {16, 32, 48, 96, 384, 4096};
constexpr std::size_t kCounts[] = {0, kRows, 2 * kRows, 7 * kRows};

/// Runs both versions over rows at an odd address.
template <typename Row, typename Run>
void expectSameDots(std::size_t stride, std::size_t count, bool extremes, Run run) {
  Guarded<Row> rows(stride * count, 3);
  rows.fill(extremes ? std::vector<Row>(stride * count, static_cast<Row>(0x88)) : randomBytes<Row>(stride * count));
  Guarded<std::int32_t> simdDots(count, 8);
  Guarded<std::int32_t> scalarDots(count, 0);
  run(rows.data(), simdDots.data(), scalarDots.data());
  ASSERT_EQ(simdDots.values(), scalarDots.values()) << count << " rows of " << stride << " bytes";
  ASSERT_TRUE(simdDots.guardsIntact());
}

TEST(Dots, OfBytesAreThoseOfTheOracle) {
  for (std::size_t stride : kStrides)
    for (std::size_t count : kCounts)
      for (bool extremes : {false, true}) {
        const auto q = query(stride, 0x7fffffff / 128);
        expectSameDots<std::int8_t>(stride, count, extremes,
                                    [&](const std::int8_t* rows, std::int32_t* a, std::int32_t* b) {
                                      simd::dots(q.data(), rows, stride, count, a);
                                      scalar::dots(q.data(), rows, stride, count, b);
                                    });
      }
}

TEST(Dots, OfNibblesAreThoseOfTheOracle) {
  for (std::size_t stride : kStrides)
    for (std::size_t count : kCounts)
      for (bool extremes : {false, true}) {
        const auto q = query(2 * stride, 0x7fffffff / 8);
        expectSameDots<std::uint8_t>(stride, count, extremes,
                                     [&](const std::uint8_t* rows, std::int32_t* a, std::int32_t* b) {
                                       simd::dotsOfNibbles(q.data(), rows, stride, count, a);
                                       scalar::dotsOfNibbles(q.data(), rows, stride, count, b);
                                     });
      }
}

TEST(Dots, OfGroupsAreThoseOfTheOracle) {
  for (std::size_t stride : {32, 48, 64, 80, 112, 128, 144, 160, 240, 2560})
    for (std::size_t count : kCounts)
      for (bool extremes : {false, true}) {
        const std::size_t size = 2 * nibblesOfGroups(stride);
        auto q = query(size, std::min(2047.0 * static_cast<double>(size), 0x7fffffff / 2048.0));
        // The sums of the groups, of which the numbers lie in the order of nibbles.
        for (std::size_t at = 0; at < size; at += 2 * kGroup)
          for (std::size_t half : {0, 4}) {
            int sum = 0;
            for (std::size_t i = 0; i < kGroup; ++i) sum += q[at + half + i / 4 * 8 + i % 4];
            q.push_back(static_cast<std::int16_t>(sum));
          }
        q.resize(size + (stride - size / 2) / 2);
        // Factors are positive.
        Guarded<std::uint8_t> rows(stride * count, 3);
        auto bytes =
            extremes ? std::vector<std::uint8_t>(stride * count, 0x88) : randomBytes<std::uint8_t>(stride * count);
        for (std::size_t r = 0; r < count; ++r)
          for (std::size_t at = r * stride + size / 2; at < (r + 1) * stride; at += kRowBytes)
            for (std::size_t g = 0; g < kFactors; ++g) {
              bytes[at + g] = extremes ? 127 : bytes[at + g] & 127;
              if (extremes) bytes[at + kFactors + g] = 0x81;
            }
        rows.fill(bytes);
        Guarded<std::int32_t> simdDots(count, 8);
        Guarded<std::int32_t> scalarDots(count, 0);
        simd::dotsOfGroups(q.data(), rows.data(), stride, count, simdDots.data());
        scalar::dotsOfGroups(q.data(), rows.data(), stride, count, scalarDots.data());
        ASSERT_EQ(simdDots.values(), scalarDots.values()) << count << " rows of " << stride << " bytes";
        ASSERT_TRUE(simdDots.guardsIntact());
      }
}

TEST(Dots, OfBitsAreThoseOfTheOracle) {
  for (std::size_t stride : kStrides)
    for (std::size_t count : kCounts) {
      const auto q = randomBytes<std::uint8_t>(stride);
      expectSameDots<std::uint8_t>(stride, count, false,
                                   [&](const std::uint8_t* rows, std::int32_t* a, std::int32_t* b) {
                                     const int dimensions = static_cast<int>(8 * stride) - 3;
                                     simd::dotsOfBits(q.data(), rows, stride, count, dimensions, a);
                                     scalar::dotsOfBits(q.data(), rows, stride, count, dimensions, b);
                                   });
    }
}

TEST(Scores, TheFirstAboveIsThatOfTheOracle) {
  std::vector<std::int32_t> dots(37);
  for (std::int32_t& dot : dots) dot = static_cast<std::int32_t>(random_() % 200) - 100;
  const std::vector<float> factors = normals(dots.size());
  const std::vector<float> offsets = normals(dots.size());
  for (bool hasFactors : {false, true})
    for (bool hasOffsets : {false, true})
      for (double limit : {-0.5, 4.0, 1e9}) {
        const Scoring scoring{0.03, 0.25, hasFactors ? factors.data() : nullptr, hasOffsets ? offsets.data() : nullptr};
        for (std::size_t to = 0; to <= dots.size(); ++to)
          for (std::size_t from = 0; from <= to; ++from)
            ASSERT_EQ(simd::firstAbove(limit, scoring, dots.data(), from, to),
                      scalar::firstAbove(limit, scoring, dots.data(), from, to));
      }
  // A value that is the limit is not above it.
  const std::vector<std::int32_t> same(8, 3);
  EXPECT_EQ(simd::firstAbove(3, {1, 0, nullptr, nullptr}, same.data(), 0, 8), 8u);
}

/// The best of all, by sorting.
std::vector<std::uint32_t> bestBySorting(const std::vector<std::int32_t>& dots, std::size_t room, std::uint32_t first) {
  std::vector<std::uint32_t> order(dots.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return dots[a] > dots[b]; });
  order.resize(std::min(order.size(), room));
  for (std::uint32_t& place : order) place += first;
  return order;
}

TEST(Search, KeepsTheBestInOrderWithTiesByPlace) {
  for (std::size_t size : {0u, 1u, 2u, 7u, 100u, 1000u})
    for (std::uint32_t room : {1u, 2u, 3u, 10u, 100u, 1000u, 2000u})
      for (bool hasFactors : {false, true}) {
        std::vector<std::int32_t> dots(size);
        for (std::int32_t& dot : dots) dot = static_cast<std::int32_t>(random_() % 50) - 25;
        const std::vector<float> ones(size, 1);
        std::vector<Hit> hits(room);
        Query query{2, -3, {hits.data(), room, 0}};
        const Candidates candidates{hasFactors ? ones.data() : nullptr, nullptr, nullptr};
        offerAll(query, dots.data(), candidates, 0, size / 2, 7);
        offerAll(query, dots.data() + size / 2, candidates, size / 2, size, 7);
        query.top.sort();
        std::vector<std::uint32_t> places;
        for (std::uint32_t i = 0; i < query.top.count; ++i) {
          places.push_back(hits[i].place);
          ASSERT_EQ(hits[i].value, -3 + 2.0 * dots[hits[i].place - 7]);
        }
        ASSERT_EQ(places, bestBySorting(dots, room, 7)) << size << " for " << room;
      }
}

}  // namespace

}  // namespace channelwise::embeddings

#include "../search/search.h"

#include <algorithm>
#include <cmath>

#include "../kernels.h"

namespace channelwise::scalar {

namespace {

/// Calls visit(weight, place) for the weights of a channel, which are counted from 0.
template <typename T, typename Visit>
void forEach(const T* weights, Extent extent, std::size_t channel, Visit visit) {
  std::size_t place = 0;
  for (std::size_t o = 0; o < extent.outer; ++o)
    for (std::size_t i = 0; i < extent.inner; ++i)
      visit(weights[(o * extent.channels + channel) * extent.inner + i], place++);
}

int shifted(int product, int bits) { return (product + (1 << (bits - 1))) >> bits; }

template <typename T>
void addTrials(const T* weights, Extent extent, std::size_t channel, const Search& search, int sweep,
               const Scheme& scheme, double* sums) {
  const auto [first, step] = trialsOf(search, sweep, scheme);
  const float factor = integerFactor(search, scheme);
  forEach(weights, extent, channel, [&, first = first, step = step](T weight, std::size_t) {
    const int integer = static_cast<int>(std::nearbyint(static_cast<float>(weight) * factor));
    for (int j = 0; j < kTrials; ++j) {
      const int codes = shifted(integer * first, 15) + j * shifted(integer * step, 15);
      const int code = std::clamp(shifted(codes, kTrialShift), search.least(scheme), search.most(scheme));
      sums[2 * j] += integer * code;
      sums[2 * j + 1] += code * code;
    }
  });
}

/// Squared errors of 1024 weights: four sums, of every fourth weight, and then of these.
template <typename T>
struct Squares {
  T sums[4] = {};

  void add(T weight, std::size_t place, T scale, const Search& search, const Scheme& scheme) {
    const T rounded = std::nearbyint(weight / scale);
    const T code = std::clamp(rounded, static_cast<T>(search.least(scheme)), static_cast<T>(search.most(scheme)));
    const T error = weight - code * scale;
    sums[place % 4] += error * error;
  }

  T total() const { return (sums[0] + sums[2]) + (sums[1] + sums[3]); }
};

template <typename T>
void addAllErrors(const T* weights, Extent extent, std::size_t channel, const Search& search, const Scheme& scheme,
                  double* sums) {
  const std::size_t count = std::size_t{extent.outer} * extent.inner;
  Squares<T> ofSearch;
  Squares<T> ofMaximum;
  forEach(weights, extent, channel, [&](T weight, std::size_t place) {
    ofSearch.add(weight, place, static_cast<T>(search.scale), search, scheme);
    ofMaximum.add(weight, place, static_cast<T>(search.maximum), search, scheme);
    if ((place + 1) % 1024 != 0 && place + 1 != count) return;
    addErrors(ofSearch.total(), ofMaximum.total(), search, scheme, sums);
    ofSearch = ofMaximum = {};
  });
}

template <typename T>
void sweepChannel(const T* weights, Extent extent, std::size_t channel, const Search& search, int sweep,
                  const Scheme& scheme, double* sums) {
  if (sweep < lastSweep(scheme)) {
    addTrials(weights, extent, channel, search, sweep, scheme, sums);
  } else {
    addAllErrors(weights, extent, channel, search, scheme, sums);
  }
}

}  // namespace

template <typename T>
void sweep(const T* weights, Extent extent, const Search* searches, int sweep, const Scheme& scheme, double* sums) {
  for (std::size_t c = 0; c < extent.channels; ++c)
    if (searches[c].peak != 0) sweepChannel(weights, extent, c, searches[c], sweep, scheme, sums + c * kSweepSums);
}

template <typename T>
void search(const T* weights, Extent extent, Search* searches, const Scheme& scheme) {
  for (std::size_t c = 0; c < extent.channels; ++c)
    for (int sweep = 0; sweep <= lastSweep(scheme) && searches[c].peak != 0; ++sweep) {
      double sums[kSweepSums] = {};
      sweepChannel(weights, extent, c, searches[c], sweep, scheme, sums);
      judge(searches[c], sweep, sums, scheme, kDtype<T>);
    }
}

template void sweep(const float*, Extent, const Search*, int, const Scheme&, double*);
template void sweep(const double*, Extent, const Search*, int, const Scheme&, double*);
template void search(const float*, Extent, Search*, const Scheme&);
template void search(const double*, Extent, Search*, const Scheme&);

}  // namespace channelwise::scalar

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "top_k.h"

namespace channelwise::embeddings {

/// A query, and what was found for it.
struct Query {
  double factor;
  double bias;
  TopK top;
};

/// Some of the vectors of an index, as the scores see them. `factors` and `offsets` have a number for each; they are
/// null where all are 1, or 0. `allowed` has a bit for each, the first one low; null allows all.
struct Candidates {
  const float* factors;
  const float* offsets;
  const std::uint8_t* allowed;

  bool allows(std::size_t i) const { return allowed == nullptr || (allowed[i / 8] >> i % 8 & 1) != 0; }
};

/// Offers vectors `from` to `to` with their dots, the first of which is that of `from`. The place of vector 0 is
/// `first`.
///
///     value = (bias + factor * dot) * factors[i] - offsets[i]    in float64, in this order
template <typename Dot>
void offerAll(Query& query, const Dot* dots, Candidates candidates, std::size_t from, std::size_t to,
              std::uint32_t first) {
  const bool isPlain = candidates.factors == nullptr && candidates.offsets == nullptr;
  for (std::size_t i = from; i < to; ++i) {
    const Dot dot = dots[i - from];
    if constexpr (sizeof(Dot) == sizeof(std::int32_t)) {
      // The value does not fall where the dot rises, so that no float is needed to pass most of them by.
      if (isPlain && query.top.isFull() && dot <= query.top.worst().dot) continue;
    }
    double value = query.bias + query.factor * static_cast<double>(dot);
    if (candidates.factors != nullptr) value *= static_cast<double>(candidates.factors[i]);
    if (candidates.offsets != nullptr) value -= static_cast<double>(candidates.offsets[i]);
    if (query.top.isFull() && !(value > query.top.worst().value)) continue;
    if (!candidates.allows(i)) continue;
    const std::int32_t kept = sizeof(Dot) == sizeof(std::int32_t) ? static_cast<std::int32_t>(dot) : 0;
    query.top.offer({value, first + static_cast<std::uint32_t>(i), kept});
  }
}

}  // namespace channelwise::embeddings

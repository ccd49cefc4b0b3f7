#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels.h"
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
inline void offerAll(Query& query, const std::int32_t* dots, Candidates candidates, std::size_t from, std::size_t to,
                     std::uint32_t first) {
  const auto startingAt = [from](const float* all) { return all == nullptr ? nullptr : all + from; };
  const Scoring scoring{query.factor, query.bias, startingAt(candidates.factors), startingAt(candidates.offsets)};
  TopK& top = query.top;
  for (std::size_t i = 0; i < to - from; ++i) {
    if (top.isFull()) i = simd::firstAbove(top.worst().value, scoring, dots, i, to - from);
    if (i == to - from) return;
    if (!candidates.allows(from + i)) continue;
    top.offer({scoring.valueOf(dots[i], i), first + static_cast<std::uint32_t>(from + i)});
  }
}

}  // namespace channelwise::embeddings

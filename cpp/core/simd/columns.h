#pragma once

#include <algorithm>
#include <cstddef>

#include "../extent.h"

namespace channelwise::simd {

/// Extents with a short inner part are worked on as columns: a row of channels * inner elements, each
/// with the scale of its channel, `outer` rows below each other. Columns are taken in chunks whose per-column state
/// fits the stack and the L1 cache.
constexpr std::size_t kChunk = 256;

inline bool inColumns(Extent extent) { return extent.inner < 16; }

/// Some whole channels of an extent, as columns.
struct ColumnChunk {
  std::size_t firstChannel;
  std::size_t channels;
  std::size_t offset;  ///< of the chunk's first element in every row
  std::size_t width;   ///< columns: channels * inner, at most kChunk
};

template <typename Visit>
void forEachColumnChunk(Extent extent, Visit visit) {
  if (extent.inner == 0) return;
  const std::size_t perChunk = kChunk / extent.inner;
  for (std::size_t c = 0; c < extent.channels; c += perChunk) {
    const std::size_t channels = std::min(perChunk, extent.channels - c);
    visit(ColumnChunk{c, channels, c * extent.inner, channels * extent.inner});
  }
}

/// One value per channel to one per column. The rest of the chunk becomes 1, a harmless scale.
template <typename T>
void expandToColumns(const T* perChannel, std::size_t channels, std::size_t inner, T* perColumn) {
  T* end = perColumn;
  for (std::size_t c = 0; c < channels; ++c)
    for (std::size_t i = 0; i < inner; ++i) *end++ = perChannel[c];
  std::fill(end, perColumn + kChunk, T{1});
}

}  // namespace channelwise::simd

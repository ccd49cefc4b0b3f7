#pragma once

#include <algorithm>
#include <cstddef>

#include "../extent.h"
#include "lanes.h"

// The order in which kernels pass an extent: tiles in stacks in spans.

namespace channelwise::simd {

/// The number of elements that a kernel handles in one step: two vectors.
template <typename T>
constexpr std::size_t kTile = 2 * Lanes<T>::kCount;

/// The number of elements of the largest tile of any kernel.
constexpr std::size_t kWidestTile = 16;

/// The number of lanes of a span: the state of so many columns fits the stack and the L1 cache.
constexpr std::size_t kLanes = 256;

/// Some whole channels. If their inner part is short, they are handled as columns: a row of channels * inner elements,
/// each with the scale of its channel, and `outer` rows below each other. Otherwise they are handled as runs of `inner`
/// elements with one scale.
struct Span {
  bool ofColumns;
  std::size_t first = 0;
  std::size_t channels;  ///< 0 after the last span

  /// The first span of an extent. Spans of columns end where tiles do.
  explicit Span(Extent extent)
      : ofColumns(extent.inner < kWidestTile),
        most_(ofColumns ? kLanes / std::max(extent.inner, 1u) / kWidestTile * kWidestTile : 32) {
    channels = extent.inner == 0 ? 0 : std::min<std::size_t>(most_, extent.channels);
  }

  void advance(Extent extent) {
    first += channels;
    channels = std::min<std::size_t>(most_, extent.channels - first);
  }

 private:
  std::size_t most_;
};

/// `count` stacks, `step` elements apart. Each has `rows` tiles, `stride` elements apart, which share their scales. The
/// tiles of runs follow each other; those of columns lie below each other.
struct Stacks {
  std::size_t at;  ///< index of the first element
  std::size_t count;
  std::size_t step;
  std::size_t rows;
  std::size_t stride;
  std::size_t width;  ///< of the tiles in elements, less than a tile at the end of a row or run
  bool ofColumns;
  std::size_t scale;      ///< index of the first stack's first scale in the span
  std::size_t scaleStep;  ///< 0 where all stacks belong to one run

  /// In runs, each place in a tile is a lane; in columns, each column is one.
  std::size_t lane(std::size_t tile) const { return ofColumns ? scale : scale * tile; }
  std::size_t laneStep(std::size_t tile) const { return ofColumns ? scaleStep : scaleStep * tile; }
};

/// The sizes of the parts that a kernel takes.
struct Tiling {
  std::size_t tile;
  std::size_t runTile;  ///< a tile, or twice that
  std::size_t runRows;  ///< at most, for the stacks of runs
};

/// Calls kernel(job, stacks) for all parts of a span, in a fixed order.
void forEachStacks(Extent extent, const Span& span, const Tiling& tiling, void (*kernel)(void* job, const Stacks&),
                   void* job);

/// The scales of a span as its stacks use them: one for each run or column, padded with ones to whole tiles. `expanded`
/// (of kLanes) is filled if they are not in memory in this form.
template <typename T>
[[gnu::noinline]] const T* scalesOf(const Span& span, std::size_t inner, const T* scales, T* expanded) {
  const std::size_t rest = span.channels * inner % kWidestTile;
  if (!span.ofColumns || (inner == 1 && rest == 0)) return scales;
  T* end = expanded;
  for (std::size_t c = 0; c < span.channels; ++c) end = std::fill_n(end, inner, scales[c]);
  if (rest > 0) std::fill_n(end, kWidestTile - rest, T{1});
  return expanded;
}

/// Loads the scales of a tile: one for each lane of columns, or one for all lanes of a run.
template <typename T>
[[gnu::always_inline]] inline void loadScales(const T* from, bool ofColumns, v128_t* scales) {
  if (ofColumns) {
    scales[0] = wasm_v128_load(from);
    scales[1] = wasm_v128_load(from + Lanes<T>::kCount);
  } else {
    scales[0] = scales[1] = Lanes<T>::loadSplat(from);
  }
}

}  // namespace channelwise::simd

#include "tiling.h"

namespace channelwise::simd {

namespace {

/// The number of rows of columns that share a load of their scales. More would compete for the same set of the L1
/// cache.
constexpr std::size_t kColumnRows = 4;

}  // namespace

void forEachStacks(Extent extent, const Span& span, const Tiling& tiling, void (*kernel)(void* job, const Stacks&),
                   void* job) {
  const std::size_t inner = extent.inner;
  const std::size_t row = extent.channels * inner;
  Stacks stacks;
  stacks.ofColumns = span.ofColumns;
  for (std::size_t o = 0; o < extent.outer; o += span.ofColumns ? kColumnRows : 1) {
    stacks.at = o * row + span.first * inner;
    stacks.scale = 0;
    std::size_t left = inner;
    if (span.ofColumns) {
      stacks.rows = std::min<std::size_t>(kColumnRows, extent.outer - o);
      stacks.stride = row;
      left *= span.channels;
      for (std::size_t width = tiling.tile; left > 0; width = left) {
        stacks.count = left / width;
        stacks.step = stacks.scaleStep = stacks.width = width;
        kernel(job, stacks);
        const std::size_t done = stacks.count * width;
        stacks.at += done;
        stacks.scale += done;
        left -= done;
      }
      continue;
    }
    const std::size_t stack = tiling.runRows * tiling.runTile;
    if (left > 2 * stack) {
      // Long runs are taken one after the other, in whole stacks.
      stacks.count = left / stack;
      stacks.step = stack;
      stacks.rows = tiling.runRows;
      stacks.stride = stacks.width = tiling.runTile;
      stacks.scaleStep = 0;
      for (; stacks.scale < span.channels; ++stacks.scale, stacks.at += inner) kernel(job, stacks);
      left %= stack;
      stacks.at -= span.channels * inner - (inner - left);
      stacks.scale = 0;
    }
    stacks.count = span.channels;
    stacks.step = inner;
    stacks.scaleStep = 1;
    for (std::size_t width = tiling.runTile; left > 0; width = width > tiling.tile ? tiling.tile : left) {
      stacks.stride = stacks.width = width;
      while (left >= width) {
        stacks.rows = std::min(left / width, tiling.runRows);
        kernel(job, stacks);
        stacks.at += stacks.rows * width;
        left -= stacks.rows * width;
      }
    }
  }
}

}  // namespace channelwise::simd

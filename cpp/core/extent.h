#pragma once

#include <cstddef>
#include <cstdint>

namespace channelwise {

/// The shape of a contiguous block of weights in row-major order, with the channel axis in the middle. A tensor's
/// dimensions before the axis multiply to `outer`, those after it to `inner`. Element (o, c, i) is at (o * channels +
/// c) * inner + i.
struct Extent {
  std::uint32_t outer;
  std::uint32_t channels;
  std::uint32_t inner;

  std::size_t size() const { return std::size_t{outer} * channels * inner; }
};

}  // namespace channelwise

#pragma once

// The memory that JavaScript and the kernels share.

#include <cstddef>
#include <cstdint>

#include "../core/kernels.h"

namespace channelwise::bindings {

namespace {

/// A block stays in the L2 cache: 256 to 512 KB measured best.
constexpr std::size_t kBlockBytes = 512 << 10;
/// Elements of a block of float32; a block of float64 has half as many.
constexpr std::size_t kBlockElements = kBlockBytes / sizeof(float);
/// Channels whose state is held at a time.
constexpr std::size_t kChannels = 4096;

/// Numbers of a Search.
constexpr int kSearchLength = sizeof(Search) / sizeof(double);
// What a sweep adds up lies where dequantized values do.
static_assert(kSweepSums * kChannels * sizeof(double) <= kBlockBytes);

/// Bytes that outputs can be shifted by, so that they lie as the arrays do that they are copied to (see buffers.ts).
constexpr std::size_t kMostShift = 48;

/// What JavaScript reads and writes.
struct Memory {
  alignas(64) std::byte weights[kBlockBytes];
  alignas(64) std::byte dequantized[kBlockBytes + kMostShift];
  /// Before there are codes, halves pass here.
  alignas(64) std::byte quantized[kBlockElements * sizeof(std::int16_t) + kMostShift];
  /// The largest |weight| of each channel, or a Range.
  alignas(64) double ranges[2 * kChannels];
  alignas(64) double scales[kChannels];
  alignas(64) double zeroPoints[kChannels];
  /// A Search of each channel.
  Search searches[kChannels];
  /// The error figures of the last block, of the panel, and of all panels.
  ErrorFigures blockFigures[kChannels];
  ErrorFigures channelFigures[kChannels];
  ErrorFigures totalFigures;
};

Memory memory;

std::size_t shift = 0;

template <typename T>
T* as(void* part) {
  return static_cast<T*>(part);
}

template <typename T>
T* dequantized() {
  return as<T>(memory.dequantized + shift);
}

template <typename T>
T* quantized() {
  return as<T>(memory.quantized + shift);
}

Codes stagedCodes(bool wide) { return {quantized<std::byte>(), wide}; }

}  // namespace

}  // namespace channelwise::bindings

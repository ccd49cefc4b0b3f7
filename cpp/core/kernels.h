#pragma once

#include "codes.h"
#include "error_figures.h"
#include "extent.h"

// The kernels, in two versions: `simd` is what is shipped, `scalar` is the arithmetic written out and the oracle of the
// tests. They agree bit for bit in everything but the last bits of the sums of squares.
//
// T is float or double: every operation is rounded to T. Arrays hold extent.size() elements, or one per channel where
// that is said. They need no alignment but their type's and must not overlap; nothing outside them is read or written.

namespace channelwise {

/// What error figures are made of.
enum class FiguresOf { kNothing, kAll, kChannels };

/// Formats of 16 bits: IEEE 754 binary16, and the upper half of a float.
enum class Half { kFloat16, kBfloat16 };

}  // namespace channelwise

namespace channelwise::simd {

/// Raises largest[c] (one per channel, >= 0) to the largest |weight| of channel c, and to infinity or NaN where the
/// channel holds one of them.
template <typename T>
void ranges(const T* weights, Extent extent, T* largest);

/// code = clamp(round half to even(weight / scales[c]), qmin, qmax); dequantized = code * scales[c], where that is not
/// null. For finite weights, scales that scaleOf() gives of at least the largest |weight|, bits 2 to 16 and codes wide
/// enough. Error figures are added to `figures`: to one for all weights, or to one per channel, or none.
template <typename T>
void quantize(const T* weights, Extent extent, const T* scales, int bits, Codes quantized, T* dequantized,
              FiguresOf figuresOf, ErrorFigures* figures);

/// dequantized = code * scales[c], for any codes and scales.
template <typename T>
void dequantize(Codes quantized, Extent extent, const T* scales, T* dequantized);

/// The floats that halves stand for, which is exact for every number; infinities and NaN stay what they are.
void widen(const std::uint16_t* halves, std::size_t count, Half format, float* weights);

}  // namespace channelwise::simd

namespace channelwise::scalar {

template <typename T>
void ranges(const T* weights, Extent extent, T* largest);

template <typename T>
void quantize(const T* weights, Extent extent, const T* scales, int bits, Codes quantized, T* dequantized,
              FiguresOf figuresOf, ErrorFigures* figures);

template <typename T>
void dequantize(Codes quantized, Extent extent, const T* scales, T* dequantized);

void widen(const std::uint16_t* halves, std::size_t count, Half format, float* weights);

}  // namespace channelwise::scalar

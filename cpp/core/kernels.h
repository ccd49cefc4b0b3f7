#pragma once

#include "codes.h"
#include "dtype.h"
#include "error_figures.h"
#include "extent.h"
#include "packing.h"
#include "range.h"
#include "scheme.h"
#include "search/search.h"

// The kernels, in two versions: `simd` is what is shipped, `scalar` is the arithmetic written out and the oracle of the
// tests. They agree bit for bit in everything but the last bits of the sums of squares.
//
// T is float or double: every operation is rounded to T. Arrays hold extent.size() elements, or one per channel where
// that is said. They need no alignment but their type's and must not overlap; nothing outside them is read or written.

namespace channelwise {

/// What error figures are made of, in the order of TypeScript's names (engine.ts).
enum class FiguresOf { kNothing, kAll, kChannels };

/// One scale per channel: finite, of either sign, not zero.
template <typename T>
struct Scales {
  const T* values;
  bool cover;  ///< whether they are known to cover the weights (covers() in rule.h), so that no code needs clamping
  const T* zeroPoints = nullptr;  ///< one per channel, integers from qmin to qmax, with positive scales; or else all 0
};

}  // namespace channelwise

namespace channelwise::simd {

/// Raises largest[c] (one per channel, >= 0) to the largest |weight| of channel c, and to infinity or NaN where the
/// channel holds one of them.
template <typename T>
void ranges(const T* weights, Extent extent, T* largest);

/// Raises both sides of ranges[c] (one per channel) to those of channel c. An infinity or NaN raises the side that its
/// sign says.
template <typename T>
void ranges(const T* weights, Extent extent, Range<T>* ranges);

/// code = clamp(round half to even(weight / scale) + zero point, qmin, qmax); dequantized = (code - zero point) *
/// scale, where that is not null, and +0 for 0 * scale whatever the sign of the scale. Dequantized values are infinite
/// where that product is. For finite weights and codes wide enough for the scheme. Error figures are added to
/// `figures`: to one for all weights, or to one per channel, or none.
template <typename T>
void quantize(const T* weights, Extent extent, Scales<T> scales, const Scheme& scheme, Codes quantized, T* dequantized,
              FiguresOf figuresOf, ErrorFigures* figures);

/// Adds what a sweep of the searches, one per channel, finds in some weights: kSweepSums for each channel whose peak is
/// not 0.
template <typename T>
void sweep(const T* weights, Extent extent, const Search* searches, int sweep, const Scheme& scheme, double* sums);

/// All sweeps over channels that are here as a whole; those whose peak is 0 stay as they are.
template <typename T>
void search(const T* weights, Extent extent, Search* searches, const Scheme& scheme);

/// dequantized = (code - zeroPoints[c]) * scales[c], and +0 for 0 * scales[c], for any codes and scales, and for zero
/// points that are codes. Where there are none, they are 0.
template <typename T>
void dequantize(Codes quantized, Extent extent, const T* scales, T* dequantized, const T* zeroPoints = nullptr);

/// Adds to `figures` what `values` cost that stand for `weights`: the differences are formed in float64. For any
/// floats: an infinity makes figures infinite, or NaN where it is in both, and so does NaN. Sums of squares are within
/// 1e-12 of the exact ones, relatively.
template <typename T>
void measure(const T* weights, const T* values, std::size_t count, ErrorFigures& figures);

/// The floats that halves of type float16 or bfloat16 stand for, which is exact for every number; infinities and NaN
/// stay what they are.
void widen(const std::uint16_t* halves, std::size_t count, Dtype type, float* weights);

/// Packs `count` codes, of which the lowest packing.bits bits are kept. The first field begins `skip` (0 to 7) bits
/// into the first byte, as it does behind other fields of as many bits. Whole bytes are written, as many as are begun:
/// what no field takes of the first and the last one is 0.
void pack(const std::int8_t* codes, std::size_t count, Packing packing, int skip, std::uint8_t* bytes);

/// The codes in fields that lie as pack() leaves them; what else is in the first and the last byte does not matter.
void unpack(const std::uint8_t* bytes, std::size_t count, Packing packing, int skip, std::int8_t* codes);

}  // namespace channelwise::simd

namespace channelwise::scalar {

template <typename T>
void ranges(const T* weights, Extent extent, T* largest);

template <typename T>
void ranges(const T* weights, Extent extent, Range<T>* ranges);

template <typename T>
void quantize(const T* weights, Extent extent, Scales<T> scales, const Scheme& scheme, Codes quantized, T* dequantized,
              FiguresOf figuresOf, ErrorFigures* figures);

template <typename T>
void sweep(const T* weights, Extent extent, const Search* searches, int sweep, const Scheme& scheme, double* sums);

template <typename T>
void search(const T* weights, Extent extent, Search* searches, const Scheme& scheme);

template <typename T>
void dequantize(Codes quantized, Extent extent, const T* scales, T* dequantized, const T* zeroPoints = nullptr);

template <typename T>
void measure(const T* weights, const T* values, std::size_t count, ErrorFigures& figures);

void widen(const std::uint16_t* halves, std::size_t count, Dtype type, float* weights);

void pack(const std::int8_t* codes, std::size_t count, Packing packing, int skip, std::uint8_t* bytes);

void unpack(const std::uint8_t* bytes, std::size_t count, Packing packing, int skip, std::int8_t* codes);

}  // namespace channelwise::scalar

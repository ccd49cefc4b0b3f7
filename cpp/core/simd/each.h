#pragma once

#include <cstddef>

#include "../codes.h"
#include "../error_figures.h"
#include "../extent.h"

namespace channelwise::simd {

/// Weights with what they became, for what is done one by one. One function serves both types, which is small: it is
/// for the rare case.
struct Elements {
  bool areFloat64;  ///< weights, scales and zero points, or else float32
  const void* weights;
  Codes quantized;
  Extent extent;
  std::size_t stride;  ///< of the rows
  const void* scales;
  const void* zeroPoints;  ///< or null
};

/// Adds the figures of weights one by one, which is exact at any magnitude.
void addEach(ErrorFigures& figures, const Elements& elements);

/// Makes the values of codes with zero points, in the type of the scales. There need be no weights.
void dequantizeEach(const Elements& elements, void* values);

}  // namespace channelwise::simd

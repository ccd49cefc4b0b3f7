#include "each.h"

namespace channelwise::simd {

void addEach(ErrorFigures& figures, const Elements& elements) {
  const auto& [areFloat64, weights, quantized, extent, stride, scales, zeroPoints] = elements;
  const auto numberOf = [areFloat64 = areFloat64](const void* numbers, std::size_t i) {
    return areFloat64 ? static_cast<const double*>(numbers)[i] : static_cast<const float*>(numbers)[i];
  };
  // Products and differences of float32 are exact in float64, or at least rounded to the same float32.
  const auto rounded = [areFloat64 = areFloat64](double x) { return areFloat64 ? x : static_cast<float>(x); };
  for (std::size_t o = 0; o < extent.outer; ++o) {
    std::size_t at = o * stride;
    for (std::size_t c = 0; c < extent.channels; ++c)
      for (std::size_t i = 0; i < extent.inner; ++i, ++at) {
        const double weight = numberOf(weights, at);
        // Zeros come in whole channels, and add nothing.
        if (weight == 0) continue;
        const double zeroPoint = zeroPoints ? numberOf(zeroPoints, c) : 0;
        const double back = rounded((quantized.get(at) - zeroPoint) * numberOf(scales, c));
        figures.addElement(weight, rounded(weight - back));
      }
  }
}

}  // namespace channelwise::simd

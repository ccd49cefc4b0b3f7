#include "each.h"

namespace channelwise::simd {

namespace {

double numberOf(const Elements& elements, const void* numbers, std::size_t i) {
  return elements.areFloat64 ? static_cast<const double*>(numbers)[i] : static_cast<const float*>(numbers)[i];
}

/// Products and differences of float32 are exact in float64, or at least rounded to the same float32.
double rounded(const Elements& elements, double x) { return elements.areFloat64 ? x : static_cast<float>(x); }

/// Calls visit(index, value) for every code.
template <typename Visit>
void forEach(const Elements& elements, Visit visit) {
  const Extent& extent = elements.extent;
  for (std::size_t o = 0; o < extent.outer; ++o) {
    std::size_t at = o * elements.stride;
    for (std::size_t c = 0; c < extent.channels; ++c) {
      const double scale = numberOf(elements, elements.scales, c);
      const double zeroPoint = elements.zeroPoints ? numberOf(elements, elements.zeroPoints, c) : 0;
      for (std::size_t i = 0; i < extent.inner; ++i, ++at)
        visit(at, rounded(elements, (elements.quantized.get(at) - zeroPoint) * scale) + 0.0);
    }
  }
}

}  // namespace

void addEach(ErrorFigures& figures, const Elements& elements) {
  forEach(elements, [&](std::size_t at, double value) {
    const double weight = numberOf(elements, elements.weights, at);
    // Zeros come in whole channels, and add nothing.
    if (weight != 0) figures.addElement(weight, rounded(elements, weight - value));
  });
}

void dequantizeEach(const Elements& elements, void* values) {
  forEach(elements, [&](std::size_t at, double value) {
    if (elements.areFloat64)
      static_cast<double*>(values)[at] = value;
    else
      static_cast<float*>(values)[at] = static_cast<float>(value);
  });
}

}  // namespace channelwise::simd

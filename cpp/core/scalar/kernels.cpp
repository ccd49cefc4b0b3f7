// The arithmetic, loop by loop. Every build compiles it without vector instructions, so that the SIMD kernels can be
// compared with it.

#include "../kernels.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace channelwise::scalar {

namespace {

/// Calls visit(index, channel) for every element in row-major order.
template <typename Visit>
void forEach(Extent extent, Visit visit) {
  std::size_t index = 0;
  for (std::uint32_t o = 0; o < extent.outer; ++o)
    for (std::uint32_t c = 0; c < extent.channels; ++c)
      for (std::uint32_t i = 0; i < extent.inner; ++i) visit(index++, c);
}

template <typename T>
void raise(T& largest, T magnitude) {
  // The comparison is false for NaN on either side, so a NaN is taken and kept.
  if (!(magnitude <= largest) && !std::isnan(largest)) largest = magnitude;
}

}  // namespace

template <typename T>
void ranges(const T* weights, Extent extent, T* largest) {
  forEach(extent,
          [&](std::size_t index, std::uint32_t channel) { raise(largest[channel], std::fabs(weights[index])); });
}

template <typename T>
void ranges(const T* weights, Extent extent, Range<T>* ranges) {
  forEach(extent, [&](std::size_t index, std::uint32_t channel) {
    Range<T>& range = ranges[channel];
    raise(std::signbit(weights[index]) ? range.down : range.up, std::fabs(weights[index]));
  });
}

template <typename T>
void quantize(const T* weights, Extent extent, Scales<T> scales, const Scheme& scheme, Codes quantized, T* dequantized,
              FiguresOf figuresOf, ErrorFigures* figures) {
  const T qmin = static_cast<T>(scheme.qmin());
  const T qmax = static_cast<T>(scheme.qmax());
  forEach(extent, [&](std::size_t index, std::uint32_t channel) {
    const T weight = weights[index];
    const T scale = scales.values[channel];
    const T zeroPoint = scales.zeroPoints ? scales.zeroPoints[channel] : T{0};
    const T rounded = std::nearbyint(weight / scale);  // half to even, the default rounding mode
    const int code = static_cast<int>(std::clamp(rounded + zeroPoint, qmin, qmax));
    quantized.set(index, code);
    const T back = valueOf(code - static_cast<int>(zeroPoint), scale);
    if (dequantized) dequantized[index] = back;
    if (figuresOf == FiguresOf::kAll) figures->addElement(weight, weight - back);
    if (figuresOf == FiguresOf::kChannels) figures[channel].addElement(weight, weight - back);
  });
}

template <typename T>
void dequantize(Codes quantized, Extent extent, const T* scales, T* dequantized, const T* zeroPoints) {
  forEach(extent, [&](std::size_t index, std::uint32_t channel) {
    const int zeroPoint = zeroPoints ? static_cast<int>(zeroPoints[channel]) : 0;
    dequantized[index] = valueOf(quantized.get(index) - zeroPoint, scales[channel]);
  });
}

template <typename T>
void measure(const T* weights, const T* values, std::size_t count, ErrorFigures& figures) {
  for (std::size_t i = 0; i < count; ++i) {
    const double weight = weights[i];
    figures.addElement(weight, weight - values[i]);
  }
}

namespace {

float widenFloat16(std::uint16_t half) {
  const int exponent = half >> 10 & 0x1f;
  const int fraction = half & 0x3ff;
  const float sign = half & 0x8000 ? -1 : 1;
  if (exponent == 0x1f && fraction == 0) return sign * std::numeric_limits<float>::infinity();
  if (exponent == 0x1f) return std::numeric_limits<float>::quiet_NaN();
  // Subnormals have the exponent of the smallest normals, and no leading 1.
  const int significand = exponent == 0 ? fraction : fraction | 0x400;
  return sign * std::ldexp(static_cast<float>(significand), std::max(exponent, 1) - 25);
}

}  // namespace

void widen(const std::uint16_t* halves, std::size_t count, Dtype type, float* weights) {
  for (std::size_t i = 0; i < count; ++i) {
    weights[i] = type == Dtype::kFloat16 ? widenFloat16(halves[i])
                                         : __builtin_bit_cast(float, static_cast<std::uint32_t>(halves[i]) << 16);
  }
}

void pack(const std::int8_t* codes, std::size_t count, Packing packing, int skip, std::uint8_t* bytes) {
  const std::size_t end = skip + count * packing.bits;
  std::fill_n(bytes, (end + 7) / 8, std::uint8_t{0});
  for (std::size_t bit = skip; bit < end; ++bit) {
    const int field = codes[(bit - skip) / packing.bits] ^ packing.flip();
    const int value = field >> ((bit - skip) % packing.bits) & 1;
    bytes[bit / 8] = static_cast<std::uint8_t>(bytes[bit / 8] | value << (bit % 8));
  }
}

void unpack(const std::uint8_t* bytes, std::size_t count, Packing packing, int skip, std::int8_t* codes) {
  for (std::size_t i = 0; i < count; ++i) {
    int field = 0;
    for (int b = 0; b < packing.bits; ++b) {
      const std::size_t bit = skip + i * packing.bits + b;
      field |= (bytes[bit / 8] >> (bit % 8) & 1) << b;
    }
    codes[i] = static_cast<std::int8_t>(packing.codeOf(field));
  }
}

template void ranges(const float*, Extent, float*);
template void ranges(const double*, Extent, double*);
template void ranges(const float*, Extent, Range<float>*);
template void ranges(const double*, Extent, Range<double>*);
template void quantize(const float*, Extent, Scales<float>, const Scheme&, Codes, float*, FiguresOf, ErrorFigures*);
template void quantize(const double*, Extent, Scales<double>, const Scheme&, Codes, double*, FiguresOf, ErrorFigures*);
template void dequantize(Codes, Extent, const float*, float*, const float*);
template void dequantize(Codes, Extent, const double*, double*, const double*);
template void measure(const float*, const float*, std::size_t, ErrorFigures&);
template void measure(const double*, const double*, std::size_t, ErrorFigures&);

}  // namespace channelwise::scalar

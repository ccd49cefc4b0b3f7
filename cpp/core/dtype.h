#pragma once

namespace channelwise {

/// Types of floats, in the order in which TypeScript numbers them (dtype.ts). Those of 16 bits are IEEE 754 binary16,
/// and the upper half of a float32.
enum class Dtype { kFloat32, kFloat64, kFloat16, kBfloat16 };

/// The limits of a type.
struct Format {
  int digits;          ///< of the significand in bits, with the leading 1
  double leastNormal;  ///< the smallest number with all these digits
  double largest;
};

constexpr Format formatOf(Dtype type) {
  switch (type) {
    case Dtype::kFloat16:
      return {11, 0x1p-14, 0x1.ffcp15};
    case Dtype::kBfloat16:
      return {8, 0x1p-126, 0x1.fep127};
    case Dtype::kFloat32:
      return {24, 0x1p-126, 0x1.fffffep127};
    default:
      return {53, 0x1p-1022, 0x1.fffffffffffffp1023};
  }
}

/// The type of T, which is float or double.
template <typename T>
constexpr Dtype kDtype = sizeof(T) == sizeof(float) ? Dtype::kFloat32 : Dtype::kFloat64;

/// Whether every T is a number of the type.
template <typename T>
constexpr bool holds(Dtype type) {
  return type == kDtype<T> || type == Dtype::kFloat64;
}

/// x (finite) rounded to the type, half to even. Where that would be an infinity, the result is above its largest
/// number.
double roundTo(Dtype type, double x);

/// The number of the type just below x, which is a positive normal number of the type.
double nextBelow(Dtype type, double x);

}  // namespace channelwise

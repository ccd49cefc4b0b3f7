#pragma once

namespace channelwise {

/// The layout of codes of up to 8 bits: each has a field of `bits` (2 to 8). The first is in the lowest bits of the
/// first byte, and a field may begin in one byte and end in the next.
struct Packing {
  int bits;
  bool offset;  ///< whether a field holds code + 2^(bits-1); otherwise it holds the code in two's complement

  /// The sign bit. Adding 2^(bits-1) to a code flips it, and no other bit that is kept.
  constexpr int sign() const { return 1 << (bits - 1); }

  /// The bits to flip between a code and its field.
  constexpr int flip() const { return offset ? sign() : 0; }

  /// The code in a field: after flipping it is in two's complement, whose sign bit has the value -2^(bits-1).
  constexpr int codeOf(int field) const { return ((field ^ flip()) ^ sign()) - sign(); }
};

}  // namespace channelwise

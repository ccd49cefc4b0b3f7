#pragma once

namespace channelwise {

/// How codes of up to 8 bits lie side by side: each in a field of `bits` (2 to 8), the first in the lowest bits of the
/// first byte, so that a field may begin in one byte and end in the next.
struct Packing {
  int bits;
  bool offset;  ///< whether a field holds code + 2^(bits-1); otherwise it holds the code in two's complement

  /// The bit of the sign. Adding 2^(bits-1) to a code changes it and no other bit that is kept.
  constexpr int sign() const { return 1 << (bits - 1); }

  /// What makes the bits of a field of those of a code.
  constexpr int flip() const { return offset ? sign() : 0; }

  /// The code in a field: what is flipped is two's complement, whose sign has the place value -2^(bits-1).
  constexpr int codeOf(int field) const { return ((field ^ flip()) ^ sign()) - sign(); }
};

}  // namespace channelwise

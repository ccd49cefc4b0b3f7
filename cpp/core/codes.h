#pragma once

#include <cstddef>
#include <cstdint>

namespace channelwise {

/// An array of codes: int8 up to 8 bits, int16 (wide) above. The width is only known at run time, since a copy of each
/// kernel for each width would cost more bytes than it saves time.
struct Codes {
  void* data;
  bool wide;

  int get(std::size_t i) const {
    return wide ? static_cast<std::int16_t*>(data)[i] : static_cast<std::int8_t*>(data)[i];
  }

  void set(std::size_t i, int code) const {
    if (wide)
      static_cast<std::int16_t*>(data)[i] = static_cast<std::int16_t>(code);
    else
      static_cast<std::int8_t*>(data)[i] = static_cast<std::int8_t>(code);
  }

  /// The size of `count` codes in bytes.
  std::size_t bytes(std::size_t count) const { return wide ? 2 * count : count; }

  /// The codes from element `offset` on.
  Codes from(std::size_t offset) const { return {static_cast<std::byte*>(data) + bytes(offset), wide}; }
};

/// The dequantized value of a code. Adding zero turns the -0 that code 0 gives with a negative scale into +0, and
/// changes nothing else.
template <typename T>
T valueOf(int code, T scale) {
  return static_cast<T>(code) * scale + T{0};
}

}  // namespace channelwise

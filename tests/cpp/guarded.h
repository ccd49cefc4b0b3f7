#pragma once

#include <algorithm>
#include <vector>

/// An array of exactly `count` elements on the heap, `misalignment` bytes away from the alignment of a vector, between
/// guard bytes that are checked on request. AddressSanitizer watches everything beyond them.
template <typename E>
class Guarded {
 public:
  Guarded(std::size_t count, std::size_t misalignment)
      : count_(count),
        start_(kGuard + misalignment),
        // A vector refuses sizes beyond any memory, which GCC otherwise takes for possible and warns of.
        bytes_(start_ + count * sizeof(E) + kGuard, kPattern) {}

  E* data() { return reinterpret_cast<E*>(bytes_.data() + start_); }

  bool guardsIntact() const {
    const auto intact = [](unsigned char byte) { return byte == kPattern; };
    const auto start = bytes_.begin() + start_;
    return std::all_of(bytes_.begin(), start, intact) && std::all_of(start + count_ * sizeof(E), bytes_.end(), intact);
  }

  void fill(const std::vector<E>& values) { std::copy(values.begin(), values.end(), data()); }

  std::vector<E> values() { return std::vector<E>(data(), data() + count_); }

 private:
  static constexpr std::size_t kGuard = 64;
  static constexpr unsigned char kPattern = 0xa5;

  std::size_t count_;
  std::size_t start_;
  std::vector<unsigned char> bytes_;
};

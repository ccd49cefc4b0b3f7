#pragma once

#include <algorithm>
#include <memory>
#include <vector>

/// An array of exactly `count` elements on the heap, `misalignment` bytes away from the alignment of a vector, between
/// guard bytes that are checked on request. AddressSanitizer watches everything beyond them.
template <typename E>
class Guarded {
 public:
  Guarded(std::size_t count, std::size_t misalignment)
      : count_(count),
        bytes_(new unsigned char[kGuard + misalignment + count * sizeof(E) + kGuard]),
        size_(kGuard + misalignment + count * sizeof(E) + kGuard),
        start_(kGuard + misalignment) {
    std::fill_n(bytes_.get(), size_, kPattern);
  }

  E* data() { return reinterpret_cast<E*>(bytes_.get() + start_); }

  bool guardsIntact() const {
    const unsigned char* begin = bytes_.get();
    const unsigned char* end = begin + size_;
    const auto intact = [](unsigned char byte) { return byte == kPattern; };
    return std::all_of(begin, begin + start_, intact) && std::all_of(begin + start_ + count_ * sizeof(E), end, intact);
  }

  void fill(const std::vector<E>& values) { std::copy(values.begin(), values.end(), data()); }

  std::vector<E> values() { return std::vector<E>(data(), data() + count_); }

 private:
  static constexpr std::size_t kGuard = 64;
  static constexpr unsigned char kPattern = 0xa5;

  std::size_t count_;
  std::unique_ptr<unsigned char[]> bytes_;
  std::size_t size_;
  std::size_t start_;
};

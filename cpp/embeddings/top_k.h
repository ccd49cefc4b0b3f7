#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace channelwise::embeddings {

/// A vector that a search has found.
struct Hit {
  double value;  ///< the larger the better
  std::uint32_t place;

  /// Of two with the same value the one with the lower place is better.
  bool isBetterThan(const Hit& other) const {
    return value > other.value || (value == other.value && place < other.place);
  }
};

/// The best of the hits that were offered, at most `room` of them: a heap with the worst one at the top.
struct TopK {
  Hit* hits;
  std::uint32_t room;
  std::uint32_t count;

  bool isFull() const { return count == room; }
  const Hit& worst() const { return hits[0]; }

  void offer(const Hit& hit) {
    if (!isFull())
      rise(count++, hit);
    else if (hit.isBetterThan(worst()))
      sink(count, hit);
  }

  /// Brings them in order, the best first. They are no heap then.
  void sort() {
    for (std::uint32_t left = count; left > 1; --left) {
      const Hit last = hits[left - 1];
      hits[left - 1] = hits[0];
      sink(left - 1, last);
    }
  }

 private:
  void rise(std::uint32_t at, const Hit& hit) {
    while (at > 0) {
      const std::uint32_t parent = (at - 1) / 2;
      if (!hits[parent].isBetterThan(hit)) break;
      hits[at] = hits[parent];
      at = parent;
    }
    hits[at] = hit;
  }

  /// Puts a hit in place of the top of the first `size`.
  void sink(std::uint32_t size, const Hit& hit) {
    std::uint32_t at = 0;
    for (;;) {
      std::uint32_t child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && hits[child].isBetterThan(hits[child + 1])) ++child;
      if (!hit.isBetterThan(hits[child])) break;
      hits[at] = hits[child];
      at = child;
    }
    hits[at] = hit;
  }
};

}  // namespace channelwise::embeddings

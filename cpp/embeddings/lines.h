#pragma once

#include <cstddef>

#include "kernels.h"

// The line near the numbers of a group: codes and line are fitted to each other in turn, each with the least squared
// error for the other. Operations are in float32; docs/embeddings.md has them in order.

namespace channelwise::embeddings {

/// What is known of the numbers of a group.
struct Numbers {
  float least;
  float most;
  float sum;
};

/// The sums of the codes of a group, of their squares, and of code * number.
struct CodeSums {
  float codes;
  float squares;
  float products;
};

/// How often a line is fitted to its codes: more rounds gain less than 0.01 dB.
constexpr int kRounds = 4;

/// `sumsOf(line)` gives the sums of the codes that are nearest with that line.
template <typename SumsOf>
Line fitted(Numbers numbers, std::size_t size, SumsOf sumsOf) {
  const float count = static_cast<float>(size);
  Line line;
  line.step = (numbers.most - numbers.least) / 15;
  line.centre = numbers.least + 8 * line.step;
  for (int round = 0; round < kRounds && line.step > 0; ++round) {
    const CodeSums sums = sumsOf(line);
    const float spread = count * sums.squares - sums.codes * sums.codes;
    // All codes are the same: no line is better than another.
    if (spread == 0) break;
    const float step = (count * sums.products - sums.codes * numbers.sum) / spread;
    // Numbers that differ by their last bits only can give any sign.
    if (!(step > 0)) break;
    line.step = step;
    line.centre = (numbers.sum - line.step * sums.codes) / count;
  }
  return line;
}

}  // namespace channelwise::embeddings

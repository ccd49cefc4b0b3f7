#pragma once

namespace channelwise {

/// How far some weights reach to either side of zero: the largest of them and the largest of their negatives, both >=
/// 0. Where an infinity or NaN is among them, one of the two is that.
template <typename T>
struct Range {
  T up;
  T down;

  /// The largest |weight|; NaN or infinity where either is.
  T largest() const { return up >= down || up != up ? up : down; }

  /// The weight of the largest magnitude; the positive one where its negative is there, too.
  T signedLargest() const { return up >= down ? up : -down; }
};

}  // namespace channelwise

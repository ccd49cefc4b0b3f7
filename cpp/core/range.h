#pragma once

namespace channelwise {

/// The extent of some weights to either side of zero: the largest of them and the largest of their negatives, both >=
/// 0. If an infinity or NaN is among them, one of the two is that.
template <typename T>
struct Range {
  T up;
  T down;

  /// The largest |weight|; NaN or infinity if either side is.
  T largest() const { return up >= down || up != up ? up : down; }

  /// The weight of the largest magnitude; for two of opposite signs, the positive one.
  T signedLargest() const { return up >= down ? up : -down; }
};

}  // namespace channelwise

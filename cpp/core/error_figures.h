#pragma once

namespace channelwise {

/// A sum of squares of any magnitude: value * 2^(2 * kHalfUnit * unit), with unit -1, 0 or 1. Squares of doubles below
/// 2^-511 underflow and those above 2^512 overflow, so they are scaled before squaring and kept in a unit of their own
/// (the idea of J. L. Blue, "A portable Fortran program to find the Euclidean norm of a vector", 1978).
struct SquareSum {
  static constexpr int kHalfUnit = 600;

  double value = 0;
  double unit = 0;

  void add(SquareSum other);
  void addSquareOf(double x);
};

/// The errors of values against the weights of a channel, or of several. A figure that includes a NaN is NaN.
struct ErrorFigures {
  SquareSum error;     ///< sum of (weight - dequantized)^2
  SquareSum weight;    ///< sum of weight^2
  double largest = 0;  ///< largest |weight - dequantized|

  void add(const ErrorFigures& other);
  void addElement(double weight, double error);
};

}  // namespace channelwise

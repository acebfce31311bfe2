//===- RealTransform.h - what cuFFT computes ------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_UNITTESTS_GPU_REALTRANSFORM_H
#define TRANSFORMER_UNITTESTS_GPU_REALTRANSFORM_H

#include <cmath>
#include <complex>
#include <vector>

namespace mlir::transformer::test {

/// The transform of length x width real numbers, each row of which has room for
/// width / 2 + 1 complex ones, in their place; by its definition.
inline void transformInPlace(float *data, int length, int width) {
  int columns = width / 2 + 1;
  auto turn = [](long index, long count) {
    return std::polar(1.0, -2 * M_PI * double(index % count) / double(count));
  };
  std::vector<std::complex<double>> rows(size_t(length) * columns);
  for (int t = 0; t < length; ++t)
    for (int h = 0; h < columns; ++h)
      for (int c = 0; c < width; ++c)
        rows[size_t(t) * columns + h] +=
            double(data[size_t(t) * 2 * columns + c]) *
            turn(long(h) * c, width);
  for (int s = 0; s < length; ++s)
    for (int h = 0; h < columns; ++h) {
      std::complex<double> sum = 0;
      for (int t = 0; t < length; ++t)
        sum += rows[size_t(t) * columns + h] * turn(long(s) * t, length);
      float *to = data + 2 * (size_t(s) * columns + h);
      to[0] = float(sum.real()), to[1] = float(sum.imag());
    }
}

} // namespace mlir::transformer::test

#endif // TRANSFORMER_UNITTESTS_GPU_REALTRANSFORM_H

//===- FftTest.cpp - emitted fft_mix against the definition ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelTesting.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <cmath>
#include <complex>
#include <random>
#include <vector>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

namespace {

using Complexes = std::vector<std::complex<double>>;

/// The discrete Fourier transform of `count` values, `stride` apart.
void transform(Complexes &data, int64_t first, int64_t count, int64_t stride) {
  Complexes in(count), roots(count);
  for (int64_t i = 0; i < count; ++i) {
    in[i] = data[first + i * stride];
    roots[i] = std::polar(1.0, -2 * M_PI * i / count);
  }
  for (int64_t k = 0; k < count; ++k) {
    std::complex<double> sum = 0;
    for (int64_t i = 0; i < count; ++i)
      sum += in[i] * roots[i * k % count];
    data[first + k * stride] = sum;
  }
}

std::vector<double> mixed(const std::vector<float> &x, int64_t n, int64_t h) {
  Complexes data(x.begin(), x.begin() + n * h);
  for (int64_t i = 0; i < n; ++i)
    transform(data, i * h, h, 1);
  for (int64_t j = 0; j < h; ++j)
    transform(data, j, n, h);
  std::vector<double> y;
  for (std::complex<double> value : data)
    y.push_back(value.real());
  return y;
}

struct Shape {
  std::string length;
  int64_t hidden, bound;
};

/// One module with @mix_0, @mix_1.. for all shapes, on rows that are longer
/// than the hidden width.
std::unique_ptr<KernelJit> jitOf(const std::vector<Shape> &shapes,
                                 const Target &target) {
  std::string text;
  for (auto [i, shape] : llvm::enumerate(shapes)) {
    std::string rows =
        llvm::formatv("memref<{0}x{1}xf32, strided<[{2}, 1]>>", shape.length,
                      shape.hidden, shape.hidden + 3);
    text += llvm::formatv(R"(
func.func @mix_{0}(%x: {1}, %y: {1}) {{
  transformer_kernel.fft_mix %x outs(%y) {{max_rows = {2} : i64} : ({1}, {1}) -> ()
  return
}
)",
                          i, rows, shape.bound);
  }
  auto jit = KernelJit::create(text, target);
  EXPECT_TRUE(static_cast<bool>(jit)) << llvm::toString(jit.takeError());
  return jit ? std::move(*jit) : nullptr;
}

/// Runs a function with guards around the rows, and compares.
void check(KernelJit &jit, size_t function, int64_t n, int64_t h,
           StringRef name) {
  int64_t stride = h + 3;
  auto values = randoms(n * h + 1, 7);
  std::vector<float> x((n + 2) * stride, NAN), y((n + 2) * stride, 7.0f);
  for (int64_t i = 0; i < n; ++i)
    std::copy_n(&values[i * h], h, &x[(i + 1) * stride]);
  Buffer<float, 2> in(&x[stride], {n, h}, stride);
  Buffer<float, 2> out(&y[stride], {n, h}, stride);
  jit.call("mix_" + std::to_string(function), &in, &out);
  std::vector<double> expected = mixed(values, n, h);
  double error = 0, size = 0;
  for (int64_t i = 0; i < (n + 2) * stride; ++i) {
    int64_t row = i / stride - 1, column = i % stride;
    if (row < 0 || row >= n || column >= h) {
      ASSERT_EQ(y[i], 7.0f)
          << name.str() << " wrote beside the rows, " << n << "x" << h;
      continue;
    }
    double want = expected[row * h + column];
    error += (y[i] - want) * (y[i] - want);
    size += want * want;
  }
  EXPECT_LE(std::sqrt(error), 1e-6 * std::sqrt(size))
      << name.str() << " " << n << "x" << h;
}

TEST(Fft, EveryShortLength) {
  for (const Target &target : testedTargets()) {
    auto jit = jitOf({{"?", 48, 70}}, target);
    ASSERT_TRUE(jit);
    for (int64_t n = 0; n <= 70; ++n)
      check(*jit, 0, n, 48, target.name);
  }
}

TEST(Fft, LongLengths) {
  std::vector<int64_t> lengths{127, 192, 243, 257, 529, 1000};
  if (isThorough())
    lengths.insert(lengths.end(), {97, 128, 255, 256, 384, 500, 509, 512, 998,
                                   1021, 1024, 2048});
  for (const Target &target : testedTargets()) {
    auto jit = jitOf({{"?", 20, 2048}}, target);
    ASSERT_TRUE(jit);
    for (int64_t n : lengths)
      check(*jit, 0, n, 20, target.name);
  }
}

TEST(Fft, AnyWidth) {
  std::vector<Shape> shapes;
  std::vector<int64_t> widths{1, 3, 17, 100};
  if (isThorough())
    widths = {1, 2, 3, 8, 11, 17, 33, 77, 100, 160};
  for (int64_t h : widths)
    shapes.push_back({"?", h, 40});
  for (const Target &target : testedTargets()) {
    auto jit = jitOf(shapes, target);
    ASSERT_TRUE(jit);
    for (size_t i = 0; i < shapes.size(); ++i)
      for (int64_t n : {1, 2, 19, 32, 40})
        check(*jit, i, n, shapes[i].hidden, target.name);
  }
}

TEST(Fft, StaticLengths) {
  std::vector<Shape> shapes;
  std::vector<int64_t> lengths{0, 1, 13, 24, 90};
  for (int64_t n : lengths)
    shapes.push_back({std::to_string(n), 72, n + 1});
  for (const Target &target : testedTargets()) {
    auto jit = jitOf(shapes, target);
    ASSERT_TRUE(jit);
    for (size_t i = 0; i < shapes.size(); ++i)
      check(*jit, i, lengths[i], 72, target.name);
  }
}

/// A sequence's result depends on nothing but its rows: two runs with another
/// length between them agree to the last bit.
TEST(Fft, KeepsNothingBetweenCallsAndCallsNoLibrary) {
  std::string error;
  for (const Target &target : testedTargets()) {
    auto jit = jitOf({{"?", 32, 64}}, target);
    ASSERT_TRUE(jit);
    auto values = randoms(64 * 35, 7);
    auto run = [&](int64_t n) {
      std::vector<float> y(64 * 35);
      Buffer<float, 2> in(values.data(), {n, 32}, 35),
          out(y.data(), {n, 32}, 35);
      jit->call("mix_0", &in, &out);
      return y;
    };
    auto first = run(48);
    run(37);
    EXPECT_EQ(run(48), first);
    std::string assembly = jit->assembly();
    for (const char *name : {"fmaf", "floor", "sinf", "cosf", "memrefCopy"})
      EXPECT_EQ(assembly.find(name), std::string::npos)
          << target.name << " calls " << name;
  }
}

} // namespace

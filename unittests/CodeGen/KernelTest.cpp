//===- KernelTest.cpp - emitted kernels against plain loops ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelTesting.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

namespace {

/// Packs logical weights [n, k] as the ops' description says.
template <typename T>
std::vector<T> pack(const std::vector<T> &w, int64_t n, int64_t k,
                    int64_t panel, int64_t group) {
  int64_t panels = (n + panel - 1) / panel, groups = (k + group - 1) / group;
  std::vector<T> packed(panels * groups * panel * group);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < k; ++j)
      packed[((i / panel * groups + j / group) * panel + i % panel) * group +
             j % group] = w[i * k + j];
  return packed;
}

constexpr const char *kContract = R"(
func.func @contract(%x: memref<?x{0}x{4}, strided<[?, 1]>>, %w: memref<{2}x{6}x{3}x{4}>,
    %bias: memref<{1}x{5}>, %factor: memref<?x{5}>, %residual: memref<?x{1}x{5}>, %y: memref<?x{1}x{5}>) {{
  transformer_kernel.contract %x, %w extras(%bias, %factor, %residual) outs(%y)
      attributes {{maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m)>,
                          affine_map<(m, n) -> (m, n)>]} {{
  ^bb0(%sum: {5}, %b: {5}, %f: {5}, %r: {5}):
    %0 = arith.add{7} %sum, %b : {5}
    %1 = arith.mul{7} %0, %f : {5}
    %2 = arith.add{7} %1, %r : {5}
    transformer_kernel.yield %2 : {5}
  } : (memref<?x{0}x{4}, strided<[?, 1]>>, memref<{2}x{6}x{3}x{4}>, memref<{1}x{5}>,
       memref<?x{5}>, memref<?x{1}x{5}>, memref<?x{1}x{5}>) -> ()
  return
}
)";

std::string contractText(int64_t k, int64_t n, StringRef element, StringRef sum,
                         int64_t group) {
  int64_t panel = kPanelWidth;
  return llvm::formatv(kContract, k, n, (n + panel - 1) / panel, panel * group,
                       element, sum, (k + group - 1) / group,
                       sum == "f32" ? "f" : "i");
}

struct Shape {
  int64_t k, n, rows = 11;
};

TEST(Contract, FloatOfAnyShapeAndRows) {
  for (const Target &target : testedTargets())
    for (auto [k, n, kRows] : {Shape{7, 5, 21},
                               {0, 33, 21},
                               {33, 50, 21},
                               {64, 96, 21},
                               {1, 1, 21},
                               {592, 35, 64}}) {
      auto jit = jitOf(contractText(k, n, "f32", "f32", 1), target);
      ASSERT_TRUE(jit);
      int64_t stride = k + 3;
      auto x = randoms(kRows * stride + 1, 1), w = randoms(n * k + 1, 2);
      auto bias = randoms(n, 3), factor = randoms(kRows, 4);
      auto residual = randoms(kRows * n, 5);
      auto packed = pack(w, n, k, kPanelWidth, 1);
      packed.push_back(0);
      Buffer<float, 3> weights(
          packed.data(), {(n + kPanelWidth - 1) / kPanelWidth, k, kPanelWidth});
      Buffer<float, 1> b(bias.data(), {n});
      std::vector<float> whole;
      for (int64_t rows : {kRows, int64_t(0), int64_t(1), int64_t(2),
                           int64_t(7), int64_t(8), int64_t(9), kRows / 2}) {
        std::vector<float> y((rows + 1) * n, 7.0f);
        Buffer<float, 2> in(x.data(), {rows, k}, stride);
        Buffer<float, 1> f(factor.data(), {rows});
        Buffer<float, 2> r(residual.data(), {rows, n}),
            out(y.data(), {rows, n});
        jit->call("contract", &in, &weights, &b, &f, &r, &out);
        if (rows == kRows)
          whole = y;
        for (int64_t i = 0; i < rows; ++i)
          for (int64_t j = 0; j < n; ++j) {
            // Rows do not depend on how many there are.
            ASSERT_EQ(y[i * n + j], whole[i * n + j]);
            double sum = bias[j];
            for (int64_t l = 0; l < k; ++l)
              sum += double(x[i * stride + l]) * w[j * k + l];
            double expected = sum * factor[i] + residual[i * n + j];
            ASSERT_NEAR(y[i * n + j], expected, 2e-5 * std::max<int64_t>(k, 5))
                << target.name << " " << k << "x" << n;
          }
        for (int64_t j = 0; j < n; ++j)
          ASSERT_EQ(y[rows * n + j], 7.0f) << "written beyond the rows";
      }
    }
}

/// The values of i8 products of one shape, for any number of rows.
void checkIntegers(KernelJit &jit, const std::string &name, int64_t k,
                   int64_t n, int64_t rows) {
  std::mt19937 engine(9);
  auto bytes = [&](int64_t count) {
    std::vector<int8_t> values(count);
    for (int8_t &value : values)
      value = static_cast<int8_t>(engine());
    return values;
  };
  auto x = bytes(rows * k), w = bytes(n * k);
  x[0] = w[0] = -128;
  auto packed = pack(w, n, k, kPanelWidth, 4);
  std::vector<int32_t> bias(n, 3), factor(rows, 2), residual(rows * n, 1),
      y(rows * n);
  Buffer<int8_t, 2> in(x.data(), {rows, k});
  Buffer<int8_t, 3> weights(packed.data(), {(n + kPanelWidth - 1) / kPanelWidth,
                                            (k + 3) / 4, kPanelWidth * 4});
  Buffer<int32_t, 1> b(bias.data(), {n}), f(factor.data(), {rows});
  Buffer<int32_t, 2> r(residual.data(), {rows, n}), out(y.data(), {rows, n});
  jit.call("contract", &in, &weights, &b, &f, &r, &out);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < n; ++j) {
      int32_t sum = 3;
      for (int64_t l = 0; l < k; ++l)
        sum += int32_t(x[i * k + l]) * w[j * k + l];
      ASSERT_EQ(y[i * n + j], sum * 2 + 1) << name << " " << k << "x" << n;
    }
}

TEST(Contract, IntegersAreExact) {
  struct Case {
    int64_t k, n;
    std::vector<int64_t> rows;
  };
  // The last is in several blocks of k, not all as long, and its rows in
  // several sweeps.
  const Case cases[] = {{33, 50, {2, 11}},
                        {16, 32, {11}},
                        {48, 20, {5}},
                        {384, 40, {2, 9}},
                        {1088, 24, {70}}};
  for (const Target &target : testedTargets(/*all=*/true))
    for (const Case &shape : cases) {
      if (shape.k != 33 && !isRunnable(target))
        continue;
      auto jit = jitOf(contractText(shape.k, shape.n, "i8", "i32", 4), target);
      ASSERT_TRUE(jit);
      for (int64_t rows : shape.rows)
        checkIntegers(*jit, target.name, shape.k, shape.n, rows);
    }
}

uint16_t toBf16(float value) {
  return uint16_t(llvm::bit_cast<uint32_t>(value) >> 16);
}

TEST(Contract, Bf16) {
  for (const Target &target : testedTargets(/*all=*/true))
    for (auto [k, n, kRows] :
         {Shape{33, 50}, {2, 5}, {48, 20}, {544, 20, 70}}) {
      if (k > 100 && !isRunnable(target))
        continue;
      auto jit = jitOf(contractText(k, n, "bf16", "f32", 2), target);
      ASSERT_TRUE(jit);
      // Sums of small integers are exact in any order.
      auto numbers = [&](int64_t count, unsigned seed) {
        std::mt19937 engine(seed);
        std::vector<float> values(count);
        for (float &value : values)
          value = float(int(engine() % 65)) - 32;
        return values;
      };
      auto narrow = [](const std::vector<float> &values) {
        std::vector<uint16_t> result;
        for (float value : values)
          result.push_back(toBf16(value));
        return result;
      };
      auto x = numbers(kRows * k, 1), w = numbers(n * k, 2);
      auto narrowX = narrow(x), packed = pack(narrow(w), n, k, kPanelWidth, 2);
      std::vector<float> bias(n, 3), factor(kRows, 2), residual(kRows * n, 1);
      std::vector<float> y(kRows * n);
      Buffer<uint16_t, 2> in(narrowX.data(), {kRows, k});
      Buffer<uint16_t, 3> weights(
          packed.data(),
          {(n + kPanelWidth - 1) / kPanelWidth, (k + 1) / 2, kPanelWidth * 2});
      Buffer<float, 1> b(bias.data(), {n}), f(factor.data(), {kRows});
      Buffer<float, 2> r(residual.data(), {kRows, n}),
          out(y.data(), {kRows, n});
      jit->call("contract", &in, &weights, &b, &f, &r, &out);
      for (int64_t i = 0; i < kRows; ++i)
        for (int64_t j = 0; j < n; ++j) {
          float sum = 3;
          for (int64_t l = 0; l < k; ++l)
            sum += x[i * k + l] * w[j * k + l];
          ASSERT_EQ(y[i * n + j], sum * 2 + 1)
              << target.name << " " << k << "x" << n;
        }
    }
}

} // namespace

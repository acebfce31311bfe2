//===- PackedColumnsTest.cpp - weights of 4 bits against plain loops ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelTesting.h"

#include "transformer/Support/Rounding.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

namespace {

constexpr const char *kContract = R"(
func.func @contract(%x: memref<?x{0}xi8>, %w: memref<{2}xi8>, %m: memref<{3}xi8>, %y: memref<?x{1}xi32>) {{
  transformer_kernel.contract %x, %w unpack(%m) extras() outs(%y) attributes {{maps = []} {{
  ^bb0(%sum: i32):
    transformer_kernel.yield %sum : i32
  } : (memref<?x{0}xi8>, memref<{2}xi8>, memref<{3}xi8>, memref<?x{1}xi32>) -> ()
  return
}
)";

struct Shape {
  int64_t k, n, rows;
};

std::string text(const Shape &shape, bool inPanels) {
  auto type = [&](int64_t bytes) -> std::string {
    if (!inPanels)
      return llvm::formatv("{0}x{1}", shape.n, bytes);
    return llvm::formatv("{0}x{1}x{2}",
                         (shape.n + kPanelWidth - 1) / kPanelWidth,
                         (bytes + 3) / 4, 4 * kPanelWidth);
  };
  return llvm::formatv(kContract, shape.k, shape.n, type((shape.k + 7) / 8 * 4),
                       type((shape.k + 63) / 64));
}

/// An i8 matrix [rows, columns] in panels, as transformer-pack-weights has it.
std::vector<int8_t> panelsOf(ArrayRef<int8_t> values, int64_t rows,
                             int64_t columns) {
  int64_t groups = (columns + 3) / 4;
  int64_t panels = (rows + kPanelWidth - 1) / kPanelWidth;
  std::vector<int8_t> packed(panels * groups * kPanelWidth * 4);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      packed[((r / kPanelWidth * groups + c / 4) * kPanelWidth +
              r % kPanelWidth) *
                 4 +
             c % 4] = values[r * columns + c];
  return packed;
}

void check(const Target &target, const Shape &shape, bool inPanels) {
  auto [k, n, rows] = shape;
  auto jit = jitOf(text(shape, inPanels), target);
  ASSERT_TRUE(jit);
  std::mt19937 engine(unsigned(k + n));
  std::vector<int8_t> x(rows * k), w(n * k), multipliers(n * ((k + 63) / 64));
  for (int8_t &value : x)
    value = int8_t(engine());
  for (int8_t &value : multipliers)
    do
      value = int8_t(int(engine() % 31) - 15);
    while (value == 0);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < k; ++j)
      w[i * k + j] = int8_t((int(engine() % 16) - 8) *
                            multipliers[i * ((k + 63) / 64) + j / 64]);
  std::vector<int8_t> packed = packI4(w, n, k, multipliers);
  ASSERT_EQ(unpackI4(packed, n, k, multipliers), w);
  std::vector<int32_t> y((rows + 1) * n, 77);
  Buffer<int8_t, 2> in(x.data(), {rows, k});
  Buffer<int32_t, 2> out(y.data(), {rows, n});
  int64_t width = (k + 7) / 8 * 4, groups = (k + 63) / 64;
  if (inPanels) {
    int64_t panels = (n + kPanelWidth - 1) / kPanelWidth;
    std::vector<int8_t> wide = panelsOf(packed, n, width),
                        by = panelsOf(multipliers, n, groups);
    Buffer<int8_t, 3> weights(wide.data(),
                              {panels, width / 4, 4 * kPanelWidth});
    Buffer<int8_t, 3> factors(by.data(),
                              {panels, (groups + 3) / 4, 4 * kPanelWidth});
    jit->call("contract", &in, &weights, &factors, &out);
  } else {
    Buffer<int8_t, 2> weights(packed.data(), {n, width});
    Buffer<int8_t, 2> factors(multipliers.data(), {n, groups});
    jit->call("contract", &in, &weights, &factors, &out);
  }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < n; ++j) {
      int32_t sum = 0;
      for (int64_t l = 0; l < k; ++l)
        sum += int32_t(x[i * k + l]) * w[j * k + l];
      ASSERT_EQ(y[i * n + j], sum)
          << target.name << " " << k << "x" << n << " " << i << "," << j;
    }
  for (int64_t j = 0; j < n; ++j)
    ASSERT_EQ(y[rows * n + j], 77) << "written beyond the rows";
}

TEST(PackedColumns, ProductsAreThoseOfTheIntegers) {
  for (const Target &target : testedTargets(/*all=*/true))
    // Depths that are no multiple of anything; several blocks of k, whose
    // bounds are in the middle of a group; more rows than a sweep.
    for (const Shape &shape :
         {Shape{33, 50, 5}, {100, 20, 9}, {208, 40, 2}, {1088, 24, 70}}) {
      if (shape.k != 33 && !isRunnable(target))
        continue;
      check(target, shape, /*inPanels=*/true);
      if (shape.k == 208 && isRunnable(target))
        check(target, shape, /*inPanels=*/false);
    }
}

} // namespace

//===- LowRankCases.cpp - two factors beside the full linear --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cases.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::bench;
using test::Buffer;

namespace {

/// Rows at a time, as transformer-fuse-rows has them.
constexpr int64_t kRowBlock = 64;

std::string contract(StringRef x, StringRef w, StringRef bias, StringRef y,
                     int64_t k, int64_t n, const Target &target) {
  int64_t panel = kPanelWidth, panels = (n + panel - 1) / panel;
  bool biased = !bias.empty();
  std::string rows =
      llvm::formatv("memref<?x{0}xf32, strided<[{0}, 1], offset: ?>>", k);
  std::string out =
      llvm::formatv("memref<?x{0}xf32, strided<[{0}, 1], offset: ?>>", n);
  std::string weights =
      llvm::formatv("memref<{0}x{1}x{2}xf32>", panels, k, panel);
  std::string vector = llvm::formatv("memref<{0}xf32>", n);
  return llvm::formatv(
      R"(
    transformer_kernel.contract {0}, {1} {2} outs({3}) attributes {{maps = [{4}]} {{
    ^bb0(%sum: f32{5}):
      {6}
    } : ({7}, {8}{9}, {10}) -> ()
)",
      x, w, llvm::formatv("extras({0})", bias).str(), y,
      biased ? "affine_map<(m, n) -> (n)>" : "", biased ? ", %b: f32" : "",
      biased ? "%0 = arith.addf %sum, %b : f32\n"
               "transformer_kernel.yield %0 : f32"
             : "transformer_kernel.yield %sum : f32",
      rows, weights, biased ? ", " + vector : "", out);
}

/// A loop over blocks of rows %x to %y; `body` reads %xb and writes %yb.
std::string blocks(StringRef name, StringRef weights, int64_t k, int64_t n,
                   StringRef before, StringRef body) {
  return llvm::formatv(
      R"(
func.func @{0}(%x: memref<?x{1}xf32>, {3}, %bias: memref<{2}xf32>, %y: memref<?x{2}xf32>) {{
  %c0 = arith.constant 0 : index
  %block = arith.constant {4} : index
  %rows = memref.dim %x, %c0 : memref<?x{1}xf32>
  {5}
  scf.for %row = %c0 to %rows step %block {{
    %left = arith.subi %rows, %row : index
    %count = arith.minui %left, %block : index
    %xb = memref.subview %x[%row, 0] [%count, {1}] [1, 1]
        : memref<?x{1}xf32> to memref<?x{1}xf32, strided<[{1}, 1], offset: ?>>
    %yb = memref.subview %y[%row, 0] [%count, {2}] [1, 1]
        : memref<?x{2}xf32> to memref<?x{2}xf32, strided<[{2}, 1], offset: ?>>
    {6}
  }
  return
}
)",
      name, k, n, weights, kRowBlock, before, body);
}

Run bindRows(void *code, int64_t rows, ArrayRef<std::array<int64_t, 2>> factors,
             const Target &target) {
  int64_t panel = kPanelWidth;
  int64_t k = factors.front()[0], n = factors.back()[1];
  Floats x(rows * k), y(rows * n), bias(n);
  std::vector<Floats> data;
  std::vector<Buffer<float, 3>> weights;
  for (auto [from, to] : factors) {
    int64_t panels = (to + panel - 1) / panel;
    data.emplace_back(panels * from * panel);
    weights.emplace_back(data.back().data.get(),
                         std::array<int64_t, 3>{panels, from, panel});
  }
  // The weights' views do not own them.
  return [=, owner = data]() mutable {
    Buffer<float, 2> in(x.data.get(), {rows, k}), out(y.data.get(), {rows, n});
    Buffer<float, 1> b(bias.data.get(), {n});
    if (weights.size() == 1)
      reinterpret_cast<void (*)(void *, void *, void *, void *)>(code)(
          &in, &weights[0], &b, &out);
    else
      reinterpret_cast<void (*)(void *, void *, void *, void *, void *)>(code)(
          &in, &weights[0], &weights[1], &b, &out);
  };
}

} // namespace

/// lowrank:ROWSxKxRANKxN, K -> RANK -> N beside K -> N.
Maybe bench::lowRankCase(ArrayRef<int64_t> numbers, StringRef kind,
                         const Target &target) {
  if (numbers.size() != 4 || !kind.empty())
    return std::nullopt;
  int64_t rows = numbers[0], k = numbers[1], r = numbers[2], n = numbers[3];
  int64_t panel = kPanelWidth;
  auto weight = [&](StringRef name, int64_t from, int64_t to) {
    return llvm::formatv("{0}: memref<{1}x{2}x{3}xf32>", name,
                         (to + panel - 1) / panel, from, panel)
        .str();
  };
  Case result;
  result.operations = 2.0 * rows * r * (k + n);
  std::string middle = llvm::formatv(
      "%t = memref.alloc() {{alignment = 64 : i64} : memref<{0}x{1}xf32>",
      kRowBlock, r);
  std::string slice = llvm::formatv(
      "%tb = memref.subview %t[0, 0] [%count, {1}] [1, 1] : memref<{0}x{1}xf32>"
      " to memref<?x{1}xf32, strided<[{1}, 1]>>\n"
      "%tc = memref.cast %tb : memref<?x{1}xf32, strided<[{1}, 1]>>"
      " to memref<?x{1}xf32, strided<[{1}, 1], offset: ?>>",
      kRowBlock, r);
  result.text =
      blocks("kernel", weight("%u", k, r) + ", " + weight("%v", r, n), k, n,
             middle,
             slice + contract("%xb", "%u", "", "%tc", k, r, target) +
                 contract("%tc", "%v", "%bias", "%yb", r, n, target)) +
      blocks("full", weight("%w", k, n), k, n, "",
             contract("%xb", "%w", "%bias", "%yb", k, n, target));
  result.bind = [=](test::KernelJit &jit) {
    return bindRows(jit.lookup("kernel"), rows, {{k, r}, {r, n}}, target);
  };
  result.against = "full linear";
  result.expected = static_cast<double>(k) * n / (r * (k + n));
  result.bindAgainst = [=](test::KernelJit &jit) {
    return bindRows(jit.lookup("full"), rows, {{k, n}}, target);
  };
  return result;
}

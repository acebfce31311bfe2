//===- ContractCases.cpp - products with their epilogues ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cases.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::bench;
using test::Buffer;

namespace {

constexpr const char *kGelu = R"(
    %h = arith.constant 0.5 : f32
    %q = arith.constant 0.70710678 : f32
    %1 = arith.mulf %0, %q : f32
    %2 = math.erf %1 : f32
    %3 = arith.mulf %0, %h : f32
    %4 = arith.mulf %3, %2 : f32
    %5 = arith.addf %4, %3 : f32
    transformer_kernel.yield %5 : f32)";

constexpr int64_t kColdBytes = 12 << 20;

template <typename T>
Run bindContract(test::KernelJit &jit, int64_t rows, int64_t k, int64_t n,
                 int64_t panel, int64_t group, bool cold) {
  int64_t panels = (n + panel - 1) / panel, groups = (k + group - 1) / group;
  auto x = filled<T>(rows * k + 4);
  int64_t size = panels * panel * groups * group;
  // Other weights each time, more than a second-level cache holds, as in a
  // model of many layers.
  int64_t copies = cold ? kColdBytes / (size * int64_t(sizeof(T))) + 1 : 1;
  auto w = filled<T>(copies * size);
  auto turn = std::make_shared<int64_t>(0);
  auto bias = filled<float>(n), factor = filled<float>(rows);
  auto y = std::make_shared<std::vector<float>>(rows * n);
  auto function =
      reinterpret_cast<void (*)(void *, void *, void *, void *, void *)>(
          jit.lookup("kernel"));
  return [=] {
    Buffer<T, 2> in(x->data(), {rows, k});
    T *at = w->data() + (*turn)++ % copies * size;
    Buffer<T, 3> weights(at, {panels, groups, panel * group});
    Buffer<float, 1> b(bias->data(), {n}), f(factor->data(), {rows});
    Buffer<float, 2> out(y->data(), {rows, n});
    function(&in, &weights, &b, &f, &out);
  };
}

} // namespace

/// contract:ROWSxKxN[:gelu|:bf16|:i8][:cold], with a bias; i8 with factors of
/// rows and columns as well.
Maybe bench::contractCase(ArrayRef<int64_t> numbers, StringRef kind,
                          const Target &target) {
  bool cold = kind == "cold" || kind.consume_back(":cold");
  if (kind == "cold")
    kind = "";
  bool known = kind.empty() || kind == "gelu" || kind == "bf16" || kind == "i8";
  if (numbers.size() != 3 || !known)
    return std::nullopt;
  int64_t rows = numbers[0], k = numbers[1], n = numbers[2];
  int64_t panel = kPanelWidth, panels = (n + panel - 1) / panel;
  bool i8 = kind == "i8", bf16 = kind == "bf16";
  int64_t group = i8 ? 4 : bf16 ? 2 : 1;
  std::string epilogue = i8 ? "%i = arith.sitofp %sum : i32 to f32\n"
                              "%p = arith.mulf %i, %f : f32\n"
                              "%0 = arith.addf %p, %b : f32\n"
                            : "%0 = arith.addf %sum, %b : f32\n";
  epilogue += kind == "gelu" ? kGelu : "transformer_kernel.yield %0 : f32";
  Case result;
  result.peak = i8 ? Peak::Vnni : bf16 ? Peak::Bf16 : Peak::Fma;
  result.operations = 2.0 * rows * k * n;
  result.text =
      llvm::formatv(R"(
func.func @kernel(%x: memref<?x{0}x{4}>, %w: memref<{2}x{5}x{3}x{4}>,
    %bias: memref<{1}xf32>, %factor: memref<?xf32>, %y: memref<?x{1}xf32>) {{
  transformer_kernel.contract %x, %w extras(%bias, %factor) outs(%y)
      attributes {{maps = [affine_map<(m, n) -> (n)>, affine_map<(m, n) -> (m)>]} {{
  ^bb0(%sum: {6}, %b: f32, %f: f32):
    {7}
  } : (memref<?x{0}x{4}>, memref<{2}x{5}x{3}x{4}>, memref<{1}xf32>, memref<?xf32>, memref<?x{1}xf32>) -> ()
  return
}
)",
                    k, n, panels, panel * group,
                    i8     ? "i8"
                    : bf16 ? "bf16"
                           : "f32",
                    (k + group - 1) / group, i8 ? "i32" : "f32", epilogue);
  result.bind = [=](test::KernelJit &jit) {
    if (i8)
      return bindContract<int8_t>(jit, rows, k, n, panel, group, cold);
    if (bf16)
      return bindContract<uint16_t>(jit, rows, k, n, panel, group, cold);
    return bindContract<float>(jit, rows, k, n, panel, group, cold);
  };
  return result;
}

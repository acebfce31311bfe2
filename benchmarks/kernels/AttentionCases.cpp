//===- AttentionCases.cpp - attention of one sequence, all heads ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cases.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::bench;
using test::Buffer;

/// attention:LENGTHxHEADSxD
Maybe bench::attentionCase(ArrayRef<int64_t> numbers, StringRef kind,
                           const Target &target) {
  if (numbers.size() != 3 || !kind.empty())
    return std::nullopt;
  int64_t length = numbers[0], heads = numbers[1], d = numbers[2];
  int64_t width = heads * d;
  Case result;
  // Useful operations only.
  result.operations = 4.0 * length * length * width;
  result.text =
      llvm::formatv(R"(
!in = memref<?x{0}xf32, strided<[{1}, 1]>>
!out = memref<?x{0}xf32, strided<[{2}, 1]>>
func.func @kernel(%q: !in, %k: !in, %v: !in, %o: !out, %n: index) {{
  %c0 = arith.constant 0 : index
  transformer_kernel.attention %q, %k, %v rows(%c0 of %n) outs(%o) {{scale = 0.2 : f32, max_keys = {3} : i64}
      : (!in, !in, !in, index, index, !out) -> ()
  return
}
)",
                    d, 3 * width, width, std::max<int64_t>(length, 512));
  Floats x(length * 3 * width), y(length * width);
  result.bind = [=](test::KernelJit &jit) -> Run {
    auto function =
        reinterpret_cast<void (*)(void *, void *, void *, void *, int64_t)>(
            jit.lookup("kernel"));
    return [=] {
      for (int64_t head = 0; head < heads; ++head) {
        float *base = x.data.get() + head * d;
        Buffer<float, 2> q(base, {length, d}, 3 * width),
            k(base + width, {length, d}, 3 * width),
            v(base + 2 * width, {length, d}, 3 * width),
            o(y.data.get() + head * d, {length, d}, width);
        function(&q, &k, &v, &o, length);
      }
    };
  };
  return result;
}

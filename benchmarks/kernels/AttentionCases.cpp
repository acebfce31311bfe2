//===- AttentionCases.cpp - attention of one sequence, all heads ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cases.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::bench;
using test::Buffer;

static std::string functionText(StringRef name, int64_t length, int64_t d,
                                int64_t width, StringRef extra) {
  return llvm::formatv(R"(
func.func @{4}(%q: memref<?x{0}xf32, strided<[{1}, 1]>>, %k: memref<?x{0}xf32, strided<[{1}, 1]>>,
    %v: memref<?x{0}xf32, strided<[{1}, 1]>>, %o: memref<?x{0}xf32, strided<[{2}, 1]>>, %n: index) {{
  %c0 = arith.constant 0 : index
  transformer_kernel.attention %q, %k, %v rows(%c0 of %n) outs(%o) {{scale = 0.2 : f32, max_keys = {3} : i64{5}}
      : (memref<?x{0}xf32, strided<[{1}, 1]>>, memref<?x{0}xf32, strided<[{1}, 1]>>,
         memref<?x{0}xf32, strided<[{1}, 1]>>, index, index, memref<?x{0}xf32, strided<[{2}, 1]>>) -> ()
  return
}
)",
                       d, 3 * width, width, std::max<int64_t>(length, 512),
                       name, extra)
      .str();
}

/// attention:LENGTHxHEADSxD[:bf16|:i8|:causal]; what is not plain f32 is timed
/// beside that.
Maybe bench::attentionCase(ArrayRef<int64_t> numbers, StringRef kind,
                           const Target &target) {
  if (numbers.size() != 3 ||
      !llvm::is_contained({"", "bf16", "i8", "causal"}, kind))
    return std::nullopt;
  int64_t length = numbers[0], heads = numbers[1], d = numbers[2];
  int64_t width = heads * d;
  Case result;
  // Useful operations only.
  result.operations = 4.0 * length * length * width;
  if (kind == "causal")
    result.operations *= (length + 1.0) / (2 * length);
  std::string extra;
  if (kind == "causal")
    extra = ", causal";
  else if (!kind.empty())
    extra = llvm::formatv(", products = #transformer.products<{0}>", kind);
  result.text = functionText("kernel", length, d, width, extra);
  Floats x(length * 3 * width), y(length * width);
  auto bindTo = [=](StringRef name) {
    return [=, name = name.str()](test::KernelJit &jit) -> Run {
      auto function =
          reinterpret_cast<void (*)(void *, void *, void *, void *, int64_t)>(
              jit.lookup(name));
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
  };
  result.bind = bindTo("kernel");
  if (!kind.empty()) {
    result.text += functionText("plain", length, d, width, "");
    result.against = "f32";
    result.bindAgainst = bindTo("plain");
  }
  return result;
}

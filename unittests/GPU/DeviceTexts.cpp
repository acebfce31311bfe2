//===- DeviceTexts.cpp - models that several tests run --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceModel.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

std::string test::linearText(int n, int k, StringRef dtype) {
  return llvm::formatv(R"(
ml_program.global private @w(#ml_program.extern : tensor<{0}x{1}x{2}>) : tensor<{0}x{1}x{2}>
ml_program.global private @b(#ml_program.extern : tensor<{0}xf32>) : tensor<{0}xf32>
func.func @forward(%x: tensor<?x{1}x{2}>, %r: tensor<?x{0}xf32>) -> tensor<?x{0}xf32> {{
  %w = ml_program.global_load_const @w : tensor<{0}x{1}x{2}>
  %b = ml_program.global_load_const @b : tensor<{0}xf32>
  %0 = transformer.linear %x, %w bias %b activation gelu
      : (tensor<?x{1}x{2}>, tensor<{0}x{1}x{2}>, tensor<{0}xf32>) -> tensor<?x{0}xf32>
  %1 = arith.addf %0, %r : tensor<?x{0}xf32>
  return %1 : tensor<?x{0}xf32>
})",
                       n, k, dtype)
      .str();
}

std::string test::linearOfI8(int n, int k) {
  return llvm::formatv(R"(
ml_program.global private @w(#ml_program.extern : tensor<{0}x{1}xi8>) : tensor<{0}x{1}xi8>
ml_program.global private @scale(#ml_program.extern : tensor<{0}xf32>) : tensor<{0}xf32>
func.func @forward(%x: tensor<?x{1}xf16>) -> tensor<?x{0}xf32> {{
  %w = ml_program.global_load_const @w : tensor<{0}x{1}xi8>
  %ws = ml_program.global_load_const @scale : tensor<{0}xf32>
  %q, %s = transformer.quantize %x : (tensor<?x{1}xf16>) -> (tensor<?x{1}xi8>, tensor<?xf32>)
  %0 = transformer.linear %q, %w scales(%s, %ws) : (tensor<?x{1}xi8>, tensor<{0}x{1}xi8>, tensor<?xf32>, tensor<{0}xf32>) -> tensor<?x{0}xf32>
  return %0 : tensor<?x{0}xf32>
})",
                       n, k)
      .str();
}

std::string test::pairText(const Linears &linears, StringRef dtype) {
  // What the first one has of a bias, and its type.
  std::string bias = linears.hasBias ? "bias %db" : "", type;
  if (linears.hasBias)
    type = llvm::formatv(", tensor<{0}x{1}>", linears.rank, dtype);
  auto format = [&](const char *text) {
    return llvm::formatv(/*Validate=*/false, text, linears.n, linears.k,
                         linears.rank, dtype, linears.isI8 ? "i8" : dtype, bias,
                         type)
        .str();
  };
  std::string text = format(R"(
ml_program.global private @down(#ml_program.extern : tensor<{2}x{1}x{4}>) : tensor<{2}x{1}x{4}>
ml_program.global private @up(#ml_program.extern : tensor<{0}x{2}x{4}>) : tensor<{0}x{2}x{4}>
ml_program.global private @b(#ml_program.extern : tensor<{0}xf32>) : tensor<{0}xf32>
ml_program.global private @down_scale(#ml_program.extern : tensor<{2}xf32>) : tensor<{2}xf32>
ml_program.global private @up_scale(#ml_program.extern : tensor<{0}xf32>) : tensor<{0}xf32>
ml_program.global private @down_b(#ml_program.extern : tensor<{2}x{3}>) : tensor<{2}x{3}>
ml_program.global private @m_scale(#ml_program.extern : tensor<{2}x{3}>) : tensor<{2}x{3}>
ml_program.global private @one_scale(#ml_program.extern : tensor<f32>) : tensor<f32>
func.func @forward(%x: tensor<?x{1}x{3}>, %r: tensor<?x{0}xf32>) -> )");
  text +=
      format(linears.returnsHidden ? "(tensor<?x{0}xf32>, tensor<?x{2}x{3}>)"
                                   : "tensor<?x{0}xf32>");
  text += format(R"( {{
  %down = ml_program.global_load_const @down : tensor<{2}x{1}x{4}>
  %up = ml_program.global_load_const @up : tensor<{0}x{2}x{4}>
  %b = ml_program.global_load_const @b : tensor<{0}xf32>
  %db = ml_program.global_load_const @down_b : tensor<{2}x{3}>
)");
  if (linears.isI8) {
    text += format(R"(
  %ds = ml_program.global_load_const @down_scale : tensor<{2}xf32>
  %us = ml_program.global_load_const @up_scale : tensor<{0}xf32>
  %m = ml_program.global_load_const @m_scale : tensor<{2}x{3}>
  %q, %s = transformer.quantize %x : (tensor<?x{1}x{3}>) -> (tensor<?x{1}xi8>, tensor<?xf32>)
  %0 = transformer.linear %q, %down {5} scales(%s, %ds) : (tensor<?x{1}xi8>, tensor<{2}x{1}xi8>{6}, tensor<?xf32>, tensor<{2}xf32>) -> tensor<?x{2}x{3}>
)");
    if (linears.scale)
      text += std::string("  %c = ") + linears.scale + "\n";
    text += "  %q2, %s2 = transformer.quantize %0 ";
    if (linears.hasMultiplier)
      text += "multiplier %m ";
    text += linears.scale ? "scale(%c) : " : ": ";
    std::string types = "tensor<?x{2}x{3}>";
    if (linears.hasMultiplier)
      types += ", tensor<{2}x{3}>";
    if (linears.scale)
      types += ", tensor<f32>";
    text += format(("(" + types + R"() -> (tensor<?x{2}xi8>, tensor<?xf32>)
  %1 = transformer.linear %q2, %up bias %b scales(%s2, %us) activation gelu
      : (tensor<?x{2}xi8>, tensor<{0}x{2}xi8>, tensor<{0}xf32>, tensor<?xf32>, tensor<{0}xf32>) -> tensor<?x{0}xf32>
)")
                       .c_str());
  } else {
    text += format(R"(
  %0 = transformer.linear %x, %down {5} : (tensor<?x{1}x{3}>, tensor<{2}x{1}x{3}>{6}) -> tensor<?x{2}x{3}>
  %1 = transformer.linear %0, %up bias %b activation gelu
      : (tensor<?x{2}x{3}>, tensor<{0}x{2}x{3}>, tensor<{0}xf32>) -> tensor<?x{0}xf32>
)");
  }
  text += format("  %2 = arith.addf %1, %r : tensor<?x{0}xf32>\n");
  text +=
      format(linears.returnsHidden
                 ? "  return %2, %0 : tensor<?x{0}xf32>, tensor<?x{2}x{3}>\n}"
                 : "  return %2 : tensor<?x{0}xf32>\n}");
  return text;
}

std::string test::patchesText() {
  return R"(
ml_program.global private @w(#ml_program.extern : tensor<24x48xf32>) : tensor<24x48xf32>
ml_program.global private @cls(#ml_program.extern : tensor<1x24xf32>) : tensor<1x24xf32>
func.func @forward(%x: tensor<?x3x8x12xf32>, %offsets: tensor<?xi32>) -> tensor<?x24xf32> {
  %w = ml_program.global_load_const @w : tensor<24x48xf32>
  %cls = ml_program.global_load_const @cls : tensor<1x24xf32>
  %0 = transformer.patches %x {size = 4 : i64} : (tensor<?x3x8x12xf32>) -> tensor<?x48xf32>
  %1 = transformer.linear %0, %w : (tensor<?x48xf32>, tensor<24x48xf32>) -> tensor<?x24xf32>
  %2 = transformer.prepend %1, %cls {length = 6 : i64} : (tensor<?x24xf32>, tensor<1x24xf32>) -> tensor<?x24xf32>
  return %2 : tensor<?x24xf32>
})";
}

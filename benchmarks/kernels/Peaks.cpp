//===- Peaks.cpp - loops on registers only --------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Cases.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;

/// As many as no round waits for the one before, with two in flight.
constexpr int kChains = 12;

double bench::peakOperations(Peak peak, const Target &target) {
  int64_t depth = peak == Peak::Fma ? 1 : peak == Peak::Bf16 ? 2 : 4;
  return 2.0 * kChains * target.lanes * depth;
}

std::string bench::peakText(Peak peak, const Target &target) {
  if ((peak == Peak::Vnni && !target.vnni) ||
      (peak == Peak::Bf16 && !target.bf16))
    return "";
  int64_t lanes = target.lanes;
  std::string sums = llvm::formatv("vector<{0}x{1}>", lanes,
                                   peak == Peak::Vnni ? "i32" : "f32");
  std::string factors = sums, name;
  if (peak == Peak::Vnni) {
    factors = llvm::formatv("vector<{0}xi8>", 4 * lanes);
    name = llvm::formatv("llvm.x86.avx512.vpdpbusd.{0}", 32 * lanes);
  } else if (peak == Peak::Bf16) {
    factors = llvm::formatv("vector<{0}xbf16>", 2 * lanes);
    name = "llvm.x86.avx512bf16.dpbf16ps.512";
  }
  std::string names, types, starts, body;
  for (int i = 0; i < kChains; ++i) {
    std::string comma = i ? ", " : "";
    starts += llvm::formatv("{0}%a{1} = %start", comma, i);
    types += comma + sums;
    names += llvm::formatv("{0}%n{1}", comma, i);
    if (peak != Peak::Fma)
      body += llvm::formatv("%n{0} = llvm.call_intrinsic \"{1}\"(%a{0}, %b, "
                            "%b) : ({2}, {3}, {3}) -> {2}\n",
                            i, name, sums, factors);
    else if (target.fma)
      body += llvm::formatv("%n{0} = math.fma %a{0}, %b, %b : {1}\n", i, sums);
    else
      body += llvm::formatv("%m{0} = arith.mulf %a{0}, %b : {1}\n"
                            "%n{0} = arith.addf %m{0}, %b : {1}\n",
                            i, sums);
  }
  // The sum of all chains keeps every one of them alive.
  StringRef add = peak == Peak::Vnni ? "arith.addi" : "arith.addf";
  std::string sum = llvm::formatv("%s0 = {0} %r#0, %r#1 : {1}\n", add, sums);
  for (int i = 2; i < kChains; ++i)
    sum += llvm::formatv("%s{0} = {4} %s{1}, %r#{2} : {3}\n", i - 1, i - 2, i,
                         sums, add);
  std::string bytes = llvm::formatv("vector<{0}xi8>", 4 * lanes);
  return llvm::formatv(R"(
func.func @peak(%out: memref<?xi8>, %n: index) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %raw = vector.load %out[%c0] : memref<?xi8>, {6}
  %b = vector.bitcast %raw : {6} to {7}
  %start = vector.bitcast %raw : {6} to {0}
  %r:{8} = scf.for %i = %c0 to %n step %c1 iter_args({1}) -> ({2}) {{
    {3}
    scf.yield {4} : {2}
  }
  {5}
  %last = vector.bitcast %s{9} : {0} to {6}
  vector.store %last, %out[%c0] : memref<?xi8>, {6}
  return
}
)",
                       sums, starts, types, body, names, sum, bytes, factors,
                       kChains, kChains - 2);
}

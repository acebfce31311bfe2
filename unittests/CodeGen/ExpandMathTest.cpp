//===- ExpandMathTest.cpp - accuracy of the vector functions --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "KernelJit.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>
#include <vector>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

namespace {

constexpr const char *kMap = R"(
func.func @{0}(%x: memref<?x37xf32>, %y: memref<?x37xf32>) {{
  linalg.generic {{indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x : memref<?x37xf32>) outs(%y : memref<?x37xf32>) {{
  ^bb0(%a: f32, %b: f32):
    %0 = math.{0} %a : f32
    linalg.yield %0 : f32
  }
  return
}
)";

struct Function {
  const char *name;
  double (*exact)(double);
  float low, high, ulps;
};

const Function kFunctions[] = {
    {"exp", std::exp, -87.0f, 88.0f, 2},
    {"exp2", std::exp2, -125.0f, 127.9f, 2},
    {"erf", std::erf, -5.0f, 5.0f, 7},
    {"tanh", std::tanh, -12.0f, 12.0f, 3},
    {"sin", std::sin, -3000.0f, 3000.0f, 0},
    {"cos", std::cos, -3000.0f, 3000.0f, 0},
};

TEST(ExpandMath, AccurateAndWithoutCalls) {
  std::string error;
  for (StringRef name : {"host", "x86-64-v3", "x86-64"}) {
    FailureOr<Target> target = lookupTarget(name, error);
    FailureOr<Target> host = lookupTarget("host", error);
    if (failed(target) || failed(host) || target->triple != host->triple ||
        target->lanes > host->lanes)
      continue;
    std::string text;
    for (const Function &function : kFunctions)
      text += llvm::formatv(kMap, function.name).str();
    auto jit = KernelJit::create(text, *target);
    ASSERT_TRUE(static_cast<bool>(jit)) << llvm::toString(jit.takeError());
    std::string assembly = (*jit)->assembly();
    for (const Function &function : kFunctions)
      EXPECT_EQ(assembly.find(std::string(function.name) + "f"),
                std::string::npos);
    for (const Function &function : kFunctions) {
      constexpr int64_t kRows = 300, kCount = kRows * 37;
      constexpr float kInf = std::numeric_limits<float>::infinity();
      std::vector<float> x(kCount), y(kCount);
      for (int64_t i = 0; i < kCount; ++i)
        x[i] = function.low + (function.high - function.low) * i / kCount;
      x[1] = NAN, x[40] = kInf, x[3] = -kInf;
      x[4] = 0.0f, x[5] = 1e-30f, x[6] = -1e-6f, x[7] = -200.0f;
      Buffer<float, 2> in(x.data(), {kRows, 37}), out(y.data(), {kRows, 37});
      (*jit)->call(function.name, &in, &out);
      for (int64_t i = 0; i < kCount; ++i) {
        double exact = function.exact(x[i]);
        if (std::isnan(exact)) {
          ASSERT_TRUE(std::isnan(y[i])) << function.name << " " << x[i];
          continue;
        }
        if (std::isinf(exact)) {
          ASSERT_EQ(y[i], exact) << function.name << " " << x[i];
          continue;
        }
        float rounded = std::abs(static_cast<float>(exact));
        double ulp = std::nextafter(rounded, kInf) - rounded;
        double bound = function.ulps ? function.ulps * ulp : 4e-7;
        ASSERT_NEAR(y[i], exact, bound)
            << function.name << " " << x[i] << " on " << target->name;
      }
    }
  }
}

} // namespace

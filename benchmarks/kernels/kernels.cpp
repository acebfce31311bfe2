//===- kernels.cpp - emitted kernels against the peak of the core ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   kernel-benchmark [--target=host] [--repeats=30] [--fail-below=PERCENT]
//                    [contract:ROWSxKxN[:gelu|:i8] |
//                    attention:LENGTHxHEADSxD]...
//
// Prints the share of the multiply-add peak, which a loop of independent fused
// multiply-adds on registers measures between the runs: machines are shared and
// clocks move, ratios stay. Best and median of the repeats. Exits with 2 if the
// best of a case is below --fail-below.
//===----------------------------------------------------------------------===//
#include "KernelJit.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

namespace {

double seconds() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// 16 registers, which no iteration waits for another of.
std::string peakText(const Target &target) {
  std::string vector = llvm::formatv("vector<{0}xf32>", target.lanes);
  std::string names, types, starts, body;
  for (int i = 0; i < 12; ++i) {
    std::string comma = i ? ", " : "";
    starts += llvm::formatv("{0}%a{1} = %start", comma, i);
    types += comma + vector;
    names += llvm::formatv("{0}%n{1}", comma, i);
    body += target.fma ? llvm::formatv("%n{0} = math.fma %a{0}, %b, %c : {1}\n",
                                       i, vector)
                             .str()
                       : llvm::formatv("%m{0} = arith.mulf %a{0}, %b : {1}\n"
                                       "%n{0} = arith.addf %m{0}, %c : {1}\n",
                                       i, vector)
                             .str();
  }
  std::string sum = "%s0 = arith.addf %r#0, %r#1 : " + vector + "\n";
  for (int i = 2; i < 12; ++i)
    sum += llvm::formatv("%s{0} = arith.addf %s{1}, %r#{2} : {3}\n", i - 1,
                         i - 2, i, vector);
  return llvm::formatv(R"(
func.func @peak(%out: memref<?xf32>, %n: index, %x: f32, %y: f32) {{
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %b = vector.broadcast %x : f32 to {0}
  %c = vector.broadcast %y : f32 to {0}
  %start = arith.addf %b, %c : {0}
  %r:12 = scf.for %i = %c0 to %n step %c1 iter_args({1}) -> ({2}) {{
    {3}
    scf.yield {4} : {2}
  }
  {5}
  vector.store %s10, %out[%c0] : memref<?xf32>, {0}
  return
}
)",
                       vector, starts, types, body, names, sum);
}

struct Case {
  std::string name, text;
  double operations;
  std::function<void(KernelJit &)> run;
};

template <typename T> std::vector<T> filled(size_t count) {
  std::vector<T> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = static_cast<T>((i * 7919 % 64) / 64.0 - 0.5);
  return values;
}

Case contractCase(StringRef name, int64_t rows, int64_t k, int64_t n,
                  StringRef kind, const Target &target) {
  int64_t panel = panelWidth(target), panels = (n + panel - 1) / panel;
  bool integers = kind == "i8";
  int64_t group = integers ? 4 : 1;
  StringRef gelu = R"(
    %h = arith.constant 0.5 : f32
    %q = arith.constant 0.70710678 : f32
    %1 = arith.mulf %0, %q : f32
    %2 = math.erf %1 : f32
    %3 = arith.mulf %0, %h : f32
    %4 = arith.mulf %3, %2 : f32
    %5 = arith.addf %4, %3 : f32
    transformer_kernel.yield %5 : f32)";
  std::string epilogue = integers ? "%i = arith.sitofp %sum : i32 to f32\n"
                                    "%0 = arith.mulf %i, %b : f32\n"
                                  : "%0 = arith.addf %sum, %b : f32\n";
  epilogue += kind == "gelu" ? gelu.str() : "transformer_kernel.yield %0 : f32";
  Case result;
  result.name = name.str();
  result.operations = 2.0 * rows * k * n;
  result.text = llvm::formatv(R"(
func.func @kernel(%x: memref<?x{0}x{4}>, %w: memref<{2}x{5}x{3}x{4}>,
    %bias: memref<{1}xf32>, %y: memref<?x{1}xf32>) {{
  transformer_kernel.contract %x, %w extras(%bias) outs(%y)
      attributes {{maps = [affine_map<(m, n) -> (n)>]} {{
  ^bb0(%sum: {6}, %b: f32):
    {7}
  } : (memref<?x{0}x{4}>, memref<{2}x{5}x{3}x{4}>, memref<{1}xf32>, memref<?x{1}xf32>) -> ()
  return
}
)",
                              k, n, panels, panel * group,
                              integers ? "i8" : "f32", (k + group - 1) / group,
                              integers ? "i32" : "f32", epilogue);
  auto bias = std::make_shared<std::vector<float>>(filled<float>(n));
  auto y = std::make_shared<std::vector<float>>(rows * n);
  auto bind = [&](auto zero) {
    using T = decltype(zero);
    auto x = std::make_shared<std::vector<T>>(filled<T>(rows * k + 4));
    auto w = std::make_shared<std::vector<T>>(
        filled<T>(panels * panel * (k + group)));
    result.run = [=](KernelJit &jit) {
      Buffer<T, 2> in(x->data(), {rows, k});
      Buffer<T, 3> weights(w->data(),
                           {panels, (k + group - 1) / group, panel * group});
      Buffer<float, 1> b(bias->data(), {n});
      Buffer<float, 2> out(y->data(), {rows, n});
      static thread_local KernelJit *last = nullptr;
      static thread_local void *function = nullptr;
      if (last != &jit)
        function = jit.lookup("kernel"), last = &jit;
      reinterpret_cast<void (*)(void *, void *, void *, void *)>(function)(
          &in, &weights, &b, &out);
    };
  };
  integers ? bind(int8_t()) : bind(float());
  return result;
}

Case attentionCase(StringRef name, int64_t length, int64_t heads, int64_t d) {
  int64_t width = heads * d;
  Case result;
  result.name = name.str();
  result.operations = 4.0 * length * length * width;
  result.text = llvm::formatv(R"(
!in = memref<?x{0}xf32, strided<[{1}, 1]>>
!out = memref<?x{0}xf32, strided<[{2}, 1]>>
func.func @kernel(%q: !in, %k: !in, %v: !in, %o: !out, %n: index) {{
  %c0 = arith.constant 0 : index
  transformer_kernel.attention %q, %k, %v rows(%c0 of %n) outs(%o) {{scale = 0.2 : f32, max_keys = 512 : i64}
      : (!in, !in, !in, index, index, !out) -> ()
  return
}
)",
                              d, 3 * width, width);
  auto x =
      std::make_shared<std::vector<float>>(filled<float>(length * 3 * width));
  auto y = std::make_shared<std::vector<float>>(length * width);
  result.run = [=](KernelJit &jit) {
    auto function =
        reinterpret_cast<void (*)(void *, void *, void *, void *, int64_t)>(
            jit.lookup("kernel"));
    for (int64_t head = 0; head < heads; ++head) {
      float *base = x->data() + head * d;
      Buffer<float, 2> q(base, {length, d}, 3 * width),
          k(base + width, {length, d}, 3 * width),
          v(base + 2 * width, {length, d}, 3 * width),
          o(y->data() + head * d, {length, d}, width);
      function(&q, &k, &v, &o, length);
    }
  };
  return result;
}

/// "contract:32x384x1536:gelu" and the like.
std::optional<Case> parseCase(StringRef text, const Target &target) {
  SmallVector<StringRef> parts, numbers;
  text.split(parts, ':');
  if (parts.size() < 2)
    return std::nullopt;
  parts[1].split(numbers, 'x');
  int64_t size[3];
  if (numbers.size() != 3)
    return std::nullopt;
  for (int i = 0; i < 3; ++i)
    if (numbers[i].getAsInteger(10, size[i]) || size[i] < 1)
      return std::nullopt;
  StringRef kind = parts.size() > 2 ? parts[2] : "";
  if (parts[0] == "contract" &&
      (kind.empty() || kind == "gelu" || kind == "i8"))
    return contractCase(text, size[0], size[1], size[2], kind, target);
  if (parts[0] == "attention")
    return attentionCase(text, size[0], size[1], size[2]);
  return std::nullopt;
}

} // namespace

int main(int argc, char **argv) {
  std::string targetName = "host", error;
  int64_t repeats = 30, failBelow = 0;
  SmallVector<StringRef> names;
  for (int i = 1; i < argc; ++i) {
    StringRef argument = argv[i];
    if (argument.consume_front("--target="))
      targetName = argument.str();
    else if (argument.consume_front("--repeats="))
      argument.getAsInteger(10, repeats);
    else if (argument.consume_front("--fail-below="))
      argument.getAsInteger(10, failBelow);
    else
      names.push_back(argument);
  }
  if (names.empty())
    names = {"contract:128x384x1152",      "contract:128x384x384",
             "contract:128x384x1536:gelu", "contract:128x1536x384",
             "contract:8x384x384",         "contract:17x384x384",
             "contract:128x384x384:i8",    "attention:8x12x32",
             "attention:17x12x32",         "attention:32x12x32",
             "attention:128x12x32",        "attention:512x12x64"};
  FailureOr<Target> target = lookupTarget(targetName, error);
  if (failed(target)) {
    fprintf(stderr, "kernel-benchmark: %s\n", error.c_str());
    return 1;
  }
  auto peak = KernelJit::create(peakText(*target), *target);
  if (!peak) {
    fprintf(stderr, "kernel-benchmark: %s\n",
            llvm::toString(peak.takeError()).c_str());
    return 1;
  }
  auto peakFunction = reinterpret_cast<void (*)(void *, int64_t, float, float)>(
      (*peak)->lookup("peak"));
  std::vector<float> sink(64);
  Buffer<float, 1> sinkBuffer(sink.data(), {64});
  auto measurePeak = [&] {
    constexpr int64_t kLoops = 30000;
    double start = seconds();
    peakFunction(&sinkBuffer, kLoops, 0.999f, 0.001f);
    return 2.0 * 12 * target->lanes * kLoops / (seconds() - start);
  };

  printf("target %s; %% of the multiply-add peak\n", target->name.c_str());
  printf("%-32s %8s %8s %10s\n", "case", "best", "median", "best us");
  int status = 0;
  for (StringRef name : names) {
    std::optional<Case> test = parseCase(name, *target);
    if (!test) {
      fprintf(stderr,
              "kernel-benchmark: '%s' is no case; write "
              "contract:ROWSxKxN[:gelu|:i8] or "
              "attention:LENGTHxHEADSxD\n",
              name.str().c_str());
      return 1;
    }
    auto jit = KernelJit::create(test->text, *target);
    if (!jit) {
      fprintf(stderr, "kernel-benchmark: %s\n",
              llvm::toString(jit.takeError()).c_str());
      return 1;
    }
    test->run(**jit);
    double start = seconds();
    test->run(**jit);
    int64_t loops = std::max<int64_t>(1, 1e-3 / (seconds() - start));
    double bestTime = 1e9, bestPeak = 0;
    std::vector<double> ratios;
    for (int64_t i = 0; i < repeats; ++i) {
      double rate = measurePeak();
      start = seconds();
      for (int64_t j = 0; j < loops; ++j)
        test->run(**jit);
      double time = (seconds() - start) / loops;
      ratios.push_back(100 * test->operations / time / rate);
      bestTime = std::min(bestTime, time);
      bestPeak = std::max(bestPeak, rate);
    }
    std::sort(ratios.begin(), ratios.end());
    double best = 100 * test->operations / bestTime / bestPeak;
    printf("%-32s %7.1f%% %7.1f%% %10.1f\n", test->name.c_str(), best,
           ratios[ratios.size() / 2], bestTime * 1e6);
    fflush(stdout);
    if (best < failBelow)
      status = 2;
  }
  return status;
}

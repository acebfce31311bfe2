//===- Main.cpp - emitted kernels against the peak of the core ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//   kernel-benchmark [--target=host] [--repeats=30] [--json FILE] [--assembly]
//                    [CASE...]
//
// See benchmarks/README.md for the cases and how to read the table.
//===----------------------------------------------------------------------===//
#include "Cases.h"

#include "llvm/Support/JSON.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::bench;
using test::Buffer;
using test::KernelJit;

namespace {

double seconds() {
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int fail(const std::string &message) {
  fprintf(stderr, "kernel-benchmark: %s\n", message.c_str());
  return 1;
}

/// The rates of the peak loops, in operations per second at the moment.
class Peaks {
public:
  explicit Peaks(const Target &target) : target(target), data(64) {
    for (int i = 0; i < kPeaks; ++i) {
      std::string text = peakText(static_cast<Peak>(i), target);
      if (text.empty())
        continue;
      jits[i] = llvm::cantFail(KernelJit::create(text, target));
      code[i] =
          reinterpret_cast<void (*)(void *, int64_t)>(jits[i]->lookup("peak"));
    }
  }

  bool has(Peak peak) const { return code[static_cast<int>(peak)]; }

  double measure(Peak peak) {
    constexpr int64_t kLoops = 15000;
    Buffer<char, 1> buffer(data.data(), {64});
    double start = seconds();
    code[static_cast<int>(peak)](&buffer, kLoops);
    return peakOperations(peak, target) * kLoops / (seconds() - start);
  }

private:
  const Target &target;
  std::vector<char> data;
  std::unique_ptr<KernelJit> jits[kPeaks];
  void (*code[kPeaks])(void *, int64_t) = {};
};

/// Runs a case often enough in one go for the clock to be exact.
struct Timed {
  Run run;
  int64_t loops;
  std::vector<double> times;

  explicit Timed(Run kernel)
      : run([kernel = std::move(kernel)] {
          KernelJit::beginCall();
          kernel();
        }) {
    this->run();
    double start = seconds();
    this->run();
    loops = std::max<int64_t>(1, 5e-4 / (seconds() - start));
  }
  double once() {
    double start = seconds();
    for (int64_t i = 0; i < loops; ++i)
      run();
    times.push_back((seconds() - start) / loops);
    return times.back();
  }
};

Maybe parseCase(StringRef text, const Target &target) {
  SmallVector<StringRef> parts, words;
  text.split(parts, ":", /*MaxSplit=*/2);
  if (parts.size() < 2)
    return std::nullopt;
  parts[1].split(words, 'x');
  SmallVector<int64_t> numbers;
  for (StringRef word : words)
    if (word.getAsInteger(10, numbers.emplace_back()) || numbers.back() < 1 ||
        numbers.back() > 1 << 20)
      return std::nullopt;
  StringRef kind = parts.size() > 2 ? parts[2] : "";
  Maybe result;
  if (parts[0] == "contract")
    result = contractCase(numbers, kind, target);
  else if (parts[0] == "attention")
    result = attentionCase(numbers, kind, target);
  else if (parts[0] == "lowrank")
    result = lowRankCase(numbers, kind, target);
  else if (parts[0] == "fft")
    result = fftCase(numbers, kind, target);
  if (result)
    result->name = text.str();
  return result;
}

std::vector<std::string> allCases() {
  std::vector<std::string> names;
  auto shape = [](std::initializer_list<int64_t> sizes) {
    std::string text;
    for (int64_t size : sizes)
      text += (text.empty() ? "" : "x") + std::to_string(size);
    return text;
  };
  for (auto [k, n] : {std::pair<int64_t, int64_t>{384, 384},
                      {384, 1536},
                      {1536, 384},
                      {768, 768},
                      {768, 3072},
                      {3072, 768}}) {
    for (int64_t rows : {1, 2, 3, 5, 8, 13, 32, 128, 512})
      names.push_back("contract:" + shape({rows, k, n}));
    for (int64_t rows : {8, 128})
      for (const char *kind : {":bf16", ":i8"})
        names.push_back("contract:" + shape({rows, k, n}) + kind);
  }
  names.push_back("contract:128x384x1536:gelu");
  for (int64_t d : {32, 64})
    for (int64_t length : {8, 17, 32, 128, 512})
      for (const char *kind : {"", ":bf16", ":i8"})
        names.push_back("attention:" + shape({length, 12, d}) + kind);
  for (int64_t rank : {32, 64, 96, 128, 192, 256}) {
    names.push_back("lowrank:" + shape({128, 384, rank, 384}));
    names.push_back("lowrank:" + shape({128, 384, rank, 1536}));
    names.push_back("lowrank:" + shape({128, 768, rank, 3072}));
  }
  for (int64_t length : {128, 256, 512, 1024, 2048})
    for (int64_t hidden : {256, 512, 768, 1024})
      names.push_back("fft:" + shape({length, hidden}));
  return names;
}

} // namespace

int main(int argc, char **argv) {
  std::string targetName = "host", jsonFile, error;
  int64_t repeats = 30;
  bool assembly = false;
  std::vector<std::string> names;
  for (int i = 1; i < argc; ++i) {
    StringRef argument = argv[i];
    if (argument.consume_front("--target="))
      targetName = argument.str();
    else if (argument.consume_front("--repeats=")) {
      if (argument.getAsInteger(10, repeats) || repeats < 1)
        return fail("--repeats takes a number from 1 on");
    } else if (argument == "--json" && i + 1 < argc)
      jsonFile = argv[++i];
    else if (argument.consume_front("--json="))
      jsonFile = argument.str();
    else if (argument == "--assembly")
      assembly = true;
    else if (argument.starts_with("-"))
      return fail("'" + argument.str() +
                  "' is no option; there are --target=, --repeats=, "
                  "--json FILE and --assembly");
    else
      names.push_back(argument.str());
  }
  if (names.empty())
    names = allCases();
  FailureOr<Target> target = lookupTarget(targetName, error);
  if (failed(target))
    return fail(error);
  Peaks peaks(*target);

  printf("target %s; medians of %d\n", target->name.c_str(), int(repeats));
  printf("%-28s %10s %7s %10s %7s %7s  %s\n", "case", "us", "% peak",
         "other us", "faster", "promise", "other");
  llvm::json::Array rows;
  for (const std::string &name : names) {
    Maybe test = parseCase(name, *target);
    if (!test)
      return fail(
          "'" + name +
          "' is no case; write contract:ROWSxKxN[:gelu|:bf16|:i8][:cold], "
          "attention:LENGTHxHEADSxD[:bf16|:i8|:causal], "
          "lowrank:ROWSxKxRANKxN or "
          "fft:LENGTHxHIDDEN[:static]");
    auto jit = KernelJit::create(test->text, *target);
    if (!jit)
      return fail(name + ": " + llvm::toString(jit.takeError()));
    if (assembly) {
      printf("%s\n", (*jit)->assembly().c_str());
      continue;
    }
    Timed own(test->bind(**jit));
    std::optional<Timed> other;
    if (test->bindAgainst)
      other.emplace(test->bindAgainst(**jit));
    Peak peak = peaks.has(test->peak) ? test->peak : Peak::Fma;
    std::vector<double> shares, ratios;
    for (int64_t i = 0; i < repeats; ++i) {
      double rate = peaks.measure(peak), time = own.once();
      shares.push_back(100 * test->operations / time / rate);
      if (other)
        ratios.push_back(other->once() / time);
    }
    llvm::json::Object row{{"case", name},
                           {"microseconds", median(own.times) * 1e6},
                           {"percent_of_peak", median(shares)}};
    printf("%-28s %10.1f %7.1f", name.c_str(), median(own.times) * 1e6,
           median(shares));
    if (other) {
      row["other"] = test->against;
      row["other_microseconds"] = median(other->times) * 1e6;
      row["times_faster"] = median(ratios);
      printf(" %10.1f %7.2f", median(other->times) * 1e6, median(ratios));
      if (test->expected) {
        row["times_fewer_operations"] = test->expected;
        printf(" %7.2f", test->expected);
      } else {
        printf(" %7s", "");
      }
      printf("  %s", test->against.c_str());
    }
    printf("\n");
    fflush(stdout);
    rows.push_back(std::move(row));
  }
  if (jsonFile.empty())
    return 0;
  std::error_code code;
  llvm::raw_fd_ostream file(jsonFile, code);
  if (code)
    return fail("cannot write '" + jsonFile + "': " + code.message());
  file << llvm::formatv("{0:2}\n", llvm::json::Value(llvm::json::Object{
                                       {"target", target->name},
                                       {"repeats", repeats},
                                       {"cases", std::move(rows)}}));
  return 0;
}

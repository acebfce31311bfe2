//===- PerformanceModel.cpp - how long a launch should take ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/GPU/PerformanceModel.h"
#include "transformer/GPU/Chip.h"
#include "transformer/GPU/Fourier.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;
using mlir::transformer::Workload;

/// From NVIDIA's data sheets of the A100 80 GB, H100 and B200 (SXM). What
/// mma.sync reaches is all of the first, about 62 % of the second (Luo et al.,
/// arXiv 2402.13499), and taken to be per multiprocessor and clock what the
/// first does on the third, of which nothing is known here; wgmma is taken to
/// reach all of the second.
static constexpr ChipRates kAmpere = {
    "A100", 108, 65536, 164 << 10, 2048, 32, 2.0e12, 312e12, 0, 19.5e12};
static constexpr ChipRates kHopper = {
    "H100", 132, 65536, 228 << 10, 2048, 32, 3.35e12, 620e12, 989e12, 67e12};
static constexpr ChipRates kBlackwell = {
    "B200", 148, 65536, 228 << 10, 2048, 32, 8.0e12, 595e12, 0, 75e12};

const ChipRates &mlir::transformer::gpu::ratesOf(const Chip &chip) {
  return chip.name == "sm_80"    ? kAmpere
         : chip.name == "sm_100" ? kBlackwell
                                 : kHopper;
}

/// Of operations at the peak rate, divided by the part of the multiprocessors
/// that works, on average.
static double computeSeconds(double operations, double peak, int64_t blocks,
                             const ChipRates &rates) {
  int64_t rounds = llvm::divideCeil(blocks, rates.multiprocessors);
  double busy = double(blocks) / double(rounds * rates.multiprocessors);
  return operations / peak / busy;
}

double mlir::transformer::gpu::rooflineSeconds(double bytes, double operations,
                                               double peak, int64_t blocks,
                                               const ChipRates &rates) {
  return std::max(bytes / rates.bytesPerSecond,
                  computeSeconds(operations, peak, blocks, rates));
}

static int64_t bytesOf(Type element) {
  return element.getIntOrFloatBitWidth() / 8;
}

namespace {
class Estimator {
public:
  Estimator(ModuleOp module, const LaunchTable &table, const ChipRates &rates,
            Workload batch, ArrayRef<KernelCode> code)
      : table(table), rates(rates), batch(batch) {
    module.walk([&](LLVM::LLVMFuncOp op) {
      if (auto spec = op->getAttrOfType<DictionaryAttr>(kKernelAttribute))
        specs.insert({op.getName(), KernelSpec(spec)});
    });
    for (auto global : module.getOps<ml_program::GlobalOp>())
      if (auto type = dyn_cast<RankedTensorType>(global.getType()))
        weights[global.getSymName()] = type.getNumElements();
    for (const KernelCode &kernel : code)
      registers[kernel.name] = kernel.registers;
  }

  std::vector<KernelEstimate> run() {
    llvm::MapVector<StringRef, KernelEstimate> kernels;
    bool isLong = table.fftFrom && batch.tokens >= table.fftFrom;
    for (const Launch &launch : table.launches) {
      if (launch.need == (isLong ? Launch::Short : Launch::Long))
        continue;
      if (!launch.isFor(allTokens(), batch.sequences))
        continue;
      KernelEstimate &kernel = kernels[launch.kernel];
      if (kernel.launches++ == 0)
        begin(kernel, launch);
      add(kernel, launch);
    }
    std::vector<KernelEstimate> result;
    for (auto &[name, kernel] : kernels)
      result.push_back(std::move(kernel));
    return result;
  }

private:
  int64_t allTokens() const { return batch.sequences * batch.tokens; }

  const KernelSpec *specOf(StringRef kernel) const {
    auto found = specs.find(kernel);
    return found == specs.end() ? nullptr : &found->second;
  }

  void begin(KernelEstimate &kernel, const Launch &launch) const {
    kernel.kernel = launch.kernel;
    if (const KernelSpec *spec = specOf(launch.kernel))
      kernel.family = spec->family().str();
    else
      kernel.family = launch.kernel;
    kernel.shape = launch.shape;
    if (launch.kernel == kFftCall)
      kernel.shape.columns = 1; // nothing is known of its blocks
    kernel.blocks = gridBlocks(launch.shape, allTokens(), batch.sequences) *
                    kernel.shape.columns;
    kernel.resident = resident(launch);
  }

  int64_t resident(const Launch &launch) const {
    const LaunchShape &shape = launch.shape;
    int64_t most =
        std::min<int64_t>(rates.blocks, rates.threads / shape.threads);
    // The driver keeps 1 KiB of each block for itself.
    most =
        std::min<int64_t>(most, rates.sharedBytes / (shape.sharedBytes + 1024));
    auto known = registers.find(launch.kernel);
    if (known != registers.end() && known->second > 0) {
      // Warps get registers in lots of 256; and there are four places for
      // warps, each with a quarter of all registers.
      int64_t warp = llvm::alignTo(32 * known->second, 256);
      int64_t warps = 4 * (rates.registers / 4 / warp);
      most =
          std::min<int64_t>(most, warps / llvm::divideCeil(shape.threads, 32));
    }
    return most;
  }

  void add(KernelEstimate &kernel, const Launch &launch) const {
    double bytes = 0, operations = 0;
    for (const LaunchArgument &argument : launch.arguments)
      bytes += bytesOf(argument, launch);
    if (launch.kernel == kFftCall) {
      // It goes over the rows, and over the columns.
      double width = launch.shape.columns, numbers = allTokens() * width;
      bytes *= 4;
      operations = 2.5 * numbers * std::log2(double(batch.tokens) * width);
    }
    const KernelSpec *spec = specOf(launch.kernel);
    bool isTensor = false, isWgmma = false, isI8 = false;
    if (spec) {
      operations = operationsOf(*spec, launch.shape);
      isWgmma = StringRef(spec->family()).ends_with("_wgmma");
      isTensor = isWgmma || spec->family() == "linear" ||
                 spec->family() == "linear_pair" ||
                 spec->family() == "attention" || spec->family() == "mix";
      Type input = spec->type("input");
      isI8 = input && input.isInteger(8);
    }
    double tensor = isWgmma ? rates.wgmma : rates.tensor;
    double peak = isTensor ? tensor * (isI8 ? 2 : 1) : rates.plain;
    double memory = bytes / rates.bytesPerSecond;
    double compute = computeSeconds(operations, peak, kernel.blocks, rates);
    kernel.limit = memory >= compute ? "memory"
                   : isTensor        ? "tensor cores"
                                     : "f32";
    kernel.bytes += bytes, kernel.operations += operations;
    kernel.seconds += std::max(memory, compute);
  }

  int64_t rowsOf(const DeviceBuffer &buffer) const {
    switch (buffer.rows) {
    case DeviceBuffer::Tokens:
      return allTokens();
    case DeviceBuffer::Sequences:
      return batch.sequences;
    case DeviceBuffer::Offsets:
      return batch.sequences + 1;
    default:
      return 1;
    }
  }

  int64_t rowsOf(const LaunchShape &shape) const {
    return shape.rows == GridRows::Sequences ? batch.sequences : allTokens();
  }

  double bytesOf(const LaunchArgument &argument, const Launch &launch) const {
    auto ofBuffer = [&](const DeviceBuffer &buffer) {
      return double(rowsOf(buffer)) * buffer.width * ::bytesOf(buffer.element);
    };
    switch (argument.kind) {
    case LaunchArgument::Input:
      return ofBuffer(table.inputs[argument.index]);
    case LaunchArgument::Output:
      return ofBuffer(table.outputs[argument.index]);
    case LaunchArgument::Buffer:
      return ofBuffer(table.buffers[argument.index]);
    case LaunchArgument::Weight: {
      auto known = weights.find(argument.weight);
      double numbers = known == weights.end() ? 0 : double(known->second);
      // Of a table only the rows that are asked for.
      const KernelSpec *spec = specOf(launch.kernel);
      if (spec && spec->family() == "rows")
        numbers = std::min(numbers, double(rowsOf(launch.shape)) *
                                        spec->number("width"));
      return numbers * ::bytesOf(argument.element);
    }
    case LaunchArgument::Constant:
      return double(constantSize(argument.weight)) *
             ::bytesOf(argument.element);
    case LaunchArgument::NumTokens:
    case LaunchArgument::NumSequences:
    case LaunchArgument::FftFrom:
      return 0;
    }
    llvm_unreachable("all kinds are above");
  }

  double operationsOf(const KernelSpec &spec, const LaunchShape &shape) const {
    double rows = rowsOf(shape);
    StringRef family = spec.family();
    // Each group of columns makes the results of the first product anew.
    if (family == "linear_pair")
      return 2 * rows * spec.number("rank") *
             (double(spec.number("k")) * spec.number("groups") +
              spec.number("n"));
    if (family.starts_with("linear"))
      return 2 * rows * spec.number("n") * spec.number("k");
    if (family.starts_with("attention"))
      return 2 * rows * batch.tokens * spec.number("heads") *
             (spec.number("qk_dim") + spec.number("value_dim")) /
             (spec.has("causal") ? 2 : 1);
    double width = spec.number("width");
    // A sum, a difference and their halves; the sum with signs.
    if (family == "fold")
      return 3 * rows * width;
    // Two products of half as many frequencies, tokens and columns.
    if (family.starts_with("mix"))
      return 4 * rows / 2 * (batch.tokens / 2 + 1) * (width / 2 + 1);
    // Where each number comes from: divisions by constants and additions of
    // integers, of which one takes the time of a multiply-add.
    if (family == "patches")
      return 2 * 16 * rows * spec.number("channels") * spec.number("size") *
             spec.number("size");
    // Each pair: two cosines by series, and four products.
    if (family == "rope")
      return 40 * rows * spec.number("heads") * spec.number("turning") / 2;
    // Where each number comes from, as above.
    if (family == "stack")
      return 2 * 12 * rows * width * spec.number("count");
    if (family == "widen" || family == "mirror")
      return 2 * 4 * rows * width;
    // A search, by a thread per token.
    if (family == "positions")
      return 0;
    // Two sums and a few steps per number.
    return 8 * rows * width;
  }

  const LaunchTable &table;
  const ChipRates &rates;
  Workload batch;
  llvm::StringMap<KernelSpec> specs;
  llvm::StringMap<int64_t> weights, registers;
};
} // namespace

FailureOr<std::vector<KernelEstimate>>
mlir::transformer::gpu::estimate(ModuleOp module, const Chip &chip,
                                 Workload batch, ArrayRef<KernelCode> code,
                                 function_ref<InFlightDiagnostic()> emitError) {
  FailureOr<LaunchTable> table = LaunchTable::of(module, emitError);
  if (failed(table))
    return failure();
  return Estimator(module, *table, ratesOf(chip), batch, code).run();
}

void mlir::transformer::gpu::printEstimate(ArrayRef<KernelEstimate> kernels,
                                           const Chip &chip, Workload batch,
                                           ArrayRef<KernelCode> code,
                                           raw_ostream &os) {
  const ChipRates &rates = ratesOf(chip);
  os << llvm::formatv(
      "{0} as in the {1}: {2} multiprocessors, {3:f2} TB/s, {4:f0} (f16, "
      "bf16), {5:f0} (i8) and {6:f0} (f32) Top/s; {7} x {8} tokens. Nothing "
      "here is measured.\n",
      chip.name, rates.product, rates.multiprocessors,
      rates.bytesPerSecond / 1e12, rates.tensor / 1e12, rates.tensor * 2e-12,
      rates.plain / 1e12, batch.sequences, batch.tokens);
  if (code.empty())
    os << "No machine code: registers are not known, and resident blocks are "
          "at most those listed.\n";
  os << "kernel            launches  blocks threads  shared  regs stack "
        "resident waves   warps      Mop       MB  predicted us  limit\n";
  double total = 0;
  for (const KernelEstimate &kernel : kernels) {
    const KernelCode *own = nullptr;
    for (const KernelCode &one : code)
      if (one.name == kernel.kernel)
        own = &one;
    auto known = [&](int64_t number) {
      return own ? std::to_string(number) : std::string("-");
    };
    os << llvm::formatv(
        "{0,-18}{1,8}{2,8}{3,8}{4,8}{5,6}{6,6}{7,9}{8,6}{9,7}%{10,9:f2}{11,9:"
        "f3}{12,14:f2}  {13}",
        kernel.kernel, kernel.launches, kernel.blocks, kernel.shape.threads,
        kernel.shape.sharedBytes, known(own ? own->registers : 0),
        known(own ? own->stackBytes : 0), kernel.resident, kernel.waves(rates),
        100 * kernel.resident * kernel.shape.threads / rates.threads,
        kernel.operations / 1e6, kernel.bytes / 1e6, kernel.seconds * 1e6,
        kernel.limit);
    if (own) {
      std::string separator = ";";
      for (const auto &[mnemonic, count] : own->counts)
        if (mnemonic != "other") {
          os << separator << ' ' << mnemonic << ' ' << count;
          separator = ",";
        }
    }
    os << '\n';
    total += kernel.seconds;
  }
  os << llvm::formatv("one call: {0:f2} us and the launches\n", total * 1e6);
}

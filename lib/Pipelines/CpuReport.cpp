//===- CpuReport.cpp - what each kernel does and takes --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "CpuReport.h"
#include "Artifact.h"

#include "transformer/Profile/MeasureArtifact.h"
#include "transformer/Support/Error.h"

#include "llvm/Support/FormatVariadic.h"

#include <map>

using namespace mlir;
using namespace mlir::transformer;

CpuReport transformer::cpuReportOf(ModuleOp level, const Target &target) {
  CpuReport report;
  auto spans = level->getAttrOfType<ArrayAttr>("transformer.spans");
  auto kernels = level->getAttrOfType<ArrayAttr>("transformer.kernels");
  if (!spans || !kernels)
    return report;
  std::map<std::pair<StringRef, int64_t>, size_t> known;
  for (auto [span, item] : llvm::zip(spans.getAsRange<ArrayAttr>(),
                                     kernels.getAsRange<DictionaryAttr>())) {
    StringRef function = item.getAs<StringAttr>("function").getValue();
    int64_t number = item.getAs<IntegerAttr>("number").getInt();
    auto [at, isNew] =
        known.try_emplace({function, number}, report.kernels.size());
    if (isNew) {
      KernelReport &kernel = report.kernels.emplace_back();
      kernel.op = cast<StringAttr>(span[0]).str();
      kernel.path = cast<StringAttr>(span[1]).str();
      kernel.function = function.str();
      kernel.tile = item.getAs<StringAttr>("tile").str();
      // Rows and sequences are worked on by vectors alone.
      if (kernel.tile.empty())
        kernel.tile = "1x" + std::to_string(target.lanes);
    }
    KernelReport &kernel = report.kernels[at->second];
    ++kernel.calls;
    kernel.cost += Cost::fromNumbers(item.getAs<DenseF64ArrayAttr>("cost"));
    report.kernelOf.push_back(at->second);
  }
  return report;
}

static IntegerAttr longestOf(ModuleOp module) {
  auto model = module->getAttrOfType<DictionaryAttr>("transformer.model");
  return model ? model.getAs<IntegerAttr>("max_length") : IntegerAttr();
}

llvm::Expected<Workload>
transformer::workloadOf(ModuleOp module, StringRef text, StringRef flag) {
  IntegerAttr most = longestOf(module);
  Workload workload;
  if (text.empty()) {
    if (most)
      workload.tokens = std::min(workload.tokens, most.getInt());
    return workload;
  }
  auto [batch, length] = text.split('x');
  if (batch.getAsInteger(10, workload.sequences) ||
      length.getAsInteger(10, workload.tokens) || workload.sequences < 1 ||
      workload.tokens < 1 || workload.sequences > 4096 ||
      workload.tokens > 1 << 20)
    return makeError(flag + "=" + text +
                     ": expected sequences x tokens, such as 1x128");
  if (most && workload.tokens > most.getInt())
    return makeError(flag + "=" + text + ": the model takes at most " +
                     Twine(most.getInt()) + " tokens");
  return workload;
}

llvm::Expected<MeasuredCall> transformer::measuredCall(ModuleOp module,
                                                       StringRef text) {
  IntegerAttr most = longestOf(module);
  MeasuredCall call;
  Workload &workload = call.workload;
  llvm::Expected<Workload> wanted = workloadOf(module, text, "--report-cpu");
  if (!wanted)
    return wanted.takeError();
  workload = *wanted;
  SyntheticOptions options;
  options.count = options.images = workload.sequences;
  options.shortest = options.longest = workload.tokens;
  llvm::Expected<Sequences> sequences = syntheticSequences(module, "", options);
  if (!sequences)
    return sequences.takeError();
  call.sequences = std::move(*sequences);
  // Images have as many tokens as they have.
  if (!call.sequences.images.empty() && most)
    workload.tokens = most.getInt();
  return call;
}

llvm::Error transformer::measureLevels(std::vector<LevelReport> &levels,
                                       const MeasuredCall &call,
                                       StringRef directory,
                                       uint64_t weightsBytes) {
  bool runs = false;
  for (LevelReport &level : levels) {
    if (level.cpu.kernels.empty())
      return makeError("--report-cpu needs the probes that --lowering="
                       "probes=false leaves out");
    level.cpu.rates = measureRates(level.target, weightsBytes);
    runs |= runsHere(level.target);
    level.cpu.whyNotMeasured = "this CPU does not have all of its features";
  }
  if (!runs)
    return llvm::Error::success();
  llvm::Expected<SpanTimes> times = measureArtifact(directory, call.sequences);
  if (!times)
    return times.takeError();
  for (LevelReport &level : levels) {
    CpuReport &report = level.cpu;
    if (level.target.name != times->level) {
      if (runsHere(level.target))
        report.whyNotMeasured = "this CPU runs " + times->level;
      continue;
    }
    report.whyNotMeasured.clear();
    // The clock changes, and others share the core: the better of before and
    // after.
    report.rates.raiseTo(measureRates(level.target, weightsBytes));
    report.callSeconds = times->callSeconds;
    for (auto [kernel, seconds] : llvm::zip(report.kernelOf, times->seconds))
      report.kernels[kernel].seconds += seconds;
  }
  return llvm::Error::success();
}

void transformer::printCpuReport(const LevelReport &level,
                                 const Workload &workload, raw_ostream &os) {
  const CpuReport &report = level.cpu;
  const CpuRates &rates = report.rates;
  bool measured = report.whyNotMeasured.empty();
  os << llvm::formatv(
      "{0}, {1} x {2} tokens on one thread. At most {3:f1} (f32), {4:f1} "
      "(bf16), {5:f1} (i8) Gop/s, {6}; {7:f1} GB/s of weights, {8:f1} of "
      "rows, measured.\n",
      level.target.name, workload.sequences, workload.tokens,
      rates.operations[0] / 1e9, rates.operations[1] / 1e9,
      rates.operations[2] / 1e9,
      rates.measured ? "measured"
                     : "assumed as two instructions per cycle of this CPU",
      rates.weights / 1e9, rates.rows / 1e9);
  if (!measured)
    os << "Not measured: " << report.whyNotMeasured << ".\n";
  size_t width = 5, tile = 4;
  for (const KernelReport &kernel : report.kernels)
    width = std::max(width, kernel.op.size()),
    tile = std::max(tile, kernel.tile.size());
  auto line = [&](StringRef op, StringRef calls, StringRef shape, StringRef mop,
                  StringRef mb, StringRef least, StringRef took,
                  StringRef share, StringRef path) {
    os << llvm::left_justify(op, width) << ' ' << llvm::right_justify(calls, 5)
       << "  " << llvm::left_justify(shape, tile)
       << llvm::right_justify(mop, 10) << llvm::right_justify(mb, 9)
       << llvm::right_justify(least, 13) << llvm::right_justify(took, 12)
       << llvm::right_justify(share, 6) << "  " << path << '\n';
  };
  line("op", "calls", "tile", "Mop", "MB", "predicted us", "measured us", "%",
       "first call");
  auto number = [](double value) {
    return llvm::formatv("{0:f2}", value).str();
  };
  auto row = [&](StringRef op, StringRef calls, StringRef shape, double mop,
                 double mb, double least, double took, StringRef path) {
    line(op, calls, shape, number(mop / 1e6), number(mb / 1e6),
         number(least * 1e6), measured ? number(took * 1e6) : "-",
         measured && took > 0
             ? llvm::formatv("{0:f0}", 100 * least / took).str()
             : "-",
         path);
  };
  double operations = 0, bytes = 0, least = 0;
  for (const KernelReport &kernel : report.kernels) {
    double own = rates.secondsOf(kernel.cost, workload);
    row(kernel.op, std::to_string(kernel.calls), kernel.tile,
        kernel.cost.operationsOf(workload), kernel.cost.bytesOf(workload), own,
        kernel.seconds, kernel.function + ": " + kernel.path);
    operations += kernel.cost.operationsOf(workload);
    bytes += kernel.cost.bytesOf(workload), least += own;
  }
  row("call", "", "", operations, bytes, least, report.callSeconds, "");
}

void transformer::writeCpuReport(const CpuReport &report,
                                 const Workload &workload,
                                 llvm::json::OStream &json) {
  json.attribute("sequences", workload.sequences);
  json.attribute("tokens", workload.tokens);
  json.attributeObject("rates", [&] {
    const std::array<double, kArithmetics> &rates = report.rates.operations;
    json.attribute("f32_per_second", rates[0]);
    json.attribute("bf16_per_second", rates[1]);
    json.attribute("i8_per_second", rates[2]);
    json.attribute("weight_bytes_per_second", report.rates.weights);
    json.attribute("row_bytes_per_second", report.rates.rows);
    json.attribute("measured", report.rates.measured);
  });
  bool measured = report.whyNotMeasured.empty();
  if (measured)
    json.attribute("measured_us", report.callSeconds * 1e6);
  else
    json.attribute("not_measured", report.whyNotMeasured);
  json.attributeArray("kernels", [&] {
    for (const KernelReport &kernel : report.kernels)
      json.object([&] {
        json.attribute("op", kernel.op);
        json.attribute("function", kernel.function);
        json.attribute("path", llvm::json::fixUTF8(kernel.path));
        json.attribute("calls", kernel.calls);
        json.attribute("tile", kernel.tile);
        json.attribute("operations", kernel.cost.operationsOf(workload));
        json.attribute("bytes", kernel.cost.bytesOf(workload));
        json.attribute("predicted_us",
                       report.rates.secondsOf(kernel.cost, workload) * 1e6);
        if (measured)
          json.attribute("measured_us", kernel.seconds * 1e6);
      });
  });
}

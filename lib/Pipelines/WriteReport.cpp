//===- WriteReport.cpp - report.json --------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Artifact.h"

#include "transformer/Runtime/model.h"
#include "transformer/Support/AtomicFile.h"
#include "transformer/Support/Version.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/TargetParser/Host.h"

using namespace mlir;
using namespace mlir::transformer;

static std::string fixed(double value) {
  return llvm::formatv("{0:f1}", value).str();
}

static void writeLevel(const LevelReport &level,
                       const std::optional<MeasuredCall> &measured,
                       llvm::json::OStream &json) {
  json.attribute("name", level.target.name);
  json.attribute("required_features",
                 llvm::join(level.target.requiredFeatures, ","));
  json.attribute("tuned_for", level.target.tuneCpu);
  json.attribute("object_bytes", int64_t(level.objectBytes));
  json.attributeBegin("milliseconds");
  json.rawValue(fixed(level.milliseconds));
  json.attributeEnd();
  if (level.imageBytes) {
    json.attribute("launches", int64_t(level.launches));
    json.attribute("ptx_bytes", int64_t(level.ptxBytes));
    json.attribute("image_bytes", int64_t(level.imageBytes));
    json.attribute("machine_code", level.hasMachineCode);
  }
  if (measured)
    json.attributeObject(
        "cpu", [&] { writeCpuReport(level.cpu, measured->workload, json); });
}

static void writeCoded(const CodedWeight &weight, llvm::json::OStream &json) {
  auto bits = [&](StringRef name, uint64_t bytes) {
    json.attributeBegin(name);
    json.rawValue(llvm::formatv("{0:f3}", 8.0 * bytes / weight.values).str());
    json.attributeEnd();
  };
  json.attribute("weight", llvm::json::fixUTF8(weight.name));
  json.attribute("values", int64_t(weight.values));
  bits("bits_in_memory", weight.bytes);
  bits("bits_in_file", weight.fileBytes);
  json.attribute("classes", int64_t(weight.classes));
}

llvm::Error mlir::transformer::writeReport(const Report &report,
                                           StringRef path) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  llvm::json::OStream json(stream, /*IndentSize=*/2);
  auto utf8 = [](StringRef bytes) { return llvm::json::fixUTF8(bytes); };
  json.object([&] {
    json.attribute("format", 1);
    json.attribute("version", TRANSFORMER_VERSION);
    json.attribute("llvm", LLVM_VERSION_STRING);
    json.attribute("abi_version", TM_ABI_VERSION);
    json.attribute("build_id", report.buildId);
    json.attribute("input", utf8(report.input));
    json.attribute("command", utf8(report.commandLine));
    json.attribute("preset", report.preset);
    if (!report.profileSource.empty())
      json.attributeObject("profile", [&] {
        json.attribute("source", utf8(report.profileSource));
        json.attribute("tokens", report.profileTokens);
      });
    json.attributeObject("target", [&] {
      std::vector<Target> targets;
      for (const LevelReport &level : report.levels)
        targets.push_back(level.target);
      json.attribute("name", namesOf(targets));
      json.attribute("triple", targets.front().triple);
      if (report.levels.front().imageBytes)
        json.attribute("device", "cuda");
      json.attributeArray("levels", [&] {
        for (const LevelReport &level : report.levels)
          json.object([&] { writeLevel(level, report.measured, json); });
      });
    });
    json.attribute("compiled_on", llvm::sys::getHostCPUName());
    json.attributeObject("bytes", [&] {
      json.attribute("checkpoint", int64_t(report.checkpointBytes));
      json.attribute("weights", int64_t(report.weightsBytes));
      json.attribute("weights_memory", int64_t(report.weightsMemory));
      json.attribute("library", int64_t(report.libraryBytes));
    });
    json.attribute("weights_xxh3", report.weightsHash);
    if (!report.coded.empty())
      json.attributeArray("coded", [&] {
        for (const CodedWeight &weight : report.coded)
          json.object([&] { writeCoded(weight, json); });
      });
    json.attributeObject("milliseconds", [&] {
      for (const auto &[stage, time] : report.milliseconds)
        json.attributeBegin(stage), json.rawValue(fixed(time)),
            json.attributeEnd();
    });
    json.attributeArray("remarks", [&] {
      for (const std::string &remark : report.remarks)
        json.value(utf8(remark));
    });
  });
  stream << '\n';
  return writeFileAtomically(path, text);
}

//===- Target.cpp - the table of CPU levels -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/Target.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {

constexpr const char *kX86 = "x86_64-unknown-linux-gnu";
constexpr const char *kArm = "aarch64-unknown-linux-gnu";

#define TRANSFORMER_V3 "avx,avx2,bmi,bmi2,f16c,fma,lzcnt,movbe"
#define TRANSFORMER_V4                                                         \
  TRANSFORMER_V3 ",avx512f,avx512bw,avx512cd,avx512dq,avx512vl"

struct Level {
  const char *name, *triple, *cpu, *features;
  const char *required;
  int64_t lanes, preferVectorWidth, rowTile, tileVectors;
  bool fma, vnni, bf16, dotprod;
};

// The best of each architecture first: "host" takes the first that fits.
// Tiles keep all accumulators, a row of weights and one broadcast in registers.
// x86-64-v4 is no level: it lacks VNNI.
const Level kLevels[] = {
    {"avx512-vnni-bf16", kX86, "x86-64-v4", "+avx512vnni,+avx512bf16",
     TRANSFORMER_V4 ",avx512vnni,avx512bf16", 16, 512, 8, 2, true, true, true,
     false},
    {"avx512-vnni", kX86, "x86-64-v4", "+avx512vnni",
     TRANSFORMER_V4 ",avx512vnni", 16, 512, 8, 2, true, true, false, false},
    {"avx2-vnni", kX86, "x86-64-v3", "+avxvnni", TRANSFORMER_V3 ",avxvnni", 8,
     256, 6, 2, true, true, false, false},
    {"x86-64-v3", kX86, "x86-64-v3", "", TRANSFORMER_V3, 8, 256, 6, 2, true,
     false, false, false},
    {"x86-64", kX86, "x86-64", "", "", 4, 128, 4, 2, false, false, false,
     false},
    {"neon-dotprod", kArm, "generic", "+neon,+dotprod", "neon,dotprod", 4, 128,
     6, 4, true, false, false, true},
    {"neon", kArm, "generic", "+neon", "neon", 4, 128, 6, 4, true, false, false,
     false},
};

SmallVector<std::string> splitFeatures(StringRef list) {
  SmallVector<std::string> names;
  SmallVector<StringRef> parts;
  list.split(parts, ',', -1, /*KeepEmpty=*/false);
  for (StringRef part : parts)
    names.push_back(part.str());
  return names;
}

Target makeTarget(const Level &level) {
  Target target;
  target.name = level.name;
  target.triple = level.triple;
  target.cpu = level.cpu;
  target.features = level.features;
  // Generic tuning splits wide vectors and avoids instructions that every CPU
  // of these levels is good at.
  target.tuneCpu = StringRef(level.name).starts_with("avx512") ? "znver4" : "";
  target.requiredFeatures = splitFeatures(level.required);
  target.lanes = level.lanes;
  target.preferVectorWidth = level.preferVectorWidth;
  target.rowTile = level.rowTile;
  target.tileVectors = level.tileVectors;
  target.fma = level.fma;
  target.vnni = level.vnni;
  target.bf16 = level.bf16;
  target.dotprod = level.dotprod;
  return target;
}

} // namespace

SmallVector<StringRef> transformer::supportedTargets() {
  SmallVector<StringRef> names;
  for (const Level &level : kLevels)
    names.push_back(level.name);
  return names;
}

bool transformer::runsHere(const Target &target) {
  llvm::Triple host(llvm::sys::getProcessTriple());
  if (llvm::Triple(target.triple).getArch() != host.getArch())
    return false;
  static const llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  return llvm::all_of(target.requiredFeatures, [&](const std::string &feature) {
    return features.lookup(feature);
  });
}

FailureOr<Target> transformer::lookupTarget(StringRef name,
                                            std::string &error) {
  for (const Level &level : kLevels)
    if (name == level.name)
      return makeTarget(level);

  std::string names = llvm::join(supportedTargets(), ", ");
  if (name != "host") {
    error = "unknown target '" + name.str() + "'; supported are host, " + names;
    return failure();
  }

  for (const Level &level : kLevels) {
    Target target = makeTarget(level);
    if (!runsHere(target))
      continue;
    StringRef cpu = llvm::sys::getHostCPUName();
    if (!cpu.empty() && cpu != "generic")
      target.tuneCpu = cpu.str();
    return target;
  }
  error = "this machine (" + llvm::sys::getProcessTriple() +
          ") has no code generator here; name one of the targets " + names;
  return failure();
}

static int64_t rankOf(const Target &target) {
  return llvm::find_if(
             kLevels,
             [&](const Level &level) { return target.name == level.name; }) -
         std::begin(kLevels);
}

FailureOr<std::vector<Target>> transformer::lookupTargets(StringRef list,
                                                          std::string &error) {
  SmallVector<StringRef> names;
  list.split(names, ',');
  std::vector<std::pair<Target, StringRef>> found; // and what it was called
  for (StringRef item : names) {
    StringRef name = item.trim();
    FailureOr<Target> target = lookupTarget(name, error);
    if (failed(target))
      return failure();
    for (const auto &[other, otherName] : found) {
      if (other.name == target->name) {
        error = otherName == name
                    ? "target '" + name.str() + "' is named twice"
                    : "targets '" + otherName.str() + "' and '" + name.str() +
                          "' are the same level on this machine";
        return failure();
      }
      if (other.triple != target->triple) {
        error = "targets '" + otherName.str() + "' and '" + name.str() +
                "' are of different architectures, and one model.so has code "
                "for one; compile once for each";
        return failure();
      }
    }
    found.emplace_back(std::move(*target), name);
  }
  llvm::sort(found, [](const auto &a, const auto &b) {
    return rankOf(a.first) < rankOf(b.first);
  });
  std::vector<Target> targets;
  for (auto &[target, name] : found)
    targets.push_back(std::move(target));
  return targets;
}

std::string transformer::namesOf(ArrayRef<Target> targets) {
  return llvm::join(
      llvm::map_range(targets,
                      [](const Target &target) { return target.name; }),
      ",");
}

//===- Target.h - the table of CPU levels ---------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_CODEGEN_TARGET_H
#define TRANSFORMER_CODEGEN_TARGET_H

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <string>
#include <vector>

namespace mlir::transformer {

/// A CPU level: what the back end may use and how the emitters shape their
/// register tiles. All numbers are the same for every CPU of one level, so that
/// outputs are bitwise equal on all of them.
struct Target {
  /// One of supportedTargets(); never "host".
  std::string name;
  std::string triple;
  /// For the LLVM function attributes target-cpu, target-features and tune-cpu.
  std::string cpu, features, tuneCpu;
  /// LLVM names of the features that the running CPU must have.
  SmallVector<std::string> requiredFeatures;
  /// Floats in a vector register, and the attribute prefer-vector-width.
  int64_t lanes = 4;
  int64_t preferVectorWidth = 128;
  /// Rows and vectors of the register tile of a contraction.
  int64_t rowTile = 4;
  int64_t tileVectors = 2;
  bool fma = false;
  /// u8 x s8 dot products of four (vpdpbusd).
  bool vnni = false;
  /// bf16 dot products of two (vdpbf16ps).
  bool bf16 = false;
  /// s8 x s8 dot products of four (sdot).
  bool dotprod = false;

  bool isX86() const { return StringRef(triple).starts_with("x86_64"); }
  /// How many vector registers there are.
  int64_t registers() const { return isX86() && lanes < 16 ? 16 : 32; }
};

/// The column count P of a panel of packed weights: the same on every level,
/// so that all levels of an artifact read one weights file. In each type a
/// group of k of one panel is one cache line. Registers hold a panel or an even
/// part of it.
constexpr int64_t kPanelWidth = 16;

/// Attention packs and reads a head's keys once per kernel op, so that an op
/// should get all query rows of a (sequence, head), or blocks of at least this
/// many rows.
constexpr int64_t kAttentionRowBlock = 128;

/// The names of all levels, the best of each architecture first.
SmallVector<StringRef> supportedTargets();

/// The level called `name`; "host" is the best one that this CPU supports,
/// tuned for it. On failure `error` is a sentence that lists the names.
FailureOr<Target> lookupTarget(StringRef name, std::string &error);

/// Whether this CPU has all that the level needs.
bool runsHere(const Target &target);

/// The levels that a list such as "x86-64-v3,avx512-vnni" names, which are of
/// one architecture and differ: the best first, whatever the order in the list.
FailureOr<std::vector<Target>> lookupTargets(StringRef list,
                                             std::string &error);

/// Their names with commas, as the list above has them.
std::string namesOf(ArrayRef<Target> targets);

} // namespace mlir::transformer

#endif // TRANSFORMER_CODEGEN_TARGET_H

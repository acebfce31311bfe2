//===- Weights.h - tensors of a checkpoint as globals ---------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_IMPORT_WEIGHTS_H
#define TRANSFORMER_LIB_IMPORT_WEIGHTS_H

#include "Config.h"
#include "transformer/Support/Checkpoint.h"

#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::transformer {

/// Finds tensors under the names that their authors may have used, checks them
/// against what the configuration asks for, and makes globals of them.
///
/// A tensor that is missing or unfit is a problem; its global is made all the
/// same, with the wanted type, so that the import goes on and finds the rest.
/// Without a checkpoint, which then is a problem already, no tensor is one.
class Weights {
public:
  Weights(const Checkpoint *checkpoint, ModuleOp module, StringRef configFile,
          bool bind, Problems &problems)
      : checkpoint(checkpoint), module(module), configFile(configFile),
        bind(bind), problems(problems) {}

  /// Picks the prefix under which the file has `probe`, one of `candidates`.
  /// It is then tried before each name.
  void choosePrefix(ArrayRef<StringRef> candidates, StringRef probe);

  bool has(StringRef name) const { return lookup(name).has_value(); }
  std::optional<Checkpoint::Entry> find(StringRef name) const {
    return lookup(name);
  }
  /// Whether both are there with the same bytes.
  bool areEqual(StringRef a, StringRef b) const;

  /// The value of a tensor as f32; f16 and bf16 are extended. `name` may hold
  /// aliases, "a|b": the first that the file has counts.
  Value load(OpBuilder &builder, Location loc, StringRef name,
             ArrayRef<int64_t> shape);

  /// Tensors that no load has asked for.
  std::vector<std::string> unused() const;

private:
  std::optional<Checkpoint::Entry> lookup(StringRef name) const;
  ml_program::GlobalOp makeGlobal(StringRef name, ArrayRef<int64_t> shape);

  const Checkpoint *checkpoint;
  ModuleOp module;
  std::string configFile, prefix;
  bool bind;
  Problems &problems;
  llvm::StringMap<ml_program::GlobalOp> globals;
  llvm::DenseMap<Operation *, Value> loaded; // by global
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_IMPORT_WEIGHTS_H

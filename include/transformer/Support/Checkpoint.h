//===- Checkpoint.h - the weights of a model, one file or many -*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_CHECKPOINT_H
#define TRANSFORMER_SUPPORT_CHECKPOINT_H

#include "transformer/Support/Safetensors.h"

namespace mlir::transformer {

/// The tensors of one weight file or of a sharded checkpoint, as one map.
class Checkpoint {
public:
  struct Entry {
    const TensorInfo *info = nullptr;
    const Safetensors *file = nullptr;
    llvm::ArrayRef<char> data() const { return file->data(*info); }
  };

  /// `path` is a .safetensors file, a *.safetensors.index.json, or a directory
  /// that holds model.safetensors, its index, or weights.safetensors.
  static llvm::Expected<Checkpoint> open(llvm::StringRef path);

  std::optional<Entry> find(llvm::StringRef name) const;
  /// Of all files, in the order of the files and of their data.
  std::vector<Entry> tensors() const;
  llvm::ArrayRef<std::shared_ptr<Safetensors>> files() const { return shards; }
  /// The weight file or the index; for messages.
  llvm::StringRef path() const { return name; }
  /// Fails when a file changed since it was opened.
  llvm::Error checkUnchanged() const;

private:
  static llvm::Expected<Checkpoint> openIndex(llvm::StringRef path);
  std::string name;
  std::vector<std::shared_ptr<Safetensors>> shards;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_CHECKPOINT_H

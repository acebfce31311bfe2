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
    std::string name; // the prefix of its file, and its name there
    const TensorInfo *info = nullptr;
    const Safetensors *file = nullptr;
    llvm::ArrayRef<char> data() const { return file->data(*info); }
  };

  /// `path` is a .safetensors file, a *.safetensors.index.json, or a directory
  /// that holds model.safetensors, its index, or weights.safetensors. Of a
  /// sentence-transformers directory, the tensors of `2_Dense` and the like
  /// belong to it too, with the prefix "2_Dense.".
  /// All that is wrong with an index is reported, in a list of errors.
  static llvm::Expected<Checkpoint> open(llvm::StringRef path);

  std::optional<Entry> find(llvm::StringRef name) const;
  /// Of all files, in the order of the files and of their data.
  std::vector<Entry> tensors() const;
  /// The weight file or the index; for messages.
  llvm::StringRef path() const { return name; }
  /// A checksum of all names and numbers, in hexadecimal digits.
  std::string fingerprint() const;
  /// Fails when a file changed since it was opened.
  llvm::Error checkUnchanged() const;

private:
  struct File {
    std::string prefix;
    std::shared_ptr<Safetensors> weights;
  };
  static llvm::Expected<Checkpoint> openFile(llvm::StringRef path);
  static llvm::Expected<Checkpoint> openIndex(llvm::StringRef path);
  static llvm::Expected<Checkpoint> openDirectory(llvm::StringRef path);
  std::string name;
  std::vector<File> shards;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_CHECKPOINT_H

//===- SafetensorsWriter.h - writing weight files -------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_SUPPORT_SAFETENSORSWRITER_H
#define TRANSFORMER_SUPPORT_SAFETENSORSWRITER_H

#include "transformer/Support/DataType.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace mlir::transformer {

/// Collects tensors, then writes them in that order, one after the other, so
/// that no more than one needs to be in memory. The data section begins at a
/// multiple of 64 bytes.
class SafetensorsWriter {
public:
  using Sink = llvm::function_ref<llvm::Error(llvm::ArrayRef<char>)>;
  /// Gives the bytes of a tensor to the sink, in any number of pieces.
  using Producer = std::function<llvm::Error(Sink)>;

  /// `bytes` must stay valid until write().
  void add(std::string name, DataType type, llvm::ArrayRef<int64_t> shape,
           llvm::ArrayRef<char> bytes);
  void add(std::string name, DataType type, llvm::ArrayRef<int64_t> shape,
           Producer producer);
  void addMetadata(std::string key, std::string value);

  /// Atomically: see AtomicFile. The same tensors give the same bytes.
  llvm::Error write(llvm::StringRef path) const;

private:
  struct Tensor {
    std::string name;
    DataType type;
    llvm::SmallVector<int64_t, 4> shape;
    Producer producer;
  };
  llvm::Expected<std::string> header(llvm::StringRef path) const;

  std::vector<Tensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_SAFETENSORSWRITER_H

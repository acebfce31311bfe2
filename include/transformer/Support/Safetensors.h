//===- Safetensors.h - reading weight files -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A strict reader: everything that the format's rules forbid is an error with
// one sentence, found before any weight is touched. The weights stay in the
// mapped file.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_SUPPORT_SAFETENSORS_H
#define TRANSFORMER_SUPPORT_SAFETENSORS_H

#include "transformer/Support/DataType.h"
#include "transformer/Support/MappedFile.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace mlir::transformer {

struct TensorInfo {
  std::string name;
  DataType type = DataType::F32;
  llvm::SmallVector<int64_t, 4> shape;
  uint64_t begin = 0, end = 0; // in the data section
};

struct SafetensorsHeader {
  std::vector<TensorInfo> tensors; // in the order of their data
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// The JSON part of a file whose data section has `dataBytes` bytes. Errors do
/// not name the file.
llvm::Expected<SafetensorsHeader> parseSafetensorsHeader(llvm::StringRef json,
                                                         uint64_t dataBytes);

/// Cheap to copy: copies share the mapping, which lives as long as any of them.
class Safetensors {
public:
  static llvm::Expected<Safetensors> open(llvm::StringRef path);

  llvm::StringRef path() const { return state->file->path(); }
  llvm::ArrayRef<TensorInfo> tensors() const { return state->header.tensors; }
  llvm::ArrayRef<std::pair<std::string, std::string>> metadata() const {
    return state->header.metadata;
  }
  const TensorInfo *find(llvm::StringRef name) const;
  /// The bytes of a tensor of this file. Their address is aligned to the
  /// element size only if the file's author saw to it.
  llvm::ArrayRef<char> data(const TensorInfo &tensor) const {
    return dataSection().slice(tensor.begin, tensor.end - tensor.begin);
  }
  llvm::ArrayRef<char> dataSection() const {
    return state->file->data().drop_front(state->dataOffset);
  }
  /// What keeps the bytes alive.
  std::shared_ptr<const MappedFile> file() const { return state->file; }

private:
  struct State {
    std::shared_ptr<MappedFile> file;
    SafetensorsHeader header;
    llvm::StringMap<size_t> byName;
    uint64_t dataOffset = 0;
  };
  std::shared_ptr<State> state;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_SUPPORT_SAFETENSORS_H

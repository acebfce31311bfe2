//===- Bytecode.cpp - the version of the dialect in bytecode --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/IR/TransformerDialect.h"
#include "transformer/IR/Version.h"

using namespace mlir;
using namespace mlir::transformer;

namespace {
struct TransformerBytecode : BytecodeDialectInterface {
  explicit TransformerBytecode(Dialect *dialect)
      : BytecodeDialectInterface(dialect) {}

  void writeVersion(DialectBytecodeWriter &writer) const override {
    TransformerVersion version;
    auto asked = writer.getDialectVersion<TransformerDialect>();
    if (succeeded(asked))
      version = static_cast<const TransformerVersion &>(**asked);
    writer.writeVarInt(version.major);
    writer.writeVarInt(version.minor);
  }

  std::unique_ptr<DialectVersion>
  readVersion(DialectBytecodeReader &reader) const override {
    auto version = std::make_unique<TransformerVersion>();
    if (failed(reader.readVarInt(version->major)) ||
        failed(reader.readVarInt(version->minor)))
      return nullptr;
    return version;
  }

  // Every file of an older version reads as it is: 0.1 is the first.
  LogicalResult upgradeFromVersion(Operation *top,
                                   const DialectVersion &base) const override {
    const auto &version = static_cast<const TransformerVersion &>(base);
    const TransformerVersion own;
    if (std::pair(version.major, version.minor) <=
        std::pair(own.major, own.minor))
      return success();
    return top->emitError()
           << "this bytecode was written with version " << version.major << "."
           << version.minor << " of the transformer dialect, but this program "
           << "reads up to " << own.major << "." << own.minor
           << ": use a newer transformer-mlir, or write it again with this one";
  }
};
} // namespace

namespace mlir::transformer {
void addBytecodeInterface(TransformerDialect &dialect) {
  dialect.addInterfaces<TransformerBytecode>();
}
} // namespace mlir::transformer

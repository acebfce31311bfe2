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

  // Ops read the properties of every older version by themselves, so nothing
  // is left to upgrade.
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

// Attention wrote its properties in this order before it had `products`, which
// follow since 0.2.
static bool hasProducts(FailureOr<const DialectVersion *> version) {
  if (failed(version))
    return true;
  const auto &of = static_cast<const TransformerVersion &>(**version);
  return std::pair(of.major, of.minor) >= std::pair<uint64_t, uint64_t>(0, 2);
}

// Before this version of the bytecode itself, segment sizes are an attribute.
static constexpr int64_t kNativeSegmentSizes = 6;

LogicalResult AttentionOp::readProperties(DialectBytecodeReader &reader,
                                          OperationState &state) {
  auto &properties = state.getOrAddProperties<Properties>();
  MutableArrayRef<int32_t> segments(properties.operandSegmentSizes);
  if (failed(reader.readOptionalAttribute(properties.causal)) ||
      failed(reader.readAttribute(properties.num_heads)) ||
      failed(reader.readAttribute(properties.num_kv_heads)))
    return failure();
  if (reader.getBytecodeVersion() < kNativeSegmentSizes) {
    DenseI32ArrayAttr sizes;
    if (failed(reader.readAttribute(sizes)))
      return failure();
    if (sizes.size() > int64_t(segments.size()))
      return reader.emitError("attention has too many operand segments");
    llvm::copy(sizes.asArrayRef(), segments.begin());
  }
  if (failed(reader.readOptionalAttribute(properties.scale)))
    return failure();
  if (reader.getBytecodeVersion() >= kNativeSegmentSizes &&
      failed(reader.readSparseArray(segments)))
    return failure();
  if (hasProducts(reader.getDialectVersion<TransformerDialect>()))
    return reader.readOptionalAttribute(properties.products);
  return success();
}

void AttentionOp::writeProperties(DialectBytecodeWriter &writer) {
  Properties &properties = getProperties();
  ArrayRef<int32_t> segments(properties.operandSegmentSizes);
  writer.writeOptionalAttribute(properties.causal);
  writer.writeAttribute(properties.num_heads);
  writer.writeAttribute(properties.num_kv_heads);
  if (writer.getBytecodeVersion() < kNativeSegmentSizes)
    writer.writeAttribute(DenseI32ArrayAttr::get(getContext(), segments));
  writer.writeOptionalAttribute(properties.scale);
  if (writer.getBytecodeVersion() >= kNativeSegmentSizes)
    writer.writeSparseArray(segments);
  if (hasProducts(writer.getDialectVersion<TransformerDialect>()))
    writer.writeOptionalAttribute(properties.products);
  else if (getProducts() != Products::f32)
    emitWarning("version 0.1 of the dialect has f32 products only: a reader of "
                "this file takes those of ")
        << stringifyProducts(getProducts()) << " for f32";
}

namespace mlir::transformer {
void addBytecodeInterface(TransformerDialect &dialect) {
  dialect.addInterfaces<TransformerBytecode>();
}
} // namespace mlir::transformer

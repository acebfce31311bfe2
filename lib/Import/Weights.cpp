//===- Weights.cpp - tensors of a checkpoint as globals -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Weights.h"

#include "transformer/Support/Error.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Alignment.h"

using namespace mlir;
using namespace mlir::transformer;

void Weights::choosePrefix(ArrayRef<StringRef> candidates, StringRef probe) {
  prefix = candidates.front().str();
  for (StringRef candidate : candidates) {
    if (!checkpoint || !checkpoint->find((candidate + probe).str()))
      continue;
    prefix = candidate.str();
    return;
  }
}

// Checkpoints converted from TensorFlow call the weight and bias of a layer
// norm gamma and beta.
static std::string oldNormName(StringRef name) {
  if (name.consume_back("LayerNorm.weight"))
    return (name + "LayerNorm.gamma").str();
  if (name.consume_back("LayerNorm.bias"))
    return (name + "LayerNorm.beta").str();
  return "";
}

std::optional<Checkpoint::Entry> Weights::lookup(StringRef name) const {
  if (!checkpoint)
    return std::nullopt;
  for (StringRef start : {StringRef(prefix), StringRef()}) {
    std::string full = (start + name).str();
    if (auto entry = checkpoint->find(full))
      return entry;
    std::string old = oldNormName(full);
    if (auto entry = checkpoint->find(old); entry && !old.empty())
      return entry;
  }
  return std::nullopt;
}

bool Weights::areEqual(StringRef a, StringRef b) const {
  auto x = lookup(a), y = lookup(b);
  return x && y && x->info->type == y->info->type &&
         x->info->shape == y->info->shape && x->data() == y->data();
}

// A blob over the mapped file, which lives until the blob dies.
static AsmResourceBlob makeBlob(const Checkpoint::Entry &entry) {
  ArrayRef<char> data = entry.data();
  size_t alignment = bytesPerElement(entry.info->type);
  if (!llvm::isAddrAligned(llvm::Align(alignment), data.data()))
    return HeapAsmResourceBlob::allocateAndCopyWithAlign(data, alignment);
  return AsmResourceBlob(
      data, alignment, [file = entry.file->file()](void *, size_t, size_t) {},
      /*dataIsMutable=*/false);
}

// Tensors of heads stand beside the base model, so they never have its prefix.
static bool isOfHead(StringRef name) {
  for (StringRef root : {"cls.", "classifier.", "lm_head.", "pre_classifier.",
                         "qa_outputs.", "vocab_"})
    if (name.starts_with(root))
      return true;
  return llvm::isDigit(name.front()); // a module of sentence-transformers
}

ml_program::GlobalOp Weights::makeGlobal(StringRef name,
                                         ArrayRef<int64_t> shape) {
  std::optional<Checkpoint::Entry> entry;
  for (StringRef rest = name; !entry && !rest.empty();) {
    StringRef alias;
    std::tie(alias, rest) = rest.split('|');
    entry = lookup(alias);
  }
  std::string symbol = name.split('|').first.str();
  if (entry)
    symbol = entry->name;
  else if (!isOfHead(symbol))
    symbol = prefix + symbol;
  auto [it, isNew] = globals.try_emplace(symbol);
  if (!isNew && it->second.getType() &&
      cast<ShapedType>(it->second.getType()).getShape() == shape)
    return it->second;

  Builder builder(module.getContext());
  Type element = builder.getF32Type();
  bool isFit = false;
  if (!entry && checkpoint) {
    problems.add(checkpoint->path() + ": tensor " + quoted(symbol) +
                 " is missing; " + configFile + " needs it with shape " +
                 shapeString(shape));
  } else if (entry) {
    StringRef file = entry->file->path();
    isFit = true;
    switch (entry->info->type) {
    case DataType::F32:
      break;
    case DataType::F16:
      element = builder.getF16Type();
      break;
    case DataType::BF16:
      element = builder.getBF16Type();
      break;
    default:
      isFit = false;
      problems.add(file + ": tensor " + quoted(entry->info->name) +
                   " has dtype " + dataTypeName(entry->info->type) +
                   " (supported for weights: F32, F16, BF16)");
    }
    if (ArrayRef<int64_t>(entry->info->shape) != shape) {
      isFit = false;
      problems.add(file + ": tensor " + quoted(entry->info->name) +
                   " has shape " + shapeString(entry->info->shape) + " but " +
                   configFile + " needs " + shapeString(shape));
    }
  }

  auto type = RankedTensorType::get(shape, element);
  Attribute value = ml_program::ExternAttr::get(module.getContext(), type);
  if (isFit && bind)
    value = DenseResourceElementsAttr::get(type, symbol, makeBlob(*entry));
  // Globals come first, in the order of their use.
  auto globalBuilder = OpBuilder::atBlockEnd(module.getBody());
  if (!module.getBody()->empty())
    globalBuilder.setInsertionPoint(&module.getBody()->back());
  auto global = ml_program::GlobalOp::create(
      globalBuilder,
      NameLoc::get(builder.getStringAttr(StringRef(symbol).rsplit('.').first)),
      symbol, type, /*is_mutable=*/false, value,
      builder.getStringAttr("private"));
  return it->second = global;
}

Value Weights::load(OpBuilder &builder, Location loc, StringRef name,
                    ArrayRef<int64_t> shape) {
  ml_program::GlobalOp global = makeGlobal(name, shape);
  Value &value = loaded[global];
  if (value)
    return value;
  auto type = cast<RankedTensorType>(global.getType());
  value = ml_program::GlobalLoadConstOp::create(
      builder, loc, type,
      SymbolRefAttr::get(builder.getContext(), global.getSymName()));
  if (type.getElementType().isF32())
    return value;
  return value = arith::ExtFOp::create(
             builder, loc, RankedTensorType::get(shape, builder.getF32Type()),
             value);
}

std::vector<std::string> Weights::unused() const {
  std::vector<std::string> result;
  for (const Checkpoint::Entry &entry : checkpoint->tensors()) {
    StringRef name = entry.name;
    // Buffers that transformers writes and recomputes.
    bool isBuffer =
        name.ends_with("position_ids") || name.ends_with("token_type_ids") ||
        name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias");
    if (!isBuffer && !globals.count(name))
      result.push_back(entry.name);
  }
  return result;
}

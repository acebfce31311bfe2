//===- FoldWeights.cpp - what depends on weights only, computed once ------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/DialectResourceBlobManager.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFOLDWEIGHTS
#include "transformer/Transforms/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {
/// A value that is known: its bytes, row-major, owned by an attribute or here.
struct Known {
  RankedTensorType type;
  ArrayRef<char> bytes;
  std::shared_ptr<std::vector<char>> owned; // null: bytes of `source`
  DenseResourceElementsAttr source;         // null: rooted in an arith.constant
  StringRef leaf;                           // last part of the weight's name
};
} // namespace

static unsigned bytesOf(Type element) {
  return element.getIntOrFloatBitWidth() / 8;
}

static bool isWholeBytes(RankedTensorType type) {
  Type element = type.getElementType();
  return type.hasStaticShape() && element.isIntOrFloat() &&
         element.getIntOrFloatBitWidth() % 8 == 0;
}

static SmallVector<int64_t> rowMajorStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = int64_t(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

// Fills `to`, row-major of `shape`, from elements of `size` bytes that lie
// `strides` apart. The last two dimensions go in tiles: a transposition would
// otherwise touch a new page with every element.
static void gather(const char *from, char *to, ArrayRef<int64_t> shape,
                   ArrayRef<int64_t> strides, unsigned size) {
  if (shape.empty()) {
    std::copy_n(from, size, to);
    return;
  }
  if (shape.size() > 2) {
    int64_t inner = ShapedType::getNumElements(shape.drop_front());
    for (int64_t i = 0; i < shape[0]; ++i)
      gather(from + i * strides[0] * size, to + i * inner * size,
             shape.drop_front(), strides.drop_front(), size);
    return;
  }
  constexpr int64_t tile = 32;
  int64_t rows = shape.size() == 2 ? shape[0] : 1;
  int64_t rowStride = shape.size() == 2 ? strides[0] : 0;
  int64_t columns = shape.back(), stride = strides.back();
  for (int64_t i0 = 0; i0 < rows; i0 += tile)
    for (int64_t j0 = 0; j0 < columns; j0 += tile)
      for (int64_t i = i0; i < std::min(rows, i0 + tile); ++i)
        for (int64_t j = j0; j < std::min(columns, j0 + tile); ++j)
          std::copy_n(from + (i * rowStride + j * stride) * size, size,
                      to + (i * columns + j) * size);
}

static Known makeOwned(RankedTensorType type, const Known &from) {
  Known result = from;
  result.type = type;
  result.owned = std::make_shared<std::vector<char>>(
      type.getNumElements() * bytesOf(type.getElementType()));
  result.bytes = *result.owned;
  return result;
}

static Known gathered(RankedTensorType type, const Known &from, int64_t offset,
                      ArrayRef<int64_t> strides) {
  Known result = makeOwned(type, from);
  unsigned size = bytesOf(type.getElementType());
  if (type.getNumElements())
    gather(from.bytes.data() + offset * size, result.owned->data(),
           type.getShape(), strides, size);
  return result;
}

static std::optional<Known> extended(RankedTensorType type, const Known &from) {
  Type element = from.type.getElementType();
  if (!type.getElementType().isF32() || !(element.isF16() || element.isBF16()))
    return std::nullopt;
  Known result = makeOwned(type, from);
  const auto &semantics = cast<FloatType>(element).getFloatSemantics();
  auto *to = reinterpret_cast<float *>(result.owned->data());
  for (int64_t i = 0, e = type.getNumElements(); i < e; ++i) {
    uint16_t bits;
    std::memcpy(&bits, from.bytes.data() + 2 * i, 2);
    if (element.isBF16()) {
      uint32_t wide = uint32_t(bits) << 16;
      std::memcpy(to + i, &wide, 4);
      continue;
    }
    APFloat value(semantics, APInt(16, bits));
    bool losesInfo;
    value.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven,
                  &losesInfo);
    to[i] = value.convertToFloat();
  }
  return result;
}

// The value of `op`, one of the foldable kinds, given that of its operand.
static std::optional<Known> evaluate(Operation *op, const Known &from) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !isWholeBytes(type))
    return std::nullopt;
  if (isa<tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op)) {
    Known result = from;
    result.type = type;
    return result;
  }
  if (isa<arith::ExtFOp>(op))
    return extended(type, from);
  SmallVector<int64_t> strides = rowMajorStrides(from.type.getShape());
  if (auto transpose = dyn_cast<linalg::TransposeOp>(op)) {
    SmallVector<int64_t> permuted;
    for (int64_t source : transpose.getPermutation())
      permuted.push_back(strides[source]);
    return gathered(type, from, 0, permuted);
  }
  auto slice = dyn_cast<tensor::ExtractSliceOp>(op);
  if (!slice || type.getRank() != from.type.getRank() ||
      llvm::is_contained(slice.getStaticOffsets(), ShapedType::kDynamic) ||
      llvm::is_contained(slice.getStaticStrides(), ShapedType::kDynamic))
    return std::nullopt;
  int64_t offset = 0;
  for (auto [i, stride] : llvm::enumerate(strides)) {
    int64_t first = slice.getStaticOffsets()[i];
    int64_t last =
        first + (type.getDimSize(i) - 1) * slice.getStaticStrides()[i];
    if (std::min(first, last) < 0 ||
        std::max(first, last) >= from.type.getDimSize(i))
      return std::nullopt;
    offset += slice.getStaticOffsets()[i] * stride;
    stride *= slice.getStaticStrides()[i];
  }
  return gathered(type, from, offset, strides);
}

static std::optional<Known> leafValue(Operation *op, SymbolTable &symbols) {
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    auto dense = dyn_cast<DenseElementsAttr>(constant.getValue());
    auto type = dyn_cast<RankedTensorType>(constant.getType());
    // Upstream folds splats itself.
    if (!dense || !type || dense.isSplat() || !isWholeBytes(type))
      return std::nullopt;
    return Known{type, dense.getRawData(), nullptr, nullptr, ""};
  }
  auto load = dyn_cast<ml_program::GlobalLoadConstOp>(op);
  if (!load)
    return std::nullopt;
  auto global =
      symbols.lookup<ml_program::GlobalOp>(load.getGlobal().getRootReference());
  auto attr =
      global
          ? dyn_cast_or_null<DenseResourceElementsAttr>(global.getValueAttr())
          : DenseResourceElementsAttr();
  auto type = dyn_cast<RankedTensorType>(load.getType());
  if (!attr || !type || !isWholeBytes(type) || attr.getType() != type ||
      !attr.getRawHandle().getBlob())
    return std::nullopt;
  ArrayRef<char> bytes = attr.getData();
  if (int64_t(bytes.size()) !=
      type.getNumElements() * int64_t(bytesOf(type.getElementType())))
    return std::nullopt;
  StringRef name = global.getSymName();
  return Known{type, bytes, nullptr, attr, name.substr(name.rfind('.') + 1)};
}

namespace {
struct FoldWeights
    : public transformer::impl::TransformerFoldWeightsBase<FoldWeights> {
  void runOnOperation() override;

private:
  Value materialize(OpBuilder &builder, Location loc, const Known &value);
  void removeDead(SymbolTable &symbols);

  // New weights and the names they should get, once the old ones are gone.
  SmallVector<std::tuple<ml_program::GlobalOp, ml_program::GlobalLoadConstOp,
                         std::string>>
      made;
};
} // namespace

Value FoldWeights::materialize(OpBuilder &builder, Location loc,
                               const Known &value) {
  if (!value.source)
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::getFromRawBuffer(value.type, value.bytes));
  std::string name = value.leaf.str();
  if (auto named = dyn_cast<NameLoc>(loc))
    name = (named.getName().getValue() + "." + value.leaf).str();
  auto attr =
      DenseResourceElementsAttr::get(value.type, value.source.getRawHandle());
  if (value.owned) {
    ArrayRef<char> bytes = value.bytes;
    attr = DenseResourceElementsAttr::get(
        value.type, name,
        AsmResourceBlob(
            bytes, bytesOf(value.type.getElementType()),
            [owner = value.owned](void *, size_t, size_t) {},
            /*dataIsMutable=*/false));
  }
  ModuleOp module = getOperation();
  auto globals = OpBuilder::atBlockBegin(module.getBody());
  auto global = ml_program::GlobalOp::create(
      globals, loc, ("folded." + Twine(made.size())).str(), value.type,
      /*is_mutable=*/false, attr, builder.getStringAttr("private"));
  auto load = ml_program::GlobalLoadConstOp::create(
      builder, loc, value.type, SymbolRefAttr::get(global.getSymNameAttr()));
  made.emplace_back(global, load, name);
  return load;
}

// Weights that nothing reads any more, after which their names are free.
void FoldWeights::removeDead(SymbolTable &symbols) {
  ModuleOp module = getOperation();
  llvm::DenseSet<StringAttr> used;
  module.walk([&](ml_program::GlobalLoadConstOp load) {
    used.insert(load.getGlobal().getRootReference());
  });
  for (auto global :
       llvm::make_early_inc_range(module.getOps<ml_program::GlobalOp>()))
    if (global.isPrivate() && !used.contains(global.getSymNameAttr()))
      global.erase();
}

void FoldWeights::runOnOperation() {
  ModuleOp module = getOperation();
  made.clear();
  SymbolTable symbols(module);
  llvm::MapVector<Operation *, Known> folded;
  llvm::DenseMap<Value, Known> known;
  module.walk([&](Operation *op) {
    if (auto leaf = leafValue(op, symbols)) {
      known[op->getResult(0)] = std::move(*leaf);
      return;
    }
    if (!isa<arith::ExtFOp, linalg::TransposeOp, tensor::ExtractSliceOp,
             tensor::CollapseShapeOp, tensor::ExpandShapeOp>(op))
      return;
    auto from = known.find(op->getOperand(0));
    if (from == known.end())
      return;
    if (auto value = evaluate(op, Known(from->second))) {
      folded.insert({op, *value});
      known[op->getResult(0)] = std::move(*value);
    }
  });
  known.clear();
  if (folded.empty())
    return markAllAnalysesPreserved();

  for (auto &[op, value] : folded) {
    bool isNeeded = llvm::any_of(op->getUsers(), [&](Operation *user) {
      return !folded.contains(user);
    });
    if (isNeeded) {
      OpBuilder builder(op);
      op->getResult(0).replaceAllUsesWith(
          materialize(builder, op->getLoc(), value));
    }
    ++numFolded;
  }
  for (auto &[op, value] : llvm::reverse(folded)) {
    SmallVector<Value> operands(op->getOperands());
    op->erase();
    for (Value operand : operands)
      if (Operation *source = operand.getDefiningOp())
        if (isOpTriviallyDead(source) && !folded.contains(source))
          source->erase();
  }
  removeDead(symbols);
  SymbolTable rest(module);
  for (auto &[global, load, name] : made) {
    rest.remove(global);
    global.setSymName(name);
    load.setGlobalAttr(SymbolRefAttr::get(rest.insert(global)));
  }
}

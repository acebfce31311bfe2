//===- Checks.cpp - what the verifiers of the ops share -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Checks.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::transformer;

int64_t Tensor::dim(int64_t index) const {
  int64_t position = index < 0 ? rank() + index : index;
  if (position < 0 || position >= rank())
    return ShapedType::kDynamic;
  return type.getDimSize(position);
}

static bool agree(int64_t a, int64_t b) {
  return ShapedType::isDynamic(a) || ShapedType::isDynamic(b) || a == b;
}

/// "the last dimension of input", "dimension 0 of weight".
static std::string nameDim(Tensor t, int64_t index) {
  if (index == -1)
    return ("the last dimension of " + t.name).str();
  if (index < 0)
    index += t.rank();
  return ("dimension " + Twine(index) + " of " + t.name).str();
}

/// True when all static sizes (and thus any index) can be counted in 63 bits.
static bool countable(RankedTensorType type) {
  int64_t bytes = 8;
  for (int64_t size : type.getShape())
    if (!ShapedType::isDynamic(size) && size != 0 &&
        llvm::MulOverflow(bytes, size, bytes))
      return false;
  return true;
}

Checker::Checker(Operation *op) : op(op) {
  auto check = [&](TypeRange types, StringRef kind) {
    for (auto [i, type] : llvm::enumerate(types))
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        that(countable(tensor), kind + " #" + Twine(i) +
                                    " has more elements than a 64-bit index "
                                    "can count");
  };
  check(op->getOperandTypes(), "operand");
  check(op->getResultTypes(), "result");
}

void Checker::that(bool condition, const Twine &sentence) {
  if (condition || failed)
    return;
  failed = true;
  op->emitOpError() << sentence;
}

void Checker::rank(Tensor t, int64_t least, int64_t most) {
  if (!t || (t.rank() >= least && t.rank() <= most))
    return;
  std::string wanted = most == INT64_MAX ? ("at least " + Twine(least)).str()
                       : least == most
                           ? Twine(least).str()
                           : (Twine(least) + " or " + Twine(most)).str();
  that(false, t.name + " has rank " + Twine(t.rank()) + ", but rank " + wanted +
                  " is expected");
}

void Checker::dim(Tensor t, int64_t index, int64_t expected,
                  StringRef meaning) {
  if (!t || agree(t.dim(index), expected))
    return;
  that(false, nameDim(t, index) + " is " + Twine(t.dim(index)) + ", but " +
                  meaning + " is " + Twine(expected));
}

void Checker::sameDim(Tensor t, int64_t index, Tensor other,
                      int64_t otherIndex) {
  if (t && other)
    dim(t, index, other.dim(otherIndex), nameDim(other, otherIndex));
}

void Checker::sameDims(ArrayRef<std::pair<Tensor, int64_t>> dims) {
  for (auto [i, other] : llvm::enumerate(dims))
    for (auto [t, index] : dims.drop_front(i + 1))
      sameDim(t, index, other.first, other.second);
}

void Checker::sameShape(Tensor t, Tensor other, int64_t dropped) {
  if (!t || !other)
    return;
  StringRef rest = dropped ? " without its last dimension" : "";
  that(t.rank() == other.rank() - dropped,
       t.name + " has rank " + Twine(t.rank()) +
           ", but it must have the shape of " + other.name + rest);
  if (failed)
    return;
  for (int64_t i = 0; i < t.rank(); ++i)
    sameDim(t, i, other, i);
}

void Checker::sameElement(Tensor t, Tensor other) {
  if (failed || !t || !other)
    return;
  if (t.type.getElementType() == other.type.getElementType())
    return;
  failed = true;
  op->emitOpError() << t.name << " holds " << t.type.getElementType()
                    << ", but " << other.name << " holds "
                    << other.type.getElementType()
                    << ": they must be of one type";
}

void Checker::packedOrDense(Tensor t, Tensor offsets) {
  rank(t, 2, 3);
  that(t.rank() != 2 || offsets,
       t.name + " is packed (rank 2), so offsets are needed");
  that(t.rank() != 3 || !offsets,
       t.name + " is dense (rank 3), so it takes no offsets");
  if (offsets)
    that(offsets.dim(0) != 0, offsets.name +
                                  " must hold one value more than there are "
                                  "sequences, so at least one");
}

void Checker::finite(const APFloat &value, StringRef name) {
  that(value.isFinite(), name + " must be finite");
}

void Checker::epsilon(const APFloat &value) {
  that(value.isFinite() && (value.isZero() || !value.isNegative()),
       "epsilon must be finite and not negative");
}

SmallVector<OpFoldResult> transformer::leadingSizes(OpBuilder &builder,
                                                    Location loc, Value value,
                                                    int64_t count) {
  if (count < 0)
    count += cast<RankedTensorType>(value.getType()).getRank();
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < count; ++i)
    sizes.push_back(tensor::getMixedSize(builder, loc, value, i));
  return sizes;
}

void transformer::addShape(ReifiedRankedShapedTypeDims &shapes,
                           Builder &builder, Type type,
                           SmallVector<OpFoldResult> sizes) {
  for (auto [i, size] :
       llvm::enumerate(cast<RankedTensorType>(type).getShape()))
    if (!ShapedType::isDynamic(size))
      sizes[i] = builder.getIndexAttr(size);
  shapes.push_back(std::move(sizes));
}

bool transformer::isSplatOf(Value value, double expected) {
  DenseElementsAttr constant;
  if (!value || !matchPattern(value, m_Constant(&constant)) ||
      !constant.isSplat())
    return false;
  if (constant.getElementType().isInteger(1))
    return constant.getSplatValue<bool>() == (expected != 0);
  if (!isa<FloatType>(constant.getElementType()))
    return false;
  return constant.getSplatValue<APFloat>().convertToDouble() == expected;
}

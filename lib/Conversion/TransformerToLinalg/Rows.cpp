//===- Rows.cpp - building row-wise linalg ops ----------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Rows.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer;

/// The reassociation that merges all dims but the last one (or all dims).
static SmallVector<ReassociationIndices> leadingDims(int64_t rank,
                                                     bool hasColumns) {
  SmallVector<ReassociationIndices> groups(1);
  for (int64_t i = 0; i < rank - hasColumns; ++i)
    groups[0].push_back(i);
  if (hasColumns)
    groups.push_back({rank - 1});
  return groups;
}

/// Upstream takes 0 x ? for 0 in some places and for ? in others, so that such
/// a shape is never reshaped: there is nothing in it.
static bool hasNoRows(RankedTensorType type, int64_t leading) {
  return llvm::is_contained(type.getShape().take_front(leading), 0);
}

Value RowBuilder::flatten(Value v, bool hasColumns) {
  auto type = cast<RankedTensorType>(v.getType());
  int64_t rank = type.getRank();
  if (rank == 1 + hasColumns)
    return v;
  if (rank == hasColumns) { // a single row
    SmallVector<int64_t> shape(type.getShape());
    shape.insert(shape.begin(), 1);
    auto target = RankedTensorType::get(shape, type.getElementType());
    SmallVector<ReassociationIndices> groups;
    if (hasColumns)
      groups.push_back({0, 1});
    return tensor::ExpandShapeOp::create(b, target, v, groups);
  }
  if (hasNoRows(type, rank - hasColumns)) {
    SmallVector<OpFoldResult> sizes{b.getIndexAttr(0)};
    if (hasColumns)
      sizes.push_back(size(v, rank - 1));
    return tensor::EmptyOp::create(b, sizes, type.getElementType());
  }
  return tensor::CollapseShapeOp::create(b, v, leadingDims(rank, hasColumns));
}

Value RowBuilder::unflatten(Value v, RankedTensorType type, Value like) {
  auto from = cast<RankedTensorType>(v.getType());
  auto likeType = cast<RankedTensorType>(like.getType());
  bool hasColumns = from.getRank() == 2;
  int64_t rank = type.getRank(), leading = rank - hasColumns;
  if (rank == from.getRank())
    return castTo(b, v, type);
  // What `v` and `like` know of the shape; `type` may know more, or less.
  SmallVector<int64_t> shape(likeType.getShape().take_front(leading));
  SmallVector<OpFoldResult> sizes;
  for (int64_t i = 0; i < leading; ++i)
    sizes.push_back(size(like, i));
  if (hasColumns) {
    shape.push_back(from.getDimSize(1));
    sizes.push_back(size(v, 1));
  }
  auto natural = RankedTensorType::get(shape, type.getElementType());
  if (hasNoRows(natural, leading))
    return castTo(b, tensor::EmptyOp::create(b, sizes, type.getElementType()),
                  type);
  if (leading == 0) {
    SmallVector<ReassociationIndices> groups;
    if (hasColumns)
      groups.push_back({0, 1});
    v = tensor::CollapseShapeOp::create(b, natural, v, groups);
    return castTo(b, v, type);
  }
  v = tensor::ExpandShapeOp::create(b, natural, v,
                                    leadingDims(rank, hasColumns), sizes);
  return castTo(b, v, type);
}

Value transformer::castTo(ImplicitLocOpBuilder &b, Value v, Type type) {
  if (v.getType() == type)
    return v;
  return tensor::CastOp::create(b, type, v);
}

OpFoldResult transformer::sizeOf(ImplicitLocOpBuilder &b, Value v, int64_t i) {
  auto type = cast<RankedTensorType>(v.getType());
  if (!type.isDynamicDim(i))
    return b.getIndexAttr(type.getDimSize(i));
  return tensor::DimOp::create(b, v, i).getResult();
}

Value RowBuilder::empty(Value like, std::optional<OpFoldResult> width,
                        Type element) {
  SmallVector<OpFoldResult> sizes{size(like, 0)};
  if (width)
    sizes.push_back(*width);
  return tensor::EmptyOp::create(b, sizes, element);
}

static AffineMap mapOf(Access access, MLIRContext *context) {
  AffineExpr row, column;
  bindDims(context, row, column);
  switch (access) {
  case Access::Element:
    return AffineMap::get(2, 0, {row, column}, context);
  case Access::Row:
    return AffineMap::get(2, 0, {row}, context);
  case Access::Column:
    return AffineMap::get(2, 0, {column}, context);
  }
  llvm_unreachable("all accesses are handled");
}

Value RowBuilder::map(ArrayRef<RowOperand> operands, Value like,
                      OpFoldResult width, Type element, Body body) {
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (RowOperand operand : operands) {
    values.push_back(operand.value);
    maps.push_back(mapOf(operand.access, b.getContext()));
  }
  maps.push_back(mapOf(Access::Element, b.getContext()));
  Value init = empty(like, width, element);
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             b, init.getType(), values, init, maps, iterators,
             [&](OpBuilder &inner, Location loc, ValueRange args) {
               ImplicitLocOpBuilder ib(loc, inner);
               SmallVector<Value> wide;
               for (Value arg : args.drop_back())
                 wide.push_back(widen(ib, arg));
               Value result = narrow(ib, body(ib, wide), element);
               linalg::YieldOp::create(ib, result);
             })
      .getResult(0);
}

Value RowBuilder::reduce(ArrayRef<RowOperand> operands, Value like,
                         TypedAttr init, Body body, Combine combine) {
  SmallVector<Value> values;
  SmallVector<AffineMap> maps;
  for (RowOperand operand : operands) {
    values.push_back(operand.value);
    maps.push_back(mapOf(operand.access, b.getContext()));
  }
  maps.push_back(mapOf(Access::Row, b.getContext()));
  Value start = linalg::FillOp::create(
                    b, ValueRange{arith::ConstantOp::create(b, init)},
                    ValueRange{empty(like, std::nullopt, init.getType())})
                    .getResult(0);
  SmallVector<utils::IteratorType> iterators{utils::IteratorType::parallel,
                                             utils::IteratorType::reduction};
  return linalg::GenericOp::create(
             b, start.getType(), values, start, maps, iterators,
             [&](OpBuilder &inner, Location loc, ValueRange args) {
               ImplicitLocOpBuilder ib(loc, inner);
               SmallVector<Value> wide;
               for (Value arg : args.drop_back())
                 wide.push_back(widen(ib, arg));
               linalg::YieldOp::create(
                   ib, combine(ib, body(ib, wide), args.back()));
             })
      .getResult(0);
}

Value RowBuilder::sum(ArrayRef<RowOperand> operands, Value like, Body body) {
  return reduce(operands, like, b.getF32FloatAttr(0.0), body,
                [](ImplicitLocOpBuilder &ib, Value next, Value soFar) -> Value {
                  return arith::AddFOp::create(ib, next, soFar);
                });
}

Value RowBuilder::absmaxBits(ArrayRef<RowOperand> operands, Value like,
                             Body body) {
  return reduce(operands, like, b.getI32IntegerAttr(0), body,
                [](ImplicitLocOpBuilder &ib, Value next, Value soFar) -> Value {
                  Value magnitude = arith::BitcastOp::create(
                      ib, ib.getI32Type(), math::AbsFOp::create(ib, next));
                  return arith::MaxSIOp::create(ib, magnitude, soFar);
                });
}

Value transformer::widen(ImplicitLocOpBuilder &b, Value v) {
  auto type = dyn_cast<FloatType>(v.getType());
  if (!type || type.getWidth() >= 32)
    return v;
  return arith::ExtFOp::create(b, b.getF32Type(), v);
}

Value transformer::narrow(ImplicitLocOpBuilder &b, Value v, Type element) {
  if (v.getType() == element)
    return v;
  return arith::TruncFOp::create(b, element, v);
}

Value transformer::emitActivation(ImplicitLocOpBuilder &b, Activation kind,
                                  Value x) {
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, b.getF32FloatAttr(value));
  };
  auto mul = [&](Value u, Value v) -> Value {
    return arith::MulFOp::create(b, u, v);
  };
  auto add = [&](Value u, Value v) -> Value {
    return arith::AddFOp::create(b, u, v);
  };
  switch (kind) {
  case Activation::none:
    return x;
  case Activation::gelu: {
    Value erf = math::ErfOp::create(b, mul(x, constant(std::sqrt(0.5))));
    return mul(mul(x, constant(0.5)), add(erf, constant(1.0)));
  }
  case Activation::gelu_tanh: {
    Value cubic = mul(mul(mul(x, x), x), constant(0.044715));
    Value inner = mul(add(x, cubic), constant(std::sqrt(2.0 / M_PI)));
    Value tanh = math::TanhOp::create(b, inner);
    return mul(mul(x, constant(0.5)), add(tanh, constant(1.0)));
  }
  case Activation::relu:
    return arith::MaximumFOp::create(b, x, constant(0.0));
  case Activation::silu: {
    Value exp = math::ExpOp::create(b, arith::NegFOp::create(b, x));
    return arith::DivFOp::create(b, x, add(exp, constant(1.0)));
  }
  case Activation::tanh:
    return math::TanhOp::create(b, x);
  }
  llvm_unreachable("all activations are handled");
}

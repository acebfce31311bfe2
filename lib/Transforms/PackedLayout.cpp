//===- PackedLayout.cpp - from dense rows to packed ones and back ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "PackedLayout.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::transformer;

static Value constant(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

/// Ones in row `row` of `mask`.
static Value countRow(OpBuilder &b, Location loc, Value mask, Value row,
                      Value length) {
  Value zero = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
  auto loop = scf::ForOp::create(
      b, loc, constant(b, loc, 0), length, constant(b, loc, 1), zero,
      [&](OpBuilder &b, Location loc, Value column, ValueRange count) {
        Value bit = tensor::ExtractOp::create(b, loc, mask, {row, column});
        Value one = arith::ExtUIOp::create(b, loc, b.getI32Type(), bit);
        Value sum = arith::AddIOp::create(b, loc, count[0], one);
        scf::YieldOp::create(b, loc, sum);
      });
  return loop.getResult(0);
}

PackedLayout::PackedLayout(OpBuilder &b, Location loc, Value mask)
    : mask(mask) {
  auto type = cast<RankedTensorType>(mask.getType());
  Value zero = constant(b, loc, 0), one = constant(b, loc, 1);
  Value none = arith::ConstantOp::create(b, loc, b.getI32IntegerAttr(0));
  batch = tensor::DimOp::create(b, loc, mask, zero);
  length = tensor::DimOp::create(b, loc, mask, one);

  int64_t ends =
      type.isDynamicDim(0) ? ShapedType::kDynamic : type.getDimSize(0) + 1;
  Value count = arith::AddIOp::create(b, loc, batch, one);
  Value empty = tensor::EmptyOp::create(
      b, loc, ArrayRef<int64_t>{ends}, b.getI32Type(),
      type.isDynamicDim(0) ? ValueRange(count) : ValueRange());
  Value first = tensor::InsertOp::create(b, loc, none, empty, zero);
  auto sums = scf::ForOp::create(
      b, loc, zero, batch, one, ValueRange{first, none},
      [&](OpBuilder &b, Location loc, Value row, ValueRange state) {
        Value ones = countRow(b, loc, mask, row, length);
        Value end = arith::AddIOp::create(b, loc, state[1], ones);
        Value next = arith::AddIOp::create(b, loc, row, one);
        Value out = tensor::InsertOp::create(b, loc, end, state[0], next);
        scf::YieldOp::create(b, loc, ValueRange{out, end});
      });
  offsets = sums.getResult(0);
  tokens =
      arith::IndexCastOp::create(b, loc, b.getIndexType(), sums.getResult(1));

  Value noRows =
      tensor::EmptyOp::create(b, loc, ArrayRef<int64_t>{ShapedType::kDynamic},
                              b.getIndexType(), ValueRange(tokens));
  auto place = scf::ForOp::create(
      b, loc, zero, batch, one, noRows,
      [&](OpBuilder &b, Location loc, Value row, ValueRange state) {
        auto offset = [&](Value of) -> Value {
          Value value = tensor::ExtractOp::create(b, loc, offsets, of);
          return arith::IndexCastOp::create(b, loc, b.getIndexType(), value);
        };
        Value begin = offset(row);
        Value end = offset(arith::AddIOp::create(b, loc, row, one));
        Value start = arith::MulIOp::create(b, loc, row, length);
        auto inner = scf::ForOp::create(
            b, loc, begin, end, one, state,
            [&](OpBuilder &b, Location loc, Value token, ValueRange state) {
              Value column = arith::SubIOp::create(b, loc, token, begin);
              Value from = arith::AddIOp::create(b, loc, start, column);
              Value out =
                  tensor::InsertOp::create(b, loc, from, state[0], token);
              scf::YieldOp::create(b, loc, out);
            });
        scf::YieldOp::create(b, loc, inner.getResults());
      });
  rows = place.getResult(0);
}

RankedTensorType PackedLayout::packedType(RankedTensorType dense) {
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  llvm::append_range(shape, dense.getShape().drop_front(2));
  return RankedTensorType::get(shape, dense.getElementType());
}

/// An elementwise generic without inputs, whose body sees the indices.
static Value
generate(OpBuilder &b, Location loc, RankedTensorType type,
         ValueRange dynamicSizes,
         function_ref<Value(OpBuilder &, Location, ArrayRef<Value>)> element) {
  Value empty = tensor::EmptyOp::create(b, loc, type, dynamicSizes);
  int64_t rank = type.getRank();
  auto map = AffineMap::getMultiDimIdentityMap(rank, b.getContext());
  SmallVector<utils::IteratorType> iterators(rank,
                                             utils::IteratorType::parallel);
  auto generic = linalg::GenericOp::create(
      b, loc, type, ValueRange(), empty, map, iterators,
      [&](OpBuilder &b, Location loc, ValueRange) {
        SmallVector<Value> indices;
        for (int64_t i = 0; i < rank; ++i)
          indices.push_back(linalg::IndexOp::create(b, loc, i));
        linalg::YieldOp::create(b, loc, element(b, loc, indices));
      });
  return generic.getResult(0);
}

Value PackedLayout::pack(OpBuilder &b, Location loc, Value dense) const {
  auto type = cast<RankedTensorType>(dense.getType());
  RankedTensorType packed = packedType(type);
  SmallVector<ReassociationIndices> groups{{0, 1}};
  for (int64_t i = 2; i < type.getRank(); ++i)
    groups.push_back({i});
  Value flat = tensor::CollapseShapeOp::create(b, loc, dense, groups);
  SmallVector<Value> sizes{tokens};
  for (int64_t i = 2; i < type.getRank(); ++i)
    if (type.isDynamicDim(i))
      sizes.push_back(tensor::DimOp::create(b, loc, dense, i));
  return generate(b, loc, packed, sizes,
                  [&](OpBuilder &b, Location loc, ArrayRef<Value> at) {
                    SmallVector<Value> from(at);
                    from[0] = tensor::ExtractOp::create(b, loc, rows, at[0]);
                    return tensor::ExtractOp::create(b, loc, flat, from);
                  });
}

Value PackedLayout::unpack(OpBuilder &b, Location loc, Value packed,
                           RankedTensorType dense) const {
  SmallVector<Value> sizes;
  for (auto [i, size] : llvm::enumerate(dense.getShape()))
    if (ShapedType::isDynamic(size))
      sizes.push_back(
          i == 0   ? batch
          : i == 1 ? length
                   : Value(tensor::DimOp::create(b, loc, packed, i - 1)));
  auto zero = b.getZeroAttr(dense.getElementType());
  auto element = [&](OpBuilder &b, Location loc, ArrayRef<Value> at) -> Value {
    Value seen = tensor::ExtractOp::create(b, loc, mask, {at[0], at[1]});
    auto branch = scf::IfOp::create(
        b, loc, seen,
        [&](OpBuilder &b, Location loc) {
          Value begin = tensor::ExtractOp::create(b, loc, offsets, at[0]);
          begin = arith::IndexCastOp::create(b, loc, b.getIndexType(), begin);
          SmallVector<Value> from{arith::AddIOp::create(b, loc, begin, at[1])};
          llvm::append_range(from, at.drop_front(2));
          Value value = tensor::ExtractOp::create(b, loc, packed, from);
          scf::YieldOp::create(b, loc, value);
        },
        [&](OpBuilder &b, Location loc) {
          Value none = arith::ConstantOp::create(b, loc, zero);
          scf::YieldOp::create(b, loc, none);
        });
    return branch.getResult(0);
  };
  return generate(b, loc, dense, sizes, element);
}

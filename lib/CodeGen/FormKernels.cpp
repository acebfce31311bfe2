//===- FormKernels.cpp - attention and fft_mix to parallel loops ----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A packed attention becomes an scf.forall over (sequence, head, block of rows)
// around a transformer_kernel.attention on slices, a packed fft_mix one over
// sequences around a transformer_kernel.fft_mix. Both are kept whole from here
// on: their emitters know the registers, linalg does not.
//===----------------------------------------------------------------------===//
#include "Missed.h"
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/CodeGen/Target.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFORMKERNELS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// Few (sequence, head) pairs are cut into blocks of rows, until there is this
/// much to share out: enough for some threads to finish together. What a row
/// becomes does not depend on it.
constexpr int64_t kItems = 24;
/// Blocks are multiples of what every target's row tile divides.
constexpr int64_t kRowMultiple = 24;

/// The rows [begin, begin + count) of one sequence.
struct Span {
  Value begin, count;
};

class Former {
public:
  Former(Operation *op, std::optional<int64_t> maxLength)
      : b(op->getLoc(), op), maxLength(maxLength) {}

  Value formAttention(AttentionOp op) {
    int64_t dim = op.getQkDim(), valueDim = op.getValueDim();
    int64_t heads = op.getNumHeads(), group = heads / op.getNumKvHeads();
    auto type = cast<RankedTensorType>(op.getType());
    Value out = emptyLike(op.getQuery(), type);
    Value blocks = rowBlocks(op, heads);
    scf::ForallOp loop =
        forall(op.getQueryOffsets(), {b.getIndexAttr(heads), blocks}, out);
    Value s = loop.getInductionVar(0), h = loop.getInductionVar(1);
    Span queries = span(op.getQueryOffsets(), s);
    Span keys = op.getKeyOffsets() ? span(op.getKeyOffsets(), s) : queries;
    Span block = blockOf(queries, loop.getInductionVar(2), blocks);
    Value first = arith::SubIOp::create(b, block.begin, queries.begin);
    Value kvHead =
        group == 1 ? h : arith::DivUIOp::create(b, h, idx(group)).getResult();
    Value q = rows(op.getQuery(), block, h, dim);
    Value k = rows(op.getKey(), keys, kvHead, dim);
    Value v = rows(op.getValue(), keys, kvHead, valueDim);
    Value init = rows(loop.getRegionIterArgs()[0], block, h, valueDim);
    Value bias = op.getMask() ? headOf(op.getMask(), h) : Value();
    auto kernel = kernel::AttentionOp::create(
        b, TypeRange{init.getType()}, q, k, v, bias, first, queries.count, init,
        b.getF32FloatAttr(op.getEffectiveScale()),
        op.getCausal() ? b.getUnitAttr() : UnitAttr(), maxKeys(), IntegerAttr(),
        op.getProductsAttr());
    insert(loop, kernel->getResult(0), block, h, valueDim);
    return result(loop, type);
  }

  Value formFftMix(FftMixOp op) {
    auto type = cast<RankedTensorType>(op.getType());
    int64_t hidden = type.getDimSize(1);
    Value out = emptyLike(op.getInput(), type);
    scf::ForallOp loop = forall(op.getOffsets(), {}, out);
    Span tokens = span(op.getOffsets(), loop.getInductionVar(0));
    Value first = idx(0);
    Value x = rows(op.getInput(), tokens, first, hidden);
    Value init = rows(loop.getRegionIterArgs()[0], tokens, first, hidden);
    auto kernel = kernel::FftMixOp::create(b, TypeRange{init.getType()}, x,
                                           init, maxKeys());
    insert(loop, kernel->getResult(0), tokens, first, hidden);
    return result(loop, type);
  }

private:
  Value idx(int64_t v) { return arith::ConstantIndexOp::create(b, v); }
  IntegerAttr maxKeys() {
    return maxLength ? b.getI64IntegerAttr(*maxLength) : IntegerAttr();
  }

  Value emptyLike(Value v, RankedTensorType type) {
    SmallVector<OpFoldResult> sizes{tensor::DimOp::create(b, v, 0).getResult(),
                                    b.getIndexAttr(type.getDimSize(1))};
    return tensor::EmptyOp::create(b, sizes, type.getElementType());
  }

  Value sequenceCount(Value offsets) {
    Value bounds = tensor::DimOp::create(b, offsets, 0);
    return arith::SubIOp::create(b, arith::MaxUIOp::create(b, bounds, idx(1)),
                                 idx(1));
  }

  /// How many blocks of rows the longest sequences are cut into.
  Value rowBlocks(AttentionOp op, int64_t heads) {
    if (heads >= kItems)
      return idx(1);
    Value pairs = arith::MulIOp::create(b, sequenceCount(op.getQueryOffsets()),
                                        idx(heads));
    Value wanted = arith::CeilDivUIOp::create(
        b, idx(kItems), arith::MaxUIOp::create(b, pairs, idx(1)));
    Value tokens = tensor::DimOp::create(b, op.getQuery(), 0);
    return arith::MinUIOp::create(b, wanted, blocksOf(tokens));
  }
  /// As many as have rows enough to be worth packing the keys again.
  Value blocksOf(Value count) {
    return arith::MaxUIOp::create(
        b, arith::DivUIOp::create(b, count, idx(kAttentionRowBlock)), idx(1));
  }
  /// The rows of block `at` of a sequence; none if it has fewer blocks.
  Span blockOf(Span sequence, Value at, Value blocks) {
    Value own = arith::MinUIOp::create(b, blocks, blocksOf(sequence.count));
    Value size = arith::CeilDivUIOp::create(b, sequence.count, own);
    size = arith::MulIOp::create(
        b, arith::CeilDivUIOp::create(b, size, idx(kRowMultiple)),
        idx(kRowMultiple));
    Value first = arith::MinUIOp::create(b, arith::MulIOp::create(b, at, size),
                                         sequence.count);
    Value left = arith::SubIOp::create(b, sequence.count, first);
    return {arith::AddIOp::create(b, sequence.begin, first),
            arith::MinUIOp::create(b, size, left)};
  }

  /// Loops over sequences and what else; leaves `b` in front of the terminator.
  scf::ForallOp forall(Value offsets, ArrayRef<OpFoldResult> inner, Value out) {
    SmallVector<OpFoldResult> bounds{sequenceCount(offsets)};
    llvm::append_range(bounds, inner);
    auto loop = scf::ForallOp::create(b, bounds, ValueRange{out}, std::nullopt);
    b.setInsertionPoint(loop.getTerminator());
    return loop;
  }

  Span span(Value offsets, Value s) {
    auto bound = [&](Value at) -> Value {
      Value v = tensor::ExtractOp::create(b, offsets, ValueRange{at});
      return arith::IndexCastOp::create(b, b.getIndexType(), v);
    };
    Value begin = bound(s);
    Value end = bound(arith::AddIOp::create(b, s, idx(1)));
    return {begin, arith::SubIOp::create(b, end, begin)};
  }

  void extent(Span span, Value head, int64_t width,
              SmallVectorImpl<OpFoldResult> &offsets,
              SmallVectorImpl<OpFoldResult> &sizes,
              SmallVectorImpl<OpFoldResult> &strides) {
    Value column = arith::MulIOp::create(b, head, idx(width));
    offsets.assign({span.begin, column});
    sizes.assign({span.count, b.getIndexAttr(width)});
    strides.assign(2, b.getIndexAttr(1));
  }

  Value rows(Value from, Span span, Value head, int64_t width) {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    extent(span, head, width, offsets, sizes, strides);
    return tensor::ExtractSliceOp::create(b, from, offsets, sizes, strides);
  }

  Value headOf(Value bias, Value head) {
    auto type = cast<RankedTensorType>(bias.getType());
    SmallVector<OpFoldResult> offsets{head, b.getIndexAttr(0),
                                      b.getIndexAttr(0)};
    SmallVector<OpFoldResult> sizes{b.getIndexAttr(1)};
    for (int64_t i : {1, 2})
      sizes.push_back(
          type.isDynamicDim(i)
              ? OpFoldResult(tensor::DimOp::create(b, bias, i).getResult())
              : OpFoldResult(b.getIndexAttr(type.getDimSize(i))));
    SmallVector<OpFoldResult> strides(3, b.getIndexAttr(1));
    auto slice = RankedTensorType::get(type.getShape().drop_front(),
                                       type.getElementType());
    return tensor::ExtractSliceOp::create(b, slice, bias, offsets, sizes,
                                          strides);
  }

  void insert(scf::ForallOp loop, Value tile, Span span, Value head,
              int64_t width) {
    SmallVector<OpFoldResult> offsets, sizes, strides;
    extent(span, head, width, offsets, sizes, strides);
    b.setInsertionPointToEnd(loop.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(b, tile, loop.getRegionIterArgs()[0],
                                          offsets, sizes, strides);
    b.setInsertionPointAfter(loop);
  }

  Value result(scf::ForallOp loop, RankedTensorType type) {
    Value v = loop.getResult(0);
    if (v.getType() == type)
      return v;
    return tensor::CastOp::create(b, type, v);
  }

  ImplicitLocOpBuilder b;
  std::optional<int64_t> maxLength;
};

struct FormKernelsPass
    : public transformer::impl::TransformerFormKernelsBase<FormKernelsPass> {
  using TransformerFormKernelsBase::TransformerFormKernelsBase;

  void runOnOperation() override {
    std::optional<int64_t> maxLength;
    if (auto model =
            getOperation()->getAttrOfType<DictionaryAttr>("transformer.model"))
      if (auto length = model.getAs<IntegerAttr>("max_length"))
        maxLength = length.getInt();
    SmallVector<Operation *> ops;
    getOperation().walk([&](Operation *op) {
      if (isa<AttentionOp, FftMixOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      auto type = cast<RankedTensorType>(op->getResult(0).getType());
      auto attention = dyn_cast<AttentionOp>(op);
      if (type.getRank() != 2 ||
          (!attention && !type.getElementType().isF32())) {
        missed(op, getArgument(), "kept",
               "kept for the reference lowering, which is slow: only packed "
               "attention and packed fft_mix of f32 are made kernels");
        continue;
      }
      Value result;
      if (attention)
        result = Former(op, maxLength).formAttention(attention);
      else
        result = Former(op, maxLength).formFftMix(cast<FftMixOp>(op));
      if (Attribute wanted = op->getAttr("transformer.wanted"))
        if (Operation *loop = result.getDefiningOp())
          loop->setAttr("transformer.wanted", wanted);
      op->replaceAllUsesWith(ValueRange{result});
      op->erase();
      ++numFormed;
    }
  }
};

} // namespace

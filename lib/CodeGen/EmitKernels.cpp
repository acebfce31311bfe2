//===- EmitKernels.cpp - kernel ops and generics to vector code -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emitter.h"
#include "Origins.h"
#include "transformer/CodeGen/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Linalg/Utils/Utils.h"
#include "mlir/Dialect/Math/IR/Math.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREMITKERNELS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

static std::string instructionOf(const Target &target, Arithmetic arithmetic,
                                 bool isAttention) {
  bool isBytes = arithmetic == Arithmetic::I8;
  if (!target.isX86()) {
    if (!isBytes)
      return "fmla v.4s";
    if (isAttention)
      return "mla v.4s";
    return target.dotprod ? "sdot v.4s" : "smull v.8h";
  }
  std::string name = "mulps";
  if (isBytes)
    name = target.vnni ? "vpdpbusd" : target.fma ? "vpmaddwd" : "pmaddwd";
  else if (arithmetic == Arithmetic::BF16 && target.bf16)
    name = "vdpbf16ps";
  else if (target.fma)
    name = "vfmadd231ps";
  return name + (target.lanes == 16  ? " zmm"
                 : target.lanes == 8 ? " ymm"
                                     : " xmm");
}

/// Products that a level has no instruction for.
static void noteWidening(Operation *op, const Target &target,
                         Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::BF16 && !target.bf16)
    missed(op, kEmitKernels, "widened",
           "bf16 is widened to f32: " + target.name +
               " has no products of bf16");
  if (arithmetic != Arithmetic::I8 || target.vnni)
    return;
  if (!target.dotprod)
    missed(op, kEmitKernels, "widened",
           "products of i8 are added as i16: " + target.name +
               " has no dot product of bytes");
  else if (isa<kernel::AttentionOp>(op))
    missed(op, kEmitKernels, "widened",
           "i8 is widened to i32: the dot product of " + target.name +
               " takes no weights of eight bits without sign");
}

void transformer::noteTile(Operation *op, const Target &target, int64_t rows,
                           int64_t columns, Arithmetic arithmetic) {
  noteWidening(op, target, arithmetic);
  auto function = op->getParentOfType<func::FuncOp>();
  if (!function)
    return;
  Builder b(op->getContext());
  std::string text =
      std::to_string(rows) + "x" + std::to_string(columns) + " " +
      instructionOf(target, arithmetic, isa<kernel::AttentionOp>(op));
  SmallVector<Attribute> tiles;
  if (auto known = function->getAttrOfType<ArrayAttr>("transformer.tiles"))
    llvm::append_range(tiles, known);
  tiles.push_back(b.getArrayAttr(
      {b.getDenseI64ArrayAttr(numbersIn(op)), b.getStringAttr(text)}));
  function->setAttr("transformer.tiles", b.getArrayAttr(tiles));
}

namespace {

/// Named ops and copies that row emission takes become generics: a strided
/// memref.copy would otherwise end as a call of a runtime library.
void generalize(Operation *root) {
  IRRewriter rewriter(root->getContext());
  SmallVector<Operation *> ops;
  root->walk([&](Operation *op) {
    auto copy = dyn_cast<memref::CopyOp>(op);
    if (copy && cast<ShapedType>(copy.getSource().getType()).hasRank())
      ops.push_back(op);
    auto named = dyn_cast<linalg::LinalgOp>(op);
    if (named && !isa<linalg::GenericOp>(op) &&
        named.hasPureBufferSemantics() && named.getNumReductionLoops() == 0)
      ops.push_back(op);
  });
  for (Operation *op : ops) {
    rewriter.setInsertionPoint(op);
    if (auto copy = dyn_cast<memref::CopyOp>(op)) {
      auto rank = cast<ShapedType>(copy.getSource().getType()).getRank();
      SmallVector<AffineMap> maps(2, rewriter.getMultiDimIdentityMap(rank));
      SmallVector<utils::IteratorType> kinds(rank,
                                             utils::IteratorType::parallel);
      linalg::GenericOp::create(
          rewriter, copy.getLoc(), copy.getSource(), copy.getTarget(), maps,
          kinds, [](OpBuilder &b, Location loc, ValueRange values) {
            linalg::YieldOp::create(b, loc, values[0]);
          });
      rewriter.eraseOp(op);
    } else {
      (void)linalg::generalizeNamedOp(rewriter, cast<linalg::LinalgOp>(op));
    }
  }
}

struct EmitKernels
    : transformer::impl::TransformerEmitKernelsBase<EmitKernels> {
  using TransformerEmitKernelsBase::TransformerEmitKernelsBase;

  void runOnOperation() override {
    std::string error;
    FailureOr<Target> found = lookupTarget(target, error);
    if (failed(found)) {
      getOperation()->emitError(error);
      return signalPassFailure();
    }
    auto result = getOperation()->walk([&](Operation *op) {
      LogicalResult emitted = success();
      if (auto contract = dyn_cast<kernel::ContractOp>(op))
        emitted = emitContract(contract, *found);
      else if (auto attention = dyn_cast<kernel::AttentionOp>(op))
        emitted = emitAttention(attention, *found);
      else
        return WalkResult::advance();
      ++numKernels;
      return failed(emitted) ? WalkResult::interrupt() : WalkResult::skip();
    });
    if (result.wasInterrupted())
      return signalPassFailure();

    generalize(getOperation());
    SmallVector<Block *> blocks;
    getOperation()->walk([&](Block *block) { blocks.push_back(block); });
    for (Block *block : blocks)
      if (!isa<linalg::LinalgOp>(block->getParentOp()))
        numGenerics += emitGenerics(*block, *found);
    getOperation()->walk([&](linalg::LinalgOp op) {
      if (!isa<linalg::GenericOp>(op))
        missed(op, kEmitKernels, "scalar",
               "left to scalar loops: " + op->getName().getStringRef() +
                   " has no kernel");
    });
  }
};

} // namespace

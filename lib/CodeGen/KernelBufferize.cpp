//===- KernelBufferize.cpp - kernel ops on tensors to memrefs -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/CodeGen/KernelBufferize.h"
#include "transformer/CodeGen/KernelDialect.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace mlir::transformer;

namespace {

/// Kernel ops overwrite their init as a whole, so they do not read it.
template <typename OpT>
struct KernelModel
    : DstBufferizableOpInterfaceExternalModel<KernelModel<OpT>, OpT> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const AnalysisState &) const {
    return !cast<DestinationStyleOpInterface>(op).isDpsInit(&operand);
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(op);
    auto dps = cast<DestinationStyleOpInterface>(op);
    SmallVector<Value> operands, inits;
    for (OpOperand &operand : op->getOpOperands()) {
      if (!isa<TensorType>(operand.get().getType())) {
        operands.push_back(operand.get());
        continue;
      }
      FailureOr<Value> buffer =
          getBuffer(rewriter, operand.get(), options, state);
      if (failed(buffer))
        return failure();
      operands.push_back(*buffer);
      if (dps.isDpsInit(&operand))
        inits.push_back(*buffer);
    }
    OperationState created(op->getLoc(), op->getName(), operands, TypeRange{},
                           /*attributes=*/{});
    created.addAttributes(llvm::to_vector(op->getDiscardableAttrs()));
    created.propertiesAttr = op->getPropertiesAsAttribute();
    for (unsigned i = 0; i < op->getNumRegions(); ++i)
      created.addRegion();
    Operation *onBuffers = rewriter.create(created);
    for (auto [from, to] : llvm::zip(op->getRegions(), onBuffers->getRegions()))
      rewriter.inlineRegionBefore(from, to, to.begin());
    replaceOpWithBufferizedValues(rewriter, op, inits);
    return success();
  }
};

} // namespace

void transformer::registerKernelBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context,
                            kernel::TransformerKernelDialect *) {
    kernel::ContractOp::attachInterface<KernelModel<kernel::ContractOp>>(
        *context);
    kernel::AttentionOp::attachInterface<KernelModel<kernel::AttentionOp>>(
        *context);
    kernel::FftMixOp::attachInterface<KernelModel<kernel::FftMixOp>>(*context);
  });
}

//===- EmitProbes.cpp - probes to calls of the recorder -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "EmitProbes.h"

#include "transformer/Runtime/abi.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using namespace mlir::transformer;

static Value loadPointer(OpBuilder &b, Location loc, Value base,
                         int64_t offset) {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value at = LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), base,
                                 ArrayRef<LLVM::GEPArg>{int32_t(offset)});
  return LLVM::LoadOp::create(b, loc, pointer, at);
}

Value transformer::threadRecorder(OpBuilder &b, Location loc, Value workspace) {
  Value address =
      memref::ExtractAlignedPointerAsIndexOp::create(b, loc, workspace);
  address = arith::IndexCastOp::create(b, loc, b.getI64Type(), address);
  Value base = LLVM::IntToPtrOp::create(
      b, loc, LLVM::LLVMPointerType::get(b.getContext()), address);
  return loadPointer(b, loc, base, TM_THREAD_RECORDER);
}

Value transformer::callRecorder(OpBuilder &b, Location loc, Value call) {
  return loadPointer(b, loc, call, offsetof(tm_call, recorder));
}

/// A function that calls a field of the recorder. Being cold it keeps the call
/// and what it costs in registers away from the code around the probe.
static LLVM::LLVMFuncOp caller(ModuleOp module, StringRef name,
                               int64_t offset) {
  if (auto func = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return func;
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  Location loc = module.getLoc();
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(
      LLVM::LLVMVoidType::get(b.getContext()), {pointer, b.getI64Type()});
  auto func =
      LLVM::LLVMFuncOp::create(b, loc, name, type, LLVM::Linkage::Internal);
  func.setPassthroughAttr(b.getStrArrayAttr({"cold", "noinline"}));
  Block *entry = func.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  Value target = loadPointer(b, loc, entry->getArgument(0), offset);
  LLVM::CallOp::create(
      b, loc, type,
      ValueRange{target, entry->getArgument(0), entry->getArgument(1)});
  LLVM::ReturnOp::create(b, loc, ValueRange{});
  return func;
}

void transformer::emitProbe(OpBuilder &b, Operation *probe, Value recorder) {
  Location loc = probe->getLoc();
  auto module = probe->getParentOfType<ModuleOp>();
  auto enter = dyn_cast<kernel::EnterOp>(probe);
  LLVM::LLVMFuncOp target =
      enter ? caller(module, "probe_enter", offsetof(tm_recorder, enter))
            : caller(module, "probe_hit", offsetof(tm_recorder, hit));
  int64_t number =
      enter ? enter.getFirst() : cast<kernel::ProbeOp>(probe).getNumber();
  Value null = LLVM::ZeroOp::create(b, loc, recorder.getType());
  Value measured =
      LLVM::ICmpOp::create(b, loc, LLVM::ICmpPredicate::ne, recorder, null);
  auto guard = scf::IfOp::create(b, loc, measured, /*withElseRegion=*/false);
  OpBuilder inside = guard.getThenBodyBuilder();
  Value which = LLVM::ConstantOp::create(inside, loc, b.getI64Type(),
                                         b.getI64IntegerAttr(number));
  LLVM::CallOp::create(inside, loc, target, ValueRange{recorder, which});
}

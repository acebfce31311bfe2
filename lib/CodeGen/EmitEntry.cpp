//===- EmitEntry.cpp - tm_forward and the parallel calls ------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Works on the LLVM dialect, where buffers have become their parts. The layout
// of the call record is that of Runtime/abi.h.
//===----------------------------------------------------------------------===//
#include "transformer/CodeGen/Passes.h"
#include "transformer/Runtime/abi.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEREMITENTRY
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

struct Emitter {
  OpBuilder b;
  Location loc;

  Emitter(MLIRContext *context, Location loc) : b(context), loc(loc) {}

  Type pointer() { return LLVM::LLVMPointerType::get(b.getContext()); }
  Type nothing() { return LLVM::LLVMVoidType::get(b.getContext()); }
  Value i64(int64_t v) {
    return LLVM::ConstantOp::create(b, loc, b.getI64Type(),
                                    b.getI64IntegerAttr(v));
  }
  Value field(Type type, Value record, int64_t offset) {
    Value at = LLVM::GEPOp::create(b, loc, pointer(), b.getI8Type(), record,
                                   ArrayRef<LLVM::GEPArg>{int32_t(offset)});
    return LLVM::LoadOp::create(b, loc, type, at);
  }
  /// The parts of a dense row-major memref.
  void describe(Value base, ArrayRef<Value> sizes,
                SmallVectorImpl<Value> &parts) {
    parts.append({base, base, i64(0)});
    llvm::append_range(parts, sizes);
    SmallVector<Value> strides(sizes.size());
    Value stride = i64(1);
    for (int64_t i = sizes.size() - 1; i >= 0; --i) {
      strides[i] = stride;
      stride = LLVM::MulOp::create(b, loc, stride, sizes[i]);
    }
    llvm::append_range(parts, strides);
  }
  void internalize(LLVM::LLVMFuncOp func) {
    func.setLinkage(LLVM::Linkage::Internal);
  }
};

/// Gives `parallel` (call, captures..., count) its body: the captures go into a
/// record on the stack, and the runtime runs a function that unpacks it.
void emitParallel(LLVM::LLVMFuncOp parallel, LLVM::LLVMFuncOp body,
                  int64_t workspaceBytes) {
  Emitter e(parallel.getContext(), parallel.getLoc());
  auto types = parallel.getFunctionType().getParams();
  auto captureTypes = types.drop_front().drop_back();
  auto record =
      LLVM::LLVMStructType::getLiteral(parallel.getContext(), captureTypes);

  e.b.setInsertionPoint(parallel);
  auto unpackType = LLVM::LLVMFunctionType::get(
      e.nothing(), {e.pointer(), e.b.getI64Type(), e.pointer()});
  auto unpack = LLVM::LLVMFuncOp::create(e.b, e.loc,
                                         (body.getSymName() + "_unpack").str(),
                                         unpackType, LLVM::Linkage::Internal);
  Block *entry = unpack.addEntryBlock(e.b);
  e.b.setInsertionPointToStart(entry);
  Value packed =
      LLVM::LoadOp::create(e.b, e.loc, record, entry->getArgument(0));
  SmallVector<Value> operands;
  for (size_t i = 0; i < captureTypes.size(); ++i)
    operands.push_back(LLVM::ExtractValueOp::create(e.b, e.loc, packed, i));
  operands.push_back(entry->getArgument(1));
  e.describe(entry->getArgument(2), {e.i64(workspaceBytes)}, operands);
  LLVM::CallOp::create(e.b, e.loc, body, operands);
  LLVM::ReturnOp::create(e.b, e.loc, ValueRange{});

  entry = parallel.addEntryBlock(e.b);
  e.b.setInsertionPointToStart(entry);
  Value space = LLVM::AllocaOp::create(e.b, e.loc, e.pointer(), record,
                                       e.i64(1), /*alignment=*/16);
  packed = LLVM::UndefOp::create(e.b, e.loc, record);
  for (size_t i = 0; i < captureTypes.size(); ++i)
    packed = LLVM::InsertValueOp::create(e.b, e.loc, packed,
                                         entry->getArgument(i + 1), i);
  LLVM::StoreOp::create(e.b, e.loc, packed, space);
  Value call = entry->getArgument(0);
  Value run = e.field(e.pointer(), call, offsetof(tm_call, parallel));
  Value target = LLVM::AddressOfOp::create(e.b, e.loc, unpack);
  auto runType = LLVM::LLVMFunctionType::get(
      e.nothing(), {e.pointer(), e.pointer(), e.pointer(), e.b.getI64Type()});
  LLVM::CallOp::create(
      e.b, e.loc, runType,
      ValueRange{run, call, target, space, entry->getArguments().back()});
  LLVM::ReturnOp::create(e.b, e.loc, ValueRange{});
  e.internalize(parallel);
  parallel->removeAttr("transformer.body");
}

/// void tm_forward(tm_call *call): takes the record apart for @forward.
LogicalResult emitForward(ModuleOp module, LLVM::LLVMFuncOp forward) {
  auto arguments = forward->getAttrOfType<ArrayAttr>("transformer.arguments");
  auto outputs = module->getAttrOfType<ArrayAttr>("transformer.outputs");
  if (!arguments || !outputs)
    return forward.emitError("is not prepared by transformer-build-entry");
  Emitter e(forward.getContext(), forward.getLoc());
  e.b.setInsertionPointAfter(forward);
  auto type = LLVM::LLVMFunctionType::get(e.nothing(), {e.pointer()});
  auto func = LLVM::LLVMFuncOp::create(e.b, e.loc, "tm_forward", type);
  func.setVisibility_(LLVM::Visibility::Hidden);
  Block *entry = func.addEntryBlock(e.b);
  e.b.setInsertionPointToStart(entry);
  Value call = entry->getArgument(0);
  Value tokens = e.field(e.b.getI64Type(), call, offsetof(tm_call, tokens));
  Value sequences =
      e.field(e.b.getI64Type(), call, offsetof(tm_call, sequences));
  SmallVector<Value> operands{call};
  auto pointerAt = [&](int64_t offset) {
    return e.field(e.pointer(), call, offset);
  };
  for (Attribute attr : arguments) {
    auto argument = cast<DictionaryAttr>(attr);
    StringRef role = argument.getAs<StringAttr>("role").getValue();
    int64_t index = argument.getAs<IntegerAttr>("index").getInt();
    auto memref =
        dyn_cast<MemRefType>(argument.getAs<TypeAttr>("type").getValue());
    if (role == "wanted") {
      operands.push_back(
          e.field(e.b.getI64Type(), call, offsetof(tm_call, wanted)));
      continue;
    }
    Value base, rows;
    if (role == "offsets") {
      base = pointerAt(offsetof(tm_call, offsets));
      rows = LLVM::AddOp::create(e.b, e.loc, sequences, e.i64(1));
    } else if (role == "weights" || role == "workspace") {
      base = pointerAt(role == "weights" ? offsetof(tm_call, weights)
                                         : offsetof(tm_call, workspace));
      rows = e.i64(std::numeric_limits<int64_t>::max());
    } else if (role == "input") {
      base = pointerAt(offsetof(tm_call, inputs) + 8 * index);
      rows = memref.getRank() > 1 ? sequences : tokens;
    } else {
      base = pointerAt(offsetof(tm_call, outputs) + 8 * index);
      auto output = cast<DictionaryAttr>(outputs[index]);
      rows = output.getAs<StringAttr>("rows").getValue() == "tokens"
                 ? tokens
                 : sequences;
    }
    SmallVector<Value> sizes;
    for (int64_t dim : memref.getShape())
      sizes.push_back(ShapedType::isDynamic(dim) ? rows : e.i64(dim));
    e.describe(base, sizes, operands);
  }
  if (operands.size() != forward.getNumArguments())
    return forward.emitError("takes ")
           << forward.getNumArguments() << " values, but its description has "
           << operands.size();
  LLVM::CallOp::create(e.b, e.loc, forward, operands);
  LLVM::ReturnOp::create(e.b, e.loc, ValueRange{});
  forward->removeAttr("transformer.arguments");
  e.internalize(forward);
  return success();
}

struct EmitEntryPass
    : public transformer::impl::TransformerEmitEntryBase<EmitEntryPass> {
  using TransformerEmitEntryBase::TransformerEmitEntryBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto bytes =
        module->getAttrOfType<IntegerAttr>("transformer.thread_workspace");
    int64_t perThread = bytes ? bytes.getInt() : 0;
    SmallVector<LLVM::LLVMFuncOp> funcs(module.getOps<LLVM::LLVMFuncOp>());
    for (LLVM::LLVMFuncOp func : funcs) {
      if (auto name =
              func->getAttrOfType<FlatSymbolRefAttr>("transformer.body")) {
        auto body = module.lookupSymbol<LLVM::LLVMFuncOp>(name.getAttr());
        emitParallel(func, body, perThread);
        ++numParallel;
      } else if (!func.isExternal() && func.getSymName() != "forward") {
        func.setLinkage(LLVM::Linkage::Internal);
      }
    }
    auto forward = module.lookupSymbol<LLVM::LLVMFuncOp>("forward");
    if (!forward)
      emitError(module.getLoc(),
                "has no function @forward in the LLVM dialect, which "
                "transformer-build-entry and lowering leave");
    if (!forward || failed(emitForward(module, forward)))
      return signalPassFailure();
    NamedAttrList space(
        module->getAttrOfType<DictionaryAttr>("transformer.workspace"));
    space.set("per_thread",
              Builder(&getContext()).getI64IntegerAttr(perThread));
    module->setAttr("transformer.workspace",
                    space.getDictionary(&getContext()));
    module->removeAttr("transformer.thread_workspace");
  }
};

} // namespace

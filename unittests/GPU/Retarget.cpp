//===- Retarget.cpp - device LLVM IR for this machine ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emulator.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Verifier.h"

#include <optional>

using namespace llvm;
using namespace mlir::transformer::test;

static std::optional<DeviceOp> opOf(StringRef name) {
  if (!name.consume_front("llvm.nvvm."))
    return std::nullopt;
  return StringSwitch<std::optional<DeviceOp>>(name)
      .Case("read.ptx.sreg.tid.x", DeviceOp::ThreadIndex)
      .Case("read.ptx.sreg.ctaid.x", DeviceOp::BlockX)
      .Case("read.ptx.sreg.ctaid.y", DeviceOp::BlockY)
      .Case("ex2.approx.ftz.f", DeviceOp::Exp2)
      .Case("ex2.approx.ftz.f32", DeviceOp::Exp2)
      .Case("rcp.approx.ftz.f", DeviceOp::Reciprocal)
      .Case("shfl.sync.bfly.f32", DeviceOp::Shuffle)
      .Case("ldmatrix.sync.aligned.m8n8.x4.b16.p3", DeviceOp::LoadMatrices)
      .Case("ldmatrix.sync.aligned.m8n8.x4.trans.b16.p3",
            DeviceOp::LoadMatricesTransposed)
      .Case("mma.m16n8k16.row.col.f32.f32", DeviceOp::MultiplyF16)
      .Case("mma.m16n8k16.row.col.bf16", DeviceOp::MultiplyBf16)
      .Case("mma.m16n8k32.row.col.s8", DeviceOp::MultiplyI8)
      .Case("cp.async.cg.shared.global.16.s", DeviceOp::CopyAsync)
      .Case("cp.async.commit.group", DeviceOp::Commit)
      .Case("cp.async.wait.group", DeviceOp::Wait)
      .Case("barrier.cta.sync.aligned.all", DeviceOp::Barrier)
      .Default(std::nullopt);
}

namespace {
class Retargeter {
public:
  explicit Retargeter(Module &module)
      : module(module), context(module.getContext()), b(context),
        pointer(PointerType::get(context, 0)) {}
  void checkAccess(Instruction &instruction);
  void replaceCall(CallInst &call, DeviceOp op, AllocaInst *in,
                   AllocaInst *out);
  void addTrampoline(Function &kernel);

private:
  Value *flat(Value *value) { return b.CreateAddrSpaceCast(value, pointer); }
  Module &module;
  LLVMContext &context;
  IRBuilder<> b;
  PointerType *pointer;
  int nextId = 0;
};
} // namespace

void Retargeter::checkAccess(Instruction &instruction) {
  auto *store = dyn_cast<StoreInst>(&instruction);
  auto *load = dyn_cast<LoadInst>(&instruction);
  Value *address =
      store ? store->getPointerOperand() : load->getPointerOperand();
  Type *type = store ? store->getValueOperand()->getType() : load->getType();
  uint64_t align = (store ? store->getAlign() : load->getAlign()).value();
  b.SetInsertPoint(&instruction);
  auto callee = module.getOrInsertFunction("transformerAccess", b.getVoidTy(),
                                           pointer, b.getInt32Ty(),
                                           b.getInt32Ty(), b.getInt32Ty());
  b.CreateCall(callee,
               {flat(address),
                b.getInt32(module.getDataLayout().getTypeStoreSize(type)),
                b.getInt32(align), b.getInt32(store != nullptr)});
}

void Retargeter::replaceCall(CallInst &call, DeviceOp op, AllocaInst *in,
                             AllocaInst *out) {
  b.SetInsertPoint(&call);
  SmallVector<Type *> types;
  for (Value *argument : call.args())
    types.push_back(argument->getType());
  StructType *layout = StructType::get(context, types);
  for (auto [i, argument] : enumerate(call.args()))
    b.CreateStore(argument, b.CreateStructGEP(layout, in, i));
  auto callee = module.getOrInsertFunction("transformerEmulate", b.getVoidTy(),
                                           b.getInt32Ty(), pointer, pointer,
                                           b.getInt32Ty());
  b.CreateCall(callee, {b.getInt32(int(op)), out, in, b.getInt32(++nextId)});
  if (!call.getType()->isVoidTy())
    call.replaceAllUsesWith(b.CreateLoad(call.getType(), out));
  call.eraseFromParent();
}

void Retargeter::addTrampoline(Function &kernel) {
  auto *run = Function::Create(
      FunctionType::get(b.getVoidTy(), {pointer}, false),
      GlobalValue::ExternalLinkage, "run." + kernel.getName(), module);
  b.SetInsertPoint(BasicBlock::Create(context, "", run));
  SmallVector<Value *> arguments;
  for (Argument &argument : kernel.args()) {
    Value *at =
        b.CreateConstGEP1_32(pointer, run->getArg(0), argument.getArgNo());
    arguments.push_back(
        b.CreateLoad(argument.getType(), b.CreateLoad(pointer, at)));
  }
  b.CreateCall(&kernel, arguments);
  b.CreateRetVoid();
}

Error mlir::transformer::test::retarget(Module &module, Mutation mutation,
                                        int &synchronizations) {
  Retargeter retargeter(module);
  synchronizations = 0;
  SmallVector<Function *> kernels;
  for (Function &function : module)
    if (!function.isDeclaration())
      kernels.push_back(&function);
  for (Function *function : kernels) {
    function->setCallingConv(CallingConv::C);
    SmallVector<Instruction *> accesses;
    SmallVector<CallInst *> calls;
    for (Instruction &instruction : instructions(*function)) {
      if (isa<LoadInst, StoreInst>(instruction))
        accesses.push_back(&instruction);
      auto *call = dyn_cast<CallInst>(&instruction);
      if (call && call->getCalledFunction() &&
          call->getCalledFunction()->getName().starts_with("llvm.nvvm."))
        calls.push_back(call);
    }
    IRBuilder<> entry(&*function->getEntryBlock().getFirstInsertionPt());
    auto *words = ArrayType::get(entry.getInt64Ty(), 32);
    AllocaInst *in = entry.CreateAlloca(words),
               *out = entry.CreateAlloca(words);
    in->setAlignment(Align(16)), out->setAlignment(Align(16));
    for (Instruction *access : accesses)
      retargeter.checkAccess(*access);
    for (CallInst *call : calls) {
      StringRef name = call->getCalledFunction()->getName();
      std::optional<DeviceOp> op = opOf(name);
      if (!op)
        return createStringError("the emulator does not know " + name);
      if (*op >= DeviceOp::Commit && synchronizations++ == mutation.drop) {
        call->eraseFromParent();
        continue;
      }
      retargeter.replaceCall(*call, *op, in, out);
    }
    retargeter.addTrampoline(*function);
  }
  std::string problem;
  raw_string_ostream stream(problem);
  if (verifyModule(module, &stream))
    return createStringError(problem);
  return Error::success();
}

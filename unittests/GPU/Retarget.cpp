//===- Retarget.cpp - device LLVM IR for this machine ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emulator.h"

#include "llvm/ADT/StringSwitch.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
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
      .Case("read.ptx.sreg.nctaid.x", DeviceOp::GridX)
      .Case("griddepcontrol.launch.dependents", DeviceOp::LetNextStart)
      .Case("griddepcontrol.wait", DeviceOp::WaitForLaunches)
      .Case("ex2.approx.ftz.f", DeviceOp::Exp2)
      .Case("ex2.approx.ftz.f32", DeviceOp::Exp2)
      .Case("rcp.approx.ftz.f", DeviceOp::Reciprocal)
      .Case("shfl.sync.bfly.f32", DeviceOp::Shuffle)
      .Case("vote.ballot.sync", DeviceOp::Ballot)
      .Case("ldmatrix.sync.aligned.m8n8.x4.b16.p3", DeviceOp::LoadMatrices)
      .Case("ldmatrix.sync.aligned.m8n8.x4.trans.b16.p3",
            DeviceOp::LoadMatricesTransposed)
      .Case("mma.m16n8k16.row.col.f32.f32", DeviceOp::MultiplyF16)
      .Case("mma.m16n8k16.row.col.bf16", DeviceOp::MultiplyBf16)
      .Case("mma.m16n8k32.row.col.s8", DeviceOp::MultiplyI8)
      .Case("cp.async.cg.shared.global.16.s", DeviceOp::CopyAsync)
      .Case("cp.async.bulk.tensor.g2s.tile.2d", DeviceOp::CopyBox)
      .Case("mbarrier.init.shared", DeviceOp::InitBarrier)
      .Case("mbarrier.arrive.scope.cta.space.cta", DeviceOp::Arrive)
      .Case("mbarrier.arrive.expect.tx.scope.cta.space.cta",
            DeviceOp::ArriveExpecting)
      .Case("mbarrier.try.wait.parity.scope.cta.space.cta", DeviceOp::TryWait)
      .Case("fence.proxy.async.shared_cta", DeviceOp::FenceAsynchronous)
      .Case("wgmma.commit_group.sync.aligned", DeviceOp::CommitProducts)
      .Case("wgmma.wait_group.sync.aligned", DeviceOp::WaitProducts)
      .Case("cp.async.commit.group", DeviceOp::Commit)
      .Case("cp.async.wait.group", DeviceOp::Wait)
      .Case("barrier.cta.sync.aligned.all", DeviceOp::Barrier)
      .Case("barrier.cta.sync.aligned.count", DeviceOp::BarrierOfSome)
      .Case("barrier.cta.arrive.aligned.count", DeviceOp::ArriveAtBarrier)
      .Default(std::nullopt);
}

namespace {
/// A call, and what the emulator has to know of it beside its operands.
struct Emulated {
  DeviceOp op;
  SmallVector<int32_t, 2> details;
};
} // namespace

/// Inline PTX that products need. A sum is an operand, and a result too.
static std::optional<Emulated> opOf(const CallInst &call) {
  auto *ptx = dyn_cast<InlineAsm>(call.getCalledOperand());
  if (!ptx) {
    std::optional<DeviceOp> op = opOf(call.getCalledFunction()->getName());
    return op ? std::optional(Emulated{*op, {}}) : std::nullopt;
  }
  StringRef text = ptx->getAsmString();
  int32_t operands = call.arg_size(), number = 0;
  if (text.starts_with("wgmma.fence.sync.aligned;"))
    return Emulated{DeviceOp::FenceProducts, {operands, 0}};
  if (text.consume_front("wgmma.wait_group.sync.aligned ") &&
      !text.consumeInteger(10, number))
    return Emulated{DeviceOp::WaitSums, {operands, number}};
  text = text.substr(text.find("wgmma.mma_async.sync.aligned.m64n"));
  // The left factor: four registers, or a descriptor, as the right one.
  bool hasRegisters = text.contains("}, {");
  int32_t factors = hasRegisters ? 5 : 2;
  if (!text.consume_front("wgmma.mma_async.sync.aligned.m64n") ||
      text.consumeInteger(10, number) || number != 2 * (operands - factors))
    return std::nullopt;
  int kind = StringSwitch<int>(text.split(' ').first)
                 .Case("k16.f32.f16.f16", 0)
                 .Case("k16.f32.bf16.bf16", 1)
                 .Case("k32.s32.s8.s8", 2)
                 .Default(-1);
  // Scales of one, and what is transposed.
  StringRef rest = text.substr(text.find("p,"));
  if (kind < 0 || (kind < 2 && !rest.consume_front("p, 1, 1, ")))
    return std::nullopt;
  if (hasRegisters) {
    if (kind > 1)
      return std::nullopt;
    return Emulated{DeviceOp::MultiplyRegisters,
                    {number, kind | (rest[0] == '1' ? 8 : 0)}};
  }
  if (kind < 2)
    kind |= (rest[0] == '1' ? 4 : 0) | (rest[3] == '1' ? 8 : 0);
  return Emulated{DeviceOp::MultiplyRows, {number, kind}};
}

/// What a call that is left out would have given: its phase is over, its sums
/// are as they were.
static Value *withoutCall(CallInst &call) {
  IRBuilder<> b(&call);
  if (call.getType()->isIntegerTy())
    return ConstantInt::getAllOnesValue(call.getType());
  Value *sums = PoisonValue::get(call.getType());
  for (unsigned i = 0; i < call.arg_size(); ++i)
    sums = b.CreateInsertValue(sums, call.getArgOperand(i), i);
  return sums;
}

namespace {
class Retargeter {
public:
  explicit Retargeter(Module &module)
      : module(module), context(module.getContext()), b(context),
        pointer(PointerType::get(context, 0)) {}
  void checkAccess(Instruction &instruction);
  void replaceCall(CallInst &call, const Emulated &emulated, AllocaInst *in,
                   AllocaInst *out);
  void checkSums(CallInst &product);
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

/// Sums of products go to other products, and to those who wait. Any other use
/// is checked when it happens.
void Retargeter::checkSums(CallInst &product) {
  SmallVector<Value *> sums{&product};
  SmallPtrSet<Value *, 32> seen{&product};
  while (!sums.empty()) {
    Value *sum = sums.pop_back_val();
    for (User *user : SmallVector<User *>(sum->users())) {
      auto *instruction = cast<Instruction>(user);
      if (isa<PHINode, ExtractValueInst, InsertValueInst>(user)) {
        if (seen.insert(user).second)
          sums.push_back(user);
        continue;
      }
      auto *call = dyn_cast<CallInst>(user);
      if (!sum->getType()->isSingleValueType() || (call && call->isInlineAsm()))
        continue;
      b.SetInsertPoint(instruction);
      auto callee = module.getOrInsertFunction("transformerSum", b.getVoidTy(),
                                               b.getInt32Ty());
      b.CreateCall(callee, {b.CreateBitCast(sum, b.getInt32Ty())});
    }
  }
}

void Retargeter::replaceCall(CallInst &call, const Emulated &emulated,
                             AllocaInst *in, AllocaInst *out) {
  b.SetInsertPoint(&call);
  SmallVector<Value *> arguments;
  for (int32_t detail : emulated.details)
    arguments.push_back(b.getInt32(detail));
  append_range(arguments, call.args());
  SmallVector<Type *> types;
  for (Value *argument : arguments)
    types.push_back(argument->getType());
  StructType *layout = StructType::get(context, types);
  for (auto [i, argument] : enumerate(arguments))
    b.CreateStore(argument, b.CreateStructGEP(layout, in, i));
  auto callee = module.getOrInsertFunction("transformerEmulate", b.getVoidTy(),
                                           b.getInt32Ty(), pointer, pointer,
                                           b.getInt32Ty());
  b.CreateCall(callee,
               {b.getInt32(int(emulated.op)), out, in, b.getInt32(++nextId)});
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
    Value *value = b.CreateLoad(pointer, at);
    // Arrays are in global memory, and maps are in the parameters.
    bool isMap = argument.getType() == pointer;
    arguments.push_back(isMap ? value
                              : b.CreateLoad(argument.getType(), value));
  }
  b.CreateCall(&kernel, arguments);
  b.CreateRetVoid();
}

Error mlir::transformer::test::retarget(Module &module, Mutation mutation,
                                        Mutable &counts) {
  Retargeter retargeter(module);
  SmallVector<Function *> kernels;
  for (Function &function : module)
    if (!function.isDeclaration())
      kernels.push_back(&function);
  for (Function *function : kernels) {
    function->setCallingConv(CallingConv::C);
    // Maps stay where the launch has them.
    for (Argument &argument : function->args())
      for (Attribute::AttrKind kind : {Attribute::ByVal, Attribute::Alignment})
        function->removeParamAttr(argument.getArgNo(), kind);
    SmallVector<Instruction *> accesses;
    SmallVector<CallInst *> calls;
    for (Instruction &instruction : instructions(*function)) {
      if (isa<LoadInst, StoreInst>(instruction))
        accesses.push_back(&instruction);
      else if (instruction.mayReadOrWriteMemory() &&
               !isa<CallInst>(instruction))
        return createStringError(Twine("the emulator does not know ") +
                                 instruction.getOpcodeName());
      auto *call = dyn_cast<CallInst>(&instruction);
      if (call &&
          (call->isInlineAsm() ||
           (call->getCalledFunction() &&
            call->getCalledFunction()->getName().starts_with("llvm.nvvm."))))
        calls.push_back(call);
    }
    for (CallInst *call : calls)
      if (call->isInlineAsm() && call->arg_size())
        retargeter.checkSums(*call);
    IRBuilder<> entry(&*function->getEntryBlock().getFirstInsertionPt());
    auto *words = ArrayType::get(entry.getInt64Ty(), 80);
    AllocaInst *in = entry.CreateAlloca(words),
               *out = entry.CreateAlloca(words);
    in->setAlignment(Align(16)), out->setAlignment(Align(16));
    for (Instruction *access : accesses)
      retargeter.checkAccess(*access);
    for (CallInst *call : calls) {
      std::optional<Emulated> emulated = opOf(*call);
      if (!emulated) {
        std::string text;
        raw_string_ostream(text) << *call->getCalledOperand();
        return createStringError("the emulator does not know " + text);
      }
      bool isTransposed = emulated->op == DeviceOp::LoadMatricesTransposed;
      if ((isTransposed || emulated->op == DeviceOp::LoadMatrices) &&
          counts.matrices++ == mutation.flip)
        emulated->op = isTransposed ? DeviceOp::LoadMatrices
                                    : DeviceOp::LoadMatricesTransposed;
      if (emulated->op >= DeviceOp::Commit &&
          counts.synchronizations++ == mutation.drop) {
        if (!call->use_empty())
          call->replaceAllUsesWith(withoutCall(*call));
        call->eraseFromParent();
        continue;
      }
      retargeter.replaceCall(*call, *emulated, in, out);
    }
    retargeter.addTrampoline(*function);
  }
  std::string problem;
  raw_string_ostream stream(problem);
  if (verifyModule(module, &stream))
    return createStringError(problem);
  return Error::success();
}

//===- Emulate.cpp - code of one CPU level on another ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Emulate.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace mlir::transformer;

bool test::isRunnable(const Target &target) {
  std::string error;
  FailureOr<Target> host = lookupTarget("host", error);
  return succeeded(host) && target.triple == host->triple &&
         llvm::all_of(target.requiredFeatures, [&](StringRef feature) {
           return llvm::is_contained(host->requiredFeatures, feature);
         });
}

namespace {

/// Lanes `from`, `from` + `step`... of a vector.
llvm::Value *everyLane(llvm::IRBuilder<> &b, llvm::Value *v, int step,
                       int from) {
  int count = cast<llvm::FixedVectorType>(v->getType())->getNumElements();
  llvm::SmallVector<int> lanes;
  for (int lane = from; lane < count; lane += step)
    lanes.push_back(lane);
  return b.CreateShuffleVector(v, lanes);
}

/// acc + sums of `group` neighbouring products; the first factor is unsigned
/// for vpdpbusd.
llvm::Value *integerDot(llvm::IRBuilder<> &b, llvm::CallBase &call, int group,
                        bool isUnsigned) {
  llvm::Value *acc = call.getArgOperand(0);
  for (int i = 0; i < group; ++i) {
    llvm::Value *x = everyLane(b, call.getArgOperand(1), group, i);
    llvm::Value *y = everyLane(b, call.getArgOperand(2), group, i);
    x = isUnsigned ? b.CreateZExt(x, acc->getType())
                   : b.CreateSExt(x, acc->getType());
    acc = b.CreateAdd(acc, b.CreateMul(x, b.CreateSExt(y, acc->getType())));
  }
  return acc;
}

/// The odd products first, as Intel's manual has it; a product of two bf16 is
/// exact in f32.
llvm::Value *bf16Dot(llvm::IRBuilder<> &b, llvm::CallBase &call) {
  llvm::Value *acc = call.getArgOperand(0);
  for (int i : {1, 0}) {
    auto wide = [&](int operand) {
      return b.CreateFPExt(everyLane(b, call.getArgOperand(operand), 2, i),
                           acc->getType());
    };
    acc = b.CreateFAdd(acc, b.CreateFMul(wide(1), wide(2)));
  }
  return acc;
}

/// Sums of two neighbouring i16 products.
llvm::Value *pairSums(llvm::IRBuilder<> &b, llvm::CallBase &call) {
  llvm::Value *sum = nullptr;
  for (int i = 0; i < 2; ++i) {
    auto wide = [&](int operand) {
      return b.CreateSExt(everyLane(b, call.getArgOperand(operand), 2, i),
                          call.getType());
    };
    llvm::Value *product = b.CreateMul(wide(0), wide(1));
    sum = sum ? b.CreateAdd(sum, product) : product;
  }
  return sum;
}

/// Products of i8 in i16.
llvm::Value *wideProduct(llvm::IRBuilder<> &b, llvm::CallBase &call) {
  return b.CreateMul(b.CreateSExt(call.getArgOperand(0), call.getType()),
                     b.CreateSExt(call.getArgOperand(1), call.getType()));
}

/// Sums of two neighbouring i16 in i32.
llvm::Value *widePairSum(llvm::IRBuilder<> &b, llvm::CallBase &call) {
  llvm::Value *even = everyLane(b, call.getArgOperand(0), 2, 0);
  llvm::Value *odd = everyLane(b, call.getArgOperand(0), 2, 1);
  return b.CreateAdd(b.CreateSExt(even, call.getType()),
                     b.CreateSExt(odd, call.getType()));
}

/// x * 2^floor(y), unmasked.
llvm::Value *scale(llvm::IRBuilder<> &b, llvm::CallBase &call) {
  auto *mask = dyn_cast<llvm::ConstantInt>(call.getArgOperand(3));
  if (!mask || mask->getSExtValue() != -1)
    return nullptr;
  llvm::Value *x = call.getArgOperand(0), *y = call.getArgOperand(1);
  llvm::Type *type = call.getType();
  // Beyond these all results are zero, infinite or NaN anyway.
  llvm::Value *power = b.CreateMaxNum(
      b.CreateMinNum(b.CreateUnaryIntrinsic(llvm::Intrinsic::floor, y),
                     llvm::ConstantFP::get(type, 400)),
      llvm::ConstantFP::get(type, -400));
  llvm::Type *integers = type->getWithNewType(b.getInt32Ty());
  llvm::Value *scaled =
      b.CreateIntrinsic(llvm::Intrinsic::ldexp, {type, integers},
                        {x, b.CreateFPToSI(power, integers)});
  return b.CreateSelect(b.CreateFCmpUNO(y, y), y, scaled);
}

/// Each lane's number of a table, by the low bits of its index.
llvm::Value *permutation(llvm::IRBuilder<> &b, llvm::CallBase &call) {
  llvm::Value *table = call.getArgOperand(0), *indices = call.getArgOperand(1);
  auto lanes = cast<llvm::FixedVectorType>(call.getType())->getNumElements();
  llvm::Value *result = llvm::PoisonValue::get(call.getType());
  for (unsigned lane = 0; lane < lanes; ++lane) {
    llvm::Value *index =
        b.CreateAnd(b.CreateExtractElement(indices, lane), lanes - 1);
    result = b.CreateInsertElement(result, b.CreateExtractElement(table, index),
                                   lane);
  }
  return result;
}

llvm::Value *replacement(llvm::IRBuilder<> &b, llvm::CallBase &call,
                         StringRef name) {
  if (name.starts_with("llvm.x86.avx512.vpdpbusd."))
    return integerDot(b, call, 4, /*isUnsigned=*/true);
  if (name.starts_with("llvm.aarch64.neon.sdot."))
    return integerDot(b, call, 4, /*isUnsigned=*/false);
  if (name.starts_with("llvm.x86.avx512bf16.dpbf16ps."))
    return bf16Dot(b, call);
  if (name.contains(".pmadd.wd") || name.contains(".pmaddw.d."))
    return pairSums(b, call);
  if (name.starts_with("llvm.aarch64.neon.smull."))
    return wideProduct(b, call);
  if (name.starts_with("llvm.aarch64.neon.saddlp."))
    return widePairSum(b, call);
  if (name.starts_with("llvm.x86.avx512.mask.scalef.ps."))
    return scale(b, call);
  if (name.starts_with("llvm.x86.avx512.permvar.sf."))
    return permutation(b, call);
  return nullptr;
}

/// Rounding to bf16, to nearest even: the back end would call a library.
llvm::Value *roundToBf16(llvm::IRBuilder<> &b, llvm::Value *x,
                         llvm::Type *type) {
  llvm::Type *words = x->getType()->getWithNewType(b.getInt32Ty());
  llvm::Type *halves = x->getType()->getWithNewType(b.getInt16Ty());
  auto constant = [&](uint64_t v) { return llvm::ConstantInt::get(words, v); };
  llvm::Value *bits = b.CreateBitCast(x, words);
  llvm::Value *upper = b.CreateLShr(bits, constant(16));
  llvm::Value *odd = b.CreateAnd(upper, constant(1));
  llvm::Value *nearest = b.CreateLShr(
      b.CreateAdd(bits, b.CreateAdd(odd, constant(0x7fff))), constant(16));
  llvm::Value *quiet = b.CreateOr(upper, constant(0x40));
  llvm::Value *value = b.CreateSelect(b.CreateFCmpUNO(x, x), quiet, nearest);
  return b.CreateBitCast(b.CreateTrunc(value, halves), type);
}

} // namespace

bool test::emulateIntrinsics(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::Instruction &instruction :
         llvm::make_early_inc_range(llvm::instructions(function))) {
      if (isa<llvm::FPTruncInst>(instruction) &&
          instruction.getType()->getScalarType()->isBFloatTy() &&
          instruction.getOperand(0)->getType()->getScalarType()->isFloatTy()) {
        llvm::IRBuilder<> builder(&instruction);
        instruction.replaceAllUsesWith(roundToBf16(
            builder, instruction.getOperand(0), instruction.getType()));
        instruction.eraseFromParent();
        continue;
      }
      auto *call = dyn_cast<llvm::CallBase>(&instruction);
      llvm::Function *callee = call ? call->getCalledFunction() : nullptr;
      if (!callee || !callee->isTargetIntrinsic())
        continue;
      llvm::IRBuilder<> builder(call);
      llvm::Value *value = replacement(builder, *call, callee->getName());
      if (!value) {
        llvm::errs() << "no emulation of " << *call << "\n";
        return false;
      }
      call->replaceAllUsesWith(value);
      call->eraseFromParent();
    }
  return true;
}

//===- DeviceAsync.cpp - copies and products of sm_90a --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Boxes of arrays that the copy engine brings, barriers that count their
// bytes, and products that warpgroups start and wait for. wgmma has no
// intrinsics: its sums are operands of inline PTX.
//===----------------------------------------------------------------------===//
#include "DeviceBuilder.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

void DeviceBuilder::initBarrier(Value barrier, int64_t arrivals) {
  intrinsic("mbarrier.init.shared", {}, {barrier, i32(arrivals)});
}
void DeviceBuilder::arrive(Value barrier) {
  intrinsic("mbarrier.arrive.scope.cta.space.cta", getI64Type(),
            {barrier, i32(1)});
}
void DeviceBuilder::arriveExpecting(Value barrier, int64_t bytes) {
  intrinsic("mbarrier.arrive.expect.tx.scope.cta.space.cta", getI64Type(),
            {barrier, i32(bytes)});
}

void DeviceBuilder::waitPhase(Value barrier, Value parity) {
  // It may come back before the phase is over.
  auto wait = scf::WhileOp::create(
      *this, TypeRange(), ValueRange(),
      [](OpBuilder &, Location, ValueRange) {},
      [](OpBuilder &, Location, ValueRange) {});
  InsertionGuard guard(*this);
  setInsertionPointToEnd(wait.getBeforeBody());
  Value isOver = intrinsic("mbarrier.try.wait.parity.scope.cta.space.cta",
                           getI1Type(), {barrier, parity});
  scf::ConditionOp::create(
      *this,
      exclusiveOr(isOver, arith::ConstantOp::create(*this, getBoolAttr(true))),
      ValueRange());
  setInsertionPointToEnd(wait.getAfterBody());
  scf::YieldOp::create(*this);
}

void DeviceBuilder::fenceAsynchronous() {
  intrinsic("fence.proxy.async.shared_cta", {}, {});
}

static Value constant(DeviceBuilder &b, IntegerAttr value) {
  return LLVM::ConstantOp::create(b, value);
}

void DeviceBuilder::copyBox(Value to, Value map, Value column, Value row,
                            Value barrier) {
  // Shared memory of this block, as that of a cluster of one.
  Value cluster = LLVM::AddrSpaceCastOp::create(
      *this, LLVM::LLVMPointerType::get(getContext(), 7), to);
  Value no = constant(*this, getIntegerAttr(getI1Type(), 0));
  intrinsic("cp.async.bulk.tensor.g2s.tile.2d", {},
            {cluster, barrier, map, column, row,
             constant(*this, getI16IntegerAttr(0)),
             constant(*this, getI64IntegerAttr(0)), no, no,
             constant(*this, getI32IntegerAttr(0))});
}

// Addresses and distances count 16 bytes. Between rows 0 and 8: 1024 bytes.
// Chunks of 16 bytes are exchanged among the eight of a row, code 1.
Value DeviceBuilder::describeRows(Value pointer) {
  Value address = LLVM::PtrToIntOp::create(*this, getI32Type(), pointer);
  Value start = div(arith::AndIOp::create(*this, address, i32(0x3ffff)), 16);
  return arith::AddIOp::create(
      *this, arith::ExtUIOp::create(*this, getI64Type(), start),
      constant(*this, getI64IntegerAttr(int64_t(1) << 62 | int64_t(64) << 32 |
                                        int64_t(1) << 16)));
}
Value DeviceBuilder::advance(Value descriptor, Value bytes) {
  return arith::AddIOp::create(
      *this, descriptor,
      arith::ExtUIOp::create(*this, getI64Type(), div(bytes, 16)));
}
Value DeviceBuilder::advance(Value descriptor, int64_t bytes) {
  return bytes == 0 ? descriptor : advance(descriptor, i32(bytes));
}

void DeviceBuilder::commitProducts() {
  intrinsic("wgmma.commit_group.sync.aligned", {}, {});
}
void DeviceBuilder::waitProducts(int64_t pending) {
  intrinsic("wgmma.wait_group.sync.aligned", {},
            constant(*this, getI64IntegerAttr(pending)));
}

/// PTX that reads `inputs`, and changes `sums`: $0, $1 ... are sums, and inputs
/// follow.
static Values change(DeviceBuilder &b, const Twine &ptx, ArrayRef<Value> inputs,
                     ArrayRef<Value> sums) {
  Type type = sums[0].getType();
  SmallVector<Type> types(sums.size(), type);
  SmallVector<std::string> constraints(sums.size(), type.isF32() ? "=f" : "=r");
  constraints.append(inputs.size(), "l");
  for (size_t i = 0; i < sums.size(); ++i)
    constraints.push_back(std::to_string(i));
  Values operands(inputs);
  llvm::append_range(operands, sums);
  Value all =
      LLVM::InlineAsmOp::create(
          b, LLVM::LLVMStructType::getLiteral(b.getContext(), types), operands,
          ptx.str(), llvm::join(constraints, ","), /*has_side_effects=*/true,
          /*is_align_stack=*/false, LLVM::TailCallKind::None,
          LLVM::AsmDialectAttr(), ArrayAttr())
          .getRes();
  Values results;
  for (size_t i = 0; i < sums.size(); ++i)
    results.push_back(LLVM::ExtractValueOp::create(b, all, i));
  return results;
}

Values DeviceBuilder::fenceProducts(ArrayRef<Value> sums) {
  return change(*this, "wgmma.fence.sync.aligned;", {}, sums);
}

Values DeviceBuilder::waitProducts(ArrayRef<Value> sums) {
  return change(*this, "wgmma.wait_group.sync.aligned 0;", {}, sums);
}

Values DeviceBuilder::multiplyRows(Value left, Value right,
                                   ArrayRef<Value> sums, Type element) {
  size_t count = sums.size();
  std::string list;
  for (size_t i = 0; i < count; ++i)
    list += (i ? ", $" : "$") + std::to_string(i);
  std::string columns = std::to_string(2 * count);
  // The sums count (p); 16-bit factors as they are, with k along rows.
  StringRef shape = "k16.f32.f16.f16", rest = "p, 1, 1, 0, 0";
  if (element.isBF16())
    shape = "k16.f32.bf16.bf16";
  else if (element.isInteger(8))
    shape = "k32.s32.s8.s8", rest = "p";
  return change(*this,
                "{ .reg .pred p; setp.eq.b32 p, 0, 0; "
                "wgmma.mma_async.sync.aligned.m64n" +
                    Twine(columns) + shape + " {" + list + "}, $" +
                    Twine(count) + ", $" + Twine(count + 1) + ", " + rest +
                    "; }",
                {left, right}, sums);
}

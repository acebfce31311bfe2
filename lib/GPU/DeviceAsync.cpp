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
static Value describe(DeviceBuilder &b, Value pointer, int64_t leading) {
  Value address = LLVM::PtrToIntOp::create(b, b.getI32Type(), pointer);
  Value start = b.div(arith::AndIOp::create(b, address, b.i32(0x3ffff)), 16);
  return arith::AddIOp::create(
      b, arith::ExtUIOp::create(b, b.getI64Type(), start),
      constant(b, b.getI64IntegerAttr(int64_t(1) << 62 | int64_t(64) << 32 |
                                      leading << 16)));
}
Value DeviceBuilder::describeRows(Value pointer) {
  return describe(*this, pointer, 1); // it has no meaning here
}
Value DeviceBuilder::describeColumns(Value pointer, int64_t panelBytes) {
  return describe(*this, pointer, panelBytes / 16);
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

/// PTX that reads `inputs`, and changes `registers`: $0, $1 ... are those, and
/// inputs follow.
static Values change(DeviceBuilder &b, const Twine &ptx, ArrayRef<Value> inputs,
                     ArrayRef<Value> registers) {
  SmallVector<Type> types(ValueRange(registers).getTypes());
  SmallVector<std::string> constraints;
  for (Type type : types)
    constraints.push_back(type.isF32() ? "=f" : "=r");
  for (Value input : inputs)
    constraints.push_back(input.getType().isInteger(64) ? "l" : "r");
  for (size_t i = 0; i < registers.size(); ++i)
    constraints.push_back(std::to_string(i));
  Values operands(inputs);
  llvm::append_range(operands, registers);
  Value all =
      LLVM::InlineAsmOp::create(
          b, LLVM::LLVMStructType::getLiteral(b.getContext(), types), operands,
          ptx.str(), llvm::join(constraints, ","), /*has_side_effects=*/true,
          /*is_align_stack=*/false, LLVM::TailCallKind::None,
          LLVM::AsmDialectAttr(), ArrayAttr())
          .getRes();
  Values results;
  for (size_t i = 0; i < registers.size(); ++i)
    results.push_back(LLVM::ExtractValueOp::create(b, all, i));
  return results;
}

Values DeviceBuilder::fenceProducts(ArrayRef<Value> registers) {
  return change(*this, "wgmma.fence.sync.aligned;", {}, registers);
}

Values DeviceBuilder::waitProducts(ArrayRef<Value> sums) {
  return change(*this, "wgmma.wait_group.sync.aligned 0;", {}, sums);
}

/// wgmma of `shape`, whose factors are `factors`, "$n, $m": as many sums as
/// there are; the sums that are there count (p).
static std::string wgmma(size_t sums, StringRef shape, const Twine &factors) {
  std::string list;
  for (size_t i = 0; i < sums; ++i)
    list += (i ? ", $" : "$") + std::to_string(i);
  return ("{ .reg .pred p; setp.eq.b32 p, 0, 0; "
          "wgmma.mma_async.sync.aligned.m64n" +
          Twine(2 * sums) + shape + " {" + list + "}, " + factors + "; }")
      .str();
}

static StringRef shapeOf(Type element) {
  return element.isInteger(8) ? "k32.s32.s8.s8"
         : element.isBF16()   ? "k16.f32.bf16.bf16"
                              : "k16.f32.f16.f16";
}

Values DeviceBuilder::multiplyRows(Value left, Value right,
                                   ArrayRef<Value> sums, Type element) {
  size_t count = sums.size();
  // 16-bit factors as they are, with k along rows.
  StringRef rest = element.isInteger(8) ? "p" : "p, 1, 1, 0, 0";
  return change(
      *this,
      wgmma(count, shapeOf(element),
            "$" + Twine(count) + ", $" + Twine(count + 1) + ", " + rest),
      {left, right}, sums);
}

Values DeviceBuilder::multiplyColumns(ArrayRef<Value> left, Value right,
                                      ArrayRef<Value> sums, Type element) {
  size_t count = sums.size();
  std::string registers;
  for (size_t i = 0; i < left.size(); ++i)
    registers += (i ? ", $" : "$") + std::to_string(count + i);
  Values inputs(left);
  inputs.push_back(right);
  return change(*this,
                wgmma(count, shapeOf(element),
                      "{" + Twine(registers) + "}, $" +
                          Twine(count + left.size()) + ", p, 1, 1, 1"),
                inputs, sums);
}

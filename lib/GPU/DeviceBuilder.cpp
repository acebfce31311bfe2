//===- DeviceBuilder.cpp - what the device emitters share -----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "DeviceBuilder.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

DeviceBuilder::DeviceBuilder(LLVM::LLVMFuncOp kernel)
    : ImplicitLocOpBuilder(kernel.getLoc(), kernel.getContext()),
      kernel(kernel) {
  setInsertionPointToStart(kernel.addEntryBlock(*this));
}

Value DeviceBuilder::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}
Value DeviceBuilder::f32(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}
Value DeviceBuilder::add(Value a, Value b) {
  return arith::AddIOp::create(*this, a, b);
}
Value DeviceBuilder::sub(Value a, Value b) {
  return arith::SubIOp::create(*this, a, b);
}
Value DeviceBuilder::mul(Value a, Value b) {
  return arith::MulIOp::create(*this, a, b);
}
Value DeviceBuilder::mul(Value a, int64_t b) {
  return b == 1 ? a : mul(a, i32(b));
}
Value DeviceBuilder::div(Value a, int64_t b) {
  return b == 1 ? a : arith::DivUIOp::create(*this, a, i32(b)).getResult();
}
Value DeviceBuilder::rem(Value a, int64_t b) {
  return b == 1 ? i32(0) : arith::RemUIOp::create(*this, a, i32(b)).getResult();
}
Value DeviceBuilder::exclusiveOr(Value a, Value b) {
  return arith::XOrIOp::create(*this, a, b);
}
Value DeviceBuilder::less(Value a, Value b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt, a, b);
}
Value DeviceBuilder::equal(Value a, int64_t b) {
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::eq, a, i32(b));
}
Value DeviceBuilder::both(Value a, Value b) {
  if (!a || !b)
    return a ? a : b;
  return arith::AndIOp::create(*this, a, b);
}
Value DeviceBuilder::select(Value condition, Value a, Value b) {
  return arith::SelectOp::create(*this, condition, a, b);
}
Value DeviceBuilder::fadd(Value a, Value b) {
  return arith::AddFOp::create(*this, a, b);
}
Value DeviceBuilder::fsub(Value a, Value b) {
  return arith::SubFOp::create(*this, a, b);
}
Value DeviceBuilder::fmul(Value a, Value b) {
  return arith::MulFOp::create(*this, a, b);
}
Value DeviceBuilder::fdiv(Value a, Value b) {
  return arith::DivFOp::create(*this, a, b);
}
Value DeviceBuilder::fma(Value a, Value b, Value c) {
  return LLVM::FMAOp::create(*this, a.getType(), ValueRange{a, b, c});
}
Value DeviceBuilder::maximum(Value a, Value b) {
  return arith::MaximumFOp::create(*this, a, b);
}
Value DeviceBuilder::clamp(Value x, float low, float high) {
  return arith::MinimumFOp::create(*this, maximum(x, f32(low)), f32(high));
}
Value DeviceBuilder::maxnum(Value a, Value b) {
  return arith::MaxNumFOp::create(*this, a, b);
}
Value DeviceBuilder::fabs(Value a) {
  return LLVM::FAbsOp::create(*this, a.getType(), ValueRange{a});
}
Value DeviceBuilder::compare(arith::CmpFPredicate predicate, Value a, Value b) {
  return arith::CmpFOp::create(*this, predicate, a, b);
}

Value DeviceBuilder::intrinsic(StringRef name, Type result,
                               ValueRange operands) {
  StringAttr symbol = getStringAttr("llvm.nvvm." + name);
  if (!result) {
    LLVM::CallIntrinsicOp::create(*this, symbol, operands);
    return nullptr;
  }
  return LLVM::CallIntrinsicOp::create(*this, result, symbol, operands)
      .getResults();
}
Value DeviceBuilder::sreg(StringRef name) {
  return intrinsic(("read.ptx.sreg." + name).str(), getI32Type(), {});
}

void DeviceBuilder::barrier() {
  intrinsic("barrier.cta.sync.aligned.all", {},
            LLVM::ConstantOp::create(*this, getI32IntegerAttr(0)).getResult());
}

void DeviceBuilder::waitForKernels() {
  intrinsic("griddepcontrol.wait", {}, {});
  intrinsic("griddepcontrol.launch.dependents", {}, {});
}

Value DeviceBuilder::allReduce(
    Value x, int64_t lanes, llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t distance = lanes / 2; distance > 0; distance /= 2)
    x = combine(x, intrinsic("shfl.sync.bfly.f32", f32(),
                             {i32(-1), x, i32(distance), i32(31)}));
  return x;
}

Value DeviceBuilder::exchange(Value x, int64_t bit) {
  Type type = x.getType();
  Value bits = type.isF32() ? x : arith::BitcastOp::create(*this, f32(), x);
  bits = intrinsic("shfl.sync.bfly.f32", f32(),
                   {i32(-1), bits, i32(bit), i32(31)});
  return type.isF32() ? bits : arith::BitcastOp::create(*this, type, bits);
}

Value DeviceBuilder::ballot(Value condition) {
  return intrinsic("vote.ballot.sync", getI32Type(), {i32(-1), condition});
}
Value DeviceBuilder::isSet(Value bits, Value number) {
  return arith::TruncIOp::create(*this, getI1Type(),
                                 arith::ShRUIOp::create(*this, bits, number));
}

Value DeviceBuilder::offset(Value base, Value index, Type element) {
  return LLVM::GEPOp::create(*this, base.getType(), element, base,
                             ValueRange{index});
}
Value DeviceBuilder::rowStart(Value row, int64_t width) {
  Value wide = arith::ExtUIOp::create(*this, getI64Type(), row);
  return arith::MulIOp::create(
      *this, wide, arith::ConstantOp::create(*this, getI64IntegerAttr(width)));
}

static unsigned bytesOf(Type type) {
  if (auto vector = dyn_cast<VectorType>(type))
    return vector.getNumElements() * bytesOf(vector.getElementType());
  return type.getIntOrFloatBitWidth() / 8;
}
Value DeviceBuilder::load(Value pointer, Type type) {
  return LLVM::LoadOp::create(*this, type, pointer,
                              std::min(16u, bytesOf(type)));
}
void DeviceBuilder::store(Value value, Value pointer) {
  LLVM::StoreOp::create(*this, value, pointer,
                        std::min(16u, bytesOf(value.getType())));
}

Value DeviceBuilder::widened(Value value) {
  if (value.getType().isF32())
    return value;
  if (value.getType().isInteger())
    return arith::SIToFPOp::create(*this, f32(), value);
  return arith::ExtFOp::create(*this, f32(), value);
}
Values DeviceBuilder::split(Value vector, int64_t count) {
  if (count == 1)
    return {vector};
  Values values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(
        LLVM::ExtractElementOp::create(*this, vector, i32(i)).getResult());
  return values;
}
static Type vectorOf(Type element, int64_t count) {
  return count == 1 ? element : VectorType::get({count}, element);
}

Value DeviceBuilder::loadVector(Value pointer, Type element, int64_t count) {
  return load(pointer, vectorOf(element, count));
}

Values DeviceBuilder::floats(Value vector, int64_t count) {
  Values values = split(vector, count);
  for (Value &value : values)
    value = widened(value);
  return values;
}

Values DeviceBuilder::loadFloats(Value pointer, Type element, int64_t count) {
  return floats(loadVector(pointer, element, count), count);
}

Value DeviceBuilder::loadIf(Value condition, Value pointer, Type type) {
  if (!condition)
    return load(pointer, type);
  auto ifOp = scf::IfOp::create(*this, type, condition, /*withElse=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(&ifOp.getThenRegion().front());
  scf::YieldOp::create(*this, load(pointer, type));
  setInsertionPointToStart(&ifOp.getElseRegion().front());
  Value zero = LLVM::ZeroOp::create(*this, type);
  scf::YieldOp::create(*this, zero);
  return ifOp.getResult(0);
}

Values DeviceBuilder::loadFloatsIf(Value condition, Value pointer, Type element,
                                   int64_t count) {
  return floats(loadIf(condition, pointer, vectorOf(element, count)), count);
}

void DeviceBuilder::storeValues(ArrayRef<Value> values, Value pointer,
                                Type element) {
  auto narrowed = [&](Value value) -> Value {
    if (value.getType() == element)
      return value;
    if (element.isInteger())
      return arith::TruncIOp::create(*this, element, value);
    return arith::TruncFOp::create(*this, element, value);
  };
  if (values.size() == 1)
    return store(narrowed(values[0]), pointer);
  Value vector =
      LLVM::PoisonOp::create(*this, vectorOf(element, values.size()));
  for (auto [i, value] : llvm::enumerate(values))
    vector =
        LLVM::InsertElementOp::create(*this, vector, narrowed(value), i32(i));
  store(vector, pointer);
}

void DeviceBuilder::ifThen(Value condition, Body body) {
  if (!condition)
    return body();
  auto ifOp = scf::IfOp::create(*this, condition, /*withElse=*/false);
  InsertionGuard guard(*this);
  setInsertionPointToStart(&ifOp.getThenRegion().front());
  body();
}

Values DeviceBuilder::changedIf(Value condition, ArrayRef<Value> values,
                                llvm::function_ref<Values()> ifNot) {
  auto ifOp = scf::IfOp::create(*this, ValueRange(values).getTypes(), condition,
                                /*withElse=*/true);
  InsertionGuard guard(*this);
  setInsertionPointToStart(&ifOp.getThenRegion().front());
  scf::YieldOp::create(*this, values);
  setInsertionPointToStart(&ifOp.getElseRegion().front());
  scf::YieldOp::create(*this, ifNot());
  return Values(ifOp.getResults());
}

Values
DeviceBuilder::loop(Value from, Value to, Value step, ArrayRef<Value> carried,
                    llvm::function_ref<Values(Value, ArrayRef<Value>)> body) {
  auto forOp = scf::ForOp::create(*this, from, to, step, carried);
  InsertionGuard guard(*this);
  Block *block = forOp.getBody();
  if (carried.empty())
    block->getTerminator()->erase();
  setInsertionPointToEnd(block);
  Values arguments(forOp.getRegionIterArgs());
  scf::YieldOp::create(*this, body(forOp.getInductionVar(), arguments));
  return Values(forOp.getResults());
}

Value DeviceBuilder::shared(int64_t alignment) {
  auto module = kernel->getParentOfType<::mlir::gpu::GPUModuleOp>();
  constexpr StringLiteral name = "tm_shared";
  Type type = LLVM::LLVMArrayType::get(getI8Type(), 0);
  auto global = module.lookupSymbol<LLVM::GlobalOp>(name);
  if (!global) {
    InsertionGuard guard(*this);
    setInsertionPointToStart(module.getBody());
    global = LLVM::GlobalOp::create(*this, type, /*isConstant=*/false,
                                    LLVM::Linkage::External, name, Attribute(),
                                    alignment, /*addrSpace=*/3);
  }
  // One name for the memory of all kernels: the strictest of them decides.
  if (global.getAlignment().value_or(1) < uint64_t(alignment))
    global.setAlignment(alignment);
  return LLVM::AddressOfOp::create(*this, global);
}

void DeviceBuilder::copyAsync(Value to, Value from, Value count) {
  intrinsic("cp.async.cg.shared.global.16.s", {}, {to, from, count});
}
void DeviceBuilder::commitCopies() {
  intrinsic("cp.async.commit.group", {}, {});
}
void DeviceBuilder::waitCopies(int64_t pending) {
  intrinsic(
      "cp.async.wait.group", {},
      LLVM::ConstantOp::create(*this, getI32IntegerAttr(pending)).getResult());
}

static Type structOf(Type element, int64_t count) {
  return LLVM::LLVMStructType::getLiteral(element.getContext(),
                                          SmallVector<Type>(count, element));
}
static Values fields(DeviceBuilder &b, Value aggregate, int64_t count) {
  Values values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(LLVM::ExtractValueOp::create(b, aggregate, i));
  return values;
}

Values DeviceBuilder::loadMatrices(Value pointer, bool transposed) {
  Value all = intrinsic(transposed ? "ldmatrix.sync.aligned.m8n8.x4.trans.b16"
                                   : "ldmatrix.sync.aligned.m8n8.x4.b16",
                        structOf(getI32Type(), 4), pointer);
  return fields(*this, all, 4);
}

Values DeviceBuilder::multiplyMatrices(ArrayRef<Value> a, ArrayRef<Value> b,
                                       ArrayRef<Value> c, Type element) {
  Values operands(a);
  llvm::append_range(operands, b);
  StringRef name = "mma.m16n8k32.row.col.s8";
  if (element.isF16()) {
    name = "mma.m16n8k16.row.col.f32.f32";
    Type pair = VectorType::get({2}, element);
    for (Value &value : operands)
      value = LLVM::BitcastOp::create(*this, pair, value);
  } else if (element.isBF16()) {
    name = "mma.m16n8k16.row.col.bf16";
  }
  llvm::append_range(operands, c);
  return fields(*this, intrinsic(name, structOf(c[0].getType(), 4), operands),
                4);
}

Value mlir::transformer::gpu::swizzled(DeviceBuilder &b, Value row, Value chunk,
                                       int64_t chunks) {
  // The largest power of two that divides the chunks of a row, up to the eight
  // of all banks.
  int64_t group = std::min<int64_t>(8, chunks & -chunks);
  Value turned =
      group == 1 ? chunk
                 : b.exclusiveOr(chunk, b.rem(b.div(row, 8 / group), group));
  return b.mul(b.add(b.mul(row, chunks), turned), 16);
}

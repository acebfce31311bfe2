//===- NaiveEntry.cpp - artifacts of the reference lowering ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "NaiveEntry.h"

#include "transformer/Runtime/abi.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMTypes.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace mlir::transformer;

static int64_t rowWidth(ShapedType type) {
  int64_t width = 1;
  for (int64_t size : type.getShape().drop_front())
    width *= size;
  return width;
}

static NamedAttribute number(Builder &b, StringRef name, int64_t value) {
  return b.getNamedAttr(name, b.getI64IntegerAttr(value));
}

void mlir::transformer::describeForward(ModuleOp module) {
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  Builder b(module.getContext());
  SmallVector<Attribute> inputs, outputs;
  for (unsigned i = 0; i < forward.getNumArguments(); ++i) {
    auto type = cast<RankedTensorType>(forward.getArgumentTypes()[i]);
    auto name = forward.getArgAttrOfType<StringAttr>(i, "transformer.input");
    auto limit = forward.getArgAttrOfType<IntegerAttr>(i, "transformer.limit");
    bool isFloat = isa<FloatType>(type.getElementType());
    inputs.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("name", name),
         b.getNamedAttr("type", b.getStringAttr(isFloat ? "f32" : "i32")),
         number(b, "limit", limit ? limit.getInt() : 0),
         number(b, "width", rowWidth(type))}));
  }
  for (unsigned i = 0; i < forward.getNumResults(); ++i) {
    auto type = cast<RankedTensorType>(forward.getResultTypes()[i]);
    auto name =
        forward.getResultAttrOfType<StringAttr>(i, "transformer.output");
    auto rows = forward.getResultAttrOfType<StringAttr>(i, "transformer.rows");
    outputs.push_back(b.getDictionaryAttr(
        {b.getNamedAttr("name", name), b.getNamedAttr("rows", rows),
         number(b, "width", rowWidth(type))}));
  }
  module->setAttr("transformer.inputs", b.getArrayAttr(inputs));
  module->setAttr("transformer.outputs", b.getArrayAttr(outputs));
  module->setAttr(
      "transformer.workspace",
      b.getDictionaryAttr({number(b, "fixed", 0), number(b, "per_token", 0),
                           number(b, "per_sequence", 0),
                           number(b, "per_thread", 0)}));
}

void mlir::transformer::prepareNaiveEntry(ModuleOp module) {
  describeForward(module);
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  Builder b(module.getContext());
  for (unsigned i = 0; i < forward.getNumArguments(); ++i)
    forward.setArgAttrs(i, ArrayRef<NamedAttribute>());
  for (unsigned i = 0; i < forward.getNumResults(); ++i)
    forward.setResultAttrs(i, ArrayRef<NamedAttribute>());
  forward->setAttr("llvm.emit_c_interface", b.getUnitAttr());
  // What the entry needs to know of the shapes.
  module->setAttr("transformer.forward_type",
                  TypeAttr::get(forward.getFunctionType()));
}

namespace {
/// Writes @tm_forward. A memref descriptor is a row of 8-byte fields: base,
/// pointer, offset, sizes, strides.
class EntryBuilder {
public:
  EntryBuilder(ModuleOp module)
      : b(OpBuilder::atBlockEnd(module.getBody())), loc(module.getLoc()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        i64(b.getI64Type()) {
    auto type = LLVM::LLVMFunctionType::get(
        LLVM::LLVMVoidType::get(b.getContext()), {pointer});
    entry = LLVM::LLVMFuncOp::create(b, loc, "tm_forward", type);
    Block *block = entry.addEntryBlock(b);
    b.setInsertionPointToStart(block);
    call = block->getArgument(0);
  }

  void build(ModuleOp module, FunctionType type, ArrayAttr outputs) {
    tokens = load(i64, call, offsetof(tm_call, tokens));
    sequences = load(i64, call, offsetof(tm_call, sequences));
    int64_t resultBytes = 0;
    for (Type result : type.getResults())
      resultBytes += descriptorBytes(cast<ShapedType>(result).getRank());
    Value results = allocate(resultBytes);
    SmallVector<Value> arguments = {results};
    int64_t next = 0;
    auto inputs = module->getAttrOfType<ArrayAttr>("transformer.inputs");
    for (auto [input, name] : llvm::zip(type.getInputs(), inputs))
      arguments.push_back(makeInput(
          cast<ShapedType>(input),
          cast<DictionaryAttr>(name).getAs<StringAttr>("name"), next));
    if (auto bytes =
            module->getAttrOfType<IntegerAttr>("transformer.weights_bytes"))
      arguments.push_back(
          describe(load(pointer, call, offsetof(tm_call, weights)),
                   constant(bytes.getInt()), {}));
    LLVM::CallOp::create(b, loc, TypeRange(), "_mlir_ciface_forward",
                         arguments);
    int64_t at = 0;
    for (auto [i, result] : llvm::enumerate(type.getResults())) {
      auto shape = cast<ShapedType>(result);
      auto rows = cast<DictionaryAttr>(outputs[i]).getAs<StringAttr>("rows");
      takeOutput(results, at, i, rowWidth(shape),
                 rows.getValue() == "tokens" ? tokens : sequences);
      at += descriptorBytes(shape.getRank());
    }
    LLVM::ReturnOp::create(b, loc, ValueRange());
  }

private:
  static int64_t descriptorBytes(int64_t rank) { return 8 * (3 + 2 * rank); }
  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(b, loc, i64, b.getI64IntegerAttr(value));
  }
  Value address(Value base, int64_t bytes) {
    return LLVM::GEPOp::create(b, loc, pointer, b.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{int32_t(bytes)});
  }
  Value load(Type type, Value base, int64_t bytes) {
    return LLVM::LoadOp::create(b, loc, type, address(base, bytes));
  }
  void store(Value value, Value base, int64_t bytes) {
    LLVM::StoreOp::create(b, loc, value, address(base, bytes));
  }
  Value allocate(int64_t bytes) {
    return LLVM::AllocaOp::create(b, loc, pointer, b.getI8Type(),
                                  constant(bytes), /*alignment=*/8);
  }
  /// A contiguous buffer of `rows` x `inner`.
  Value describe(Value data, Value rows, ArrayRef<int64_t> inner) {
    int64_t rank = 1 + inner.size();
    Value descriptor = allocate(descriptorBytes(rank));
    store(data, descriptor, 0);
    store(data, descriptor, 8);
    store(constant(0), descriptor, 16);
    store(rows, descriptor, 24);
    int64_t stride = 1;
    for (int64_t d = rank - 1; d >= 0; --d) {
      if (d > 0)
        store(constant(inner[d - 1]), descriptor, 24 + 8 * d);
      store(constant(stride), descriptor, 24 + 8 * (rank + d));
      stride *= d > 0 ? inner[d - 1] : 1;
    }
    return descriptor;
  }
  Value makeInput(ShapedType type, StringAttr name, int64_t &next) {
    ArrayRef<int64_t> inner = type.getShape().drop_front();
    if (name.getValue() == "offsets") {
      Value count = LLVM::AddOp::create(b, loc, sequences, constant(1));
      return describe(load(pointer, call, offsetof(tm_call, offsets)), count,
                      inner);
    }
    Value data = load(pointer, call, offsetof(tm_call, inputs) + 8 * next++);
    bool isFloat = isa<FloatType>(type.getElementType());
    return describe(data, isFloat ? sequences : tokens, inner);
  }
  void takeOutput(Value results, int64_t at, int64_t index, int64_t width,
                  Value rows) {
    Value base = load(pointer, results, at);
    Value data = load(pointer, results, at + 8);
    Value offset = load(i64, results, at + 16);
    Value from = LLVM::GEPOp::create(b, loc, pointer, b.getF32Type(), data,
                                     ArrayRef<LLVM::GEPArg>{offset});
    Value to = load(pointer, call, offsetof(tm_call, outputs) + 8 * index);
    Value bytes = LLVM::MulOp::create(b, loc, rows, constant(4 * width));
    LLVM::MemcpyOp::create(b, loc, to, from, bytes, /*isVolatile=*/false);
    LLVM::CallOp::create(b, loc, TypeRange(), "free", ValueRange{base});
  }

  OpBuilder b;
  Location loc;
  Type pointer, i64;
  LLVM::LLVMFuncOp entry;
  Value call, tokens, sequences;
};
} // namespace

void mlir::transformer::addNaiveEntry(ModuleOp module) {
  auto type = cast<FunctionType>(
      module->getAttrOfType<TypeAttr>("transformer.forward_type").getValue());
  auto outputs = module->getAttrOfType<ArrayAttr>("transformer.outputs");
  if (!module.lookupSymbol("free")) {
    auto b = OpBuilder::atBlockBegin(module.getBody());
    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
    LLVM::LLVMFuncOp::create(
        b, module.getLoc(), "free",
        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                    {pointer}));
  }
  EntryBuilder(module).build(module, type, outputs);
}

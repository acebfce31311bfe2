//===- BuildEntry.cpp - what @forward is given and where it works ---------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// After bufferization @forward allocates its intermediates and returns its
// outputs. Compiled code does neither: outputs and one workspace come from the
// runtime. This pass turns output buffers into arguments, lets intermediates
// share slots of the workspace whose sizes are linear in the numbers of tokens
// and sequences, and puts calls that only some outputs need under a condition.
//===----------------------------------------------------------------------===//
#include "BufferPlan.h"
#include "transformer/CodeGen/Passes.h"

#include "mlir/IR/SymbolTable.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERBUILDENTRY
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

Value stripCasts(Value v) {
  while (auto cast = v.getDefiningOp<memref::CastOp>())
    v = cast.getSource();
  return v;
}

int64_t elementBytes(MemRefType type) {
  return llvm::divideCeil(type.getElementTypeBitWidth(), 8);
}

class EntryBuilder {
public:
  EntryBuilder(ModuleOp module, func::FuncOp forward)
      : module(module), forward(forward), b(module.getContext()) {}

  LogicalResult run() {
    if (failed(checkTypes()) || failed(dropResults()))
      return failure();
    describeInputs();
    addArguments();
    if (failed(bindOutputs()) || failed(giveScratch()) ||
        failed(placeIntermediates()))
      return failure();
    guardCalls();
    writeAttributes();
    return success();
  }

private:
  Block &body() { return forward.getBody().front(); }
  Location loc() { return forward.getLoc(); }
  Value index(int64_t v) { return arith::ConstantIndexOp::create(b, loc(), v); }
  Type bytesType() {
    return MemRefType::get({ShapedType::kDynamic}, b.getIntegerType(8));
  }

  LogicalResult checkTypes() {
    auto check = [&](TypeRange types, StringRef what) -> LogicalResult {
      for (auto [i, type] : llvm::enumerate(types))
        if (!isa<MemRefType>(type))
          return forward.emitError(what)
                 << " " << i << " is " << type
                 << "; a model takes and gives bufferized tensors only";
      return success();
    };
    if (failed(check(forward.getArgumentTypes(), "argument")))
      return failure();
    return check(forward.getResultTypes(), "result");
  }

  /// Functions that return their destination arguments return nothing.
  LogicalResult dropResults() {
    for (auto func : module.getOps<func::FuncOp>()) {
      if (func == forward || func.isExternal() || func.getNumResults() == 0)
        continue;
      auto ret = cast<func::ReturnOp>(func.getBody().front().getTerminator());
      SmallVector<unsigned> numbers;
      for (Value v : ret.getOperands()) {
        auto arg = dyn_cast<BlockArgument>(stripCasts(v));
        if (!arg || arg.getOwner() != &func.getBody().front())
          return func.emitError("a result was not computed in its destination");
        numbers.push_back(arg.getArgNumber());
      }
      auto uses = SymbolTable::getSymbolUses(func, module);
      SmallVector<func::CallOp> calls;
      if (uses)
        for (SymbolTable::SymbolUse use : *uses)
          calls.push_back(cast<func::CallOp>(use.getUser()));
      for (func::CallOp call : calls) {
        b.setInsertionPoint(call);
        for (auto [result, number] : llvm::zip(call.getResults(), numbers)) {
          Value destination = call.getOperand(number);
          if (destination.getType() != result.getType())
            destination =
                memref::CastOp::create(b, loc(), result.getType(), destination);
          result.replaceAllUsesWith(destination);
        }
        auto plain = func::CallOp::create(b, call.getLoc(), func.getSymName(),
                                          TypeRange{}, call.getOperands());
        plain->setDiscardableAttrs(call->getDiscardableAttrDictionary());
        call.erase();
      }
      ret->setOperands({});
      func.setFunctionType(
          b.getFunctionType(func.getFunctionType().getInputs(), {}));
    }
    return success();
  }

  void describeInputs() {
    int64_t number = 0;
    for (BlockArgument arg : forward.getArguments()) {
      auto type = cast<MemRefType>(arg.getType());
      auto name = forward.getArgAttrOfType<StringAttr>(arg.getArgNumber(),
                                                       "transformer.input");
      StringRef text = name ? name.getValue() : StringRef("");
      if (text == "offsets" || text == "weights") {
        roles.push_back(argument(text, 0, type));
        // offsets has one more value than there are sequences.
        rows[arg] = text == "offsets" ? BatchSize{1, 0, 1} : BatchSize{};
        continue;
      }
      bool isImage = type.getRank() > 1;
      rows[arg] = isImage ? BatchSize{0, 0, 1} : BatchSize{0, 1, 0};
      roles.push_back(argument("input", number++, type));
      int64_t width = 1;
      for (int64_t dim : type.getShape().drop_front())
        width *= dim;
      NamedAttrList entry;
      entry.set("name", b.getStringAttr(text));
      entry.set("type", TypeAttr::get(type.getElementType()));
      entry.set("width", b.getI64IntegerAttr(width));
      if (auto limit = forward.getArgAttrOfType<IntegerAttr>(
              arg.getArgNumber(), "transformer.limit"))
        entry.set("limit", b.getI64IntegerAttr(limit.getInt()));
      inputs.push_back(entry.getDictionary(b.getContext()));
    }
  }

  DictionaryAttr argument(StringRef role, int64_t number, Type type) {
    return b.getDictionaryAttr(
        {b.getNamedAttr("role", b.getStringAttr(role)),
         b.getNamedAttr("index", b.getI64IntegerAttr(number)),
         b.getNamedAttr("type", TypeAttr::get(type))});
  }

  Value addArgument(StringRef role, int64_t number, Type type) {
    unsigned at = forward.getNumArguments();
    (void)forward.insertArgument(at, type, {}, loc());
    roles.push_back(argument(role, number, type));
    return forward.getArgument(at);
  }

  void addArguments() {
    workspace = addArgument("workspace", 0, bytesType());
    wanted = addArgument("wanted", 0, b.getI64Type());
  }

  /// Makes the buffer of each returned value an argument.
  LogicalResult bindOutputs() {
    auto ret = cast<func::ReturnOp>(body().getTerminator());
    for (auto [i, operand] : llvm::enumerate(ret.getOperands())) {
      Value buffer = stripCasts(operand);
      auto type = cast<MemRefType>(buffer.getType());
      if (type.getRank() != 2 || type.isDynamicDim(1))
        return forward.emitError("output ")
               << i << " is " << type << "; outputs are [rows, width] arrays";
      auto alloc = buffer.getDefiningOp<memref::AllocOp>();
      int64_t own = int64_t(1) << i, producers = 0;
      for (Operation *user : buffer.getUsers())
        if (auto call = dyn_cast<func::CallOp>(user))
          if (auto mask =
                  call->getAttrOfType<IntegerAttr>("transformer.wanted"))
            producers |= mask.getInt();
      describeOutput(i, type, producers & ~own);
      Value out = addArgument("output", i, type);
      if (alloc) {
        rows[out] = alloc.getDynamicSizes().empty()
                        ? BatchSize{type.getDimSize(0), 0, 0}
                        : rowsOf(alloc.getDynamicSizes()[0]);
        alloc.replaceAllUsesWith(out);
        alloc.erase();
        continue;
      }
      // An input, or the buffer of an output before it.
      b.setInsertionPoint(ret);
      memref::CopyOp::create(b, loc(), buffer, out);
    }
    ret->setOperands({});
    SmallVector<Type> types(forward.getArgumentTypes());
    forward.setFunctionType(b.getFunctionType(types, {}));
    forward.removeResAttrsAttr();
    return success();
  }

  void describeOutput(int64_t i, MemRefType type, int64_t neededBy) {
    auto name =
        forward.getResultAttrOfType<StringAttr>(i, "transformer.output");
    auto rows = forward.getResultAttrOfType<StringAttr>(i, "transformer.rows");
    NamedAttrList entry;
    entry.set("name",
              name ? name : b.getStringAttr("output" + std::to_string(i)));
    entry.set("rows", rows ? rows : b.getStringAttr("tokens"));
    entry.set("width", b.getI64IntegerAttr(type.getDimSize(1)));
    entry.set("needed_by", b.getI64IntegerAttr(neededBy));
    outputs.push_back(entry.getDictionary(b.getContext()));
  }

  /// A row count as fixed + T * perToken + B * perSequence.
  BatchSize rowsOf(Value v) {
    Operation *def = v.getDefiningOp();
    BatchSize none{-1, -1, -1};
    if (!def)
      return none;
    IntegerAttr constant;
    if (matchPattern(v, m_Constant(&constant)))
      return {constant.getInt(), 0, 0};
    if (auto dim = dyn_cast<memref::DimOp>(def)) {
      Value source = stripCasts(dim.getSource());
      if (auto alloc = source.getDefiningOp<memref::AllocOp>())
        return alloc.getDynamicSizes().empty()
                   ? none
                   : rowsOf(alloc.getDynamicSizes()[0]);
      auto found = rows.find(source);
      return found == rows.end() ? none : found->second;
    }
    if (def->getNumOperands() != 2)
      return none;
    BatchSize l = rowsOf(def->getOperand(0)), r = rowsOf(def->getOperand(1));
    if (isa<arith::MaxUIOp>(def)) // guards of a subtraction
      return matchPattern(def->getOperand(1), m_Constant()) ? l : r;
    bool isConstant = matchPattern(def->getOperand(1), m_Constant());
    BatchSize result = none;
    for (unsigned i = 0; i < 3; ++i) {
      if (isa<arith::AddIOp>(def))
        result[i] = l[i] + r[i];
      else if (isa<arith::SubIOp>(def))
        result[i] = l[i] - r[i];
      else if (isa<arith::MulIOp>(def) && isConstant)
        result[i] = l[i] * r[0];
      else if (isa<arith::DivUIOp>(def) && isConstant)
        result[i] = llvm::divideCeil(l[i], r[0]);
    }
    return result;
  }

  /// Buffers that functions make for themselves: small static ones live on the
  /// stack, others in scratch that the caller hands in. A dynamic size there
  /// is the length of a sequence or the size of the batch.
  LogicalResult giveScratch() {
    for (auto func : module.getOps<func::FuncOp>()) {
      if (func == forward || func.isExternal())
        continue;
      SmallVector<memref::AllocOp> allocs;
      func.walk([&](memref::AllocOp alloc) {
        if (!alloc->getParentOfType<scf::ForallOp>())
          allocs.push_back(alloc);
      });
      for (memref::AllocOp alloc : allocs)
        if (failed(giveScratch(func, alloc)))
          return failure();
      func.walk([](memref::DeallocOp op) { op.erase(); });
    }
    return success();
  }

  LogicalResult giveScratch(func::FuncOp func, memref::AllocOp alloc) {
    MemRefType type = alloc.getType();
    int64_t rowBytes = elementBytes(type);
    for (int64_t dim : type.getShape())
      if (!ShapedType::isDynamic(dim))
        rowBytes *= dim;
    constexpr int64_t kStackLimit = 16 << 10;
    if (type.hasStaticShape() && rowBytes <= kStackLimit) {
      b.setInsertionPointToStart(&func.getBody().front());
      Value v = memref::AllocaOp::create(b, alloc.getLoc(), type,
                                         b.getI64IntegerAttr(kBufferAlignment));
      alloc.replaceAllUsesWith(v);
      alloc.erase();
      return success();
    }
    if (type.getNumDynamicDims() > 1)
      return alloc.emitError("a buffer of ")
             << type << " has no size that is known from the batch";
    unsigned at = func.getNumArguments();
    (void)func.insertArgument(at, bytesType(), {}, loc());
    b.setInsertionPoint(alloc);
    Value view =
        memref::ViewOp::create(b, alloc.getLoc(), type, func.getArgument(at),
                               index(0), alloc.getDynamicSizes());
    alloc.replaceAllUsesWith(view);
    alloc.erase();
    int64_t step = llvm::alignTo(rowBytes, kBufferAlignment);
    BatchSize size = type.hasStaticShape() ? BatchSize{step, 0, 0}
                                           : BatchSize{0, step, step};
    forward.walk([&](func::CallOp call) {
      if (call.getCallee() != func.getSymName())
        return;
      b.setInsertionPoint(call);
      // A placeholder, placed with the intermediates below.
      Value zero = index(0);
      Value scratch = memref::AllocOp::create(
          b, loc(), cast<MemRefType>(bytesType()), ValueRange{zero});
      scratchSizes[scratch] = size;
      call->insertOperands(at, scratch);
    });
    return success();
  }

  LogicalResult placeIntermediates() {
    SlotPlan plan;
    SmallVector<std::pair<memref::AllocOp, unsigned>> placed;
    for (Operation &op : body()) {
      auto alloc = dyn_cast<memref::AllocOp>(op);
      if (!alloc)
        continue;
      FailureOr<BatchSize> size = sizeOf(alloc);
      if (failed(size))
        return alloc.emitError(
            "the size of this intermediate does not follow from the numbers of "
            "tokens and sequences");
      placed.emplace_back(alloc, plan.place(lifetimeOf(alloc, body()), *size));
    }
    // Where each slot starts, computed once at the top.
    b.setInsertionPointToStart(&body());
    Value tokens = batchCount(1), sequences = batchCount(2);
    SmallVector<Value> starts;
    BatchSize total{0, 0, 0};
    for (const BatchSize &slot : plan.slots()) {
      Value start = index(total[0]);
      auto addScaled = [&](Value n, int64_t scale) {
        if (!n || !scale)
          return;
        Value part = arith::MulIOp::create(b, loc(), n, index(scale));
        start = arith::AddIOp::create(b, loc(), start, part);
      };
      addScaled(tokens, total[1]);
      addScaled(sequences, total[2]);
      starts.push_back(start);
      for (unsigned c = 0; c < 3; ++c)
        total[c] += slot[c];
    }
    for (auto [alloc, slot] : placed) {
      b.setInsertionPoint(alloc);
      Value view;
      if (scratchSizes.contains(alloc)) {
        // Scratch has no type of its own: all bytes from its start on.
        Value size = memref::DimOp::create(b, loc(), workspace, 0);
        size = arith::SubIOp::create(b, loc(), size, starts[slot]);
        view = memref::ViewOp::create(b, alloc.getLoc(),
                                      cast<MemRefType>(bytesType()), workspace,
                                      starts[slot], ValueRange{size});
      } else {
        view = memref::ViewOp::create(b, alloc.getLoc(), alloc.getType(),
                                      workspace, starts[slot],
                                      alloc.getDynamicSizes());
      }
      alloc.replaceAllUsesWith(view);
      alloc.erase();
    }
    workspaceSize = total;
    return success();
  }

  FailureOr<BatchSize> sizeOf(memref::AllocOp alloc) {
    if (auto found = scratchSizes.find(alloc); found != scratchSizes.end())
      return found->second;
    MemRefType type = alloc.getType();
    if (type.getNumDynamicDims() > 1)
      return failure();
    int64_t bytes = elementBytes(type);
    for (int64_t dim : type.getShape())
      if (!ShapedType::isDynamic(dim))
        bytes *= dim;
    BatchSize count{1, 0, 0};
    if (type.getNumDynamicDims())
      count = rowsOf(alloc.getDynamicSizes()[0]);
    for (int64_t &c : count) {
      if (c < 0)
        return failure();
      c = llvm::alignTo(c * bytes, kBufferAlignment);
    }
    return count;
  }

  /// The number of tokens (1) or sequences (2), from an argument that has it.
  Value batchCount(unsigned component) {
    for (BlockArgument arg : forward.getArguments()) {
      auto found = rows.find(arg);
      if (found == rows.end() || found->second[component] != 1)
        continue;
      Value n = memref::DimOp::create(b, loc(), arg, 0);
      if (int64_t extra = found->second[0])
        n = arith::SubIOp::create(b, loc(), n, index(extra));
      return n;
    }
    return {};
  }

  void guardCalls() {
    uint64_t all = outputs.size() >= 64 ? ~uint64_t(0)
                                        : (uint64_t(1) << outputs.size()) - 1;
    SmallVector<func::CallOp> calls;
    forward.walk([&](func::CallOp call) { calls.push_back(call); });
    for (func::CallOp call : calls) {
      auto mask = call->getAttrOfType<IntegerAttr>("transformer.wanted");
      if (!mask || mask.getInt() == int64_t(all) || call.getNumResults())
        continue;
      b.setInsertionPoint(call);
      Value bits = arith::AndIOp::create(
          b, loc(), wanted,
          arith::ConstantIntOp::create(b, loc(), mask.getInt(), 64));
      Value any =
          arith::CmpIOp::create(b, loc(), arith::CmpIPredicate::ne, bits,
                                arith::ConstantIntOp::create(b, loc(), 0, 64));
      auto guard = scf::IfOp::create(b, loc(), any, /*withElseRegion=*/false);
      call->moveBefore(guard.thenBlock()->getTerminator());
    }
  }

  void writeAttributes() {
    forward->setAttr("transformer.arguments", b.getArrayAttr(roles));
    module->setAttr("transformer.inputs", b.getArrayAttr(inputs));
    module->setAttr("transformer.outputs", b.getArrayAttr(outputs));
    auto number = [&](StringRef name, int64_t v) {
      return b.getNamedAttr(name, b.getI64IntegerAttr(v));
    };
    module->setAttr(
        "transformer.workspace",
        b.getDictionaryAttr({number("fixed", workspaceSize[0]),
                             number("per_token", workspaceSize[1]),
                             number("per_sequence", workspaceSize[2])}));
  }

  ModuleOp module;
  func::FuncOp forward;
  OpBuilder b;
  Value workspace, wanted;
  SmallVector<Attribute> roles, inputs, outputs;
  DenseMap<Value, BatchSize> rows, scratchSizes;
  BatchSize workspaceSize{0, 0, 0};
};

struct BuildEntryPass
    : public transformer::impl::TransformerBuildEntryBase<BuildEntryPass> {
  using TransformerBuildEntryBase::TransformerBuildEntryBase;

  void runOnOperation() override {
    auto forward = getOperation().lookupSymbol<func::FuncOp>("forward");
    if (forward && failed(EntryBuilder(getOperation(), forward).run()))
      signalPassFailure();
  }
};

} // namespace

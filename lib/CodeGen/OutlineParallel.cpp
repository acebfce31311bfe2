//===- OutlineParallel.cpp - parallel loops to body functions -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Each scf.forall on buffers becomes
//
//   @<name>_body(captures..., index, workspace)   one iteration
//   @<name>_parallel(call, captures..., count)    a declaration, called instead
//
// The declaration gets its body, which goes through the runtime's thread pool,
// when captures have become LLVM values (transformer-emit-entry). Buffers
// inside of an iteration become views of the thread's workspace.
//===----------------------------------------------------------------------===//
#include "BufferPlan.h"
#include "EmitProbes.h"
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/Runtime/abi.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMEROUTLINEPARALLEL
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

/// The largest size of a buffer in bytes, if there is a bound.
FailureOr<int64_t> boundOf(memref::AllocOp alloc,
                           SmallVectorImpl<int64_t> &shape) {
  MemRefType type = alloc.getType();
  shape.assign(type.getShape().begin(), type.getShape().end());
  unsigned dynamic = 0;
  int64_t bytes = llvm::divideCeil(type.getElementTypeBitWidth(), 8);
  for (int64_t &dim : shape) {
    if (ShapedType::isDynamic(dim)) {
      auto bound = ValueBoundsConstraintSet::computeConstantBound(
          presburger::BoundType::UB,
          ValueBoundsConstraintSet::Variable(
              alloc.getDynamicSizes()[dynamic++]),
          nullptr, /*closedUB=*/true);
      if (failed(bound))
        return failure();
      dim = *bound;
    }
    bytes *= dim;
  }
  return bytes;
}

class Outliner {
public:
  Outliner(scf::ForallOp loop, StringRef name)
      : loop(loop), func(loop->getParentOfType<func::FuncOp>()), name(name),
        b(loop.getContext()) {}

  /// Returns the bytes of workspace that a thread needs, or failure.
  FailureOr<int64_t> run() {
    Location loc = loop.getLoc();
    b.setInsertionPoint(loop);
    // Trip counts, and the values that give the induction variables back.
    SmallVector<Value> lower = values(loop.getMixedLowerBound());
    SmallVector<Value> upper = values(loop.getMixedUpperBound());
    SmallVector<Value> step = values(loop.getMixedStep());
    SmallVector<Value> trips;
    Value count = index(1);
    for (auto [l, u, s] : llvm::zip(lower, upper, step)) {
      Value extent = arith::SubIOp::create(b, loc, u, l);
      trips.push_back(arith::CeilDivUIOp::create(b, loc, extent, s));
      count = arith::MulIOp::create(b, loc, count, trips.back());
    }
    llvm::SetVector<Value> captures;
    getUsedValuesDefinedAbove(loop.getRegion(), captures);
    for (SmallVector<Value> *list : {&lower, &step, &trips})
      captures.insert(list->begin(), list->end());
    captures.remove_if([](Value v) {
      Operation *def = v.getDefiningOp();
      return def && def->hasTrait<OpTrait::ConstantLike>();
    });
    FailureOr<int64_t> bytes =
        buildBody(captures.getArrayRef(), lower, step, trips);
    if (failed(bytes))
      return failure();
    buildCall(captures.getArrayRef(), count);
    loop.erase();
    return *bytes;
  }

private:
  Value index(int64_t v) {
    return arith::ConstantIndexOp::create(b, loop.getLoc(), v);
  }
  SmallVector<Value> values(ArrayRef<OpFoldResult> list) {
    return getValueOrCreateConstantIndexOp(b, loop.getLoc(), list);
  }
  MemRefType workspaceType() {
    return MemRefType::get({ShapedType::kDynamic}, b.getIntegerType(8));
  }

  FailureOr<int64_t> buildBody(ArrayRef<Value> captures, ArrayRef<Value> lower,
                               ArrayRef<Value> step, ArrayRef<Value> trips) {
    // The bounds of buffer sizes depend on what is outside of the loop.
    FailureOr<int64_t> bytes = planWorkspace();
    if (failed(bytes))
      return failure();
    OpBuilder::InsertionGuard guard(b);
    Location loc = loop.getLoc();
    SmallVector<Type> types(ValueRange(captures).getTypes());
    types.push_back(b.getIndexType());
    types.push_back(workspaceType());
    b.setInsertionPoint(func);
    auto body = func::FuncOp::create(b, loc, (name + "_body").str(),
                                     b.getFunctionType(types, {}));
    body.setPrivate();
    Block *block = body.addEntryBlock();
    IRMapping map;
    map.map(captures, block->getArguments().take_front(captures.size()));
    b.setInsertionPointToStart(block);
    auto local = [&](Value v) {
      if (!map.contains(v))
        b.clone(*v.getDefiningOp(), map);
      return map.lookup(v);
    };
    llvm::SetVector<Value> used;
    getUsedValuesDefinedAbove(loop.getRegion(), used);
    for (Value v : used)
      local(v);
    // The last dimension runs fastest.
    Value rest = block->getArgument(captures.size());
    SmallVector<Value> ivs(trips.size());
    for (int64_t i = trips.size() - 1; i >= 0; --i) {
      Value position = rest;
      if (i > 0) {
        position = arith::RemUIOp::create(b, loc, rest, local(trips[i]));
        rest = arith::DivUIOp::create(b, loc, rest, local(trips[i]));
      }
      Value scaled = arith::MulIOp::create(b, loc, position, local(step[i]));
      ivs[i] = arith::AddIOp::create(b, loc, scaled, local(lower[i]));
    }
    map.map(loop.getInductionVars(), ivs);
    Value workspace = block->getArguments().back();
    for (Operation &op : loop.getBody()->without_terminator()) {
      auto alloc = dyn_cast<memref::AllocOp>(op);
      if (auto probe = dyn_cast<kernel::ProbeOp>(op)) {
        emitProbe(b, probe, threadRecorder(b, probe.getLoc(), workspace));
        continue;
      }
      if (!alloc || !offsets.count(alloc)) {
        b.clone(op, map);
        continue;
      }
      map.map(alloc.getResult(), viewOf(alloc, workspace, map));
    }
    func::ReturnOp::create(b, loc);
    return *bytes;
  }

  /// Gives every buffer of the loop's block an offset in the workspace.
  FailureOr<int64_t> planWorkspace() {
    hoistBuffers();
    SlotPlan plan;
    SmallVector<std::pair<memref::AllocOp, unsigned>> placed;
    for (Operation &op : *loop.getBody())
      if (auto alloc = dyn_cast<memref::AllocOp>(op)) {
        SmallVector<int64_t> shape;
        FailureOr<int64_t> bytes = boundOf(alloc, shape);
        if (failed(bytes))
          return alloc.emitError("this buffer inside of a parallel loop has no "
                                 "bound that is known when compiling");
        int64_t size = llvm::alignTo(*bytes, kBufferAlignment);
        placed.emplace_back(
            alloc,
            plan.place(lifetimeOf(alloc, *loop.getBody()), {size, 0, 0}));
        shapes[alloc] = shape;
      }
    SmallVector<int64_t> starts;
    int64_t total = 0;
    for (const BatchSize &slot : plan.slots()) {
      starts.push_back(total);
      total += slot[0];
    }
    for (auto [alloc, slot] : placed)
      offsets[alloc] = starts[slot];
    return total;
  }

  /// Moves buffers of nested loops to the iteration's own block. Their sizes
  /// must be static for that.
  void hoistBuffers() {
    SmallVector<memref::AllocOp> nested;
    loop.getBody()->walk([&](memref::AllocOp alloc) {
      if (alloc->getBlock() != loop.getBody() &&
          alloc.getDynamicSizes().empty())
        nested.push_back(alloc);
    });
    for (memref::AllocOp alloc : nested)
      alloc->moveBefore(loop.getBody()->findAncestorOpInBlock(*alloc));
    loop.getBody()->walk([](memref::DeallocOp op) { op.erase(); });
  }

  Value viewOf(memref::AllocOp alloc, Value workspace, IRMapping &map) {
    Location loc = alloc.getLoc();
    MemRefType type = alloc.getType();
    Value start = index(offsets[alloc]);
    auto full = MemRefType::get(shapes[alloc], type.getElementType());
    Value view =
        memref::ViewOp::create(b, loc, full, workspace, start, ValueRange{});
    if (full == type)
      return view;
    // The shape in use lies in the first rows.
    SmallVector<OpFoldResult> sizes;
    unsigned dynamic = 0;
    for (int64_t dim : type.getShape()) {
      if (ShapedType::isDynamic(dim))
        sizes.push_back(
            map.lookupOrDefault(alloc.getDynamicSizes()[dynamic++]));
      else
        sizes.push_back(b.getIndexAttr(dim));
    }
    SmallVector<OpFoldResult> zeros(sizes.size(), b.getIndexAttr(0));
    SmallVector<OpFoldResult> ones(sizes.size(), b.getIndexAttr(1));
    Value part = memref::SubViewOp::create(b, loc, view, zeros, sizes, ones);
    return memref::CastOp::create(b, loc, type, part);
  }

  void buildCall(ArrayRef<Value> captures, Value count) {
    Location loc = loop.getLoc();
    SmallVector<Type> types{LLVM::LLVMPointerType::get(b.getContext())};
    llvm::append_range(types, ValueRange(captures).getTypes());
    types.push_back(b.getIndexType());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(func);
    auto parallel = func::FuncOp::create(b, loc, (name + "_parallel").str(),
                                         b.getFunctionType(types, {}));
    parallel.setPrivate();
    parallel->setAttr(
        "transformer.body",
        FlatSymbolRefAttr::get(b.getContext(), (name + "_body").str()));
    b.setInsertionPoint(loop);
    SmallVector<Value> operands{func.getArgument(0)};
    operands.append(captures.begin(), captures.end());
    operands.push_back(count);
    func::CallOp::create(b, loc, parallel, operands);
  }

  scf::ForallOp loop;
  func::FuncOp func;
  StringRef name;
  OpBuilder b;
  DenseMap<Operation *, int64_t> offsets;
  DenseMap<Operation *, SmallVector<int64_t>> shapes;
};

struct OutlineParallelPass
    : public transformer::impl::TransformerOutlineParallelBase<
          OutlineParallelPass> {
  using TransformerOutlineParallelBase::TransformerOutlineParallelBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    passCall(module);
    SmallVector<scf::ForallOp> loops;
    module.walk<WalkOrder::PreOrder>([&](scf::ForallOp loop) {
      loops.push_back(loop);
      return WalkResult::skip();
    });
    int64_t perThread = 0;
    llvm::StringMap<int> numbers;
    for (scf::ForallOp loop : loops) {
      std::string name =
          loop->getParentOfType<func::FuncOp>().getSymName().str();
      if (int number = numbers[name]++)
        name += "_" + std::to_string(number);
      FailureOr<int64_t> bytes = Outliner(loop, name).run();
      if (failed(bytes))
        return signalPassFailure();
      perThread = std::max(perThread, *bytes);
      ++numOutlined;
    }
    emitCallProbes(module);
    module->setAttr(
        "transformer.thread_workspace",
        IntegerAttr::get(IntegerType::get(&getContext(), 64), perThread));
  }

private:
  /// What is left stands outside of loops, where the call knows its recorder.
  void emitCallProbes(ModuleOp module) {
    SmallVector<Operation *> ops;
    module.walk([&](Operation *op) {
      if (isa<kernel::ProbeOp, kernel::EnterOp>(op))
        ops.push_back(op);
    });
    for (Operation *op : ops) {
      OpBuilder b(op);
      Value call = op->getParentOfType<func::FuncOp>().getArgument(0);
      emitProbe(b, op, callRecorder(b, op->getLoc(), call));
      op->erase();
    }
  }

  /// Every function gets the runtime's call record as its first argument.
  void passCall(ModuleOp module) {
    Type pointer = LLVM::LLVMPointerType::get(&getContext());
    SmallVector<func::FuncOp> funcs;
    for (auto func : module.getOps<func::FuncOp>())
      if (!func.isExternal() && (func.getSymName() == "forward" ||
                                 func->hasAttr("transformer.chain") ||
                                 func->hasAttr("transformer.region")))
        funcs.push_back(func);
    DenseSet<StringRef> names;
    for (func::FuncOp func : funcs) {
      (void)func.insertArgument(0, pointer, {}, func.getLoc());
      names.insert(func.getSymName());
    }
    for (func::FuncOp func : funcs)
      func.walk([&](func::CallOp call) {
        if (names.contains(call.getCallee()))
          call->insertOperands(0, ValueRange{func.getArgument(0)});
      });
    for (func::FuncOp func : funcs)
      func.walk([&](kernel::ThreadsOp op) {
        OpBuilder b(op);
        Location loc = op.getLoc();
        Value field = LLVM::GEPOp::create(
            b, loc, pointer, b.getI8Type(), func.getArgument(0),
            ArrayRef<LLVM::GEPArg>{int32_t(offsetof(tm_call, threads))});
        Value threads = LLVM::LoadOp::create(b, loc, b.getI64Type(), field);
        op.replaceAllUsesWith(
            arith::IndexCastOp::create(b, loc, b.getIndexType(), threads)
                .getResult());
        op.erase();
      });
  }
};

} // namespace

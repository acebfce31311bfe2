//===- FormChains.cpp - token-wise ops into chain functions ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Splits a model function into chains: maximal groups of ops whose row t needs
// row t of its operands only. Each distinct chain becomes a private function
// (activations, weights, destinations) -> results; equal layers share one.
//
// Ops are grouped by three keys, which makes the groups acyclic:
// - rows: what a row stands for (a token, a sequence...);
// - level: the number of ops between tokens that lie below;
// - the set of outputs that need the op, so that a call that does not want an
//   output does not compute what only that output needs.
//===----------------------------------------------------------------------===//
#include "Origins.h"
#include "transformer/CodeGen/Passes.h"
#include "transformer/IR/TransformerDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

#include <map>

namespace mlir::transformer {
#define GEN_PASS_DEF_TRANSFORMERFORMCHAINS
#include "transformer/CodeGen/Passes.h.inc"
} // namespace mlir::transformer

using namespace mlir;
using namespace mlir::transformer;

namespace {

bool isRows(Value v) {
  auto type = dyn_cast<RankedTensorType>(v.getType());
  return type && type.getRank() >= 1 && type.isDynamicDim(0);
}

bool isTokenWise(Operation *op) {
  if (isa<LinearOp, LayerNormOp, RmsNormOp, L2NormalizeOp, GeluOp, GeluTanhOp,
          ReluOp, SiluOp, TanhOp, QuantizeOp, DequantizeOp, EmbeddingOp,
          SelectOp>(op)) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    return type.getRank() == 2 && type.isDynamicDim(0);
  }
  if (!op->hasTrait<OpTrait::Elementwise>() || op->getNumResults() != 1)
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  return type && type.getRank() == 2 && type.isDynamicDim(0);
}

/// Weights and scalars are rematerialized or passed, never grouped.
bool isLeaf(Operation *op) {
  return isa<ml_program::GlobalLoadConstOp>(op) ||
         op->hasTrait<OpTrait::ConstantLike>();
}

/// A constant that chains clone; constant tensors are weights, and passed.
bool isScalarConstant(Operation *op) {
  return op->hasTrait<OpTrait::ConstantLike>() && op->getNumResults() == 1 &&
         op->getResult(0).getType().isIntOrIndexOrFloat();
}

/// What a row of each value stands for, as a small number; equal numbers mean
/// equal row counts.
class RowClasses {
public:
  explicit RowClasses(Block &block) {
    for (BlockArgument arg : block.getArguments())
      if (isRows(arg))
        classes[arg] = intern(rowName(arg));
    for (Operation &op : block) {
      int64_t row = classOf(&op);
      for (Value v : op.getResults())
        if (isRows(v))
          classes[v] = row;
    }
  }
  int64_t lookup(Value v) const { return classes.lookup(v); }

private:
  static std::string rowName(BlockArgument arg) {
    auto func = cast<func::FuncOp>(arg.getOwner()->getParentOp());
    auto name = func.getArgAttrOfType<StringAttr>(arg.getArgNumber(),
                                                  "transformer.input");
    if (name && name.getValue() == "offsets")
      return "offsets";
    if (name && name.getValue() == "pixel_values")
      return "sequences";
    return name ? "tokens" : "argument " + std::to_string(arg.getArgNumber());
  }
  int64_t intern(StringRef name) {
    return names.try_emplace(name.str(), names.size() + 1).first->second;
  }
  int64_t classOf(Operation *op) {
    if (isa<PoolOp>(op))
      return intern("sequences");
    if (isa<UnpoolOp, PositionsOp, PrependOp>(op))
      return intern("tokens");
    if (auto patches = dyn_cast<PatchesOp>(op))
      return intern("patches");
    if (auto attention = dyn_cast<AttentionOp>(op))
      return classes.lookup(attention.getQuery());
    if (isTokenWise(op) || isa<FftMixOp, TokenMixOp, RopeOp>(op))
      for (Value v : op->getOperands())
        if (int64_t found = isRows(v) ? classes.lookup(v) : 0)
          return found;
    return intern("op " + std::to_string(classes.size()));
  }

  std::map<std::string, int64_t> names;
  DenseMap<Value, int64_t> classes;
};

struct Key {
  int64_t level, row;
  uint64_t wanted;
  int64_t number; // of the op, where each is a chain of its own
  bool operator<(const Key &o) const {
    return std::tie(level, row, wanted, number) <
           std::tie(o.level, o.row, o.wanted, o.number);
  }
};

/// The outputs (bits) that need each op, by backward reachability.
DenseMap<Operation *, uint64_t> wantedMasks(Block &block) {
  DenseMap<Operation *, uint64_t> masks;
  for (OpOperand &result : block.getTerminator()->getOpOperands())
    if (Operation *def = result.get().getDefiningOp())
      masks[def] |= uint64_t(1) << std::min(63u, result.getOperandNumber());
  for (Operation &op : llvm::reverse(block)) {
    // What an observer gets is wanted whichever outputs are.
    if (isa<func::CallOp>(op))
      masks[&op] = ~uint64_t(0);
    for (Value v : op.getOperands())
      if (Operation *def = v.getDefiningOp())
        masks[def] |= masks.lookup(&op);
  }
  return masks;
}

using Group = SmallVector<Operation *>;

std::map<Key, Group>
groupOps(Block &block, DenseMap<Operation *, uint64_t> &masks, bool fuse) {
  RowClasses rows(block);
  int64_t number = 0;
  DenseMap<Operation *, int64_t> levels;
  std::map<Key, Group> groups;
  for (Operation &op : block.without_terminator()) {
    if (isLeaf(&op))
      continue;
    int64_t level = 0;
    bool tokenWise = isTokenWise(&op);
    for (Value v : op.getOperands())
      if (Operation *def = v.getDefiningOp())
        level = std::max(level, levels.lookup(def));
    // What depends on inputs only (positions) lies below all chains.
    if (tokenWise)
      level = std::max<int64_t>(level, 1);
    else if (level > 0 && !isa<tensor::DimOp>(op))
      ++level;
    levels[&op] = level;
    if (tokenWise)
      groups[{level, rows.lookup(op.getResult(0)), masks.lookup(&op),
              fuse ? 0 : ++number}]
          .push_back(&op);
  }
  return groups;
}

/// Outlines one group as a function, and puts a call behind its last op.
class Outliner {
public:
  Outliner(func::FuncOp model, const Group &group, uint64_t wanted)
      : model(model), group(group), wanted(wanted) {
    members.insert(group.begin(), group.end());
  }

  func::CallOp run(int64_t number) {
    collect();
    func::FuncOp func = build(number);
    return call(func);
  }

private:
  void collect() {
    for (Operation *op : group) {
      for (Value v : op->getOperands()) {
        Operation *def = v.getDefiningOp();
        if (def && members.contains(def))
          continue;
        if (def && isScalarConstant(def)) {
          cloned.insert(def);
          continue;
        }
        // Weights are unpacked where they are multiplied.
        if (def && isa<UnpackI4Op>(def)) {
          cloned.insert(def);
          inputs.insert_range(def->getOperands());
          continue;
        }
        inputs.insert(v);
      }
      for (Value v : op->getResults())
        if (llvm::any_of(v.getUsers(), [&](Operation *user) {
              return !members.contains(user);
            }))
          outputs.push_back(v);
    }
    // Activations first, then weights: the order of the arguments.
    llvm::stable_sort(sorted = llvm::to_vector(inputs),
                      [](Value a, Value b) { return isRows(a) > isRows(b); });
  }

  func::FuncOp build(int64_t number) {
    auto module = model->getParentOfType<ModuleOp>();
    OpBuilder b(module.getContext());
    b.setInsertionPoint(model);
    SmallVector<Type> argTypes, resultTypes;
    for (Value v : sorted)
      argTypes.push_back(v.getType());
    for (Value v : outputs) {
      argTypes.push_back(v.getType());
      resultTypes.push_back(v.getType());
    }
    auto func = func::FuncOp::create(b, group.back()->getLoc(),
                                     "chain_" + std::to_string(number),
                                     b.getFunctionType(argTypes, resultTypes));
    func.setPrivate();
    func->setAttr("transformer.chain", b.getUnitAttr());
    Block *body = func.addEntryBlock();
    IRMapping map;
    for (auto [v, arg] : llvm::zip(sorted, body->getArguments()))
      map.map(v, arg);
    b.setInsertionPointToStart(body);
    for (Operation *op : cloned)
      b.clone(*op, map);
    for (auto [i, op] : llvm::enumerate(group))
      b.clone(*op, map)->setLoc(numberedLoc(op->getLoc(), i));
    SmallVector<Value> results;
    for (Value v : outputs)
      results.push_back(map.lookup(v));
    func::ReturnOp::create(b, group.back()->getLoc(), results);
    for (unsigned i = 0; i < argTypes.size(); ++i)
      func.setArgAttr(i, "bufferization.writable",
                      b.getBoolAttr(i >= sorted.size()));
    return func;
  }

  func::CallOp call(func::FuncOp func) {
    OpBuilder b(group.back());
    b.setInsertionPointAfter(group.back());
    Location loc = group.back()->getLoc();
    // The row count comes from an operand that has it.
    Value rowSource;
    for (Value v : sorted)
      if (isRows(v) && !rowSource)
        rowSource = v;
    SmallVector<Value> operands(sorted);
    Value rows = tensor::DimOp::create(b, loc, rowSource, 0);
    for (Value v : outputs) {
      auto type = cast<RankedTensorType>(v.getType());
      operands.push_back(tensor::EmptyOp::create(
          b, loc, type.getShape(), type.getElementType(), ValueRange{rows}));
    }
    auto call = func::CallOp::create(b, originsLoc(group), func, operands);
    call->setAttr("transformer.wanted", b.getI64IntegerAttr(wanted));
    for (auto [old, result] : llvm::zip(outputs, call.getResults()))
      old.replaceUsesWithIf(result, [&](OpOperand &use) {
        return !members.contains(use.getOwner());
      });
    return call;
  }

  func::FuncOp model;
  const Group &group;
  uint64_t wanted;
  DenseSet<Operation *> members;
  llvm::SetVector<Operation *> cloned;
  llvm::SetVector<Value> inputs;
  SmallVector<Value> sorted, outputs;
};

/// Puts ops behind their operands again, keeping the order where it is free.
void sortTopologically(Block &block) {
  DenseSet<Operation *> placed;
  SmallVector<Operation *> pending;
  for (Operation &op : block.without_terminator())
    pending.push_back(&op);
  Operation *terminator = block.getTerminator();
  while (!pending.empty()) {
    SmallVector<Operation *> left;
    for (Operation *op : pending) {
      bool ready = llvm::all_of(op->getOperands(), [&](Value v) {
        Operation *def = v.getDefiningOp();
        return !def || def->getBlock() != &block || placed.contains(def);
      });
      if (!ready) {
        left.push_back(op);
        continue;
      }
      op->moveBefore(terminator);
      placed.insert(op);
    }
    pending = std::move(left);
  }
}

/// True if both functions do the same to their arguments.
bool isSameChain(func::FuncOp a, func::FuncOp b) {
  return a.getFunctionType() == b.getFunctionType() &&
         OperationEquivalence::isRegionEquivalentTo(
             &a.getBody(), &b.getBody(), OperationEquivalence::IgnoreLocations);
}

/// Activations that linears have in them as ops behind them.
void splitActivations(Block &block) {
  for (auto linear : llvm::make_early_inc_range(block.getOps<LinearOp>())) {
    Activation kind = linear.getActivation();
    if (kind == Activation::none)
      continue;
    OpBuilder b(linear->getBlock(), std::next(linear->getIterator()));
    OperationState state(linear.getLoc(),
                         ("transformer." + stringifyActivation(kind)).str(),
                         {linear.getResult()}, {linear.getType()});
    Operation *activation = b.create(state);
    linear.setActivation(Activation::none);
    linear.getResult().replaceAllUsesExcept(activation->getResult(0),
                                            activation);
  }
}

struct FormChainsPass
    : public transformer::impl::TransformerFormChainsBase<FormChainsPass> {
  using TransformerFormChainsBase::TransformerFormChainsBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto model = module.lookupSymbol<func::FuncOp>("forward");
    if (!model || model.isExternal()) {
      module.emitError("has no function @forward with a body, which is what a "
                       "model is compiled from");
      return signalPassFailure();
    }
    Block &block = model.getBody().front();
    if (!epilogues)
      splitActivations(block);
    auto masks = wantedMasks(block);
    for (Operation &op : block.without_terminator())
      if (!isLeaf(&op) && op.getNumResults() && isRows(op.getResult(0)))
        op.setAttr("transformer.wanted",
                   IntegerAttr::get(IntegerType::get(&getContext(), 64),
                                    masks.lookup(&op)));
    SmallVector<func::FuncOp> chains;
    for (auto &[key, group] : groupOps(block, masks, fuse)) {
      for (Operation *op : group)
        op->removeAttr("transformer.wanted");
      func::CallOp call = Outliner(model, group, key.wanted).run(chains.size());
      for (Operation *op : llvm::reverse(group))
        op->erase();
      auto func = module.lookupSymbol<func::FuncOp>(call.getCallee());
      ++numCalls;
      if (auto *same = llvm::find_if(
              chains, [&](func::FuncOp c) { return isSameChain(c, func); });
          same != chains.end()) {
        call.setCallee(same->getSymName());
        func.erase();
        continue;
      }
      chains.push_back(func);
      ++numChains;
    }
    for (auto op : llvm::make_early_inc_range(block.getOps<UnpackI4Op>()))
      if (op.use_empty())
        op.erase();
    sortTopologically(block);
  }
};

} // namespace

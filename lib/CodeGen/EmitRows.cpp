//===- EmitRows.cpp - row-wise linalg.generic to registers ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Reductions of a row keep several registers of partial results, whose number
// and order follow from the number of columns and lanes only.
//===----------------------------------------------------------------------===//
#include "Emitter.h"

using namespace mlir;
using namespace mlir::transformer;

/// Partial results of a row reduction: enough to hide the latency of an add.
static constexpr int64_t kPartials = 4;

int64_t transformer::columnCount(linalg::GenericOp op) {
  if (op.getNumLoops() != 2)
    return ShapedType::kDynamic;
  return op.getStaticLoopRanges()[1];
}

static Value rowCount(Emitter &e, linalg::GenericOp op) {
  for (OpOperand &operand : op->getOpOperands())
    for (auto [i, expr] :
         llvm::enumerate(op.getMatchingIndexingMap(&operand).getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(expr))
        if (dim.getPosition() == 0)
          return memref::DimOp::create(e, operand.get(), i);
  return e.index(op.getStaticLoopRanges()[0]);
}

namespace {

/// One generic, at one row (or, for column reductions, at one column).
class GenericEmitter {
public:
  GenericEmitter(Emitter &e, linalg::GenericOp op)
      : e(e), op(op), body(op.getRegion().front()),
        maps(op.getIndexingMapsArray()), inputs(op.getNumDpsInputs()),
        columns(columnCount(op)) {}

  void emitRow(Value row) {
    if (op.getNumLoops() == 1)
      return emitScalars(row);
    readRow(row);
    if (op.getNumReductionLoops() == 1)
      return emitReduction(row);
    forEachRegister(1, [&](Place place, int64_t) {
      place.row = row;
      storeResults(cloneBody(e, body, loadOperands(place), place, known),
                   place);
    });
  }

  void emitColumnReduction(Value rows) {
    forEachRegister(1, [&](Place place, int64_t) {
      SmallVector<Value> start;
      place.row = e.index(0);
      for (auto [i, init] : llvm::enumerate(op.getDpsInits()))
        start.push_back(loadAt(e, init, maps[inputs + i], place));
      SmallVector<Value> sums = e.loop(
          e.index(0), rows, 1, start, [&](Value row, ValueRange carried) {
            place.row = row;
            return cloneBody(e, body, loadInputs(place, carried), place);
          });
      place.row = e.index(0);
      storeResults(sums, place);
    });
  }

private:
  /// What is the same for all registers of a row. LLVM would not take it out of
  /// the loop over them: for all that it knows, stores there change the
  /// operands.
  void readRow(Value row) {
    for (int64_t i = 0; i < inputs; ++i)
      if (!maps[i].isFunctionOfDim(1))
        known.map(body.getArgument(i),
                  loadAt(e, op->getOperand(i), maps[i], {row, {}, {}}));
    cloneRowPart(e, body, row, known);
  }

  /// Calls `emit` for all registers of a row: in a loop over `unroll` of them,
  /// then for the rest. Its second argument counts within the unrolled body.
  void forEachRegister(int64_t unroll,
                       function_ref<void(Place, int64_t)> emit) {
    int64_t lanes = e.target.lanes, step = lanes * unroll;
    int64_t full = columns / step * step;
    if (full)
      e.loop(e.index(0), e.index(full), step, [&](Value column) {
        for (int64_t u = 0; u < unroll; ++u)
          emit(Place{{}, e.add(column, u * lanes), {}}, u);
      });
    for (int64_t u = 0, at = full; at < columns; at += lanes, ++u)
      emit(Place{{}, e.index(at), e.firstLanes(columns - at)}, u);
  }

  SmallVector<Value> loadInputs(const Place &place, ValueRange inits) {
    SmallVector<Value> values;
    for (int64_t i = 0; i < inputs; ++i)
      values.push_back(known.contains(body.getArgument(i))
                           ? Value()
                           : loadAt(e, op->getOperand(i), maps[i], place));
    llvm::append_range(values, inits);
    return values;
  }

  SmallVector<Value> loadOperands(const Place &place) {
    SmallVector<Value> inits;
    for (auto [i, init] : llvm::enumerate(op.getDpsInits())) {
      // An init that the body ignores may hold anything, but a value is due.
      bool used = !body.getArgument(inputs + i).use_empty();
      inits.push_back(used ? loadAt(e, init, maps[inputs + i], place)
                           : Value());
    }
    return loadInputs(place, inits);
  }

  void storeResults(ArrayRef<Value> results, const Place &place) {
    for (auto [i, init] : llvm::enumerate(op.getDpsInits()))
      storeAt(e, results[i], init, maps[inputs + i], place);
  }

  void emitScalars(Value row) {
    Place place{row, {}, {}};
    storeResults(cloneBody(e, body, loadOperands(place), place), place);
  }

  Value combine(int64_t result, Value a, Value b) {
    Operation *combiner =
        body.getTerminator()->getOperand(result).getDefiningOp();
    OperationState state(e.getLoc(), combiner->getName(), {a, b},
                         {a.getType()});
    state.propertiesAttr = combiner->getPropertiesAsAttribute();
    return e.OpBuilder::create(state)->getResult(0);
  }

  void emitReduction(Value row) {
    int64_t results = op.getNumDpsInits(), lanes = e.target.lanes;
    // partials[u * results + i]
    SmallVector<Value> partials;
    for (int64_t u = 0; u < kPartials; ++u)
      for (int64_t i = 0; i < results; ++i)
        partials.push_back(e.splat(*arith::getNeutralElement(
            body.getTerminator()->getOperand(i).getDefiningOp())));

    auto accumulate = [&](MutableArrayRef<Value> acc, Place place) {
      place.row = row;
      SmallVector<Value> next =
          cloneBody(e, body, loadInputs(place, ValueRange(acc)), place, known);
      for (int64_t i = 0; i < results; ++i)
        acc[i] = place.mask
                     ? arith::SelectOp::create(e, place.mask, next[i], acc[i])
                           .getResult()
                     : next[i];
    };
    auto partial = [&](int64_t u) {
      return MutableArrayRef<Value>(partials).slice(u * results, results);
    };
    int64_t step = lanes * kPartials, full = columns / step * step;
    if (full)
      partials =
          e.loop(e.index(0), e.index(full), step, partials,
                 [&](Value column, ValueRange carried) {
                   partials.assign(carried.begin(), carried.end());
                   for (int64_t u = 0; u < kPartials; ++u)
                     accumulate(partial(u), {{}, e.add(column, u * lanes), {}});
                   return partials;
                 });
    for (int64_t u = 0, at = full; at < columns; at += lanes, ++u)
      accumulate(partial(u), {{}, e.index(at), e.firstLanes(columns - at)});

    Place place{row, {}, {}};
    SmallVector<Value> totals;
    for (int64_t i = 0; i < results; ++i) {
      auto pair = [&](Value a, Value b) { return combine(i, a, b); };
      Value low = pair(partials[i], partials[results + i]);
      Value high = pair(partials[2 * results + i], partials[3 * results + i]);
      Value total = e.reduceLanes(pair(low, high), pair);
      totals.push_back(
          pair(loadAt(e, op.getDpsInits()[i], maps[inputs + i], place), total));
    }
    storeResults(totals, place);
  }

  Emitter &e;
  linalg::GenericOp op;
  Block &body;
  SmallVector<AffineMap> maps;
  IRMapping known;
  int64_t inputs, columns;
};

} // namespace

void transformer::emitRows(ArrayRef<linalg::GenericOp> group,
                           const Target &target) {
  // All operands are there where the last op of the group stands.
  Emitter e(group.back(), target);
  Value rows = rowCount(e, group.front());
  e.loop(e.index(0), rows, 1, [&](Value row) {
    for (linalg::GenericOp op : group) {
      e.setLoc(op.getLoc());
      GenericEmitter(e, op).emitRow(row);
    }
  });
  for (linalg::GenericOp op : group)
    op.erase();
}

void transformer::emitColumns(linalg::GenericOp op, const Target &target) {
  Emitter e(op, target);
  Value rows = rowCount(e, op);
  GenericEmitter(e, op).emitColumnReduction(rows);
  op.erase();
}

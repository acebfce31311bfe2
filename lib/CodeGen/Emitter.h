//===- Emitter.h - what the register-tile emitters share ------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_CODEGEN_EMITTER_H
#define TRANSFORMER_LIB_CODEGEN_EMITTER_H

#include "Missed.h"
#include "transformer/CodeGen/KernelDialect.h"
#include "transformer/CodeGen/Target.h"
#include "transformer/IR/Cost.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer {

/// A builder with the words that emitters speak: index arithmetic, loops with
/// carried values, and vectors of the target's register width.
class Emitter : public ImplicitLocOpBuilder {
public:
  Emitter(Operation *at, const Target &target)
      : ImplicitLocOpBuilder(at->getLoc(), at), target(target) {}

  const Target &target;

  VectorType vectorOf(Type element) const {
    return VectorType::get({target.lanes}, element);
  }

  Value index(int64_t value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b);
  Value sub(Value a, Value b);
  Value mul(Value a, int64_t b);
  Value div(Value a, int64_t b);
  Value min(Value a, Value b);
  Value max(Value a, Value b);

  /// A constant vector of the register width, or a constant for a scalar type.
  Value splat(TypedAttr value);
  Value splat(float value) { return splat(getF32FloatAttr(value)); }
  Value broadcast(Value scalar);
  /// a * b + acc, fused where the target can: never left to a fast-math flag.
  Value multiplyAdd(Value a, Value b, Value acc);
  Value intrinsic(StringRef name, Type result, ValueRange operands);
  /// acc and, in each 32-bit lane, the dot product of two registers' values
  /// there: pairs of bf16 (vdpbf16ps), pairs of i16 (pmaddwd), four bytes, of
  /// which those of `a` have no sign (vpdpbusd). For targets that have it.
  Value dotBf16(Value acc, Value a, Value b);
  Value dotI16(Value acc, Value a, Value b);
  Value dotBytes(Value acc, Value a, Value b);

  /// The first `count` lanes; null if these are all.
  Value firstLanes(int64_t count);
  /// A buffer of whole cache lines; `sizes` of its dynamic dimensions.
  Value allocate(ArrayRef<int64_t> shape, Type element, ValueRange sizes = {});
  /// Loads and stores of a register; `mask` may be null.
  Value load(Value buffer, ValueRange indices, Value mask = {});
  void store(Value value, Value buffer, ValueRange indices, Value mask = {});

  using LoopBody =
      function_ref<SmallVector<Value>(Value index, ValueRange carried)>;
  SmallVector<Value> loop(Value lower, Value upper, int64_t step,
                          ValueRange carried, LoopBody body);
  void loop(Value lower, Value upper, int64_t step,
            function_ref<void(Value index)> body);
  /// Runs `body(rows)` for the number of rows that `rest` holds, which is at
  /// least `first` and less than `limit`; nothing for zero.
  void switchRows(Value rest, int64_t limit, function_ref<void(int64_t)> body,
                  int64_t first = 1);

  /// Folds a register to a scalar by halves, in an order that only the lane
  /// count determines.
  Value reduceLanes(Value vector, function_ref<Value(Value, Value)> combine);
};

/// Where one register of values of a row-wise computation lies. `column` is
/// null for a scalar (one value per row); `mask` selects the lanes in bounds.
struct Place {
  Value row, column, mask;
};

/// Reads the element(s) of `buffer` that `map`, a map from (row, column),
/// addresses at `place`: a register if that depends on the column.
Value loadAt(Emitter &e, Value buffer, AffineMap map, const Place &place);
void storeAt(Emitter &e, Value value, Value buffer, AffineMap map,
             const Place &place);

/// Clones the ops of `body` that depend on nothing but the row and on what
/// `known` has of its arguments; adds their results to `known`.
void cloneRowPart(Emitter &e, Block &body, Value row, IRMapping &known);

/// Clones the ops of `body` with `values` for its arguments: on registers where
/// a value depends on the column, as scalars otherwise. Arguments without a
/// value and ops that are in `known` are not cloned again. Returns the
/// terminator's operands, as registers if `place` has a column.
SmallVector<Value> cloneBody(Emitter &e, Block &body, ArrayRef<Value> values,
                             const Place &place, const IRMapping &known = {});

/// Whether cloneBody can do it, if the arguments in `byColumn` depend on the
/// column; otherwise `why` says what stands against it.
bool canCloneBody(Block &body, ArrayRef<bool> byColumn, std::string &why);
/// Whether `map` is one that loadAt takes for a buffer of this type.
bool isRowMap(AffineMap map, Type buffer);

constexpr StringLiteral kEmitKernels = "transformer-emit-kernels";

/// Keeps for the report what registers `op`, which is going to be emitted,
/// works on at once, and by which instruction: as `transformer.tiles` of its
/// function, beside the numbers (Origins.h) of what it computes.
void noteTile(Operation *op, const Target &target, int64_t rows,
              int64_t columns, Arithmetic arithmetic);

LogicalResult emitContract(kernel::ContractOp op, const Target &target);
LogicalResult emitAttention(kernel::AttentionOp op, const Target &target);
/// Emits the generics of `block` that emitRows and emitColumns can do, those
/// on the same rows together; says in a remark why another is left to loops.
int64_t emitGenerics(Block &block, const Target &target);
/// Emits row-wise generics as one loop over their rows.
void emitRows(ArrayRef<linalg::GenericOp> group, const Target &target);
/// Emits a reduction over the rows of each column.
void emitColumns(linalg::GenericOp op, const Target &target);
/// The number of columns of a 2-D generic, or dynamic.
int64_t columnCount(linalg::GenericOp op);

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_EMITTER_H

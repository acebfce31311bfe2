//===- DeviceBuilder.h - what the device emitters share -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_GPU_DEVICEBUILDER_H
#define TRANSFORMER_LIB_GPU_DEVICEBUILDER_H

#include "transformer/GPU/KernelSpec.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace mlir::transformer::gpu {

/// A builder with the words of a lane: 32-bit index arithmetic, loads and
/// stores of short vectors, and the instructions that lanes do together.
class DeviceBuilder : public ImplicitLocOpBuilder {
public:
  /// Builds at the start of the body of `kernel`, which has none yet.
  explicit DeviceBuilder(LLVM::LLVMFuncOp kernel);

  using Values = SmallVector<Value>;
  using Body = llvm::function_ref<void()>;

  LLVM::LLVMFuncOp kernel;
  /// The next argument of the kernel, in the order of argumentTypes().
  Value nextArgument() { return kernel.getArgument(argument++); }

  Type f32() { return getF32Type(); }
  Value i32(int64_t value);
  Value f32(double value);
  Value add(Value a, Value b);
  Value add(Value a, int64_t b) { return b == 0 ? a : add(a, i32(b)); }
  Value sub(Value a, Value b);
  Value mul(Value a, Value b);
  Value mul(Value a, int64_t b);
  /// Of non-negative numbers.
  Value div(Value a, int64_t b);
  Value rem(Value a, int64_t b);
  Value exclusiveOr(Value a, Value b);
  Value less(Value a, Value b); // signed
  Value less(Value a, int64_t b) { return less(a, i32(b)); }
  Value equal(Value a, int64_t b);
  Value both(Value a, Value b);
  Value select(Value condition, Value a, Value b);
  Value fadd(Value a, Value b);
  Value fsub(Value a, Value b);
  Value fmul(Value a, Value b);
  Value fdiv(Value a, Value b); // rounded correctly
  Value fma(Value a, Value b, Value c);
  /// The larger; `NaN`s win in maximum and lose in maxnum.
  Value maximum(Value a, Value b);
  Value clamp(Value x, float low, float high);
  Value maxnum(Value a, Value b);
  Value fabs(Value a);
  Value compare(arith::CmpFPredicate predicate, Value a, Value b);
  /// 2^x and 1/x as the special function unit has them (2^-22 or so).
  Value exp2(Value x);
  Value reciprocal(Value x);
  Value exp(Value x);
  /// Cosine and sine of 2 pi index / count, for 0 <= index < count < 2^28;
  /// `inverse` is 1 / count.
  std::pair<Value, Value> turn(Value index, Value count, Value inverse);
  /// The same of `count` times high + low turns, for |count| < 2^24.
  std::pair<Value, Value> turns(Value count, Value high, Value low);
  /// none, gelu, gelu_tanh, relu, silu or tanh, of an f32.
  Value activate(StringRef name, Value x);

  Value threadIndex() { return sreg("tid.x"); }
  Value blockX() { return sreg("ctaid.x"); }
  Value blockY() { return sreg("ctaid.y"); }
  Value gridX() { return sreg("nctaid.x"); }
  /// Until the kernels before this one are done, whose results it reads; those
  /// that follow may be started now, to wait in the same way.
  void waitForKernels();
  void barrier();
  /// A sum (or another way to combine two) over the `lanes` lanes around this
  /// one, the same value in each.
  Value allReduce(Value x, int64_t lanes,
                  llvm::function_ref<Value(Value, Value)> combine);

  /// A bit of each lane of the warp; and whether a bit of such is set.
  Value ballot(Value condition);
  Value isSet(Value bits, Value number);

  /// The number of 32 bits that the lane has whose number differs by this bit.
  Value exchange(Value x, int64_t bit);
  /// Row and column of a tile of a matrix, of so many rows and columns of them,
  /// by its number. Tiles that come soon after each other, and run together,
  /// share rows, and columns that the cache holds.
  std::pair<Value, Value> tileOf(Value index, Value rows, int64_t columns);

  /// base + index elements (or bytes); `index` is a 32-bit or 64-bit integer.
  Value offset(Value base, Value index, Type element);
  Value bytes(Value base, Value index) {
    return offset(base, index, getI8Type());
  }
  /// row * width as a 64-bit number: tensors may be larger than 2^31.
  Value rowStart(Value row, int64_t width);
  Value load(Value pointer, Type type);
  void store(Value value, Value pointer);
  /// `count` neighbours; a scalar load if count is 1. And the same as f32.
  Value loadVector(Value pointer, Type element, int64_t count);
  Values floats(Value vector, int64_t count);
  Values split(Value vector, int64_t count);
  /// Zero where `condition` does not hold; null: it does.
  Value loadIf(Value condition, Value pointer, Type type);
  Values loadFloats(Value pointer, Type element, int64_t count);
  /// The same, zeros where `condition` does not hold; null: it does.
  Values loadFloatsIf(Value condition, Value pointer, Type element,
                      int64_t count);
  /// Rounded to `element`, which may be i8 for integers of 32 bits.
  void storeValues(ArrayRef<Value> values, Value pointer, Type element);

  /// As f32.
  Value widened(Value value);
  /// The row of a mask for a query, of `query` in the sequence, whose first key
  /// is `firstKey`: pointer to what it says of that key.
  Value maskRow(const MaskForm &form, Value mask, Value sequence, Value head,
                int64_t heads, Value query, Value firstKey);
  /// Whether a number of a mask lets the key be seen.
  Value isSeen(Value number);

  void ifThen(Value condition, Body body);
  /// `values` where `condition` holds, and what `ifNot` makes where it does
  /// not.
  Values changedIf(Value condition, ArrayRef<Value> values,
                   llvm::function_ref<Values()> ifNot);
  /// for (i = from; i < to; i += step), with carried values.
  Values loop(Value from, Value to, Value step, ArrayRef<Value> carried,
              llvm::function_ref<Values(Value, ArrayRef<Value>)> body);

  /// The sequence s with offsets[s] <= token < offsets[s + 1], generalized:
  /// the last one with offsets[s] / per + s <= index when `per` is given.
  Value sequenceOf(Value index, Value offsets, Value sequences,
                   int64_t per = 0);
  /// The same of an index that all lanes of a warp have: they search together.
  Value sequenceOfBlock(Value index, Value offsets, Value sequences,
                        int64_t per);

  /// Shared memory, of which the launch says the size.
  Value shared(int64_t alignment = 128);
  /// 16 bytes from global to shared memory, of which `count` (0 or 16) are
  /// read and the others are zeros.
  void copyAsync(Value to, Value from, Value count);
  void commitCopies();
  void waitCopies(int64_t pending);
  /// Four 8x8 matrices of 16-bit numbers; each lane names a row.
  Values loadMatrices(Value pointer, bool transposed);
  /// c + a b on 16x8 results, each of 32 bytes of factors per row: four, two
  /// and four registers.
  Values multiplyMatrices(ArrayRef<Value> a, ArrayRef<Value> b,
                          ArrayRef<Value> c, Type element);

  /// A barrier in shared memory, 8 bytes, of which each phase ends after so
  /// many arrivals and all bytes that were announced. Then
  /// fenceAsynchronous() and barrier(), before anybody uses it.
  void initBarrier(Value barrier, int64_t arrivals);
  void arrive(Value barrier);
  void arriveExpecting(Value barrier, int64_t bytes);
  /// Until the phase of this parity, 0 or 1, is over: of a new barrier, that
  /// of parity 1 is.
  void waitPhase(Value barrier, Value parity);
  /// What this thread wrote to shared memory before is there for copies and
  /// products that start after.
  void fenceAsynchronous();
  /// The box of a map at (row, column) to shared memory; `barrier` gets its
  /// bytes, those that lie outside of the array included, which are zeros.
  void copyBox(Value to, Value map, Value column, Value row, Value barrier);

  /// What wgmma wants to know of rows of 128 bytes in shared memory that
  /// copyBox() has placed: eight of them are 1024 bytes, and begin at a
  /// multiple of that.
  Value describeRows(Value pointer);
  /// Of the same rows, as the columns of a matrix: 64 of them, and 64 more
  /// `panelBytes` further on.
  Value describeColumns(Value pointer, int64_t panelBytes);
  /// Descriptor of the same rows from a place further on.
  Value advance(Value descriptor, Value bytes);
  Value advance(Value descriptor, int64_t bytes);
  /// Products that follow see what was written to these registers before.
  Values fenceProducts(ArrayRef<Value> registers);
  void commitProducts();
  /// Until all but the newest `pending` groups are done.
  void waitProducts(int64_t pending);
  /// Until all are; sums may be read from what is returned, and not before.
  Values waitProducts(ArrayRef<Value> sums);
  /// sums + 64 rows times as many rows as there are twice as many sums, 32
  /// bytes of each.
  Values multiplyRows(Value left, Value right, ArrayRef<Value> sums,
                      Type element);
  /// The same of 16-bit numbers, with four registers of the left factor, as
  /// multiplyMatrices() has them, and describeColumns() of the right one.
  Values multiplyColumns(ArrayRef<Value> left, Value right,
                         ArrayRef<Value> sums, Type element);

  Value intrinsic(StringRef name, Type result, ValueRange operands);

private:
  Value sreg(StringRef name);
  unsigned argument = 0;
};

/// Where 16-byte chunk `chunk` of row `row` lies in a tile of rows of `chunks`
/// of them, in bytes: exchanged so that eight rows of a column are in
/// different banks.
Value swizzled(DeviceBuilder &b, Value row, Value chunk, int64_t chunks);

/// How the numbers of a row become i8, as transformer.quantize says; NaN and
/// infinity make the whole row NaN.
class RowRounding {
public:
  /// `largest`: of the row's sizes. `given`: a scale for all rows; null: each
  /// has its own.
  RowRounding(DeviceBuilder &b, Value largest, Value given);
  /// As an i32.
  Value round(Value x) const;

  Value scale;

private:
  DeviceBuilder &b;
  Value given, factor, isFinite, hasValues;
};

/// The emitters of the families. Each fills the body of a declaration.
void emitRowsKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitPositionsKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitPatchesKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitFoldKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitMixTileKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitMixSimpleKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitWidenKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitMirrorKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitStackKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitRopeKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitLinearTileKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitLinearPairKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitLinearWgmmaKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitLinearSimpleKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitAttentionTileKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitAttentionWgmmaKernel(DeviceBuilder &b, const KernelSpec &spec);
void emitAttentionSimpleKernel(DeviceBuilder &b, const KernelSpec &spec);

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_DEVICEBUILDER_H

//===- FourierMixEmitter.h - transforms along sequences -------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The real part of the transform, along each sequence, of rows that have been
// transformed: of frequencies s and h with C the cosines and S the sines of the
// length, sum C[s,t] a[t,h] + sum S[s,t] b[t,h], where a and b are real and
// imaginary part. Rows t and N - t are added or subtracted first, so that t
// ends at N/2, and so do the frequencies: the two sums P and Q are P + Q at
// (s, h) and at (N - s, width - h), P - Q at (N - s, h) and at (s, width - h).
// Cosines and sines are a table in shared memory, which the block makes for the
// length of its sequence.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_GPU_FOURIERMIXEMITTER_H
#define TRANSFORMER_LIB_GPU_FOURIERMIXEMITTER_H

#include "DeviceBuilder.h"
#include "transformer/GPU/Fourier.h"

namespace mlir::transformer::gpu {

/// What the kernel for tensor cores and the simple one share.
class MixEmitter {
public:
  using Values = DeviceBuilder::Values;

  MixEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : b(b), spec(spec), shape(spec.number("width")),
        element(spec.type("input")), tableSize(spec.number("table")) {}
  virtual ~MixEmitter() = default;
  void emit();

protected:
  /// All of a block, with the table or, for sequences too long for it, without.
  virtual void emitBlock(bool hasTable) = 0;
  /// A table's entry is `entryBytes` bytes at `tablePlace` of shared memory.
  virtual void storeEntry(Value cosine, Value sine, Value place) = 0;

  Value place(Value index) {
    return b.bytes(b.shared(), b.add(b.mul(index, entryBytes), tablePlace));
  }
  std::pair<Value, Value> turn(Value index) {
    return b.turn(index, length, inverse);
  }
  /// (index + step) modulo the length, both below it.
  Value step(Value index, Value step) {
    Value sum = b.add(index, step);
    return b.select(b.less(sum, length), sum, b.sub(sum, length));
  }
  Value modulo(Value index) { return arith::RemUIOp::create(b, index, length); }
  /// Of frequencies (row, column), if `isRow` and `isColumn`; `isLast`: the
  /// column is width / 2.
  void finish(Value p, Value q, Value row, Value isRow, Value column,
              Value isColumn, Value isLast);

  DeviceBuilder &b;
  const KernelSpec &spec;
  FourierShape shape;
  Type element;
  int64_t tableSize, entryBytes = 8, tablePlace = 0;
  Value cosines, sines, output, thread;
  Value start, length, inverse; // of the sequence
  Value depth;                  // length / 2 + 1
  Value firstRow;               // of the block's frequencies

private:
  void fillTable();
};

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_FOURIERMIXEMITTER_H

//===- FftLanes.h - complex arithmetic on vector lanes --------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every vector lane is a transform of its own. A buffer's element is a complex
// number per lane: `memref<? x 2 x lanes x f32>`, the real parts first.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_CODEGEN_FFTLANES_H
#define TRANSFORMER_LIB_CODEGEN_FFTLANES_H

#include "Emitter.h"

namespace mlir::transformer {

struct Complex {
  Value re, im;
};

class FftLanes : public Emitter {
public:
  /// `registers`: how many vectors of `target.lanes` the CPU holds.
  FftLanes(Operation *at, const Target &target, int64_t registers)
      : Emitter(at, target), registers(registers) {}

  /// The type of buffers, wherever they begin.
  MemRefType bufferType();
  /// Entry k of a table of length n is exp(-2 pi i k / n), as two floats.
  MemRefType tableType();
  /// Whether a radix of 8 fits the registers.
  bool hasManyRegisters() const { return registers > 16; }

  Value fadd(Value a, Value b) { return arith::AddFOp::create(*this, a, b); }
  Value fsub(Value a, Value b) { return arith::SubFOp::create(*this, a, b); }
  Value fmul(Value a, Value b) { return arith::MulFOp::create(*this, a, b); }
  Value fmul(Value a, double b) {
    return fmul(a, splat(static_cast<float>(b)));
  }
  Value mulIndex(Value a, Value b) {
    return arith::MulIOp::create(*this, a, b);
  }
  Complex plus(Complex a, Complex b) {
    return {fadd(a.re, b.re), fadd(a.im, b.im)};
  }
  Complex minus(Complex a, Complex b) {
    return {fsub(a.re, b.re), fsub(a.im, b.im)};
  }
  /// a - i b and a + i b.
  Complex minusTurned(Complex a, Complex b) {
    return {fadd(a.re, b.im), fsub(a.im, b.re)};
  }
  Complex plusTurned(Complex a, Complex b) {
    return {fsub(a.re, b.im), fadd(a.im, b.re)};
  }
  Complex times(Complex z, Complex w);

  Complex loadPoint(Value buffer, Value i);
  void storePoint(Complex z, Value buffer, Value i);
  /// Entry i of a table, in every lane.
  Complex twiddle(Value table, Value i);

  /// sum over j of w_r^(j k) a_j for k = 0..r-1, in place; r is 8 or less.
  void butterfly(MutableArrayRef<Complex> a);
  /// A square of as many registers as these have lanes.
  void transpose(MutableArrayRef<Value> rows);
  /// `count` lanes from the last to the first, then anything.
  Value reversed(Value v, int64_t count);

private:
  int64_t registers;
};

} // namespace mlir::transformer

#endif // TRANSFORMER_LIB_CODEGEN_FFTLANES_H

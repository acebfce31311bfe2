//===- EmitLinearSimple.cpp - products without tensor cores ---------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For f32 factors and for shapes that tensor cores don't take: square tiles of
// both factors go through shared memory, and every thread makes one result.
//===----------------------------------------------------------------------===//
#include "LinearEpilogue.h"
#include "Tiles.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

void mlir::transformer::gpu::emitLinearSimpleKernel(DeviceBuilder &b,
                                                    const KernelSpec &spec) {
  LinearEpilogue epilogue(b, spec);
  int64_t n = spec.number("n"), k = spec.number("k");
  constexpr int64_t size = kSimpleTile, stride = size + 1;
  bool isI8 = spec.type("input").isInteger(8);
  Type word = isI8 ? b.getI32Type() : b.f32();
  Value thread = b.threadIndex();
  Value x = b.rem(thread, size), y = b.div(thread, size);
  Value row = b.add(b.mul(b.blockX(), size), y);
  Value column = b.add(b.mul(b.blockY(), size), x);
  // Which row of the weight this thread loads.
  Value loaded = b.add(b.mul(b.blockY(), size), y);
  Value isRow = b.less(row, epilogue.rows);
  Value isLoaded = b.less(loaded, n), isColumn = b.less(column, n);
  auto place = [&](int64_t tile, Value i, Value j) {
    return b.offset(b.shared(),
                    b.add(b.add(b.mul(i, stride), j), tile * size * stride),
                    word);
  };
  auto read = [&](Value base, Value index, Value isThere, Value from,
                  Type type) -> Value {
    Value at = b.add(from, x);
    Value pointer =
        b.offset(b.offset(base, b.rowStart(index, k), type), at, type);
    Value condition = b.both(isThere, b.less(at, k));
    if (!isI8)
      return b.loadFloatsIf(condition, pointer, type, 1).front();
    auto ifOp = scf::IfOp::create(b, word, condition, /*withElse=*/true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&ifOp.getThenRegion().front());
    Value wide = arith::ExtSIOp::create(b, word, b.load(pointer, type));
    scf::YieldOp::create(b, wide);
    b.setInsertionPointToStart(&ifOp.getElseRegion().front());
    scf::YieldOp::create(b, b.i32(0));
    return ifOp.getResult(0);
  };
  Value zero = isI8 ? b.i32(0) : b.f32(0);
  Values sum = b.loop(
      b.i32(0), b.i32(k), b.i32(size), zero,
      [&](Value from, ArrayRef<Value> sums) -> Values {
        Value a = read(epilogue.input, row, isRow, from, spec.type("input"));
        Value w =
            read(epilogue.weight, loaded, isLoaded, from, spec.type("weight"));
        b.store(a, place(0, y, x));
        b.store(w, place(1, y, x));
        b.barrier();
        Value total = sums[0];
        for (int64_t i = 0; i < size; ++i) {
          Value l = b.load(place(0, y, b.i32(i)), word);
          Value r = b.load(place(1, x, b.i32(i)), word);
          total = isI8 ? b.add(total, b.mul(l, r)) : b.fma(l, r, total);
        }
        b.barrier();
        return {total};
      });
  b.ifThen(b.both(isRow, isColumn), [&] { epilogue.finish(sum, row, column); });
}

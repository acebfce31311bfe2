//===- RowsEmitter.h - bodies of row kernels -------------------*- C++ -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef TRANSFORMER_LIB_GPU_ROWSEMITTER_H
#define TRANSFORMER_LIB_GPU_ROWSEMITTER_H

#include "DeviceBuilder.h"
#include "Tiles.h"

namespace mlir::transformer::gpu {

class RowsEmitter {
public:
  RowsEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : b(b), spec(spec), width(spec.number("width")), tile(rowsTile(width)) {}
  void emit();

private:
  struct Source {
    RowSource what;
    Value data;
    Value indices; // of Pool and what else needs sequences, the offsets
    Value scales;  // of Lags and Prepend, the parameters
    Value mask;    // of Pool
  };
  using Values = DeviceBuilder::Values;
  using Combine = llvm::function_ref<Value(Value, Value)>;

  Value columnOf(int64_t chunk) {
    return b.add(b.mul(lane, tile.vector), chunk * tile.lanes() * tile.vector);
  }
  /// Whether the columns of this chunk exist; null: all do.
  Value insideOf(int64_t chunk) {
    if ((chunk + 1) * tile.lanes() * tile.vector <= width)
      return nullptr;
    return b.less(columnOf(chunk), width);
  }
  Values readRow(Value base, Value index, Type element);
  Values readColumns(Value start, Type element, int64_t step);
  Values read(const Source &source);
  Values pool(const Source &source);
  Values lags(const Source &source);
  Values prepend(const Source &source);
  Values select(const Source &source);
  Values slice(const Source &source);
  /// Where a sequence begins and ends, and that of this row.
  std::pair<Value, Value> bounds(const Source &source, Value sequence);
  std::pair<Value, Value> ownBounds(const Source &source) {
    return bounds(source, b.sequenceOf(row, source.indices, sequences));
  }
  Value reduce(const Values &x, Combine combine);
  Values masked(Values x);
  void normalize(Values &x);
  void write(const Values &x, Value base, Type element);
  Value givenScale();
  void quantize(Values x);

  DeviceBuilder &b;
  const KernelSpec &spec;
  int64_t width;
  RowsTile tile;
  Value row, lane, warp, sequences;
  Value weight, bias, multiplier, scale, output, rounded, scales;
  int64_t numReductions = 0;
};

} // namespace mlir::transformer::gpu

#endif // TRANSFORMER_LIB_GPU_ROWSEMITTER_H

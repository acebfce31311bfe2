//===- EmitAttentionTile.cpp - attention by mma.sync ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionEmitter.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

namespace {
class AttentionTileEmitter : public AttentionEmitter {
public:
  AttentionTileEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : AttentionEmitter(
            b, spec,
            attentionTile(spec.number("qk_dim"), spec.number("value_dim"))) {}

private:
  Value placeOf(Value row, Value chunk, int64_t rows, int64_t dim) override {
    return swizzled(b, row, chunk, dim / 8);
  }
  void beginQueries() override;
  Values scores(Value slot) override;
  Values addValues(Value slot, ArrayRef<Values> weights,
                   ArrayRef<Value> sums) override;

  SmallVector<Values> queries; // fragments
};
} // namespace

void AttentionTileEmitter::beginQueries() {
  b.waitCopies(0);
  b.barrier();
  Value row = b.add(b.mul(warp, 16), b.rem(lane, 16));
  for (int64_t k = 0; k < qkDim / 16; ++k)
    queries.push_back(b.loadMatrices(
        b.bytes(b.shared(),
                swizzled(b, row, b.add(b.div(lane, 16), 2 * k), qkDim / 8)),
        /*transposed=*/false));
}

Values AttentionTileEmitter::scores(Value slot) {
  Value base = b.bytes(b.shared(), keysAt(slot));
  Value row = b.add(b.rem(lane, 8), b.mul(b.div(lane, 16), 8));
  Value chunk = b.rem(b.div(lane, 8), 2);
  Values s(4 * keyTiles, b.f32(0));
  for (int64_t k = 0; k < qkDim / 16; ++k)
    for (int64_t j = 0; j < keyTiles; j += 2) {
      Values factors = b.loadMatrices(
          b.bytes(base, swizzled(b, b.add(row, 8 * j), b.add(chunk, 2 * k),
                                 qkDim / 8)),
          /*transposed=*/false);
      for (int64_t i = 0; i < 2; ++i) {
        auto at = s.begin() + 4 * (j + i);
        Values next =
            b.multiplyMatrices(queries[k], ArrayRef(factors).slice(2 * i, 2),
                               ArrayRef(at, 4), element);
        llvm::copy(next, at);
      }
    }
  return s;
}

Values AttentionTileEmitter::addValues(Value slot, ArrayRef<Values> weights,
                                       ArrayRef<Value> carried) {
  Values sums(carried);
  Value base = b.bytes(b.shared(), valuesAt(slot));
  Value row = b.rem(lane, 16), chunk = b.div(lane, 16);
  for (int64_t k = 0; k < tile.keys / 16; ++k)
    for (int64_t j = 0; j < valueTiles; j += 2) {
      Values factors =
          b.loadMatrices(b.bytes(base, swizzled(b, b.add(row, 16 * k),
                                                b.add(chunk, j), valueDim / 8)),
                         /*transposed=*/true);
      for (int64_t i = 0; i < 2; ++i) {
        auto at = sums.begin() + 4 * (j + i);
        Values next =
            b.multiplyMatrices(weights[k], ArrayRef(factors).slice(2 * i, 2),
                               ArrayRef(at, 4), element);
        llvm::copy(next, at);
      }
    }
  return sums;
}

void mlir::transformer::gpu::emitAttentionTileKernel(DeviceBuilder &b,
                                                     const KernelSpec &spec) {
  AttentionTileEmitter(b, spec).emit();
}

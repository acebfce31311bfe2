//===- EmitAttentionWgmma.cpp - attention by warpgroups, for sm_90a -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Rows of a head lie in panels of 64 numbers, 128 bytes of each row, in the
// exchange of chunks that products of warpgroups read. Each warpgroup has 64
// of the queries; all use the same keys and values, which the products read
// from shared memory themselves.
//===----------------------------------------------------------------------===//
#include "AttentionEmitter.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

namespace {
class AttentionWgmmaEmitter : public AttentionEmitter {
public:
  AttentionWgmmaEmitter(DeviceBuilder &b, const KernelSpec &spec)
      : AttentionEmitter(b, spec,
                         attentionWgmmaTile(spec.number("qk_dim"),
                                            spec.number("value_dim"))) {}

private:
  Value placeOf(Value row, Value chunk, int64_t rows, int64_t dim) override;
  void publish() override { b.fenceAsynchronous(); }
  void beginQueries() override;
  Values scores(Value slot) override;
  Values addValues(Value slot, ArrayRef<Values> weights,
                   ArrayRef<Value> sums) override;

  Value queries, shared; // descriptors
};
} // namespace

Value AttentionWgmmaEmitter::placeOf(Value row, Value chunk, int64_t rows,
                                     int64_t dim) {
  if (dim <= 64)
    return swizzled(b, row, chunk, 8);
  return b.add(swizzled(b, row, b.rem(chunk, 8), 8),
               b.mul(b.div(chunk, 8), 128 * rows));
}

void AttentionWgmmaEmitter::beginQueries() {
  shared = b.describeRows(b.shared(/*alignment=*/1024));
  queries = b.advance(shared, b.mul(b.div(thread, 128), 64 * 128));
}

Values AttentionWgmmaEmitter::scores(Value slot) {
  Value keys = b.advance(shared, keysAt(slot));
  Values sums = b.fenceProducts(Values(4 * keyTiles, b.f32(0)));
  for (int64_t k = 0; k < qkDim / 16; ++k) {
    int64_t panel = k / 4, in = k % 4 * 32;
    sums = b.multiplyRows(b.advance(queries, panel * 128 * tile.queries + in),
                          b.advance(keys, panel * 128 * tile.keys + in), sums,
                          element);
  }
  b.commitProducts();
  return b.waitProducts(sums);
}

Values AttentionWgmmaEmitter::addValues(Value slot, ArrayRef<Values> weights,
                                        ArrayRef<Value> carried) {
  Value values = b.advance(
      b.describeColumns(b.shared(/*alignment=*/1024), 128 * tile.keys),
      valuesAt(slot));
  // Weights are read from registers, which have to be there like the sums.
  Values all(carried);
  for (const Values &factors : weights)
    llvm::append_range(all, factors);
  all = b.fenceProducts(all);
  Values sums(ArrayRef(all).take_front(carried.size()));
  ArrayRef<Value> left = ArrayRef(all).drop_front(carried.size());
  for (size_t k = 0; k < weights.size(); ++k)
    sums = b.multiplyColumns(left.slice(4 * k, 4),
                             b.advance(values, 16 * 128 * k), sums, element);
  b.commitProducts();
  return b.waitProducts(sums);
}

void mlir::transformer::gpu::emitAttentionWgmmaKernel(DeviceBuilder &b,
                                                      const KernelSpec &spec) {
  AttentionWgmmaEmitter(b, spec).emit();
}

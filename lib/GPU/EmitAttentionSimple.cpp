//===- EmitAttentionSimple.cpp - attention without tensor cores -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A warp per query and head, whose lanes share the numbers of the head: any
// type, any head dim, one query per sequence, any mask.
//===----------------------------------------------------------------------===//
#include "DeviceBuilder.h"
#include "Tiles.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

void mlir::transformer::gpu::emitAttentionSimpleKernel(DeviceBuilder &b,
                                                       const KernelSpec &spec) {
  Value query = b.nextArgument(), key = b.nextArgument(),
        value = b.nextArgument(), offsets = b.nextArgument();
  Value keyOffsets = spec.has("key_offsets") ? b.nextArgument() : offsets;
  std::optional<MaskForm> form = spec.mask();
  Value mask = form ? b.nextArgument() : Value();
  Value output = b.nextArgument();
  Value tokens = b.nextArgument(), sequences = b.nextArgument();
  int64_t heads = spec.number("heads"), kvHeads = spec.number("kv_heads");
  int64_t qkDim = spec.number("qk_dim"), valueDim = spec.number("value_dim");
  Type i32 = b.getI32Type(), element = spec.type("input");
  Value thread = b.threadIndex(), lane = b.rem(thread, 32), head = b.blockY();
  Value kvHead = b.div(head, heads / kvHeads);
  Value token =
      b.add(b.mul(b.blockX(), kSimpleAttentionWarps), b.div(thread, 32));
  // The numbers of a row that this lane has; zeros beyond its end.
  auto readHead = [&](Value base, Value row, int64_t numHeads, Value which,
                      int64_t dim) {
    Values x;
    Value start = b.offset(base, b.rowStart(row, numHeads * dim), element);
    start = b.offset(start, b.mul(which, dim), element);
    for (int64_t i = 0; i < dim; i += 32) {
      Value at = b.add(lane, i);
      x.push_back(b.loadFloatsIf(i + 32 > dim ? b.less(at, dim) : Value(),
                                 b.offset(start, at, element), element, 1)
                      .front());
    }
    return x;
  };
  bool isSingle = spec.has("single");
  b.ifThen(b.less(token, isSingle ? sequences : tokens), [&] {
    Value sequence = isSingle ? token : b.sequenceOf(token, offsets, sequences);
    auto offsetAt = [&](Value base, int64_t more) {
      return b.load(b.offset(base, b.add(sequence, more), i32), i32);
    };
    Value from = offsetAt(keyOffsets, 0), to = offsetAt(keyOffsets, 1);
    if (spec.has("causal") && !isSingle) {
      // The last query sees all keys.
      Value behind = b.sub(b.sub(offsetAt(offsets, 1), token), b.i32(1));
      to = b.sub(to, behind);
    }
    Value maskRow;
    if (mask)
      maskRow = b.maskRow(
          *form, mask, sequence, head, heads,
          isSingle ? b.i32(0) : b.sub(token, offsetAt(offsets, 0)), from);
    Values q = readHead(query, token, heads, head, qkDim);
    int64_t parts = (valueDim + 31) / 32;
    Values start(parts, b.f32(0));
    start.push_back(b.f32(-INFINITY)); // the largest score
    start.push_back(b.f32(0));         // the sum of weights
    // Biases are added before all else: the least of them times a constant
    // would be infinite, and then there is no key left in a row of such.
    bool isAdded = form && form->isAdded();
    double units = llvm::numbers::log2e;
    Value scale = b.f32(spec.real("scale") * (isAdded ? 1 : units));
    auto power = [&](Value score) {
      return b.exp2(isAdded ? b.fmul(score, b.f32(units)) : score);
    };
    Values end =
        b.loop(from, to, b.i32(1), start, [&](Value at, ArrayRef<Value> old) {
          Values k = readHead(key, at, kvHeads, kvHead, qkDim);
          Value dot = b.fmul(q[0], k[0]);
          for (size_t i = 1; i < q.size(); ++i)
            dot = b.fma(q[i], k[i], dot);
          dot = b.allReduce(dot, 32,
                            [&](Value l, Value r) { return b.fadd(l, r); });
          Value score = b.fmul(dot, scale), most = old[parts];
          Value isSeen;
          if (mask) {
            Value place = b.offset(maskRow, b.sub(at, from), form->element);
            Value says = b.load(place, form->element);
            isSeen = b.isSeen(says);
            if (isAdded)
              score = b.fadd(score, b.widened(says));
            score = b.select(isSeen, score, b.f32(-INFINITY));
          }
          Value next = b.maxnum(most, score);
          // Before the first score there is nothing to scale.
          Value isNone =
              b.compare(arith::CmpFPredicate::OEQ, next, b.f32(-INFINITY));
          Value pivot = b.select(isNone, b.f32(0), next);
          Value keep = power(b.fsub(most, pivot));
          Value weight = power(b.fsub(score, pivot));
          Values sums = readHead(value, at, kvHeads, kvHead, valueDim);
          for (int64_t i = 0; i < parts; ++i) {
            // Nothing of a hidden key, not even its infinity.
            if (isSeen)
              sums[i] = b.select(isSeen, sums[i], b.f32(0));
            sums[i] = b.fma(weight, sums[i], b.fmul(old[i], keep));
          }
          sums.push_back(next);
          sums.push_back(b.fma(old[parts + 1], keep, weight));
          return sums;
        });
    Value total = end[parts + 1];
    Value isNone = b.compare(arith::CmpFPredicate::OEQ, total, b.f32(0));
    Value factor = b.fdiv(b.f32(1), b.select(isNone, b.f32(1), total));
    Type type = spec.type("output");
    Value place = b.offset(output, b.rowStart(token, heads * valueDim), type);
    place = b.offset(place, b.mul(head, valueDim), type);
    for (int64_t i = 0; i < parts; ++i) {
      Value at = b.add(lane, 32 * i);
      b.ifThen(32 * i + 32 > valueDim ? b.less(at, valueDim) : Value(), [&] {
        b.storeValues(b.fmul(end[i], factor), b.offset(place, at, type), type);
      });
    }
  });
}

//===- AttentionEmitter.cpp - attention on tensor cores -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionEmitter.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

AttentionEmitter::AttentionEmitter(DeviceBuilder &b, const KernelSpec &spec,
                                   AttentionTile tile)
    : b(b), spec(spec), element(spec.type("input")),
      heads(spec.number("heads")), kvHeads(spec.number("kv_heads")),
      qkDim(spec.number("qk_dim")), valueDim(spec.number("value_dim")),
      tile(tile), keyTiles(tile.keys / 8), valueTiles(valueDim / 8) {}

/// Rows `from`... of one head to shared memory; zeros beyond `count` of them.
void AttentionEmitter::copyRows(Value base, Value from, Value count,
                                int64_t rows, int64_t numHeads, Value whichHead,
                                int64_t dim, Value place) {
  int64_t chunks = dim / 8, threads = 32 * tile.warps();
  for (int64_t i = 0; i < rows * chunks; i += threads) {
    Value index = b.add(thread, i);
    auto copyOne = [&] {
      Value local = b.div(index, chunks), chunk = b.rem(index, chunks);
      Value isThere = b.less(local, count);
      Value row = b.add(from, b.select(isThere, local, b.i32(0)));
      Value source = b.offset(base, b.rowStart(row, numHeads * dim), element);
      source = b.offset(source, b.add(b.mul(whichHead, dim), b.mul(chunk, 8)),
                        element);
      source = b.select(isThere, source, base);
      b.copyAsync(
          b.bytes(b.shared(), b.add(place, placeOf(local, chunk, rows, dim))),
          source, b.select(isThere, b.i32(16), b.i32(0)));
    };
    b.ifThen(i + threads > rows * chunks ? b.less(index, rows * chunks)
                                         : Value(),
             copyOne);
  }
}

void AttentionEmitter::copyKeys(Value block, Value slot) {
  Value start = b.mul(block, tile.keys), left = b.sub(numKeys, start);
  Value from = b.add(firstKey, start);
  copyRows(key, from, left, tile.keys, kvHeads, kvHead, qkDim, keysAt(slot));
  copyRows(value, from, left, tile.keys, kvHeads, kvHead, valueDim,
           valuesAt(slot));
}

void AttentionEmitter::countBlocks(Value local) {
  auto atLeastZero = [&](Value x) {
    return b.select(b.less(x, 0), b.i32(0), x);
  };
  auto atMostKeys = [&](Value x) {
    return b.select(b.less(x, numKeys), atLeastZero(x), numKeys);
  };
  Value most = numKeys, least = numKeys;
  if (spec.has("causal")) {
    Value first = b.add(local, keysMinusQueries); // key that the first row ends
    most = atMostKeys(b.add(first, tile.queries));
    least = atMostKeys(b.add(first, 1));
  }
  blocks = b.div(b.add(most, tile.keys - 1), tile.keys);
  wholeBlocks = b.div(least, tile.keys);
}

Values AttentionEmitter::masked(ArrayRef<Value> scores, Value first) {
  Values s(scores);
  Value start = b.add(first, b.mul(b.rem(lane, 4), 2));
  for (int64_t i = 0; i < 4 * keyTiles; ++i) {
    Value at = b.add(start, i / 4 * 8 + i % 2);
    Value limit = numKeys;
    if (spec.has("causal")) {
      Value row = b.add(rowInSequence, i % 4 / 2 * 8);
      Value seen = b.add(b.add(row, keysMinusQueries), 1);
      limit = b.select(b.less(seen, numKeys), seen, numKeys);
    }
    s[i] = b.select(b.less(at, limit), s[i], b.f32(-INFINITY));
  }
  return s;
}

/// Carried: the sums of values, and per row the largest score and the sum of
/// weights, which is this lane's part.
Values AttentionEmitter::addBlock(Value block, Value slot,
                                  ArrayRef<Value> carried) {
  Values s = scores(slot);
  s = b.changedIf(b.less(block, wholeBlocks), s,
                  /*ifNot=*/[&] { return masked(s, b.mul(block, tile.keys)); });
  Values sums(carried.take_front(4 * valueTiles)), ends;
  Value scale = b.f32(spec.real("scale") * llvm::numbers::log2e);
  for (int64_t r = 0; r < 2; ++r) {
    Value old = carried[4 * valueTiles + r], most = old;
    for (int64_t j = 0; j < keyTiles; ++j)
      for (int64_t i = 0; i < 2; ++i)
        most = b.maxnum(most, s[4 * j + 2 * r + i]);
    most = quad(most, [&](Value x, Value y) { return b.maxnum(x, y); });
    // A row that has seen no key yet: any pivot but infinity will do.
    Value isNone = b.compare(arith::CmpFPredicate::OEQ, most, b.f32(-INFINITY));
    Value pivot = b.fmul(b.select(isNone, b.f32(0), most), scale);
    Value minus = b.fsub(b.f32(0), pivot);
    Value keep = b.exp2(b.fma(old, scale, minus));
    Value total = b.fmul(carried[4 * valueTiles + 2 + r], keep);
    for (int64_t j = 0; j < keyTiles; ++j)
      for (int64_t i = 0; i < 2; ++i) {
        Value &weight = s[4 * j + 2 * r + i];
        weight = b.exp2(b.fma(weight, scale, minus));
        total = b.fadd(total, weight);
      }
    for (int64_t j = 0; j < valueTiles; ++j)
      for (int64_t i = 0; i < 2; ++i) {
        Value &sum = sums[4 * j + 2 * r + i];
        sum = b.fmul(sum, keep);
      }
    ends.push_back(most);
    ends.push_back(total);
  }
  Type pair = VectorType::get({2}, element);
  SmallVector<Values> weights;
  for (int64_t k = 0; k < tile.keys / 16; ++k) {
    Values &factors = weights.emplace_back();
    for (int64_t i = 0; i < 4; ++i) {
      Value both = LLVM::PoisonOp::create(b, pair);
      for (int64_t e = 0; e < 2; ++e)
        both = LLVM::InsertElementOp::create(
            b, both,
            arith::TruncFOp::create(b, element,
                                    s[4 * (2 * k + i / 2) + 2 * (i % 2) + e]),
            b.i32(e));
      factors.push_back(LLVM::BitcastOp::create(b, b.getI32Type(), both));
    }
  }
  sums = addValues(slot, weights, sums);
  llvm::append_range(sums, ArrayRef<Value>{ends[0], ends[2], ends[1], ends[3]});
  return sums;
}

void AttentionEmitter::finish(ArrayRef<Value> carried) {
  Type type = spec.type("output");
  for (int64_t r = 0; r < 2; ++r) {
    Value total = quad(carried[4 * valueTiles + 2 + r],
                       [&](Value x, Value y) { return b.fadd(x, y); });
    Value isNone = b.compare(arith::CmpFPredicate::OEQ, total, b.f32(0));
    Value factor = b.fdiv(b.f32(1), b.select(isNone, b.f32(1), total));
    Value local = b.add(b.add(b.mul(warp, 16), b.div(lane, 4)), 8 * r);
    b.ifThen(b.less(local, numQueries), [&] {
      Value place = b.offset(
          output, b.rowStart(b.add(firstQuery, local), heads * valueDim), type);
      place = b.offset(
          place, b.add(b.mul(head, valueDim), b.mul(b.rem(lane, 4), 2)), type);
      for (int64_t j = 0; j < valueTiles; ++j) {
        Values pair;
        for (int64_t e = 0; e < 2; ++e)
          pair.push_back(b.fmul(carried[4 * j + 2 * r + e], factor));
        b.storeValues(pair, b.offset(place, b.i32(8 * j), type), type);
      }
    });
  }
}

void AttentionEmitter::emit() {
  query = b.nextArgument(), key = b.nextArgument(), value = b.nextArgument();
  Value offsets = b.nextArgument();
  Value keyOffsets = spec.has("key_offsets") ? b.nextArgument() : offsets;
  output = b.nextArgument();
  b.nextArgument(); // tokens
  Value sequences = b.nextArgument();
  thread = b.threadIndex(), head = b.blockY();
  lane = b.rem(thread, 32), warp = b.div(thread, 32);
  kvHead = b.div(head, heads / kvHeads);

  // Blocks are counted so that each sequence has enough, with no table: see
  // GridRows::Blocks. Some have nothing to do.
  Type i32 = b.getI32Type();
  Value block = b.blockX();
  Value sequence = b.sequenceOfBlock(block, offsets, sequences, tile.queries);
  auto offsetAt = [&](Value base, int64_t more) {
    return b.load(b.offset(base, b.add(sequence, more), i32), i32);
  };
  Value start = offsetAt(offsets, 0), end = offsetAt(offsets, 1);
  Value local = b.mul(b.sub(block, b.add(b.div(start, tile.queries), sequence)),
                      tile.queries);
  Value length = b.sub(end, start);
  b.ifThen(b.less(local, length), [&] {
    firstQuery = b.add(start, local);
    numQueries = b.sub(length, local);
    firstKey = offsetAt(keyOffsets, 0);
    numKeys = b.sub(offsetAt(keyOffsets, 1), firstKey);
    keysMinusQueries = b.sub(numKeys, length);
    rowInSequence = b.add(local, b.add(b.mul(warp, 16), b.div(lane, 4)));

    countBlocks(local);

    copyRows(query, firstQuery, numQueries, tile.queries, heads, head, qkDim,
             b.i32(0));
    copyKeys(b.i32(0), b.i32(0));
    b.commitCopies();
    beginQueries();
    Values carried(4 * valueTiles, b.f32(0));
    carried.append(2, b.f32(-INFINITY));
    carried.append(2, b.f32(0));
    carried.push_back(b.i32(0)); // which of two places holds this block
    Values results = b.loop(b.i32(0), blocks, b.i32(1), carried,
                            [&](Value at, ArrayRef<Value> values) {
                              Value slot = values.back(),
                                    other = b.exclusiveOr(slot, b.i32(1));
                              b.waitCopies(0);
                              publish();
                              // Everyone's copies are there, and everyone has
                              // left the other place.
                              b.barrier();
                              Value next = b.add(at, 1);
                              b.ifThen(b.less(next, blocks), [&] {
                                copyKeys(next, other);
                                b.commitCopies();
                              });
                              Values sums =
                                  addBlock(at, slot, values.drop_back());
                              sums.push_back(other);
                              return sums;
                            });
    finish(results);
  });
}

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
      tile(tile), keyTiles(tile.keys / 8), valueTiles(valueDim / 8),
      mask(spec.mask()), hasBits(mask && mask->isPerKey && !mask->isAdded()),
      isAdded(mask && mask->isAdded()) {}

/// Rows `from`... of one head to shared memory; zeros beyond `count` of them.
void AttentionEmitter::copyRows(Value base, Value from, Value count,
                                int64_t rows, int64_t numHeads, Value whichHead,
                                int64_t dim, Value place,
                                ArrayRef<Value> seen) {
  int64_t chunks = dim / 8, threads = 32 * tile.warps();
  for (int64_t i = 0; i < rows * chunks; i += threads) {
    Value index = b.add(thread, i);
    auto copyOne = [&] {
      Value local = b.div(index, chunks), chunk = b.rem(index, chunks);
      Value isThere;
      if (seen.empty())
        isThere = b.less(local, count);
      else
        isThere = b.isSet(seen.size() == 1
                              ? seen[0]
                              : b.select(b.less(local, 32), seen[0], seen[1]),
                          b.rem(local, 32));
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

void AttentionEmitter::copyKeys(Value block, Value slot, ArrayRef<Value> seen) {
  Value start = b.mul(block, tile.keys), left = b.sub(numKeys, start);
  Value from = b.add(firstKey, start);
  copyRows(key, from, left, tile.keys, kvHeads, kvHead, qkDim, keysAt(slot),
           seen);
  copyRows(value, from, left, tile.keys, kvHeads, kvHead, valueDim,
           valuesAt(slot), seen);
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

Values AttentionEmitter::masked(ArrayRef<Value> scores, Value first,
                                ArrayRef<Value> seen) {
  Values s(scores);
  Value column = b.mul(b.rem(lane, 4), 2), start = b.add(first, column);
  for (int64_t i = 0; i < 4 * keyTiles; ++i) {
    int64_t shift = i / 4 * 8 + i % 2;
    Value at = b.add(start, shift), isSeen;
    if (hasBits) // none beyond the last key
      isSeen = b.isSet(seen[shift / 32], b.add(column, shift % 32));
    if (!hasBits || spec.has("causal")) {
      Value limit = numKeys;
      if (spec.has("causal")) {
        Value row = b.add(rowInSequence, i % 4 / 2 * 8);
        Value end = b.add(b.add(row, keysMinusQueries), 1);
        limit = b.select(b.less(end, numKeys), end, numKeys);
      }
      isSeen = b.both(isSeen, b.less(at, limit));
    }
    s[i] = b.select(isSeen, s[i], b.f32(-INFINITY));
  }
  return s;
}

/// Carried: the sums of values, and per row the largest score and the sum of
/// weights, which is this lane's part.
Values AttentionEmitter::addBlock(Value block, Value slot,
                                  ArrayRef<Value> carried,
                                  ArrayRef<Value> seen) {
  Values s = scores(slot);
  if (mask && !hasBits)
    s = addMask(s, readMask(block));
  Value isWhole = b.less(block, wholeBlocks);
  if (hasBits)
    isWhole = b.both(isWhole, allOf(seen, -1));
  s = b.changedIf(isWhole, s, /*ifNot=*/[&] {
    return masked(s, b.mul(block, tile.keys), seen);
  });
  Values sums(carried.take_front(4 * valueTiles)), ends;
  Value scale =
      b.f32((isAdded ? 1 : spec.real("scale")) * llvm::numbers::log2e);
  for (int64_t r = 0; r < 2; ++r) {
    Value old = carried[4 * valueTiles + r], most = old;
    for (int64_t j = 0; j < keyTiles; ++j)
      for (int64_t i = 0; i < 2; ++i)
        most = b.maxnum(most, s[4 * j + 2 * r + i]);
    most = quad(most, [&](Value x, Value y) { return b.maxnum(x, y); });
    // A row that has seen no key yet: any pivot but infinity will do.
    Value isNone = b.compare(arith::CmpFPredicate::OEQ, most, b.f32(-INFINITY));
    Value pivot = b.select(isNone, b.f32(0), most), minus;
    if (!isAdded)
      minus = b.fsub(b.f32(0), b.fmul(pivot, scale));
    // The least bias times a constant would be infinite: differences first.
    auto power = [&](Value score) {
      return b.exp2(isAdded ? b.fmul(b.fsub(score, pivot), scale)
                            : b.fma(score, scale, minus));
    };
    Value keep = power(old);
    Value total = b.fmul(carried[4 * valueTiles + 2 + r], keep);
    for (int64_t j = 0; j < keyTiles; ++j)
      for (int64_t i = 0; i < 2; ++i) {
        Value &weight = s[4 * j + 2 * r + i];
        weight = power(weight);
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
  if (mask)
    maskPointer = b.nextArgument();
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
    for (int64_t r = 0; mask && !hasBits && r < 2; ++r) {
      Value row = b.add(rowInSequence, 8 * r);
      row = b.select(b.less(row, length), row, b.i32(0));
      maskRows[r] =
          b.maskRow(*mask, maskPointer, sequence, head, heads, row, firstKey);
    }

    copyRows(query, firstQuery, numQueries, tile.queries, heads, head, qkDim,
             b.i32(0));
    Values seen = vote(readKeys(b.i32(0)));
    copyKeys(b.i32(0), b.i32(0), seen);
    b.commitCopies();
    beginQueries();
    Values carried(4 * valueTiles, b.f32(0));
    carried.append(2, b.f32(-INFINITY));
    carried.append(2, b.f32(0));
    int64_t numSums = carried.size();
    carried.push_back(b.i32(0)); // which of two places holds this block
    llvm::append_range(carried, seen);
    auto body = [&](Value at, ArrayRef<Value> values) {
      ArrayRef<Value> sums = values.take_front(numSums),
                      seen = values.drop_front(numSums + 1);
      Value slot = values[numSums], other = b.exclusiveOr(slot, b.i32(1));
      Value next = b.add(at, 1);
      Values lanes = readKeys(next); // on the way while others are waited for
      b.waitCopies(0);
      publish();
      // Everyone's copies are there, and everyone has left the other place.
      b.barrier();
      Values nextSeen = vote(lanes);
      b.ifThen(b.less(next, blocks), [&] {
        copyKeys(next, other, nextSeen);
        b.commitCopies();
      });
      auto add = [&] { return addBlock(at, slot, sums, seen); };
      // Of padding, nothing is computed.
      Values results =
          hasBits ? b.changedIf(allOf(seen, 0), sums, /*ifNot=*/add) : add();
      results.push_back(other);
      llvm::append_range(results, nextSeen);
      return results;
    };
    Values results = b.loop(b.i32(0), blocks, b.i32(1), carried, body);
    finish(results);
  });
}

//===- AttentionMasks.cpp - masks of attention on tensor cores ------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A mask of keys alone is a bit per key, which all warps read once per block.
// Of other masks, lanes read the numbers of their own scores.
//===----------------------------------------------------------------------===//
#include "AttentionEmitter.h"

#include <cmath>

using namespace mlir;
using namespace mlir::transformer::gpu;
using Values = DeviceBuilder::Values;

Values AttentionEmitter::readKeys(Value block) {
  Values lanes;
  for (int64_t i = 0; hasBits && i < tile.keys; i += 32) {
    Value at = b.add(b.add(b.mul(block, tile.keys), lane), i);
    Value place = b.offset(maskPointer, b.add(firstKey, at), mask->element);
    Value number = b.loadIf(b.less(at, numKeys), place, mask->element);
    lanes.push_back(b.isSeen(number));
  }
  return lanes;
}

Values AttentionEmitter::vote(ArrayRef<Value> lanes) {
  Values words;
  for (Value lane : lanes)
    words.push_back(b.ballot(lane));
  return words;
}

Value AttentionEmitter::allOf(ArrayRef<Value> seen, int64_t bits) {
  Value all;
  for (Value word : seen)
    all = b.both(all, b.equal(word, bits));
  return all;
}

Values AttentionEmitter::readMask(Value block) {
  Value start = b.add(b.mul(block, tile.keys), b.mul(b.rem(lane, 4), 2));
  // Rows of an even number begin at one, so that neighbours are read at once.
  int64_t step = !mask->isPerKey && mask->length % 2 == 0 ? 2 : 1;
  Values numbers(4 * keyTiles);
  for (int64_t j = 0; j < keyTiles; ++j)
    for (int64_t e = 0; e < 2; e += step) {
      Value at = b.add(start, 8 * j + e);
      // Of keys that are not there, the scores will be replaced.
      at = b.select(b.less(at, numKeys), at, b.i32(0));
      for (int64_t r = 0; r < 2; ++r) {
        Value *to = &numbers[4 * j + 2 * r + e];
        if (r && mask->isPerKey) {
          *to = to[-2];
          continue;
        }
        Value place = b.offset(maskRows[r], at, mask->element);
        if (step == 2 && mask->element.isInteger(8)) { // one register for both
          Type both = b.getI16Type();
          Value bytes = b.load(place, both);
          for (int64_t part : {0x00ff, 0xff00})
            *to++ = arith::AndIOp::create(
                b, bytes,
                arith::ConstantOp::create(
                    b, b.getIntegerAttr(both, int16_t(part))));
          continue;
        }
        llvm::copy(b.split(b.loadVector(place, mask->element, step), step), to);
      }
    }
  return numbers;
}

Values AttentionEmitter::addMask(ArrayRef<Value> scores,
                                 ArrayRef<Value> numbers) {
  Values s(scores);
  for (auto [score, number] : llvm::zip_equal(s, numbers)) {
    if (isAdded)
      score = b.fma(score, b.f32(spec.real("scale")), b.widened(number));
    score = b.select(b.isSeen(number), score, b.f32(-INFINITY));
  }
  return s;
}

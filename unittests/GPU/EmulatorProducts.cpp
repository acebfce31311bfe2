//===- EmulatorProducts.cpp - products of warpgroups ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Halves.h"
#include "Machine.h"

#include <cmath>
#include <cstring>

using namespace mlir::transformer::test;

int AsyncUnit::swizzled(int offset, int bytes) {
  int chunks = bytes / 16; // that are exchanged: 2, 4 or 8
  return chunks < 2 ? offset : offset ^ ((offset >> 7 & (chunks - 1)) << 4);
}

/// Where a number of a factor lies: along k as the rows of copies, or, if
/// transposed, 64 rows beside each other for each k.
int AsyncUnit::offsetOf(const Operand &operand, int row, int k) const {
  uint64_t d = operand.descriptor;
  int start = (d & 0x3fff) << 4, leading = (d >> 16 & 0x3fff) << 4,
      stride = (d >> 32 & 0x3fff) << 4, mode = d >> 62;
  int bytes = mode == 1 ? 128 : mode == 2 ? 64 : mode == 3 ? 32 : 0;
  int offset;
  if (operand.isTransposed)
    offset = start + row / 64 * leading + k / 8 * stride + k % 8 * 128 +
             row % 64 * operand.size;
  else if (bytes)
    offset = start + row / 8 * stride + row % 8 * bytes + k * operand.size;
  else
    offset = start + row / 8 * stride + k * operand.size / 16 * leading +
             row % 8 * 16 + k * operand.size % 16;
  return swizzled(offset, bytes);
}

static float toFloat(const char *at, int kind) {
  if (kind == 2)
    return *reinterpret_cast<const int8_t *>(at);
  uint16_t half;
  memcpy(&half, at, 2);
  return kind == 0 ? fromF16(half) : fromBf16(half);
}

/// `first`: the first lane of those that read; each of four warps reads a
/// quarter of 64 rows of the left factor, and all of the right one.
void AsyncUnit::read(const Operand &operand, int rows, int columns, int first,
                     Product &product, std::vector<float> &values, int kind) {
  bool isLeft = &operand == &product.left;
  values.resize(rows * columns);
  for (int row = 0; row < rows; ++row) {
    int last = -1;
    for (int k = 0; k < columns; ++k) {
      int offset = offsetOf(operand, row, k);
      if (offset + operand.size > sharedBytes) {
        report("product of bytes outside of shared memory");
        values[row * columns + k] = NAN;
        continue;
      }
      values[row * columns + k] = toFloat(shared + offset, kind);
      if (offset / 16 == last)
        continue;
      last = offset / 16;
      for (int warp = 0; warp < 4; ++warp) {
        if (isLeft && row / 16 != warp)
          continue;
        // If one lane of a warp has waited alone, it is the first.
        int lane = first + 32 * warp + 31;
        if (granules[last].writer >= 0) // is there a barrier between?
          check(shared + 16 * last, 16, 16, false, lane);
        checkOrder(last, lane, false, true, "product of");
        product.granules[warp].push_back(last);
        ++granules[last].reads;
      }
    }
  }
}

/// 16 rows of every warp by 16 numbers, two in a register.
static void readRegisters(const void *const *arguments, int kind,
                          std::vector<float> &values) {
  struct Arguments {
    int32_t columns, kind;
    uint16_t left[8];
  };
  values.resize(64 * 16);
  for (int lane = 0; lane < 128; ++lane)
    for (int i = 0; i < 8; ++i) {
      auto &x = *static_cast<const Arguments *>(arguments[lane]);
      int row = lane / 32 * 16 + lane % 32 / 4 + i / 2 % 2 * 8;
      int k = lane % 4 * 2 + i % 2 + i / 4 * 8;
      values[row * 16 + k] =
          kind == 0 ? fromF16(x.left[i]) : fromBf16(x.left[i]);
    }
}

void AsyncUnit::multiply(int first, bool hasRegisters,
                         const void *const *arguments, void *const *results) {
  struct Arguments {
    int32_t columns, kind; // 0: f16, 1: bf16, 2: i8; 4, 8: transposed
    uint64_t left, right;  // of registers, there are two numbers of 64 bits
    uint32_t sums[];
  };
  struct Factors {
    uint64_t left, right;
    const uint32_t *sums;
  };
  auto at = [&](int lane) {
    auto &x = *static_cast<const Arguments *>(arguments[lane]);
    if (!hasRegisters)
      return Factors{x.left, x.right, x.sums};
    Factors factors{0, 0, x.sums + 2};
    memcpy(&factors.right, x.sums, 8);
    return factors;
  };
  const Arguments &x = *static_cast<const Arguments *>(arguments[0]);
  int kind = x.kind & 3, size = kind == 2 ? 1 : 2, depth = 32 / size;
  int columns = x.columns, count = columns / 2;
  Product product;
  product.first = first, product.count = count;
  product.left = {at(0).left, (x.kind & 4) != 0, size};
  product.right = {at(0).right, (x.kind & 8) != 0, size};
  using A = Alteration;
  Operand &altered = int(alteration) % 2 ? product.left : product.right;
  switch (alteration) {
  case A::LeftSwizzle:
  case A::RightSwizzle:
    altered.descriptor ^= uint64_t(3) << 62; // 64 instead of 128 bytes
    break;
  case A::LeftTransposed:
  case A::RightTransposed:
    altered.isTransposed = !altered.isTransposed;
    break;
  case A::LeftStride:
  case A::RightStride:
    altered.descriptor ^= uint64_t(64 ^ 32) << 32;
    break;
  case A::LeftStart:
  case A::RightStart:
    altered.descriptor ^= 1;
    break;
  case A::None:
    break;
  }
  // Registers of sums: what was written there before, by lane and number.
  std::vector<uint32_t> sums(128 * count);
  bool isWritten = false;
  for (int lane = 0; lane < 128; ++lane) {
    if (at(lane).left != at(0).left || at(lane).right != at(0).right)
      return report("product whose lanes describe different bytes");
    for (int i = 0; i < count; ++i) {
      uint32_t bits = at(lane).sums[i];
      const Product *before = promised(bits);
      isWritten |= !before;
      sums[lane * count + i] = before && before->count == count
                                   ? before->sums[lane * count + i]
                                   : bits;
    }
  }
  for (int warp = 0; warp < 4; ++warp) {
    Warp &state = warps[first / 32 + warp];
    if (isWritten && !state.isFenced)
      report("product of sums that were written without a fence");
    if (hasRegisters && !state.hasFence)
      report("product of registers that were written without a fence");
    state.isFenced = false;
    product.group[warp] = state.commits;
  }
  std::vector<float> left, right;
  prepare();
  if (hasRegisters)
    readRegisters(arguments, kind, left);
  else
    read(product.left, 64, depth, first, product, left, kind);
  read(product.right, columns, depth, first, product, right, kind);
  for (int lane = 0; lane < 128; ++lane)
    for (int i = 0; i < count; ++i) {
      const float *a =
          &left[(lane / 32 * 16 + lane % 32 / 4 + i / 2 % 2 * 8) * depth];
      const float *b = &right[(i / 4 * 8 + lane % 4 * 2 + i % 2) * depth];
      uint32_t &sum = sums[lane * count + i];
      if (kind == 2) {
        for (int k = 0; k < depth; ++k)
          sum += int32_t(a[k]) * int32_t(b[k]);
        continue;
      }
      float value;
      memcpy(&value, &sum, 4);
      for (int k = 0; k < depth; ++k)
        value += a[k] * b[k];
      memcpy(&sum, &value, 4);
    }
  // Until it was waited for, registers hold a promise.
  uint32_t promise = kPromise << 20 | uint32_t(products.size());
  for (int lane = 0; lane < 128; ++lane)
    std::fill_n(static_cast<uint32_t *>(results[lane]), count, promise);
  product.sums = std::move(sums);
  products.push_back(std::move(product));
}

/// The bits of a sum that a product has left, before they are used.
extern "C" void transformerSum(uint32_t bits) {
  if (AsyncUnit::isPromise(bits))
    machine.report("sum that is read before its product was waited for");
}

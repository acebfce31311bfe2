//===- MaskKernelsTest.cpp - masks on GPUs, against the interpreter -------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Dense batches: of each form of mask, with rows that see no key, and hidden
// keys that hold NaN.
//===----------------------------------------------------------------------===//
#include "DeviceModel.h"

#include "llvm/Support/FormatVariadic.h"
#include "gtest/gtest.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

namespace {

struct Case {
  const char *type;
  int batch, length, heads, kvHeads, qk, value;
  /// Its shape, and what it holds: i1, i32, i64 or the type of queries.
  std::string mask, element;
  bool isCausal = false;
  /// Written with dimensions that are not known.
  bool isDynamic = false;
};

std::string textOf(const Case &c) {
  std::string batch =
      c.isDynamic ? "?x?" : llvm::formatv("{0}x{1}", c.batch, c.length).str();
  auto rows = [&](int width) {
    return llvm::formatv("tensor<{0}x{1}x{2}>", batch, width, c.type).str();
  };
  bool isInteger = c.element == "i32" || c.element == "i64";
  std::string mask = "tensor<" + (c.isDynamic ? "?x?" : c.mask) + "x",
              used = mask + (isInteger ? "i1" : c.element) + ">";
  mask += c.element + ">";
  std::string compare;
  if (isInteger && c.isDynamic)
    compare = llvm::formatv(R"(
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0 : {1}
  %b = tensor.dim %mask, %c0 : {0}
  %n = tensor.dim %mask, %c1 : {0}
  %zeros = tensor.splat %zero[%b, %n] : {0}
  %m = arith.cmpi ne, %mask, %zeros : {0})",
                            mask, c.element);
  else if (isInteger)
    compare = llvm::formatv(R"(
  %zeros = arith.constant dense<0> : {0}
  %m = arith.cmpi ne, %mask, %zeros : {0})",
                            mask);
  return llvm::formatv(
             R"(
func.func @forward(%q: {0}, %k: {1}, %v: {2}, %mask: {4} {{transformer.limit = 2 : i64}) -> {3} {{{5}
  %0 = transformer.attention %q, %k, %v mask(%{6}) {{num_heads = {7} : i64, num_kv_heads = {8} : i64{9}} : ({0}, {1}, {2}, {10}) -> {3}
  return %0 : {3}
})",
             rows(c.qk * c.heads), rows(c.qk * c.kvHeads),
             rows(c.value * c.kvHeads), rows(c.value * c.heads), mask, compare,
             isInteger ? "m" : "mask", c.heads, c.kvHeads,
             c.isCausal ? ", causal" : "", used)
      .str();
}

/// One argument, with dimensions that are not known.
std::string sharedText(const Case &c) {
  Case own = c;
  own.isDynamic = true;
  std::string text = textOf(own);
  auto replace = [&](llvm::StringRef from, llvm::StringRef to) {
    for (size_t at; (at = text.find(from)) != std::string::npos;)
      text.replace(at, from.size(), to);
  };
  std::string rows =
      llvm::formatv("tensor<?x?x{0}x{1}>", c.qk * c.heads, c.type);
  replace(", %k: " + rows + ", %v: " + rows, "");
  replace("%q, %k, %v", "%q, %q, %q");
  return text;
}

/// Every row of the mask that is a multiple of three hides all of it, each by
/// one of the two numbers that do; others hide some keys.
void addHidden(TensorValue &mask) {
  if (mask.elementType.isInteger()) {
    // Others are tokens before padding, or any.
    for (auto [i, x] : llvm::enumerate(mask.data))
      if (i / mask.width() % 3 == 1)
        x = 0;
      else if (i / mask.width() % 3 == 0)
        x = i % mask.width() < 20;
    return;
  }
  double least = -roundToType(mask.elementType.isF16()   ? 65504
                              : mask.elementType.isF32() ? 0x1.fffffep127
                                                         : 0x1.fep127,
                              mask.elementType);
  double infinity = -std::numeric_limits<double>::infinity();
  for (auto [i, x] : llvm::enumerate(mask.data)) {
    int64_t row = i / mask.width(), key = i % mask.width();
    if (row % 3 == 1)
      x = row % 2 ? infinity : least;
    else if (key % 3)
      x = key % 3 == 1 ? infinity : least;
  }
}

/// Keys that a mask by key hides from all say nothing.
void breakHidden(MutableArrayRef<TensorValue> inputs) {
  TensorValue &mask = inputs[3];
  for (int64_t row = 0; row < int64_t(mask.data.size()); ++row)
    if (mask.data[row] == 0)
      for (int i : {1, 2}) {
        TensorValue &rows = inputs[i];
        std::fill_n(rows.row(row), rows.width(), NAN);
      }
}

void expectMasked(const Case &c, llvm::StringRef chip, llvm::StringRef family) {
  std::string what = (chip + ": " + textOf(c)).str();
  auto model = DeviceModel::create(c.isDynamic ? sharedText(c) : textOf(c),
                                   c.type, nullptr, 0, chip);
  ASSERT_TRUE(model) << what;
  EXPECT_EQ(model->table.launches.back().kernel, family) << what;
  bool isPerKey = llvm::StringRef(c.mask).count('x') == 1;
  model->changeInputs = [&](MutableArrayRef<TensorValue> inputs) {
    TensorValue &mask = inputs[c.isDynamic ? 1 : 3];
    addHidden(mask);
    if (isPerKey && mask.elementType.isInteger() && !c.isDynamic)
      breakHidden(inputs);
  };
  double tolerance = c.type[0] == 'b' ? 3e-2 : c.type[1] == '1' ? 5e-3 : 2e-5;
  for (bool isDescending : {false, true}) {
    ASSERT_FALSE(
        model->run(std::vector<int>(c.batch, c.length), {}, isDescending))
        << what;
    EXPECT_LE(model->error(), tolerance) << what;
    for (auto [report, count] : model->reports)
      ADD_FAILURE() << report << ", " << count << " times: " << what;
  }
}

TEST(GpuMasks, SimpleKernel) {
  for (Case c : {Case{"f32", 4, 9, 2, 1, 32, 32, "4x9", "i1"},
                 {"f32", 4, 9, 2, 2, 7, 40, "4x9", "i64", true},
                 {"f32", 3, 10, 2, 2, 16, 16, "3x10", "i32", false, true},
                 {"f32", 4, 9, 2, 2, 16, 16, "4x9", "f32"},
                 {"f32", 3, 9, 2, 1, 16, 16, "3x2x9x9", "f32"},
                 {"f32", 3, 9, 2, 1, 16, 16, "1x2x9x9", "f32", true},
                 {"f32", 3, 8, 2, 2, 16, 16, "3x1x8x8", "i1"},
                 {"f16", 3, 9, 2, 2, 7, 7, "1x1x9x9", "f16"},
                 {"f16", 1, 9, 2, 2, 7, 7, "1x1x9x9", "i32", true}})
    expectMasked(c, "sm_80", "attention_simple_0");
}

/// On tensor cores, of either kind: several blocks of queries and keys with
/// tails, hidden blocks, heads that share keys, the head dims that models have.
const Case kTensorCases[] = {
    {"f16", 3, 70, 2, 1, 32, 32, "3x70", "i1"},
    {"bf16", 3, 65, 1, 1, 64, 64, "3x65", "i64", true},
    {"f16", 2, 135, 1, 1, 96, 96, "2x135", "i32"},
    {"f16", 3, 33, 2, 2, 128, 128, "3x33", "i1", true},
    {"f16", 3, 70, 2, 2, 32, 32, "3x70", "i32", false, true},
    {"f16", 3, 67, 2, 2, 32, 32, "3x67", "f16"},
    {"bf16", 2, 66, 2, 1, 64, 64, "2x2x66x66", "bf16"},
    {"f16", 2, 67, 2, 2, 32, 32, "1x2x67x67", "f16", true},
    {"f16", 2, 40, 1, 1, 128, 128, "2x1x40x40", "i1"},
    {"f16", 2, 37, 1, 1, 96, 64, "1x1x37x37", "i64", true}};

TEST(GpuMasks, TensorCores) {
  for (const Case &c : kTensorCases)
    expectMasked(c, "sm_80", "attention_0");
}

TEST(GpuMasks, Warpgroups) {
  for (const Case &c : kTensorCases)
    expectMasked(c, "sm_90a", "attention_wgmma_0");
}

// The dimensions that a mask is said to have matter.
TEST(GpuMasks, OtherFormsAreNoticed) {
  Case c{"f16", 3, 20, 2, 2, 16, 16, "3x2x20x20", "f16"};
  for (const char *chip : {"sm_80", "sm_90a"})
    for (llvm::StringRef form :
         {"f16 batch heads 20", "f16 batch 20", "f16 heads 20", "f16 20",
          "f16 batch heads 19", "f16 keys", "bf16 batch heads 20"}) {
      auto edit = [&](NamedAttrList &kernel) {
        MLIRContext *context = kernel.get("mask").getContext();
        kernel.set("mask", StringAttr::get(context, form));
      };
      auto model = DeviceModel::create(textOf(c), c.type, edit, 0, chip);
      ASSERT_TRUE(model);
      model->changeInputs = [](MutableArrayRef<TensorValue> inputs) {
        addHidden(inputs[3]);
      };
      ASSERT_FALSE(model->run({20, 20, 20}));
      bool isRight = model->error() <= 5e-3 && model->reports.empty();
      EXPECT_EQ(isRight, form == "f16 batch heads 20") << form.str();
    }
}

// The first tokens that a mask shows, or their means and maxima.
TEST(GpuMasks, Pooling) {
  for (const char *kind : {"mean", "cls", "max"})
    for (const char *element : {"i1", "i64"}) {
      bool isCompared = element[1] == '6';
      auto model = DeviceModel::create(
          llvm::formatv(R"(
func.func @forward(%x: tensor<5x9x72xf16>, %{3}: tensor<5x9x{1}> {{transformer.limit = 2 : i64}) -> (tensor<5x72xf16>, tensor<5x72xf16>) {{
  {2}
  %0 = transformer.pool {0} %x mask(%m) : (tensor<5x9x72xf16>, tensor<5x9xi1>) -> tensor<5x72xf16>
  %1 = transformer.l2_normalize %0 {{epsilon = 1.0e-12 : f32} : (tensor<5x72xf16>) -> tensor<5x72xf16>
  %2 = transformer.pool {0} %x mask(%m) : (tensor<5x9x72xf16>, tensor<5x9xi1>) -> tensor<5x72xf16>
  return %1, %2 : tensor<5x72xf16>, tensor<5x72xf16>
})",
                        kind, element,
                        isCompared
                            ? "%z = arith.constant dense<0> : tensor<5x9xi64>\n"
                              "%m = arith.cmpi ne, %mask, %z : tensor<5x9xi64>"
                            : "",
                        isCompared ? "mask" : "m")
              .str(),
          "f16");
      ASSERT_TRUE(model);
      model->changeInputs = [](MutableArrayRef<TensorValue> inputs) {
        addHidden(inputs[1]);
      };
      ASSERT_FALSE(model->run({9, 9, 9, 9, 9}));
      EXPECT_LE(model->error(), 4e-3) << kind;
      EXPECT_TRUE(model->reports.empty()) << kind;
    }
}

} // namespace

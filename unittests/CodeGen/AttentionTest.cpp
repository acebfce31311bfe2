//===- AttentionTest.cpp - emitted attention in every form ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "AttentionOracle.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::transformer;
using namespace mlir::transformer::test;

namespace {

constexpr const char *kText = R"(
!rows = memref<?x{0}xf32, strided<[{2}, 1]>>
!values = memref<?x{1}xf32, strided<[{2}, 1]>>
func.func @attention(%q: !rows, %k: !rows, %v: !values, %bias: memref<?x?xf32>, %o: !values, %first: index, %num: index) {{
  transformer_kernel.attention %q, %k, %v {3} rows(%first of %num) outs(%o)
      {{scale = 0.25 : f32, products = #transformer.products<{4}>{5}}
      : (!rows, !rows, !values, {6} index, index, !values) -> ()
  return
}
)";

/// What is compiled: `extra` holds attributes.
struct Form {
  const char *products;
  int64_t depth, width;
  std::string extra;
  bool bias = false;

  bool causal() const { return extra.find("causal") != std::string::npos; }
  std::string text(int64_t stride) const {
    return llvm::formatv(kText, depth, width, stride, bias ? "bias(%bias)" : "",
                         products, extra, bias ? "memref<?x?xf32>," : "")
        .str();
  }
};

/// Sequences in the middle of larger buffers, of which the rest is NaN.
class Check {
public:
  Check(const Target &target, const Form &form)
      : target(target), form(form),
        stride(std::max(form.depth, form.width) + 3),
        jit(jitOf(form.text(stride), target)) {}

  void run(int64_t rows, int64_t keys) {
    SCOPED_TRACE(target.name + " " + form.products + form.extra + " " +
                 std::to_string(form.depth) + " " + std::to_string(rows) + "x" +
                 std::to_string(keys));
    ASSERT_TRUE(jit);
    fill(rows, keys);
    compare(rows, keys);
  }

  void fill(int64_t rows, int64_t keys) {
    for (int i = 0; i < 3; ++i) {
      int64_t count = i ? keys : rows;
      data[i] = randoms((count + 2) * stride, 7 * i + count);
      std::fill_n(data[i].begin(), stride, NAN);
      std::fill(data[i].begin() + (1 + count) * stride, data[i].end(), NAN);
    }
    bias = randoms(rows * keys, 5);
    for (int64_t i = 0; i < rows * keys; i += 3)
      bias[i] = -INFINITY;
    for (int64_t j = 0; rows > 2 && j < keys; ++j) {
      bias[keys + j] = -INFINITY;
      // Such a number hides nothing: these keys weigh the same, as far as the
      // sums of scores and the logarithms that i8 needs can tell.
      if (form.products != std::string("i8"))
        bias[2 * keys + j] =
            j % 3 ? std::numeric_limits<float>::lowest() : -INFINITY;
    }
  }

  float *row(int which, int64_t i) {
    return data[which].data() + (1 + i) * stride;
  }

  void call(int64_t first, int64_t count, int64_t rows, int64_t keys,
            std::vector<float> &y) {
    y.assign((count + 1) * stride, 7.0f);
    Buffer<float, 2> q(row(0, first), {count, form.depth}, stride);
    Buffer<float, 2> k(row(1, 0), {keys, form.depth}, stride);
    Buffer<float, 2> v(row(2, 0), {keys, form.width}, stride);
    Buffer<float, 2> o(y.data(), {count, form.width}, stride);
    Buffer<float, 2> b(bias.data(), {rows, keys});
    jit->call("attention", &q, &k, &v, &b, &o, first, rows);
  }

  void compare(int64_t rows, int64_t keys) {
    std::vector<float> y, part;
    call(0, rows, rows, keys, y);
    AttentionData head{form.products, 0.25f,     form.depth,   form.width,
                       rows,          keys,      stride,       row(0, 0),
                       row(1, 0),     row(2, 0), form.causal()};
    head.bias = form.bias ? bias.data() : nullptr;
    for (int64_t i = 0; i < rows; ++i) {
      std::vector<Expected> expected = attentionRow(head, i);
      for (int64_t c = 0; c < form.width; ++c) {
        double value = expected[c].value, got = y[i * stride + c];
        if (std::isfinite(value))
          ASSERT_NEAR(got, value, expected[c].tolerance) << i << " " << c;
        else
          ASSERT_TRUE(std::isnan(value) ? std::isnan(got) : got == value)
              << got << " " << i << " " << c;
      }
      ASSERT_EQ(y[i * stride + form.width], 7.0f) << "written beside a row";
    }
    ASSERT_EQ(y[rows * stride], 7.0f) << "written beyond the rows";
    // Any block of rows gives the same, to the bit.
    int64_t first = rows / 3, count = rows - first;
    call(first, count, rows, keys, part);
    for (int64_t i = 0; i < count; ++i)
      ASSERT_EQ(memcmp(&part[i * stride], &y[(first + i) * stride],
                       form.width * sizeof(float)),
                0)
          << "row " << first + i;
  }

  Target target;
  Form form;
  int64_t stride;
  std::unique_ptr<KernelJit> jit;
  std::vector<float> data[3], bias;
};

/// Every level and form takes minutes: the best level and this machine's own
/// are tested, in one form or in all, and the others in one.
std::vector<Target> levels() {
  std::vector<Target> targets = testedTargets();
  if (!isThorough() && targets.size() > 2)
    targets.resize(2, targets.front());
  return targets;
}

const int64_t kLengths[] = {0, 1, 2, 7, 15, 16, 17, 31, 33, 64, 100, 129};

/// A few widths of heads in every form, the others in one.
void checkAll(const char *products) {
  std::string bound = ", max_keys = 144 : i64";
  std::vector<Form> forms = {
      {products, 8, 8, bound},
      {products, 16, 16, bound + ", causal"},
      {products, 20, 5, bound, true},
      {products, 32, 32, bound},
      {products, 32, 32, bound + ", causal"},
      {products, 32, 48, bound + ", causal", true},
      {products, 48, 32, ""},
      {products, 64, 64, bound},
      {products, 80, 80, bound + ", causal"},
      {products, 96, 96, bound},
      {products, 128, 128, bound, true},
  };
  // The best level that this machine runs gets all forms, the levels above and
  // below half of them each.
  bool isHostDone = false;
  for (auto [number, target] : llvm::enumerate(levels())) {
    bool runs = isRunnable(target), isHost = runs && !isHostDone;
    isHostDone |= runs;
    for (auto [at, form] : llvm::enumerate(forms)) {
      bool isWanted = isHost || (number == 0 && at % 2 == 0) ||
                      (number != 0 && runs && at % 2 == 1);
      if (at != 5 && !(isWanted && isThorough()))
        continue;
      Check check(target, form);
      for (int64_t length : kLengths)
        check.run(length, length);
      for (auto [rows, keys] : {std::pair<int64_t, int64_t>{3, 0},
                                {1, 129},
                                {2, 40},
                                {8, 33},
                                {40, 9}})
        check.run(rows, keys);
    }
  }
}

TEST(Attention, OfF32) { checkAll("f32"); }
TEST(Attention, OfBf16) { checkAll("bf16"); }
TEST(Attention, OfI8) { checkAll("i8"); }

TEST(Attention, BlockByBlock) {
  for (const Target &target : levels())
    for (const char *extra : {"", ", causal"}) {
      Check check(target, {"f32", 20, 20,
                           std::string(", key_block = 32 : i64") + extra});
      for (int64_t length : {0, 1, 31, 33, 64, 100, 129})
        check.run(length, length);
    }
}

// Within blocks weights are relative to another maximum than over all keys, so
// that they are rounded otherwise: hence a bound instead of the definition.
TEST(Attention, RoundedWeightsBlockByBlock) {
  if (!isThorough())
    GTEST_SKIP() << "in the slow suite";
  for (const Target &target : levels())
    for (auto [products, bound] :
         {std::pair<const char *, double>{"bf16", 0.02}, {"i8", 0.06}}) {
      Check check(target, {products, 32, 32, ", key_block = 32 : i64"});
      Check whole(target, {"f32", 32, 32, ""});
      ASSERT_TRUE(check.jit && whole.jit);
      for (int64_t length : {1, 31, 33, 64, 100, 129}) {
        check.fill(length, length);
        std::vector<float> y, exact;
        check.call(0, length, length, length, y);
        std::copy(check.data, check.data + 3, whole.data);
        whole.call(0, length, length, length, exact);
        for (int64_t i = 0; i < length; ++i)
          for (int64_t c = 0; c < 32; ++c)
            ASSERT_NEAR(y[i * check.stride + c], exact[i * check.stride + c],
                        bound)
                << target.name << " " << products << " " << length;
      }
    }
}

TEST(Attention, NotANumberStaysWhereItBelongs) {
  for (auto [number, target] : llvm::enumerate(levels()))
    for (const char *products : {"f32", "bf16", "i8"})
      for (const char *extra : {"bias", ", causal", ""}) {
        bool isMain = number == 0 || isRunnable(target);
        if (extra != std::string("bias") && !(isMain && isThorough()))
          continue;
        bool bias = extra == std::string("bias");
        Check check(target,
                    {products, 8, 8,
                     std::string(", max_keys = 64 : i64") + (bias ? "" : extra),
                     bias});
        ASSERT_TRUE(check.jit);
        constexpr int64_t kRows = 20;
        for (float odd : {NAN, INFINITY})
          for (auto [which, at] : {std::pair<int, int64_t>{0, 3},
                                   {1, 0},
                                   {1, 7},
                                   {1, 19},
                                   {2, 0},
                                   {2, 9},
                                   {2, 19}}) {
            SCOPED_TRACE(target.name + " " + products + extra + " " +
                         std::to_string(which) + " " + std::to_string(at));
            check.fill(kRows, kRows);
            check.row(which, at)[2] = odd;
            // An infinite query or key is only as good as its signs: i8 alone
            // defines what becomes of it.
            if (std::isinf(odd) && which < 2 && products != std::string("i8"))
              continue;
            check.compare(kRows, kRows);
          }
      }
}

TEST(Attention, RowsOfZeros) {
  for (const Target &target : levels()) {
    Check check(target, {"i8", 16, 16, ", max_keys = 64 : i64"});
    ASSERT_TRUE(check.jit);
    for (float value : {0.0f, 1e-36f})
      for (int which : {0, 1, 2}) {
        check.fill(20, 20);
        for (int64_t i = 0; i < 20; i += which + 1)
          std::fill_n(check.row(which, i), 16, value);
        check.compare(20, 20);
      }
    // Values that are tiny beside others, and one that outweighs all.
    check.fill(20, 20);
    for (int64_t c = 0; c < 16; ++c)
      check.row(2, 4)[c] *= 1e-30f, check.row(2, 5)[c] *= 1e4f;
    check.compare(20, 20);
  }
}

} // namespace

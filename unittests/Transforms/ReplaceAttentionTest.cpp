//===- ReplaceAttentionTest.cpp - the losses that are predicted -----------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "FitTesting.h"

#include "transformer/Transforms/ReplaceAttention.h"

using namespace mlir;
using namespace mlir::transformer;
using Part = MixingStatistics::Block;

namespace {
constexpr int64_t kWidth = 8, kHeads = 2, kDim = 4, kSequences = 25;

struct ReplaceAttentionTest : FitTest {
  Matrix wq = normal(kWidth, kWidth, 2, 0.5),
         wk = normal(kWidth, kWidth, 3, 0.5), wv = normal(kWidth, kWidth, 4),
         wo = normal(kWidth, kWidth, 5), bq = normal(1, kWidth, 6),
         bk = normal(1, kWidth, 7), bv = normal(1, kWidth, 8),
         bo = normal(1, kWidth, 9);
  std::vector<double> offsets = {0};
  Matrix h;
  std::vector<double> weights, metric;
  std::map<std::string, Matrix> before;

  ReplaceAttentionTest() {
    for (int64_t s = 0; s < kSequences; ++s) // one of them of one token
      offsets.push_back(offsets.back() + 1 + (s * 7) % 12);
    h = normal(int64_t(offsets.back()), kWidth, 1);
    for (int64_t t = 0; t < h.rows; ++t) {
      weights.push_back(0.5 + 0.3 * double(t % 4));
      for (int64_t c = 1; c < kWidth; ++c)
        h(t, c) = float(0.6 * h(t, c - 1) + h(t, c) + 0.5);
    }
    for (int64_t c = 0; c < kWidth; ++c)
      metric.push_back(0.5 + double(c % 3));
  }

  OwningOpRef<ModuleOp> attention() {
    std::string in = "tensor<?x8xf32>", w = "tensor<8x8xf32>",
                b = "tensor<8xf32>", body;
    auto linear = [&](const std::string &n, const std::string &from,
                      const Matrix &weight, const Matrix &bias) {
      return constant("w" + n, weight) + constant("b" + n, bias, true) + "%" +
             n + " = transformer.linear %" + from + ", %w" + n + " bias %b" +
             n + " : (" + in + ", " + w + ", " + b + ") -> " + in + " loc(\"" +
             n + "\")\n";
    };
    body = constant("g", normal(1, kWidth, 20), true) +
           constant("s", normal(1, kWidth, 21), true) +
           "%x = transformer.layer_norm %h, %g, %s {epsilon = 1.0e-12 : f32} "
           ": (" +
           in + ", " + b + ", " + b + ") -> " + in + " loc(\"x\")\n" +
           linear("q", "x", wq, bq) + linear("k", "x", wk, bk) +
           linear("v", "x", wv, bv) +
           "%a = transformer.attention %q, %k, %v offsets(%o) {num_heads = 2 : "
           "i64, num_kv_heads = 2 : i64} : (" +
           in + ", " + in + ", " + in + ", tensor<?xi32>) -> " + in +
           " loc(\"attention\")\n" + linear("y", "a", wo, bo) +
           "%z = arith.addf %y, %x : " + in + "\n";
    return parse("func.func @f(%h: " + in + ", %o: tensor<?xi32>) -> " + in +
                 " {\n" + body + "return %z : " + in + "\n}");
  }

  /// What the heads give to one query each, by the definition.
  void single(int64_t sequence, MutableArrayRef<double> to) {
    int64_t begin = offsets[sequence], end = offsets[sequence + 1];
    std::vector<double> mean(kWidth);
    for (int64_t t = begin; t < end; ++t)
      for (int64_t c = 0; c < kWidth; ++c)
        mean[c] += before["x"](t, c) / double(end - begin);
    for (int64_t head = 0; head < kHeads; ++head) {
      std::vector<double> weight;
      double total = 0;
      for (int64_t t = begin; t < end; ++t) {
        double score = 0;
        for (int64_t i = head * kDim; i < (head + 1) * kDim; ++i) {
          double query = bq(0, i);
          for (int64_t c = 0; c < kWidth; ++c)
            query += wq(i, c) * mean[c];
          score += query * before["k"](t, i) / std::sqrt(double(kDim));
        }
        weight.push_back(std::exp(score));
        total += weight.back();
      }
      for (int64_t i = head * kDim; i < (head + 1) * kDim; ++i) {
        to[i] = 0;
        for (int64_t t = begin; t < end; ++t)
          to[i] += weight[t - begin] / total * before["v"](t, i);
      }
    }
  }

  /// Of the rows that are held out, or of the others, block beside block.
  std::vector<int64_t> tokens(bool heldOut) {
    std::vector<int64_t> result;
    for (int64_t s = 0; s < kSequences; ++s)
      if (isHeldOut(s) == heldOut)
        for (int64_t t = offsets[s]; t < offsets[s + 1]; ++t)
          result.push_back(t);
    return result;
  }

  MixingStatistics statistics() {
    MixingStatistics mixing;
    mixing.widths.fill(kWidth);
    Matrix rows(h.rows, Part::kBlocks * kWidth);
    const Matrix &x = before["x"];
    for (int64_t s = 0; s < kSequences; ++s) {
      std::vector<double> one(kWidth);
      single(s, one);
      int64_t begin = offsets[s], end = offsets[s + 1];
      for (int64_t t = begin; t < end; ++t)
        for (int64_t c = 0; c < kWidth; ++c) {
          auto at = [&](Part part) -> double & {
            return rows(t, mixing.begin(part) + c);
          };
          at(Part::Previous) = t > begin ? x(t - 1, c) : 0;
          at(Part::Own) = x(t, c);
          at(Part::Next) = t + 1 < end ? x(t + 1, c) : 0;
          at(Part::Single) = one[c];
          at(Part::Attended) = before["attention"](t, c);
          for (int64_t u = begin; u < end; ++u)
            at(Part::Mean) += x(u, c) / double(end - begin);
        }
    }
    for (bool heldOut : {false, true}) {
      std::vector<int64_t> which = tokens(heldOut);
      Profile profile;
      add(profile, "all", rows.selectRows(which), pick(which));
      (heldOut ? mixing.heldOut : mixing.fitted) = profile.grams["all"];
    }
    return mixing;
  }

  std::vector<double> pick(ArrayRef<int64_t> which) {
    std::vector<double> result;
    for (int64_t t : which)
      result.push_back(weights[t]);
    return result;
  }

  AttentionSite find(ModuleOp module) {
    AttentionSite site;
    module.walk([&](AttentionOp op) { site = mixingSiteOf(op); });
    return site;
  }

  double measured(const Matrix &after, bool heldOut) {
    Matrix given = after; // behind the residual sum
    for (size_t i = 0; i < given.values.size(); ++i)
      given.values[i] -= before["x"].values[i];
    std::vector<int64_t> which = tokens(heldOut);
    return loss(before["y"].selectRows(which), given.selectRows(which),
                pick(which), metric);
  }

  /// Of the module that `before` is of.
  Profile measuredProfile() {
    Profile profile;
    MixingStatistics &mixing = profile.mixings["y"] = statistics();
    add(profile, "q", before["x"]);
    add(profile, "y", before["attention"]);
    profile.linears["k"] = profile.linears["v"] = "q";
    for (auto [to, width] : {std::pair(&mixing.mean, kWidth),
                             std::pair(&mixing.averaged, kHeads * kWidth)}) {
      to->count = kSequences;
      to->sum.assign(width, 1.0);
      to->squares = to->sum;
      to->absmax.assign(width, 1.0f);
    }
    return profile;
  }
};

TEST_F(ReplaceAttentionTest, PredictsTheLossOfEachRung) {
  double last = 2;
  for (Rung rung : {Rung::Drop, Rung::Bias, Rung::Mq, Rung::Linear, Rung::Mean,
                    Rung::MqLinear, Rung::Lags}) {
    SCOPED_TRACE(nameOf(rung).str());
    auto module = attention();
    before = run(*module, h, offsets);
    MixingStatistics mixing = statistics();
    auto fit = fitRung(rung, mixing, wo, bo.values, metric, 1e-6);
    ASSERT_TRUE(bool(fit));
    ASSERT_TRUE(whyNotReplaced(find(*module).attention).empty());
    ASSERT_TRUE(whyNotReplaced(find(*module).attention, rung).empty());
    IRRewriter rewriter(&context);
    replaceSite(rewriter, find(*module), replacementOf(*fit, mixing));
    EXPECT_EQ(bool(find(*module).attention),
              rung == Rung::Mq || rung == Rung::MqLinear);
    Matrix after = run(*module, h, offsets)[""];
    EXPECT_NEAR(fit->error / measured(after, false), 1, 1e-4);
    ASSERT_TRUE(fit->heldOutError);
    EXPECT_NEAR(*fit->heldOutError / measured(after, true), 1, 1e-4);
    EXPECT_EQ(fit->judged(), *fit->heldOutError);
    if (rung == Rung::Bias) {
      EXPECT_NEAR(fit->error, 1, 1e-6);
    }
    // More to read never fits worse.
    if (rung == Rung::Linear)
      last = fit->error;
    if (rung > Rung::Linear) {
      EXPECT_LT(fit->error, last);
    }
  }
}

TEST_F(ReplaceAttentionTest, PredictsTheLossOfLowerRanks) {
  for (Rung rung : {Rung::Mq, Rung::MqLinear}) {
    SCOPED_TRACE(nameOf(rung).str());
    double exact = 0;
    for (bool narrowQueries : {false, true}) {
      auto module = attention();
      before = run(*module, h, offsets);
      MixingStatistics mixing = statistics();
      mixing.mean.count = kSequences;
      auto fit = fitRung(rung, mixing, wo, bo.values, metric, 1e-6);
      ASSERT_TRUE(bool(fit));
      Replacement by = replacementOf(*fit, mixing);
      ASSERT_FALSE(bool(
          narrowMaps(by, find(*module), mixing, nullptr, metric, 0.2, 1e-9)));
      ASSERT_GT(by.queryDown.rows, 0);
      ASSERT_GT(by.outputDown.rows, 0);
      EXPECT_LT(by.outputDown.rows, kWidth);
      EXPECT_EQ(by.outputInner.width(), by.outputDown.rows);
      if (!narrowQueries)
        by.queryDown = Matrix(); // no sum tells what its loss does to softmax
      judgeAgain(*fit, by, mixing, wo, bo.values, metric);
      IRRewriter rewriter(&context);
      replaceSite(rewriter, find(*module), by);
      double loss = measured(run(*module, h, offsets)[""], false);
      if (narrowQueries) {
        EXPECT_GT(loss, 0.9 * exact);
        EXPECT_LT(loss, 1.5 * exact);
      } else {
        EXPECT_NEAR(fit->error / loss, 1, 1e-4);
        exact = loss;
      }
    }
  }
}

TEST_F(ReplaceAttentionTest, FindsWhatIsExact) {
  // Queries of zero: all tokens of a sequence count alike. Queries without
  // weights: one query for all.
  for (auto [rung, exactQuery] :
       {std::pair(Rung::Mean, false), std::pair(Rung::Mq, true)}) {
    wq = Matrix(kWidth, kWidth);
    bq = exactQuery ? normal(1, kWidth, 6) : Matrix(1, kWidth);
    auto module = attention();
    before = run(*module, h, offsets);
    MixingStatistics mixing = statistics();
    auto fit = fitRung(rung, mixing, wo, bo.values, metric, 1e-9);
    ASSERT_TRUE(bool(fit));
    EXPECT_LT(*fit->heldOutError, 1e-9) << nameOf(rung).str();
    auto linear = fitRung(Rung::Linear, mixing, wo, bo.values, metric, 1e-9);
    ASSERT_TRUE(bool(linear));
    EXPECT_GT(linear->error, 0.1);
    // The weights alone say it, too.
    auto known = replacementByWeights(find(*module), rung, 0);
    ASSERT_TRUE(known);
    IRRewriter rewriter(&context);
    replaceSite(rewriter, find(*module), *known);
    EXPECT_LT(measured(run(*module, h, offsets)[""], false), 1e-9);
  }
  // Values of zero: nothing is lost by leaving out all.
  wv = Matrix(kWidth, kWidth), bv = bo = Matrix(1, kWidth);
  before = run(*attention(), h, offsets);
  auto drop = fitRung(Rung::Drop, statistics(), wo, bo.values, metric, 1e-9);
  ASSERT_TRUE(bool(drop));
  EXPECT_EQ(drop->judged(), 0);
}

TEST_F(ReplaceAttentionTest, TakesTheCheapestThatIsGoodEnough) {
  wq = Matrix(kWidth, kWidth);
  auto module = attention();
  before = run(*module, h, offsets);
  Profile profile = measuredProfile();
  ReplaceAttentionOptions options;
  options.profile = &profile;
  options.kinds = "attention:auto";
  options.maxError = 1e-3;
  auto done = replaceAttention(*module, options);
  ASSERT_TRUE(bool(done));
  EXPECT_EQ(done->replaced, 1);
  AttentionSite site = find(*module); // mq is cheaper than a mean
  ASSERT_TRUE(bool(site.attention));
  EXPECT_EQ(site.attention.getNumKvHeads(), 1);
  // The profile is that of the linears that there are.
  EXPECT_EQ(profile.linears["q"], "y.mean");
  EXPECT_EQ(profile.linears["v"], "y.averaged");
  EXPECT_EQ(profile.linears.count("k") + profile.linears.count("y"), 0u);
  EXPECT_EQ(profile.sites["y.averaged"].width(), kHeads * kWidth);
  EXPECT_TRUE(profile.mixings.empty());
}
TEST_F(ReplaceAttentionTest, SingleQueriesBesideFewerHeads) {
  double alone = 0;
  for (auto [single, rankError] :
       {std::pair(false, 0.0), std::pair(true, 0.0), std::pair(true, 0.1)}) {
    auto module = attention();
    before = run(*module, h, offsets);
    Profile profile = measuredProfile();
    AttentionSite site = find(*module);
    NarrowHeadsOptions options;
    options.profile = &profile;
    options.heads = 1;
    options.singleQueries = single;
    options.rankError = rankError;
    HeadsGoal goal;
    goal.groups = 1;
    goal.beside = &profile.mixings["y"];
    auto plan =
        planHeads(site, momentsOf(site, &profile, 0), goal, options.damping);
    ASSERT_TRUE(bool(plan));
    auto done = narrowHeads(*module, options);
    ASSERT_TRUE(bool(done));
    EXPECT_EQ(done->narrowed, 1);
    int64_t attentions = 0;
    module->walk([&](AttentionOp) { ++attentions; });
    EXPECT_EQ(attentions, single ? 2 : 1);
    EXPECT_EQ(profile.find("y.sequence.value") != nullptr, single);
    EXPECT_TRUE(profile.mixings.empty());
    metric.clear(); // what reads the sum is not known
    double loss = measured(run(*module, h, offsets)[""], false);
    if (!single) {
      alone = loss;
    } else if (rankError == 0) {
      EXPECT_LT(loss, 0.9 * alone);
      EXPECT_NEAR(plan->outputError / loss, 1, 1e-4);
      ASSERT_TRUE(plan->heldOutError);
      EXPECT_GT(*plan->heldOutError, 0);
    } else {
      EXPECT_GT(loss, plan->outputError);
      EXPECT_LT(loss, alone);
    }
  }
}
} // namespace

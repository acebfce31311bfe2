//===- ProfileTest.cpp - profile.safetensors ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Support/Profile.h"
#include "transformer/Support/Rounding.h"
#include "transformer/Support/SafetensorsWriter.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "gtest/gtest.h"

#include <cmath>

using namespace mlir::transformer;

namespace {
class ProfileTest : public ::testing::Test {
protected:
  void SetUp() override {
    ASSERT_FALSE(llvm::sys::fs::createUniqueDirectory("profile", directory));
    path = (directory + "/profile.safetensors").str();
  }
  void TearDown() override { llvm::sys::fs::remove_directories(directory); }
  std::string problem() {
    llvm::Expected<Profile> profile = readProfile(path);
    return profile ? "" : llvm::toString(profile.takeError());
  }
  llvm::SmallString<128> directory;
  std::string path;
};

Profile example() {
  Profile profile;
  profile.checkpoint = "0123456789abcdef";
  profile.source = "synthetic";
  profile.tokens = 3;
  float rows[] = {1, -2, 99, 3, 0, 99, -1, 1, 99};
  profile.sites["a.query"].add(rows, 3, 2, 3);
  profile.linears = {{"a.query", "a.query"}, {"a.key", "a.query"}};
  return profile;
}
} // namespace

TEST_F(ProfileTest, statisticsAreThoseOfTheRows) {
  Profile profile = example();
  const ChannelStatistics *found = profile.find("a.key");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->count, 3);
  EXPECT_DOUBLE_EQ(found->mean()[0], 1.0);
  EXPECT_DOUBLE_EQ(found->mean()[1], -1.0 / 3);
  EXPECT_DOUBLE_EQ(found->rms()[0], std::sqrt(11.0 / 3));
  EXPECT_EQ(found->absmax, (std::vector<double>{3, 2}));
  EXPECT_FALSE(profile.find("a.value"));
}

TEST_F(ProfileTest, twoPartsAddUpToTheWhole) {
  float rows[] = {1, 2, 3, 4, -5, 6};
  ChannelStatistics whole, first, rest;
  whole.add(rows, 3, 2, 2);
  first.add(rows, 1, 2, 2);
  rest.add(rows + 2, 2, 2, 2);
  first.merge(rest);
  EXPECT_EQ(first.count, whole.count);
  EXPECT_EQ(first.sum, whole.sum);
  EXPECT_EQ(first.squares, whole.squares);
  EXPECT_EQ(first.absmax, whole.absmax);
  ChannelStatistics fresh;
  fresh.merge(whole);
  EXPECT_EQ(fresh.sum, whole.sum);
}

TEST_F(ProfileTest, comesBackFromItsFile) {
  Profile profile = example();
  ASSERT_FALSE(bool(writeProfile(profile, path)));
  llvm::Expected<Profile> read = readProfile(path);
  ASSERT_TRUE(bool(read)) << llvm::toString(read.takeError());
  EXPECT_EQ(read->checkpoint, profile.checkpoint);
  EXPECT_EQ(read->source, profile.source);
  EXPECT_EQ(read->tokens, 3);
  EXPECT_EQ(read->linears, profile.linears);
  ASSERT_TRUE(read->find("a.key"));
  EXPECT_EQ(read->find("a.key")->squares, profile.find("a.key")->squares);
  EXPECT_EQ(read->find("a.key")->count, 3);
}

TEST_F(ProfileTest, otherFilesAreRefused) {
  SafetensorsWriter weights;
  ASSERT_FALSE(bool(weights.write(path)));
  EXPECT_NE(problem().find("is not a profile"), std::string::npos);

  SafetensorsWriter newer;
  newer.addMetadata("format", "transformer-mlir profile");
  newer.addMetadata("version", "2");
  ASSERT_FALSE(bool(newer.write(path)));
  EXPECT_NE(problem().find("of version '2', and this program reads version 1"),
            std::string::npos);

  SafetensorsWriter holes;
  holes.addMetadata("format", "transformer-mlir profile");
  holes.addMetadata("version", "1");
  holes.addMetadata("tokens", "3");
  holes.addMetadata("linear:a", "a");
  ASSERT_FALSE(bool(holes.write(path)));
  EXPECT_NE(problem().find("has no tensor 'a.count' of F64 numbers"),
            std::string::npos);
}

TEST_F(ProfileTest, numbersMustBelongTogetherAndBeFinite) {
  Profile profile = example();
  profile.sites["a.query"].squares.pop_back();
  ASSERT_FALSE(bool(writeProfile(profile, path)));
  EXPECT_NE(problem().find("do not belong together"), std::string::npos);
  profile = example();
  profile.sites["a.query"].sum[1] = NAN;
  ASSERT_FALSE(bool(writeProfile(profile, path)));
  EXPECT_NE(problem().find("that is not finite"), std::string::npos);
}

TEST(Rounding, isToTheNearestWithTheScaleThatIsStored) {
  std::vector<float> weight = {1.0f, -2.0f, 0.3f, 0, 0, 0};
  RoundedRows rounded = roundRowsToI8(weight, 2, 3);
  EXPECT_EQ(rounded.values, (std::vector<int8_t>{64, -127, 19, 0, 0, 0}));
  EXPECT_FLOAT_EQ(rounded.scales[0], 2.0f / 127);
  EXPECT_EQ(rounded.scales[1], 1.0f);
  double lost = 0, all = 0;
  for (int i = 0; i < 3; ++i) {
    double error = weight[i] - rounded.values[i] * double(rounded.scales[0]);
    lost += error * error, all += double(weight[i]) * weight[i];
  }
  EXPECT_DOUBLE_EQ(rounded.error, lost / all);
}

TEST(Rounding, narrowScalesCoverTheRow) {
  std::vector<float> weight;
  for (int i = 1; i <= 64; ++i)
    weight.push_back(std::sin(float(i)) * float(i));
  RoundedRows rounded = roundRowsToI8(weight, 64, 1, {}, ScaleType::BF16);
  for (int i = 0; i < 64; ++i) {
    uint32_t bits;
    std::memcpy(&bits, &rounded.scales[i], 4);
    EXPECT_EQ(bits & 0xffff, 0u);
    EXPECT_GE(rounded.scales[i] * 127.0, std::abs(weight[i]));
    EXPECT_NEAR(rounded.values[i] * rounded.scales[i], weight[i],
                rounded.scales[i] / 2);
  }
}

TEST(Rounding, divisorsAreTakenOutBeforeAndCountAfterwards) {
  std::vector<float> weight = {1, 8, 1, -8};
  RoundedRows plain = roundRowsToI8(weight, 2, 2);
  RoundedRows divided = roundRowsToI8(weight, 2, 2, {0.125f, 1.0f});
  EXPECT_EQ(divided.values, (std::vector<int8_t>{127, 127, 127, -127}));
  EXPECT_LT(divided.error, plain.error);
}

TEST(Rounding, smoothingBalancesInputAndWeight) {
  std::vector<double> rms = {100, 1, 1, 0};
  std::vector<float> most = {1, 1, 4, 1};
  std::vector<float> m = smoothingMultipliers(rms, most, 0.5);
  double product = 1;
  for (float value : m)
    product *= value;
  EXPECT_NEAR(product, 1, 0.05); // bf16
  EXPECT_NEAR(m[1] / m[0], 10, 0.1);
  EXPECT_NEAR(m[2] / m[1], 2, 0.02);
  // A silent channel is as loud as 1/1000 of all.
  EXPECT_NEAR(m[3] / m[1], 1 / std::sqrt(0.05), 0.1);
}

TEST_F(ProfileTest, gramsAreThoseOfTheRowsAndSurviveTheFile) {
  Profile profile = example();
  float rows[] = {1, 2, 99, 3, -4, 99};
  float weights[] = {2, 0.5};
  GramStatistics &gram = profile.grams["a.query"];
  gram.isWeighted = true;
  GramPart part;
  part.measure(rows, 2, 2, 3, weights);
  gram.add(part);
  gram.finish();
  EXPECT_DOUBLE_EQ(gram.weight, 2.5);
  EXPECT_DOUBLE_EQ(gram.sum[1], 2.0);
  EXPECT_NEAR(gram.products(0, 1), 2 * 2 - 0.5 * 12, 1e-5);
  EXPECT_EQ(gram.products(0, 1), gram.products(1, 0));
  EXPECT_NEAR(gram.covariance()(0, 0), 6.5 / 2.5 - 1.4 * 1.4, 1e-6);
  profile.tokenCounts = {0, 3, 1};
  ASSERT_FALSE(writeProfile(profile, path));
  Profile read = llvm::cantFail(readProfile(path));
  const GramStatistics *found = read.findGram("a.key");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->isWeighted);
  EXPECT_EQ(found->products.values, gram.products.values);
  EXPECT_EQ(read.tokenCounts, profile.tokenCounts);
}

TEST_F(ProfileTest, flippedBytesAnywhereAreRefused) {
  Profile profile = example();
  profile.tokenCounts = {1, 2, 3};
  ASSERT_FALSE(bool(writeProfile(profile, path)));
  EXPECT_EQ(problem(), "");
  auto file = llvm::MemoryBuffer::getFile(path);
  ASSERT_TRUE(bool(file));
  const std::string whole = (*file)->getBuffer().str();
  // Without its name the checksum is text like any other.
  size_t name = whole.find("checksum");
  for (size_t i = 0; i < whole.size(); ++i) {
    if (i >= name && i < name + 8)
      continue;
    SCOPED_TRACE(i);
    std::string other = whole;
    other[i] = char(other[i] ^ 1);
    std::error_code code;
    llvm::raw_fd_ostream(path, code) << other;
    EXPECT_NE(problem(), "");
  }
}

TEST_F(ProfileTest, profilesOfTwoCorporaAddUp) {
  auto of = [](std::vector<float> rows) {
    Profile profile;
    profile.checkpoint = "0123456789abcdef";
    profile.source = "some text";
    profile.linears = {{"a", "a"}};
    profile.sites["a"].add(rows.data(), rows.size() / 2, 2, 2);
    GramPart part;
    part.measure(rows.data(), rows.size() / 2, 2, 2);
    profile.grams["a"].add(part);
    profile.grams["a"].finish();
    return profile;
  };
  Profile whole = of({1, 2, 3, 4, 5, 6}), first = of({1, 2}),
          rest = of({3, 4, 5, 6});
  ASSERT_FALSE(first.merge(rest));
  EXPECT_EQ(first.find("a")->sum, whole.find("a")->sum);
  EXPECT_EQ(first.findGram("a")->products.values,
            whole.findGram("a")->products.values);
  Profile other = of({1, 2});
  other.checkpoint = "fedcba9876543210";
  EXPECT_EQ(llvm::toString(first.merge(other)),
            "is the profile of checkpoint fedcba9876543210, and is to be added "
            "to one of 0123456789abcdef");
  other = of({1, 2});
  other.linears["b"] = "a";
  EXPECT_EQ(llvm::toString(first.merge(other)),
            "has other sites than the profile that it is to be added to: make "
            "both in the same way");
}

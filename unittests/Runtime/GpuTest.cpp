//===- GpuTest.cpp - the part of the runtime that is for GPUs -------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// What needs a driver is tested with whole artifacts, in
// test/Python/test_gpu.py.
//===----------------------------------------------------------------------===//
#include "RuntimeFixture.h"

#include <cmath>
#include <cstring>
#include <random>

// Of lib/Runtime/gpu.h, which is for C.
extern "C" void tm_gpu_convert(const tm_device_weight *weight, const char *from,
                               int64_t count, char *to);

namespace {

template <typename To, typename From>
std::vector<To> convert(const std::vector<From> &from, int32_t stored,
                        int32_t wanted) {
  std::vector<To> to(from.size());
  tm_device_weight weight = {nullptr, 0, int64_t(from.size()), stored, wanted,
                             0,       0};
  tm_gpu_convert(&weight, reinterpret_cast<const char *>(from.data()),
                 int64_t(from.size()), reinterpret_cast<char *>(to.data()));
  return to;
}

template <typename To, typename From> To bitsAs(From from) {
  To to;
  static_assert(sizeof(to) == sizeof(from), "the same bits");
  memcpy(&to, &from, sizeof(to));
  return to;
}

double valueOfHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double size = exponent == 31  ? (fraction ? NAN : INFINITY)
                : exponent == 0 ? std::ldexp(fraction, -24)
                                : std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -size : size;
}

TEST(GpuConvert, EveryHalfIsExactAndComesBack) {
  std::vector<uint16_t> all;
  for (int i = 0; i < 65536; ++i)
    all.push_back(uint16_t(i));
  auto wide = convert<float>(all, TM_NUMBER_F16, TM_NUMBER_F32);
  auto back = convert<uint16_t>(wide, TM_NUMBER_F32, TM_NUMBER_F16);
  for (int i = 0; i < 65536; ++i) {
    double value = valueOfHalf(all[i]);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(wide[i]) && std::isnan(valueOfHalf(back[i])));
      continue;
    }
    ASSERT_EQ(wide[i], value) << i;
    ASSERT_EQ(back[i], all[i]) << i;
  }
}

// The nearest of the two neighbours; of two that are as near, the even one.
TEST(GpuConvert, FloatsToHalves) {
  std::mt19937 random(1);
  std::vector<float> values = {65504,     65519.99f, 65520,      1e30f,
                               -1e30f,    0x1p-25f,  0x1.8p-24f, 0x1p-26f,
                               -0x1p-14f, 0.0f,      -0.0f};
  for (int i = 0; i < 200000; ++i) // exponents from too small to too large
    values.push_back(
        std::ldexp(float(random()) / 4e9f + 1, int(random() % 48) - 30) *
        (random() % 2 ? 1 : -1));
  auto found = convert<uint16_t>(values, TM_NUMBER_F32, TM_NUMBER_F16);
  for (size_t i = 0; i < values.size(); ++i) {
    double value = std::abs(values[i]);
    uint16_t bits = found[i] & 0x7fff;
    EXPECT_EQ(found[i] >> 15, std::signbit(values[i]) ? 1 : 0);
    if (value >= 65520) {
      EXPECT_EQ(bits, 0x7c00) << value;
      continue;
    }
    double error = std::abs(valueOfHalf(bits) - value);
    for (int step : {-1, 1}) {
      if (bits + step < 0 || bits + step >= 0x7c00)
        continue;
      double other = std::abs(valueOfHalf(uint16_t(bits + step)) - value);
      ASSERT_TRUE(error < other || (error == other && bits % 2 == 0)) << value;
    }
  }
}

TEST(GpuConvert, FloatsToBf16) {
  std::vector<uint32_t> bits = {0x3f800000, 0x3f808000, 0x3f818000, 0x3f808001,
                                0x7f7fffff, 0x7f800000, 0xff800000, 0x00008000,
                                0x80000001, 0x7f800001};
  std::vector<uint16_t> wanted = {0x3f80, 0x3f80, 0x3f82, 0x3f81, 0x7f80,
                                  0x7f80, 0xff80, 0x0000, 0x8000, 0x7fc0};
  std::vector<float> values;
  for (uint32_t b : bits)
    values.push_back(bitsAs<float>(b));
  EXPECT_EQ(convert<uint16_t>(values, TM_NUMBER_F32, TM_NUMBER_BF16), wanted);
  auto back = convert<float>(wanted, TM_NUMBER_BF16, TM_NUMBER_F32);
  EXPECT_EQ(bitsAs<uint32_t>(back[3]), 0x3f810000u);
}

class GpuLoad : public RuntimeTest {};

// CPU libraries have the functions too.
TEST_F(GpuLoad, LibrariesOfCpus) {
  EXPECT_STREQ(tm_device(), "cpu");
  tm_options options = {TM_ABI_VERSION, 1, 0, 1};
  EXPECT_EQ(loadError(TM_INVALID_ARGUMENT, options),
            "device is 1, and model.so was compiled for CPUs, where it is 0; "
            "for a GPU, compile the model with --target=nvptx");
  tm_model *model = load(1);
  void *memory = model;
  tm_error error;
  EXPECT_EQ(tm_device_alloc(model, 4, &memory, &error), TM_NO_DEVICE);
  EXPECT_EQ(memory, nullptr);
  EXPECT_STREQ(error.message,
               "model.so was compiled for CPUs and has no device memory");
  EXPECT_EQ(tm_device_copy(model, &memory, &error, 4, nullptr), TM_NO_DEVICE);
  EXPECT_EQ(tm_device_alloc(nullptr, 4, &memory, &error), TM_INVALID_ARGUMENT);
  EXPECT_EQ(tm_device_alloc(model, 4, nullptr, &error), TM_INVALID_ARGUMENT);
  tm_device_free(model, &memory);
  tm_free(model);
}

TEST_F(GpuLoad, WithoutADriver) {
  tm_device_table table = {};
  table.version = TM_DEVICE_VERSION, table.size = sizeof(table);
  tm_descriptor d = fake_descriptor();
  d.backend = &tm_gpu_backend, d.device = &table;
  fake_set_descriptor(&d);
  EXPECT_STREQ(tm_device(), "cuda");
  setenv("TM_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  EXPECT_EQ(loadError(TM_NO_DEVICE)
                .find("cannot open the library that "
                      "TM_LIBCUDA names: /nowhere"),
            0u);
  EXPECT_EQ(tm_level(nullptr), nullptr);
  setenv("TM_LIBCUDA", "libm.so.6", 1); // has none of the functions
  EXPECT_NE(loadError(TM_NO_DEVICE).find("is too old: it has no cuInit"),
            std::string::npos);
  unsetenv("TM_LIBCUDA");
}

} // namespace

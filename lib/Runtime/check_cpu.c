//===- check_cpu.c - does this CPU have what the code needs? --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// __builtin_cpu_supports needs a part of the compiler's own library, which
// model.so does not link; so this asks the CPU itself.
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>

enum { LEAF_1, LEAF_7, LEAF_7_1, LEAF_EXTENDED, LEAF_COUNT };
enum { A, B, C, D };
/* Which registers the operating system saves (XCR0). */
enum { NOTHING = 0, AVX_STATE = 0x6, AVX512_STATE = 0xe6, AMX_STATE = 0x60000 };

typedef struct feature {
  const char *name;
  uint8_t leaf, reg, bit;
  uint32_t state;
} feature;

static const feature features[] = {
    {"sse3", LEAF_1, C, 0, NOTHING},
    {"pclmul", LEAF_1, C, 1, NOTHING},
    {"ssse3", LEAF_1, C, 9, NOTHING},
    {"fma", LEAF_1, C, 12, AVX_STATE},
    {"cx16", LEAF_1, C, 13, NOTHING},
    {"sse4.1", LEAF_1, C, 19, NOTHING},
    {"sse4.2", LEAF_1, C, 20, NOTHING},
    {"movbe", LEAF_1, C, 22, NOTHING},
    {"popcnt", LEAF_1, C, 23, NOTHING},
    {"avx", LEAF_1, C, 28, AVX_STATE},
    {"f16c", LEAF_1, C, 29, AVX_STATE},
    {"bmi", LEAF_7, B, 3, NOTHING},
    {"avx2", LEAF_7, B, 5, AVX_STATE},
    {"bmi2", LEAF_7, B, 8, NOTHING},
    {"avx512f", LEAF_7, B, 16, AVX512_STATE},
    {"avx512dq", LEAF_7, B, 17, AVX512_STATE},
    {"avx512ifma", LEAF_7, B, 21, AVX512_STATE},
    {"avx512cd", LEAF_7, B, 28, AVX512_STATE},
    {"avx512bw", LEAF_7, B, 30, AVX512_STATE},
    {"avx512vl", LEAF_7, B, 31, AVX512_STATE},
    {"avx512vbmi", LEAF_7, C, 1, AVX512_STATE},
    {"avx512vbmi2", LEAF_7, C, 6, AVX512_STATE},
    {"gfni", LEAF_7, C, 8, NOTHING},
    {"vaes", LEAF_7, C, 9, AVX_STATE},
    {"vpclmulqdq", LEAF_7, C, 10, AVX_STATE},
    {"avx512vnni", LEAF_7, C, 11, AVX512_STATE},
    {"avx512bitalg", LEAF_7, C, 12, AVX512_STATE},
    {"avx512vpopcntdq", LEAF_7, C, 14, AVX512_STATE},
    {"avx512fp16", LEAF_7, D, 23, AVX512_STATE},
    {"amx-bf16", LEAF_7, D, 22, AMX_STATE},
    {"amx-tile", LEAF_7, D, 24, AMX_STATE},
    {"amx-int8", LEAF_7, D, 25, AMX_STATE},
    {"avxvnni", LEAF_7_1, A, 4, AVX_STATE},
    {"avx512bf16", LEAF_7_1, A, 5, AVX512_STATE},
    {"sahf", LEAF_EXTENDED, C, 0, NOTHING},
    {"lzcnt", LEAF_EXTENDED, C, 5, NOTHING},
};

static uint32_t saved_state(uint32_t leaf_1_c) {
  if (!(leaf_1_c >> 27 & 1)) /* the system does not use xsave */
    return 0;
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

static bool has_feature(const char *name, size_t length) {
  uint32_t leaves[LEAF_COUNT][4] = {{0}};
  __get_cpuid(1, &leaves[LEAF_1][A], &leaves[LEAF_1][B], &leaves[LEAF_1][C],
              &leaves[LEAF_1][D]);
  __get_cpuid_count(7, 0, &leaves[LEAF_7][A], &leaves[LEAF_7][B],
                    &leaves[LEAF_7][C], &leaves[LEAF_7][D]);
  if (leaves[LEAF_7][A] >= 1)
    __get_cpuid_count(7, 1, &leaves[LEAF_7_1][A], &leaves[LEAF_7_1][B],
                      &leaves[LEAF_7_1][C], &leaves[LEAF_7_1][D]);
  __get_cpuid(0x80000001, &leaves[LEAF_EXTENDED][A], &leaves[LEAF_EXTENDED][B],
              &leaves[LEAF_EXTENDED][C], &leaves[LEAF_EXTENDED][D]);
  uint32_t saved = saved_state(leaves[LEAF_1][C]);
  for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); ++i) {
    const feature *f = &features[i];
    if (strlen(f->name) == length && memcmp(f->name, name, length) == 0)
      return (leaves[f->leaf][f->reg] >> f->bit & 1) &&
             (saved & f->state) == f->state;
  }
  return false;
}

#elif defined(__aarch64__)
#include <sys/auxv.h>

typedef struct feature {
  const char *name;
  int word; /* AT_HWCAP or AT_HWCAP2 */
  uint8_t bit;
} feature;

static const feature features[] = {
    {"fp-armv8", AT_HWCAP, 0},  {"neon", AT_HWCAP, 1},
    {"fullfp16", AT_HWCAP, 10}, {"lse", AT_HWCAP, 8},
    {"rdm", AT_HWCAP, 12},      {"dotprod", AT_HWCAP, 20},
    {"sve", AT_HWCAP, 22},      {"sve2", AT_HWCAP2, 1},
    {"i8mm", AT_HWCAP2, 13},    {"bf16", AT_HWCAP2, 14},
};

static bool has_feature(const char *name, size_t length) {
  for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); ++i) {
    const feature *f = &features[i];
    if (strlen(f->name) == length && memcmp(f->name, name, length) == 0)
      return getauxval(f->word) >> f->bit & 1;
  }
  return false;
}

#else
static bool has_feature(const char *name, size_t length) { return false; }
#endif

const char *tm_missing_feature(const char *list, char *name, size_t bytes) {
  while (list && *list) {
    size_t length = strcspn(list, ",");
    const char *item = list + (*list == '+');
    size_t item_length = length - (*list == '+');
    if (item_length && !has_feature(item, item_length)) {
      size_t copied = item_length < bytes - 1 ? item_length : bytes - 1;
      memcpy(name, item, copied);
      name[copied] = 0;
      return name;
    }
    list += length;
    list += *list == ',';
  }
  return NULL;
}

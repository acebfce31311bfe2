//===- FakeModel.h - a model without a compiler -----------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Two outputs: per token, "rows" = {id, type, weight 0, position in its
// sequence}; per sequence, "sums" = {sum of the ids in "rows", length}.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_UNITTESTS_RUNTIME_FAKEMODEL_H
#define TRANSFORMER_UNITTESTS_RUNTIME_FAKEMODEL_H

#include "transformer/Runtime/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { FAKE_ROW = 4, FAKE_SUM = 2, FAKE_LIMIT = 100, FAKE_MAX_LENGTH = 64 };
enum { FAKE_THREAD_BYTES = 256, FAKE_TOKEN_BYTES = 16 };

/* Not const here, so that tests may break it. */
extern tm_descriptor fake_descriptor(void);
void fake_set_descriptor(const tm_descriptor *descriptor);

/* What the calls since the last reset have seen. */
typedef struct fake_record {
  int64_t chunks, most_tokens, most_sequences, bad_alignment;
  uint64_t last_wanted;
} fake_record;
fake_record fake_take_record(void);
/* Makes each index of a region last at least this long. */
void fake_set_delay(int64_t nanoseconds);

/* As on a kernel that zeroes no pages at a fork. */
struct tm_model;
void fake_old_kernel(struct tm_model *model);

#ifdef __cplusplus
}
#endif

#endif /* TRANSFORMER_UNITTESTS_RUNTIME_FAKEMODEL_H */

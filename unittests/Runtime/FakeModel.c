//===- FakeModel.c - a model without a compiler ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#define tm_model_descriptor tm_unused_descriptor
#include "FakeModel.h"
#undef tm_model_descriptor
#include "transformer/Runtime/model.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

enum { BLOCK = 8 };
static void forward(tm_call *call);

static const tm_input_desc inputs[] = {
    {"input_ids", TM_KIND_I32, FAKE_LIMIT, 1},
    {"token_type_ids", TM_KIND_I32, 2, 1},
};
static const tm_output_desc outputs[] = {
    {"rows", TM_PER_TOKEN, FAKE_ROW, 2},
    {"sums", TM_PER_SEQUENCE, FAKE_SUM, 0},
};

static const tm_span_desc spans[] = {{"ids", "first.rows"},
                                     {"sum", "second.sums"}};

tm_descriptor tm_model_descriptor = {
    .abi_version = TM_ABI_VERSION,
    .size = sizeof(tm_descriptor),
    .build_id = "fake",
    .target = "fake-level",
    .features = "",
    .max_length = FAKE_MAX_LENGTH,
    .input_count = 2,
    .inputs = inputs,
    .output_count = 2,
    .outputs = outputs,
    .workspace_fixed = 64,
    .workspace_per_token = FAKE_TOKEN_BYTES,
    .workspace_per_sequence = 8,
    .thread_workspace = FAKE_THREAD_BYTES,
    .span_count = 2,
    .spans = spans,
    .forward = forward,
    .levels = "fake-level",
};

tm_descriptor fake_descriptor(void) { return tm_model_descriptor; }
void fake_set_descriptor(const tm_descriptor *descriptor) {
  tm_model_descriptor = *descriptor;
}

static _Atomic int64_t chunks, most_tokens, most_sequences, bad_alignment;
static _Atomic uint64_t last_wanted;
static _Atomic int64_t delay;

void fake_set_delay(int64_t nanoseconds) { delay = nanoseconds; }

fake_record fake_take_record(void) {
  fake_record record = {chunks, most_tokens, most_sequences, bad_alignment,
                        last_wanted};
  chunks = most_tokens = most_sequences = bad_alignment = 0;
  return record;
}

static void wait_a_little(void) {
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  do
    clock_gettime(CLOCK_MONOTONIC, &end);
  while ((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec -
             begin.tv_nsec <
         delay);
}

static void start_index(char *thread_workspace) {
  /* Two threads in one workspace would race here. */
  memset(thread_workspace, 1, FAKE_THREAD_BYTES);
  if ((uintptr_t)thread_workspace % 64)
    ++bad_alignment;
  if (delay)
    wait_a_little();
}

/* As generated code has it behind an op. */
static void probe(char *thread_workspace) {
  tm_recorder *recorder =
      *(tm_recorder **)(thread_workspace + TM_THREAD_RECORDER);
  if (recorder)
    recorder->hit(recorder, 0);
}

static void enter(tm_call *call, int64_t first) {
  if (call->recorder)
    call->recorder->enter(call->recorder, first);
}

static void rows_body(void *captures, int64_t index, char *thread_workspace) {
  tm_call *call = captures;
  start_index(thread_workspace);
  const int32_t *ids = call->inputs[0], *types = call->inputs[1];
  float *rows = call->outputs[0];
  for (int64_t t = index * BLOCK; t < call->tokens && t < (index + 1) * BLOCK;
       ++t) {
    int64_t sequence = 0;
    while (call->offsets[sequence + 1] <= t)
      ++sequence;
    memset(call->workspace + 64 + t * tm_model_descriptor.workspace_per_token,
           2, FAKE_TOKEN_BYTES);
    rows[t * FAKE_ROW + 0] = (float)ids[t];
    rows[t * FAKE_ROW + 1] = (float)types[t];
    rows[t * FAKE_ROW + 2] = ((const float *)call->weights)[0];
    rows[t * FAKE_ROW + 3] = (float)(t - call->offsets[sequence]);
  }
  probe(thread_workspace);
}

static void sums_body(void *captures, int64_t index, char *thread_workspace) {
  tm_call *call = captures;
  start_index(thread_workspace);
  const float *rows = call->outputs[0];
  float *sums = (float *)call->outputs[1] + index * FAKE_SUM;
  sums[0] = 0;
  for (int32_t t = call->offsets[index]; t < call->offsets[index + 1]; ++t)
    sums[0] += rows[t * FAKE_ROW];
  sums[1] = (float)(call->offsets[index + 1] - call->offsets[index]);
  probe(thread_workspace);
}

static void raise_to(_Atomic int64_t *most, int64_t value) {
  int64_t seen = *most;
  while (seen < value && !atomic_compare_exchange_weak(most, &seen, value))
    ;
}

static void forward(tm_call *call) {
  ++chunks;
  last_wanted = call->wanted;
  raise_to(&most_tokens, call->tokens);
  raise_to(&most_sequences, call->sequences);
  /* Uses all that it was promised. */
  memset(call->workspace, 3,
         (size_t)(64 + call->tokens * tm_model_descriptor.workspace_per_token +
                  call->sequences * 8));
  if ((uintptr_t)call->workspace % 64 || (uintptr_t)call->weights % 64)
    ++bad_alignment;
  enter(call, 0);
  call->parallel(call, rows_body, call, (call->tokens + BLOCK - 1) / BLOCK);
  enter(call, 1);
  if (call->wanted & 2)
    call->parallel(call, sums_body, call, call->sequences);
}

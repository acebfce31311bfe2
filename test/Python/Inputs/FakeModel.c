//===- FakeModel.c - a model for tests that need no compiler --------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "transformer/Runtime/abi.h"
#include "transformer/Runtime/model.h"

#include <time.h>

#ifdef FAKE_IMAGES
enum { TOKENS = 5 };
static const tm_input_desc inputs[] = {
    {"pixel_values", TM_KIND_F32, 0, 3 * 4 * 4}};
#else
enum { TOKENS = 16 };
static const tm_input_desc inputs[] = {{"input_ids", TM_KIND_I32, 100, 1},
                                       {"token_type_ids", TM_KIND_I32, 2, 1}};
#endif
static const tm_output_desc outputs[] = {
    {"last_hidden_state", TM_PER_TOKEN, 2, 2},
    {"sentence_embedding", TM_PER_SEQUENCE, 3, 0}};

static const tm_span_desc spans[] = {{"sum", "some.path"}};

static void forward(tm_call *call);

// The number is the checksum of a weights file without tensors (conftest.py).
const tm_descriptor tm_model_descriptor = {
    .abi_version = TM_ABI_VERSION,
    .size = sizeof(tm_descriptor),
    .build_id = FAKE_BUILD_ID,
    .target = "fake",
    .features = "",
    .max_length = TOKENS,
    .input_count = sizeof(inputs) / sizeof(*inputs),
    .inputs = inputs,
    .output_count = 2,
    .outputs = outputs,
    .weights_xxh3 = 0x58456C49B98C00BCu,
    .span_count = 1,
    .spans = spans,
    .forward = forward,
    .levels = "fake",
};

static void wait_a_millisecond(void) {
  struct timespec pause = {0, 1000000};
  nanosleep(&pause, NULL);
}

// last_hidden_state: id and type; sentence_embedding: sum of the ids, length,
// and which outputs were wanted.
static void forward(tm_call *call) {
  float *rows = call->outputs[0], *sums = call->outputs[1];
  if (call->recorder)
    call->recorder->enter(call->recorder, 0);
  wait_a_millisecond();
  if (call->recorder)
    call->recorder->hit(call->recorder, 0);
  for (int64_t s = 0; s < call->sequences; ++s) {
    float sum = 0;
    for (int32_t t = call->offsets[s]; t < call->offsets[s + 1]; ++t) {
#ifdef FAKE_IMAGES
      float id = ((const float *)call->inputs[0])[s * inputs[0].width],
            type = 0;
#else
      float id = (float)((const int32_t *)call->inputs[0])[t];
      float type = (float)((const int32_t *)call->inputs[1])[t];
#endif
      rows[2 * t] = id;
      rows[2 * t + 1] = type;
#ifdef FAKE_SQUARES
      sum += id * id;
#else
      sum += id;
#endif
    }
    sums[3 * s] = sum;
    sums[3 * s + 1] = (float)(call->offsets[s + 1] - call->offsets[s]);
    sums[3 * s + 2] = (float)call->wanted;
  }
}

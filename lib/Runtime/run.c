//===- run.c - one call, cut into chunks ----------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Internal.h"

#include <inttypes.h>
#include <string.h>

/* The size of a call's memory, and of the largest chunk that uses it. */
typedef struct plan {
  int64_t tokens, sequences;
  size_t body, thread, offsets, types, scratch[TM_MAX_OUTPUTS], total;
} plan;

int64_t tm_chunk_tokens(const tm_model *model) {
  int64_t small = TM_SMALL_CHUNK_TOKENS * (int64_t)model->threads;
  return model->weights.bytes <= TM_SMALL_WEIGHTS && small < TM_CHUNK_TOKENS
             ? small
             : TM_CHUNK_TOKENS;
}

int64_t tm_chunk_end(const tm_request *request, int64_t begin) {
  /* Chunks of equal size: the last one should not be a crumb. */
  int64_t first = tm_request_offset(request, begin);
  int64_t rest = tm_request_offset(request, request->sequences) - first;
  int64_t chunks = (rest + request->chunk_tokens - 1) / request->chunk_tokens;
  int64_t aim = chunks ? (rest + chunks - 1) / chunks : 0;
  int64_t end = begin + 1;
  while (end < request->sequences && end - begin < request->chunk_tokens) {
    int64_t tokens = tm_request_offset(request, end) - first;
    int64_t next = tm_request_offset(request, end + 1) - first;
    if (next > request->chunk_tokens || (tokens >= aim && next > tokens))
      break;
    ++end;
  }
  return end;
}

static bool reserve(size_t *offset, size_t *total, int64_t a, int64_t b) {
  *offset = *total;
  return tm_add_product(total, a, b);
}

/* Where everything lies in one block of memory. */
static bool make_plan(const tm_descriptor *d, const tm_request *request,
                      plan *plan) {
  memset(plan, 0, sizeof(*plan));
  for (int64_t begin = 0, end; begin < request->sequences; begin = end) {
    end = tm_chunk_end(request, begin);
    int64_t tokens =
        tm_request_offset(request, end) - tm_request_offset(request, begin);
    if (tokens > plan->tokens)
      plan->tokens = tokens;
    if (end - begin > plan->sequences)
      plan->sequences = end - begin;
  }
  size_t *total = &plan->total;
  bool fits =
      tm_add_product(total, d->workspace_fixed, 1) &&
      tm_add_product(total, d->workspace_per_token, plan->tokens) &&
      tm_add_product(total, d->workspace_per_sequence, plan->sequences) &&
      reserve(&plan->thread, total, d->thread_workspace + TM_THREAD_HEADER,
              1) &&
      reserve(&plan->offsets, total, plan->sequences + 1, 4) &&
      reserve(&plan->types, total, plan->tokens, 4);
  for (int64_t i = 0; fits && i < d->output_count; ++i) {
    if (request->wanted >> i & 1)
      continue;
    /* Pages that nobody touches cost nothing, so outputs that no wanted one
       needs get an address too. */
    int64_t rows =
        d->outputs[i].rows == TM_PER_TOKEN ? plan->tokens : plan->sequences;
    int64_t row_bytes;
    fits = !__builtin_mul_overflow(d->outputs[i].width, 4, &row_bytes) &&
           reserve(&plan->scratch[i], total, rows, row_bytes);
  }
  return fits;
}

static const void *input_of_chunk(const tm_input_desc *input,
                                  const tm_batch *batch, int64_t begin,
                                  int64_t first_token, const void *zeros) {
  if (input->kind == TM_KIND_F32)
    return batch->pixel_values + begin * input->width;
  const int32_t *values = strcmp(input->name, "input_ids") == 0
                              ? batch->input_ids
                              : batch->token_type_ids;
  return values ? values + first_token : zeros;
}

static void run_chunk(const tm_model *model, const tm_request *request,
                      const plan *plan, char *memory, tm_call *call,
                      int64_t begin, int64_t end) {
  const tm_descriptor *d = model->descriptor;
  int64_t first = tm_request_offset(request, begin);
  int32_t *offsets = (int32_t *)(memory + plan->offsets);
  for (int64_t i = begin; i <= end; ++i)
    offsets[i - begin] = (int32_t)(tm_request_offset(request, i) - first);
  call->tokens = offsets[end - begin];
  call->sequences = end - begin;
  call->offsets = offsets;
  for (int64_t i = 0; i < d->input_count; ++i)
    call->inputs[i] = input_of_chunk(&d->inputs[i], request->batch, begin,
                                     first, memory + plan->types);
  for (int64_t i = 0; i < d->output_count; ++i) {
    float *destination = request->destinations[i];
    if (!(request->wanted >> i & 1) || !destination)
      call->outputs[i] = memory + plan->scratch[i];
    else
      call->outputs[i] =
          destination +
          d->outputs[i].width *
              (d->outputs[i].rows == TM_PER_TOKEN ? first : begin);
  }
  d->forward(call);
}

int tm_run(tm_model *model, const tm_batch *batch, const tm_output *outputs,
           int64_t output_count, tm_error *error) {
  if (error)
    memset(error, 0, sizeof(*error));
  if (model && batch && model->descriptor->backend)
    return model->descriptor->backend->run(model, batch, outputs, output_count,
                                           error);
  tm_request request;
  int status =
      tm_check_request(model, batch, outputs, output_count, &request, error);
  if (status != TM_OK || !request.sequences || !request.wanted)
    return status;
  tm_enter_process(model);
  plan plan;
  tm_workspace *workspace = NULL;
  if (make_plan(model->descriptor, &request, &plan))
    workspace = tm_take_workspace(model, plan.total);
  if (!workspace)
    return tm_fail(error, TM_OUT_OF_MEMORY,
                   "out of memory: a call with sequences of up to %" PRId64
                   " tokens at once needs %zu MB beside its inputs and outputs",
                   plan.tokens, plan.total / 1000000);
  tm_track *track = NULL;
  if (model->profile && !(track = tm_take_track(model))) {
    tm_return_workspace(model, workspace);
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory for the profile");
  }
  char *memory = workspace->data;
  memset(memory + plan.types, 0, (size_t)plan.tokens * 4);
  tm_runner runner = {model, memory + plan.thread + TM_THREAD_HEADER};
  tm_set_recorder(runner.thread_workspace, track);
  tm_call call = {.weights = model->weights.data,
                  .workspace = memory,
                  .wanted = request.wanted,
                  .parallel = tm_parallel,
                  .pool = &runner,
                  .recorder = track ? &track->recorder : NULL,
                  .threads = model->threads};
  uint64_t mode = tm_enter_float_mode();
  for (int64_t begin = 0, end; begin < request.sequences; begin = end) {
    end = tm_chunk_end(&request, begin);
    run_chunk(model, &request, &plan, memory, &call, begin, end);
  }
  tm_leave_float_mode(mode);
  tm_return_track(track);
  tm_return_workspace(model, workspace);
  return TM_OK;
}

//===- check_request.c - everything a caller can get wrong ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int check_offsets(const tm_model *model, const tm_batch *batch,
                         tm_error *error) {
  const int32_t *offsets = batch->offsets;
  int64_t limit = model->descriptor->max_length;
  if (!offsets) {
    if (batch->sequences == 0)
      return TM_OK;
    return tm_fail(error, TM_INVALID_ARGUMENT, "the batch has no offsets");
  }
  if (offsets[0] != 0)
    return tm_fail(error, TM_INVALID_ARGUMENT, "offsets[0] is %d; it must be 0",
                   offsets[0]);
  for (int64_t i = 0; i < batch->sequences; ++i) {
    int64_t length = (int64_t)offsets[i + 1] - offsets[i];
    if (length < 0)
      return tm_fail(error, TM_INVALID_ARGUMENT,
                     "offsets[%" PRId64 "] is %d, less than %d before it; "
                     "offsets must not decrease",
                     i + 1, offsets[i + 1], offsets[i]);
    if (length > limit)
      return tm_fail(error, TM_INVALID_ARGUMENT,
                     "sequence %" PRId64 " has %" PRId64 " tokens; this model "
                     "takes at most %" PRId64,
                     i, length, limit);
  }
  return TM_OK;
}

static int report_value(const tm_input_desc *input, const tm_batch *batch,
                        const int32_t *values, int64_t position,
                        tm_error *error) {
  int64_t sequence = 0;
  while (batch->offsets[sequence + 1] <= position)
    ++sequence;
  return tm_fail(error, TM_INVALID_ARGUMENT,
                 "%s: sequence %" PRId64 ", position %" PRId64 " is %d; values "
                 "must be at least 0 and below %" PRId64,
                 input->name, sequence, position - batch->offsets[sequence],
                 values[position], input->limit);
}

static int check_values(const tm_input_desc *input, const tm_batch *batch,
                        const int32_t *values, tm_error *error) {
  int64_t count = batch->sequences ? batch->offsets[batch->sequences] : 0;
  if (!input->limit || !values)
    return TM_OK;
  /* One comparison catches negative values too; blocks let it vectorise. */
  uint32_t limit = input->limit > INT32_MAX ? (uint32_t)INT32_MAX + 1
                                            : (uint32_t)input->limit;
  enum { BLOCK = 256 };
  for (int64_t begin = 0; begin < count; begin += BLOCK) {
    int64_t end = begin + BLOCK < count ? begin + BLOCK : count;
    uint32_t bad = 0;
    for (int64_t i = begin; i < end; ++i)
      bad |= (uint32_t)values[i] >= limit;
    for (int64_t i = begin; bad && i < end; ++i)
      if ((uint32_t)values[i] >= limit)
        return report_value(input, batch, values, i, error);
  }
  return TM_OK;
}

/* What the batch has for an input of this name. */
static const void *given(const tm_batch *batch, const char *name) {
  if (strcmp(name, "input_ids") == 0)
    return batch->input_ids;
  if (strcmp(name, "token_type_ids") == 0)
    return batch->token_type_ids;
  if (strcmp(name, "pixel_values") == 0)
    return batch->pixel_values;
  return NULL;
}

static int check_inputs(const tm_model *model, const tm_batch *batch,
                        tm_request *request, tm_error *error) {
  static const char *const names[] = {"input_ids", "token_type_ids",
                                      "pixel_values"};
  const tm_descriptor *d = model->descriptor;
  for (int64_t i = 0; i < d->input_count; ++i)
    if (d->inputs[i].kind == TM_KIND_F32)
      request->image_tokens = d->max_length;
  if (!request->image_tokens) {
    int status = check_offsets(model, batch, error);
    if (status != TM_OK)
      return status;
  }
  for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); ++n) {
    const void *values = given(batch, names[n]);
    const tm_input_desc *input = NULL;
    for (int64_t i = 0; i < d->input_count; ++i)
      if (strcmp(d->inputs[i].name, names[n]) == 0)
        input = &d->inputs[i];
    if (!input && values)
      return tm_fail(error, TM_INVALID_ARGUMENT,
                     "the batch has %s, which this model does not take",
                     names[n]);
    int64_t rows =
        batch->sequences ? tm_request_offset(request, batch->sequences) : 0;
    bool optional = strcmp(names[n], "token_type_ids") == 0;
    if (input && !values && !optional && rows)
      return tm_fail(error, TM_INVALID_ARGUMENT,
                     "the batch has no %s, which this model needs", names[n]);
    if (input && input->kind == TM_KIND_I32) {
      int status = check_values(input, batch, values, error);
      if (status != TM_OK)
        return status;
    }
  }
  return TM_OK;
}

static int report_name(const tm_descriptor *d, const char *name,
                       tm_error *error) {
  char list[256] = "";
  for (int64_t i = 0; i < d->output_count; ++i) {
    size_t used = strlen(list);
    snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "",
             d->outputs[i].name);
  }
  return tm_fail(error, TM_INVALID_ARGUMENT,
                 "this model has no output '%.64s'; it has %s", name, list);
}

static int check_output(const tm_model *model, const tm_output *output,
                        tm_request *request, tm_error *error) {
  const tm_descriptor *d = model->descriptor;
  if (!output->name)
    return tm_fail(error, TM_INVALID_ARGUMENT, "an output has no name");
  int64_t index = 0;
  while (index < d->output_count &&
         strcmp(d->outputs[index].name, output->name) != 0)
    ++index;
  if (index == d->output_count)
    return report_name(d, output->name, error);
  if (request->wanted >> index & 1)
    return tm_fail(error, TM_INVALID_ARGUMENT, "output '%s' is asked for twice",
                   output->name);
  const tm_output_desc *desc = &d->outputs[index];
  int64_t rows = request->sequences;
  if (desc->rows == TM_PER_TOKEN)
    rows = rows ? tm_request_offset(request, rows) : 0;
  size_t needed;
  if (__builtin_mul_overflow(rows, desc->width, &needed) ||
      needed > output->capacity)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "output '%s' needs room for %" PRId64 " rows of %" PRId64
                   " values; there is room for %zu values in all",
                   output->name, rows, desc->width, output->capacity);
  if (needed && !output->data)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "output '%s' has no place to go: its data is null",
                   output->name);
  request->destinations[index] = output->data;
  request->wanted |= (uint64_t)1 << index;
  return TM_OK;
}

int tm_check_request(const tm_model *model, const tm_batch *batch,
                     const tm_output *outputs, int64_t output_count,
                     tm_request *request, tm_error *error) {
  memset(request, 0, sizeof(*request));
  if (!model || !batch)
    return tm_fail(error, TM_INVALID_ARGUMENT, "tm_run: no %s was given",
                   model ? "batch" : "model");
  if (batch->sequences < 0 || batch->sequences > INT32_MAX)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "the batch has %" PRId64 " sequences; it must be between 0 "
                   "and %d",
                   batch->sequences, INT32_MAX);
  if (output_count < 0 || (output_count && !outputs))
    return tm_fail(error, TM_INVALID_ARGUMENT, "tm_run: no outputs were given");
  request->batch = batch;
  request->sequences = batch->sequences;
  request->chunk_tokens = tm_chunk_tokens(model);
  int status = check_inputs(model, batch, request, error);
  for (int64_t i = 0; status == TM_OK && i < output_count; ++i)
    status = check_output(model, &outputs[i], request, error);
  return status;
}

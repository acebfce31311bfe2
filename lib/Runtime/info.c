//===- info.c - what a model takes and gives ------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Internal.h"

int64_t tm_input_count(const tm_model *model) {
  return model ? model->descriptor->input_count : 0;
}

int tm_input_info(const tm_model *model, int64_t index, tm_tensor_info *info) {
  if (!info || index < 0 || index >= tm_input_count(model))
    return TM_INVALID_ARGUMENT;
  const tm_input_desc *input = &model->descriptor->inputs[index];
  bool is_float = input->kind == TM_KIND_F32;
  info->name = input->name;
  info->type = is_float ? TM_F32 : TM_I32;
  info->rows = is_float ? TM_SEQUENCES : TM_TOKENS;
  info->width = is_float ? input->width : 1;
  info->limit = input->limit;
  return TM_OK;
}

int64_t tm_output_count(const tm_model *model) {
  return model ? model->descriptor->output_count : 0;
}

int tm_output_info(const tm_model *model, int64_t index, tm_tensor_info *info) {
  if (!info || index < 0 || index >= tm_output_count(model))
    return TM_INVALID_ARGUMENT;
  const tm_output_desc *output = &model->descriptor->outputs[index];
  info->name = output->name;
  info->type = TM_F32;
  info->rows = output->rows == TM_PER_TOKEN ? TM_TOKENS : TM_SEQUENCES;
  info->width = output->width;
  info->limit = 0;
  return TM_OK;
}

int64_t tm_max_length(const tm_model *model) {
  return model ? model->descriptor->max_length : 0;
}

int32_t tm_threads(const tm_model *model) { return model ? model->threads : 0; }

/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Prints the level that runs, then the embeddings of sequences of many lengths:
   levels ARTIFACT. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  tm_model *model;
  tm_error error;
  if (tm_load(argc > 1 ? argv[1] : ".", NULL, &model, &error) != TM_OK)
    return puts(error.message), 1;
  printf("runs %s of %s\n", tm_level(model), tm_target());

  const int lengths[] = {1, 2, 3, 5, 8, 13, 40, 21, 0, 7};
  enum { SEQUENCES = sizeof(lengths) / sizeof(*lengths) };
  tm_tensor_info ids_info, info;
  tm_input_info(model, 0, &ids_info);
  tm_output_info(model, tm_output_count(model) - 1, &info);
  int32_t offsets[SEQUENCES + 1] = {0};
  for (int i = 0; i < SEQUENCES; ++i) {
    int length = lengths[i];
    if (length > tm_max_length(model))
      length = (int)tm_max_length(model);
    offsets[i + 1] = offsets[i] + length;
  }
  int32_t *ids = malloc(sizeof(int32_t) * offsets[SEQUENCES]);
  for (int i = 0; i < offsets[SEQUENCES]; ++i)
    ids[i] = (int32_t)((i * 7 + 3) % ids_info.limit);
  float *rows = malloc(sizeof(float) * SEQUENCES * info.width);
  tm_batch batch = {
      .sequences = SEQUENCES, .offsets = offsets, .input_ids = ids};
  tm_output output = {info.name, rows, SEQUENCES * info.width};
  if (tm_run(model, &batch, &output, 1, &error) != TM_OK)
    return puts(error.message), 1;
  for (int i = 0; i < SEQUENCES; ++i)
    for (int64_t j = 0; j < info.width; ++j)
      printf("%.7g%c", rows[i * info.width + j],
             j + 1 < info.width ? ' ' : '\n');
  tm_free(model);
  free(ids);
  free(rows);
  return 0;
}

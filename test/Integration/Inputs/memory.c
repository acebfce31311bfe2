/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Calls of growing size; prints the most memory beyond the weights, the ids and
   the outputs, in MB: memory ARTIFACT. */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

int main(int argc, char **argv) {
  tm_model *model;
  tm_error error;
  tm_options options = {TM_ABI_VERSION, argc > 2 ? atoi(argv[2]) : 1, 0, 0};
  if (tm_load(argv[1], &options, &model, &error) != TM_OK)
    return puts(error.message), 1;
  char path[4096];
  struct stat weights;
  snprintf(path, sizeof(path), "%s/weights.safetensors", argv[1]);
  stat(path, &weights);

  tm_tensor_info info;
  tm_output_info(model, tm_output_count(model) - 1, &info);
  int64_t length = tm_max_length(model) < 256 ? tm_max_length(model) : 256;
  double arrays = 0;
  for (int64_t sequences = 1; sequences <= 64; sequences *= 4) {
    int32_t *ids = malloc(4 * sequences * length);
    int32_t *offsets = malloc(4 * (sequences + 1));
    float *rows = malloc(4 * sequences * info.width);
    for (int64_t i = 0; i < sequences * length; ++i)
      ids[i] = (int32_t)(i % 4);
    for (int64_t i = 0; i <= sequences; ++i)
      offsets[i] = (int32_t)(i * length);
    tm_batch batch = {sequences, offsets, ids, NULL, NULL};
    tm_output output = {info.name, rows, sequences * info.width};
    if (tm_run(model, &batch, &output, 1, &error) != TM_OK)
      return puts(error.message), 1;
    arrays = 4e-6 * sequences * (length + 1 + info.width);
    free(ids);
    free(offsets);
    free(rows);
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double most = usage.ru_maxrss * 1024e-6 - weights.st_size * 1e-6 - arrays;
  printf("%.1f MB beyond weights and arrays\n", most);
  tm_free(model);
  return most > 30;
}

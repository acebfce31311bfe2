/* Milliseconds from tm_load to the first result, in a process of its own, and
   the most MB that were resident until then.
   SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec * 1e-6;
}

/* Not getrusage: that starts with what the parent had. */
static double peakResident(void) {
  char line[256];
  double kilobytes = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof(line), status))
    if (sscanf(line, "VmHWM: %lf", &kilobytes) == 1)
      break;
  if (status)
    fclose(status);
  return kilobytes * 1024e-6;
}

int main(int argc, char **argv) {
  enum { TOKENS = 128 };
  int32_t ids[TOKENS], offsets[] = {0, TOKENS};
  double begin = now();
  tm_options options = {TM_ABI_VERSION, 1, 0, 0};
  tm_model *model;
  tm_error error;
  if (argc < 2 || tm_load(argv[1], &options, &model, &error) != TM_OK)
    return 1;
  tm_tensor_info input, result;
  tm_input_info(model, 0, &input);
  tm_output_info(model, tm_output_count(model) - 1, &result);
  if (tm_max_length(model) < TOKENS)
    offsets[1] = (int32_t)tm_max_length(model);
  for (int i = 0; i < TOKENS; ++i) /* from all over the table */
    ids[i] = (int32_t)(input.limit * i / TOKENS);
  float *row = malloc(sizeof(float) * TOKENS * (size_t)result.width);
  tm_batch batch = {.sequences = 1, .offsets = offsets, .input_ids = ids};
  tm_output output = {result.name, row, TOKENS * result.width};
  if (tm_run(model, &batch, &output, 1, &error) != TM_OK)
    return 1;
  printf("%.3f %.3f\n", now() - begin, peakResident());
  tm_free(model);
  free(row);
  return 0;
}

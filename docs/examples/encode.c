/* SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
/* Prints the embedding of a sentence that is given as token ids:

     cc encode.c -I ARTIFACT ARTIFACT/model.so -Wl,-rpath,ARTIFACT -o encode
     ./encode ARTIFACT 101 7592 2088 102                                    */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  tm_model *model;
  tm_error error;
  if (argc < 2 || tm_load(argv[1], NULL, &model, &error) != TM_OK) {
    const char *usage = "usage: encode ARTIFACT ID...";
    fprintf(stderr, "%s\n", argc < 2 ? usage : error.message);
    return 1;
  }
  int32_t *ids = malloc(sizeof(int32_t) * argc), offsets[] = {0, argc - 2};
  for (int i = 2; i < argc; ++i)
    ids[i - 2] = atoi(argv[i]);
  tm_tensor_info info;
  tm_output_info(model, tm_output_count(model) - 1, &info);
  float *row = malloc(sizeof(float) * info.width);
  tm_batch batch = {.sequences = 1, .offsets = offsets, .input_ids = ids};
  tm_output output = {info.name, row, info.width};
  int status = tm_run(model, &batch, &output, 1, &error);
  if (status != TM_OK)
    fprintf(stderr, "%s\n", error.message);
  for (int i = 0; status == TM_OK && i < info.width; ++i)
    printf("%.6f\n", row[i]);
  tm_free(model);
  free(row);
  free(ids);
  return status != TM_OK;
}

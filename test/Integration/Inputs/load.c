/* Fails when loading takes more than 30 ms, the best of ten: load ARTIFACT.
   SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "model.h"

#include <stdio.h>
#include <time.h>

static double milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1e3 + now.tv_nsec * 1e-6;
}

int main(int argc, char **argv) {
  double best = 1e9;
  for (int i = 0; i < 10; ++i) {
    tm_model *model;
    tm_error error;
    double time = milliseconds();
    if (argc != 2 || tm_load(argv[1], NULL, &model, &error) != TM_OK)
      return puts(argc != 2 ? "load ARTIFACT" : error.message), 1;
    time = milliseconds() - time;
    best = time < best ? time : best;
    tm_free(model);
  }
  printf("loaded in %.1f ms\n", best);
  return best > 30;
}

/* runtime.c - generated code by hand: a model of no inputs or outputs.
   SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception */
#include "transformer/Runtime/abi.h"
#include "transformer/Runtime/model.h"

#include <stdio.h>

static void forward(tm_call *call) { (void)call; }
const tm_descriptor tm_model_descriptor = {.abi_version = TM_ABI_VERSION,
                                           .size = sizeof(tm_descriptor),
                                           .build_id = "by hand",
                                           .forward = forward};

int main(void) {
  printf("abi %d, build %s\n", tm_abi_version(), tm_build_id());
  return 0;
}

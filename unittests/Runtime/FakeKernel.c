//===- FakeKernel.c - pretends that the kernel is old ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "../../lib/Runtime/Internal.h"
#include "FakeModel.h"

#include <sys/mman.h>

#ifndef MADV_KEEPONFORK
#define MADV_KEEPONFORK 19
#endif

void fake_old_kernel(tm_model *model) {
  if (model->wiped_on_fork)
    madvise(model->state, sizeof(*model->state), MADV_KEEPONFORK);
  model->wiped_on_fork = false;
}

//===- state.c - what a forked child must not inherit ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A child of fork has none of the parent's threads, and a lock that one of
// them held stays locked. So all of that lies on pages which the kernel zeroes
// in children, and zero is the initial state. Where the kernel cannot, the
// process id is compared at each call. pthread_atfork would be a global.
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

int tm_create_state(tm_model *model, tm_error *error) {
  void *page = mmap(NULL, sizeof(tm_volatile), PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory: %s",
                   strerror(errno));
  model->wiped_on_fork =
      madvise(page, sizeof(tm_volatile), MADV_WIPEONFORK) == 0;
  model->state = page;
  atomic_store(&model->owner, (int32_t)getpid());
  return TM_OK;
}

void tm_free_state(tm_model *model) {
  if (!model->state)
    return;
  tm_enter_process(model);
  tm_stop_pool(&model->state->pool);
  tm_free_workspaces(model);
  munmap(model->state, sizeof(tm_volatile));
}

void tm_enter_process(tm_model *model) {
  if (model->wiped_on_fork)
    return;
  int32_t self = (int32_t)getpid();
  for (;;) {
    int32_t owner = atomic_load_explicit(&model->owner, memory_order_acquire);
    if (owner == self)
      return;
    /* -self: a thread of this process is at it. */
    if (owner != -self &&
        atomic_compare_exchange_strong(&model->owner, &owner, -self)) {
      memset((void *)model->state, 0, sizeof(tm_volatile));
      atomic_store_explicit(&model->owner, self, memory_order_release);
      return;
    }
    sched_yield();
  }
}

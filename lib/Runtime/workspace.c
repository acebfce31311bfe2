//===- workspace.c - the memory of running calls --------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A call's memory is given back to the model and serves the next call, which
// saves the page faults. A few are kept: as many as calls ran at once.
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include <stdlib.h>

enum { KEPT = 4 };

/* More than any address space: such sizes are not worth asking for. */
static const size_t most_bytes = (size_t)1 << 47;

bool tm_add_size(size_t *sum, size_t value) {
  return !__builtin_add_overflow(*sum, value, sum) && *sum <= most_bytes;
}

bool tm_add_product(size_t *sum, int64_t a, int64_t b) {
  size_t product;
  if (a < 0 || b < 0 || __builtin_mul_overflow(a, b, &product) ||
      product > most_bytes)
    return false;
  product = (product + TM_ALIGNMENT - 1) / TM_ALIGNMENT * TM_ALIGNMENT;
  return tm_add_size(sum, product);
}

static void lock(tm_volatile *state) {
  while (atomic_exchange_explicit(&state->cache_lock, 1, memory_order_acquire))
    sched_yield();
}

static void unlock(tm_volatile *state) {
  atomic_store_explicit(&state->cache_lock, 0, memory_order_release);
}

static void destroy(tm_workspace *workspace) {
  if (workspace)
    free(workspace->data);
  free(workspace);
}

tm_workspace *tm_take_workspace(tm_model *model, size_t bytes) {
  tm_volatile *state = model->state;
  lock(state);
  tm_workspace *workspace = state->cache;
  if (workspace) {
    state->cache = workspace->next;
    --state->cached;
  }
  unlock(state);
  if (workspace && workspace->bytes >= bytes)
    return workspace;
  destroy(workspace);
  workspace = calloc(1, sizeof(*workspace));
  if (!workspace)
    return NULL;
  workspace->bytes = bytes;
  void *data = NULL;
  if (posix_memalign(&data, TM_ALIGNMENT, bytes ? bytes : TM_ALIGNMENT) != 0) {
    free(workspace);
    return NULL;
  }
  workspace->data = data;
  return workspace;
}

void tm_return_workspace(tm_model *model, tm_workspace *workspace) {
  tm_volatile *state = model->state;
  lock(state);
  bool keep = state->cached < KEPT;
  if (keep) {
    workspace->next = state->cache;
    state->cache = workspace;
    ++state->cached;
  }
  unlock(state);
  if (!keep)
    destroy(workspace);
}

void tm_free_workspaces(tm_model *model) {
  while (model->state->cache) {
    tm_workspace *workspace = model->state->cache;
    model->state->cache = workspace->next;
    destroy(workspace);
  }
}

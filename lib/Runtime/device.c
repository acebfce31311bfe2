//===- device.c - memory that is not this CPU's ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Internal.h"

#include <string.h>

static int no_device(tm_error *error) {
  return tm_fail(error, TM_NO_DEVICE,
                 "model.so was compiled for CPUs and has no device memory");
}

int tm_device_alloc(tm_model *model, size_t bytes, void **memory,
                    tm_error *error) {
  if (error)
    memset(error, 0, sizeof(*error));
  if (memory)
    *memory = NULL;
  if (!model || !memory)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "tm_device_alloc: no %s was given",
                   model ? "place for the address" : "model");
  const tm_backend *backend = model->descriptor->backend;
  if (!backend)
    return no_device(error);
  return backend->alloc(model, bytes, memory, error);
}

void tm_device_free(tm_model *model, void *memory) {
  if (model && memory && model->descriptor->backend)
    model->descriptor->backend->free(model, memory);
}

int tm_device_copy(tm_model *model, void *to, const void *from, size_t bytes,
                   tm_error *error) {
  if (error)
    memset(error, 0, sizeof(*error));
  if (!model || (bytes && (!to || !from)))
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "tm_device_copy: no %s was given",
                   model ? "address" : "model");
  if (!model->descriptor->backend)
    return no_device(error);
  return model->descriptor->backend->copy(model, to, from, bytes, error);
}

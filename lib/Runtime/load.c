//===- load.c - opening and closing a model -------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "Internal.h"

#include <stdlib.h>
#include <string.h>

int32_t tm_abi_version(void) { return TM_ABI_VERSION; }
const char *tm_build_id(void) { return tm_model_descriptor.build_id; }
const char *tm_target(void) { return tm_model_descriptor.levels; }

const char *tm_device(void) {
  const tm_backend *backend = tm_model_descriptor.backend;
  return backend ? backend->name : "cpu";
}

static int check_library(const tm_options *options, tm_error *error) {
  for (const tm_descriptor *d = &tm_model_descriptor; d; d = d->next)
    if (d->abi_version != TM_ABI_VERSION || d->size != sizeof(*d))
      return tm_fail(error, TM_MISMATCH,
                     "model.so was put together from parts of different "
                     "versions (code %u, runtime %u); compile the model again",
                     d->abi_version, (unsigned)TM_ABI_VERSION);
  if (options && options->abi_version > TM_ABI_VERSION)
    return tm_fail(error, TM_MISMATCH,
                   "the caller was built with version %u of model.h and this "
                   "model.so with version %u; compile the model again, or "
                   "build the caller with the model.h beside model.so",
                   options->abi_version, (unsigned)TM_ABI_VERSION);
  return TM_OK;
}

static int check_level(tm_model *model, const tm_options *options,
                       tm_error *error) {
  tm_error why = {0};
  const tm_backend *backend = tm_model_descriptor.backend;
  int32_t device = options ? options->device : 0;
  if (!backend && device)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "device is %d, and model.so was compiled for CPUs, where it "
                   "is 0; for a GPU, compile the model with --target=nvptx",
                   device);
  const tm_descriptor *d =
      backend ? backend->open(model, device, &why) : tm_choose_level(&why);
  if (!d) {
    if (error)
      *error = why;
    return why.status;
  }
  model->descriptor = d;
  if (d->input_count > TM_MAX_INPUTS || d->output_count > TM_MAX_OUTPUTS)
    return tm_fail(error, TM_MISMATCH,
                   "model.so has too many inputs or outputs");
  return TM_OK;
}

static int check_threads(const tm_options *options, tm_model *model,
                         tm_error *error) {
  model->cpu_count = tm_usable_cpus(&model->cpus);
  int32_t threads = options ? options->threads : 0;
  if (threads < 0 || threads > TM_MAX_THREADS)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "threads is %d; it must be between 1 and %d, or 0 for one "
                   "per CPU",
                   threads, (int)TM_MAX_THREADS);
  model->threads = threads ? threads : model->cpu_count;
  model->pin = options && options->pin;
  return TM_OK;
}

int tm_load(const char *directory, const tm_options *options, tm_model **model,
            tm_error *error) {
  if (error)
    memset(error, 0, sizeof(*error));
  if (!model)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "tm_load: no place for the model was given");
  *model = NULL;
  if (!directory)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "tm_load: no directory was given");
  int status = check_library(options, error);
  if (status != TM_OK)
    return status;
  void *memory = NULL;
  if (posix_memalign(&memory, TM_ALIGNMENT, sizeof(tm_model)) != 0)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
  tm_model *loaded = memory;
  memset(memory, 0, sizeof(*loaded));
  status = check_level(loaded, options, error);
  if (status == TM_OK)
    status = check_threads(options, loaded, error);
  if (status == TM_OK)
    status = tm_open_weights(directory, loaded->descriptor, loaded->threads,
                             &loaded->weights, error);
  if (status == TM_OK)
    status = tm_create_state(loaded, error);
  if (status == TM_OK && loaded->descriptor->backend)
    status = loaded->descriptor->backend->load(loaded, error);
  if (status == TM_OK)
    *model = loaded;
  else
    tm_free(loaded);
  return status;
}

void tm_free(tm_model *model) {
  if (!model)
    return;
  if (tm_model_descriptor.backend)
    tm_model_descriptor.backend->unload(model);
  tm_free_state(model);
  tm_profile_stop(model);
  tm_close_weights(&model->weights);
  free(model);
}

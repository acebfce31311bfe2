//===- gpu_load.c - a model onto a device ---------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool runs_on(const tm_device_table *table, int major, int minor) {
  if (table->exact)
    return major == table->major && minor == table->minor;
  return major > table->major ||
         (major == table->major && minor >= table->minor);
}

/* The best first, so the first that runs. */
static const tm_descriptor *choose_chip(const tm_gpu *gpu, int major, int minor,
                                        tm_error *error) {
  for (const tm_descriptor *d = &tm_model_descriptor; d; d = d->next)
    if (runs_on(d->device, major, minor))
      return d;
  tm_fail(error, TM_NO_DEVICE,
          "model.so has code for %s, and GPU %d (%s) is sm_%d%d, which cannot "
          "run it; compile the model with a --gpu-chip for this GPU",
          tm_model_descriptor.levels, gpu->device, gpu->name, major, minor);
  return NULL;
}

static const tm_descriptor *open_device(tm_gpu *gpu, int32_t number,
                                        tm_error *error) {
  if (tm_open_driver(&gpu->driver, error) != TM_OK)
    return NULL;
  const tm_driver *driver = &gpu->driver;
  int count = 0, major = 0, minor = 0, handle = 0;
  int status = driver->device_count(&count);
  if (status == TM_CU_SUCCESS && (number < 0 || number >= count)) {
    tm_fail(error, count ? TM_INVALID_ARGUMENT : TM_NO_DEVICE,
            "there is no GPU %d: the NVIDIA driver sees %d, counted from 0",
            number, count);
    return NULL;
  }
  if (status == TM_CU_SUCCESS)
    status = driver->device_get(&handle, number);
  if (status == TM_CU_SUCCESS)
    status = driver->device_name(gpu->name, (int)sizeof(gpu->name), handle);
  if (status == TM_CU_SUCCESS)
    status = driver->device_attribute(&major, TM_CU_DEVICE_MAJOR, handle);
  if (status == TM_CU_SUCCESS)
    status = driver->device_attribute(&minor, TM_CU_DEVICE_MINOR, handle);
  if (status != TM_CU_SUCCESS) {
    tm_driver_fail(driver, status, "ask the NVIDIA driver for its GPU", error);
    return NULL;
  }
  gpu->device = handle;
  return choose_chip(gpu, major, minor, error);
}

static const tm_descriptor *gpu_open(tm_model *model, int32_t number,
                                     tm_error *error) {
  tm_gpu *gpu = calloc(1, sizeof(*gpu));
  if (!gpu) {
    tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
    return NULL;
  }
  const tm_descriptor *d = open_device(gpu, number, error);
  if (d && (d->device->version != TM_DEVICE_VERSION ||
            d->device->size != sizeof(tm_device_table))) {
    tm_fail(error, TM_MISMATCH,
            "model.so was put together from parts of different versions; "
            "compile the model again");
    d = NULL;
  }
  if (!d || !model) {
    free(gpu);
    return d;
  }
  gpu->table = d->device;
  model->gpu = gpu;
  return d;
}

static int load_module(tm_gpu *gpu, tm_error *error) {
  char log[2048] = {0};
  int options[] = {TM_CU_JIT_ERROR_LOG, TM_CU_JIT_ERROR_LOG_BYTES};
  void *values[] = {log, (void *)(uintptr_t)(sizeof(log) - 1)};
  int status = gpu->driver.module_load(&gpu->module, gpu->table->image, 2,
                                       options, values);
  if (status == TM_CU_SUCCESS)
    return TM_OK;
  if (status == TM_CU_UNSUPPORTED_PTX_VERSION)
    return tm_fail(error, TM_NO_DEVICE,
                   "the NVIDIA driver of this machine is too old for the code "
                   "in model.so; install a newer one, or compile the model for "
                   "an older --gpu-chip");
  log[strcspn(log, "\r\n")] = 0;
  char what[400];
  snprintf(what, sizeof(what), "load the GPU code of model.so%s%.300s",
           *log ? " (" : "", log);
  strcat(what, *log ? ")" : "");
  return tm_driver_fail(&gpu->driver, status, what, error);
}

static int find_kernels(tm_gpu *gpu, tm_error *error) {
  const tm_driver *driver = &gpu->driver;
  const tm_device_table *table = gpu->table;
  gpu->kernels = calloc((size_t)table->kernel_count + 1, sizeof(tm_cu_handle));
  if (!gpu->kernels)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
  for (int64_t i = 0; i < table->kernel_count; ++i) {
    int status = driver->module_function(&gpu->kernels[i], gpu->module,
                                         table->kernels[i]);
    if (status != TM_CU_SUCCESS)
      return tm_driver_fail(driver, status, "find a kernel in the GPU code",
                            error);
  }
  int most = 0;
  (void)driver->device_attribute(&most, TM_CU_DEVICE_SHARED, gpu->device);
  (void)driver->device_attribute(&gpu->multiprocessors,
                                 TM_CU_DEVICE_MULTIPROCESSORS, gpu->device);
  for (int64_t i = 0; i < table->launch_count; ++i) {
    const tm_device_launch *launch = &table->launches[i];
    if (launch->shared <= 48 << 10)
      continue;
    if (launch->shared > most)
      return tm_fail(error, TM_NO_DEVICE,
                     "kernel %s needs %d KB of shared memory in a block, and "
                     "GPU %d (%s) has %d KB",
                     table->kernels[launch->kernel],
                     (int)(launch->shared >> 10), gpu->device, gpu->name,
                     most >> 10);
    int status =
        driver->function_set(gpu->kernels[launch->kernel],
                             TM_CU_FUNCTION_SHARED, (int)launch->shared);
    if (status != TM_CU_SUCCESS)
      return tm_driver_fail(driver, status, "give a kernel its shared memory",
                            error);
  }
  return TM_OK;
}

static int load_all(tm_model *model, tm_error *error) {
  tm_gpu *gpu = model->gpu;
  const tm_device_table *table = gpu->table;
  size_t places = (size_t)(table->input_count + table->slot_count) +
                  (size_t)model->descriptor->output_count;
  gpu->places = calloc(places, sizeof(size_t));
  if (!gpu->places)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
  int status = load_module(gpu, error);
  if (status == TM_OK)
    status = find_kernels(gpu, error);
  if (status == TM_OK) {
    uint64_t mode = tm_enter_float_mode();
    status = tm_gpu_upload_weights(model, error);
    tm_leave_float_mode(mode);
  }
  if (status == TM_OK)
    status = tm_gpu_map_weights(model, error);
  if (status != TM_OK)
    return status;
  tm_close_weights(&model->weights); /* the device has its own */
  tm_gpu_open_fft(gpu);
  int code = gpu->driver.stream_create(&gpu->stream, TM_CU_STREAM_NON_BLOCKING);
  if (code == TM_CU_SUCCESS)
    return TM_OK;
  return tm_driver_fail(&gpu->driver, code, "make a stream", error);
}

static int gpu_load(tm_model *model, tm_error *error) {
  tm_gpu *gpu = model->gpu;
  if (pthread_mutex_init(&gpu->lock, NULL) != 0)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
  gpu->has_lock = true;
  gpu->process = (int32_t)getpid();
  /* The primary context: the one that other libraries of this process use. */
  int status = gpu->driver.context_retain(&gpu->context, gpu->device);
  if (status != TM_CU_SUCCESS) {
    gpu->context = NULL;
    return tm_driver_fail(&gpu->driver, status, "use the GPU", error);
  }
  int result = tm_gpu_enter(model, error);
  if (result != TM_OK)
    return result;
  result = load_all(model, error);
  tm_gpu_leave(gpu);
  return result;
}

int tm_gpu_enter(tm_model *model, tm_error *error) {
  tm_gpu *gpu = model->gpu;
  if (gpu->process != (int32_t)getpid())
    return tm_fail(error, TM_DEVICE_ERROR,
                   "this model was loaded by the process that this one was "
                   "forked from, and a GPU does not follow a fork; load it "
                   "here");
  pthread_mutex_lock(&gpu->lock);
  int status = gpu->driver.context_push(gpu->context);
  if (status == TM_CU_SUCCESS)
    return TM_OK;
  pthread_mutex_unlock(&gpu->lock);
  return tm_driver_fail(&gpu->driver, status, "use the GPU", error);
}

void tm_gpu_leave(tm_gpu *gpu) {
  tm_cu_handle popped;
  (void)gpu->driver.context_pop(&popped);
  pthread_mutex_unlock(&gpu->lock);
}

static void free_device(tm_gpu *gpu) {
  const tm_driver *driver = &gpu->driver;
  tm_gpu_forget_graphs(gpu);
  tm_gpu_close_fft(gpu);
  if (gpu->arena)
    (void)driver->free(gpu->arena);
  if (gpu->weights)
    (void)driver->free(gpu->weights);
  if (gpu->staging)
    (void)driver->free_host(gpu->staging);
  if (gpu->stream)
    (void)driver->stream_destroy(gpu->stream);
  if (gpu->module)
    (void)driver->module_unload(gpu->module);
}

/* The driver stays open: it has threads and handlers of its own. In a forked
   child, what is on the device is the parent's. */
static void gpu_unload(tm_model *model) {
  tm_gpu *gpu = model->gpu;
  if (!gpu)
    return;
  if (gpu->context && gpu->process == (int32_t)getpid()) {
    if (tm_gpu_enter(model, NULL) == TM_OK) {
      free_device(gpu);
      tm_gpu_leave(gpu);
    }
    (void)gpu->driver.context_release(gpu->device);
  }
  if (gpu->has_lock)
    pthread_mutex_destroy(&gpu->lock);
  tm_gpu_free_fft(gpu);
  free(gpu->kernels);
  free(gpu->weight);
  free(gpu->places);
  free(gpu->maps);
  free(gpu);
  model->gpu = NULL;
}

const tm_backend tm_gpu_backend = {"cuda",           gpu_open,   gpu_load,
                                   gpu_unload,       tm_gpu_run, tm_gpu_lend,
                                   tm_gpu_take_back, tm_gpu_copy};

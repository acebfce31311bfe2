//===- gpu_fft.c - long sequences through cuFFT ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A plan per length, of one sequence: what a sequence's rows become does not
// depend on its batch. All plans use one piece of memory, since one stream runs
// them one after the other. Without the library, kernels do the work.
//===----------------------------------------------------------------------===//
#include "gpu.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *open_library(tm_fft *fft) {
  static const char *const names[] = {"libcufft.so.12", "libcufft.so.11",
                                      "libcufft.so.10", "libcufft.so"};
  const char *named = secure_getenv("TM_LIBCUFFT");
  if (named && *named) {
    fft->library = dlopen(named, RTLD_NOW | RTLD_LOCAL);
    return named;
  }
  for (size_t i = 0; !fft->library && i < sizeof(names) / sizeof(*names); ++i)
    fft->library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  return "libcufft.so";
}

void tm_gpu_open_fft(tm_gpu *gpu) {
  tm_fft *fft = &gpu->fft;
  if (!gpu->table->fft_from)
    return;
  const char *path = open_library(fft), *missing = NULL;
  /* Data to function: as POSIX has it. */
#define LOAD(member, symbol, arguments)                                        \
  if (fft->library) {                                                          \
    *(void **)&fft->member = dlsym(fft->library, symbol);                      \
    missing = fft->member ? missing : symbol;                                  \
  }
  TM_CUFFT_FUNCTIONS(LOAD)
#undef LOAD
  fft->is_there = fft->library && !missing;
  if (fft->is_there)
    return;
  fprintf(stderr,
          "transformer-mlir: warning: %.300s %s%s; sequences of %d tokens and "
          "more take longer without it\n",
          path, missing ? "has no " : "was not found", missing ? missing : "",
          (int)gpu->table->fft_from);
}

static int fail(int status, const char *what, int length, int width,
                tm_error *error) {
  return tm_fail(error,
                 status == TM_CUFFT_ALLOC_FAILED ? TM_OUT_OF_MEMORY
                                                 : TM_DEVICE_ERROR,
                 "cannot %s the Fourier transform of %d x %d numbers (cuFFT "
                 "says %d%s)",
                 what, length, width, status,
                 status == TM_CUFFT_ALLOC_FAILED ? ": out of memory" : "");
}

static tm_fft_plan *find_plan(tm_fft *fft, int length, int width) {
  for (int i = 0; i < fft->plan_count; ++i)
    if (fft->plans[i].length == length && fft->plans[i].width == width)
      return &fft->plans[i];
  return NULL;
}

/* What is still under way uses plans and their memory, and graphs hold both. */
static int settle(tm_gpu *gpu, tm_error *error) {
  tm_gpu_forget_graphs(gpu);
  int status = gpu->driver.stream_synchronize(gpu->stream);
  return status == TM_CU_SUCCESS ? TM_OK
                                 : tm_driver_fail(&gpu->driver, status,
                                                  "compute on the GPU", error);
}

static void forget_plans(tm_gpu *gpu) {
  tm_fft *fft = &gpu->fft;
  for (int i = 0; i < fft->plan_count; ++i)
    (void)fft->destroy(fft->plans[i].handle);
  fft->plan_count = 0;
}

/* Memory for a plan that needs more than the others did. */
static int grow(tm_gpu *gpu, size_t bytes, tm_error *error) {
  tm_fft *fft = &gpu->fft;
  int status = settle(gpu, error);
  if (status != TM_OK)
    return status;
  if (fft->memory)
    (void)gpu->driver.free(fft->memory);
  fft->memory = 0;
  fft->memory_bytes = 0;
  status = tm_gpu_alloc(gpu, bytes, "Fourier transforms", &fft->memory, error);
  if (status != TM_OK) {
    forget_plans(gpu); /* their memory is gone */
    return status;
  }
  fft->memory_bytes = bytes;
  for (int i = 0; i < fft->plan_count; ++i) {
    tm_fft_plan *plan = &fft->plans[i];
    int code = fft->set_memory(plan->handle, (void *)(uintptr_t)fft->memory);
    if (code != TM_CUFFT_SUCCESS) {
      int result =
          fail(code, "give memory to", plan->length, plan->width, error);
      forget_plans(gpu);
      return result;
    }
  }
  return TM_OK;
}

static int make_plan(tm_gpu *gpu, int length, int width, tm_error *error) {
  tm_fft *fft = &gpu->fft;
  if (fft->plan_count == fft->plan_room) {
    int room = fft->plan_room ? 2 * fft->plan_room : 16;
    void *plans = realloc(fft->plans, (size_t)room * sizeof(tm_fft_plan));
    if (!plans)
      return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
    fft->plans = plans;
    fft->plan_room = room;
  }
  /* In place: rows of real numbers with room for what they become. */
  int sizes[] = {length, width}, columns = width / 2 + 1;
  int real[] = {length, 2 * columns}, complex[] = {length, columns};
  /* To the next sequence, which there is none of. */
  int distance = (int64_t)length * 2 * columns > INT32_MAX
                     ? INT32_MAX / 2 * 2
                     : length * 2 * columns;
  int handle = 0;
  size_t bytes = 0;
  int status = fft->create(&handle);
  if (status != TM_CUFFT_SUCCESS)
    return fail(status, "plan", length, width, error);
  tm_fft_plan *plan = &fft->plans[fft->plan_count++];
  plan->handle = handle;
  plan->length = length;
  plan->width = width;
  status = fft->set_allocation(handle, 0);
  if (status == TM_CUFFT_SUCCESS)
    status = fft->make(handle, 2, sizes, real, 1, distance, complex, 1,
                       distance / 2, TM_CUFFT_R2C, 1, &bytes);
  if (status == TM_CUFFT_SUCCESS)
    status = fft->set_stream(handle, gpu->stream);
  if (status == TM_CUFFT_SUCCESS && bytes > fft->memory_bytes) {
    int grown = grow(gpu, bytes, error); /* sets this plan's too */
    if (grown != TM_OK)
      return grown;
  } else if (status == TM_CUFFT_SUCCESS && bytes) {
    status = fft->set_memory(handle, (void *)(uintptr_t)fft->memory);
  }
  if (status == TM_CUFFT_SUCCESS)
    return TM_OK;
  (void)fft->destroy(handle);
  --fft->plan_count;
  return fail(status, "plan", length, width, error);
}

static int add_long(tm_gpu *gpu, int32_t start, int32_t length,
                    tm_error *error) {
  tm_fft *fft = &gpu->fft;
  if (fft->long_count == fft->long_room) {
    int64_t room = fft->long_room ? 2 * fft->long_room : 64;
    void *longs = realloc(fft->longs, (size_t)room * sizeof(tm_stretch));
    if (!longs)
      return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
    fft->longs = longs;
    fft->long_room = room;
  }
  fft->longs[fft->long_count++] = (tm_stretch){start, length};
  fft->long_tokens += length;
  return TM_OK;
}

int tm_gpu_prepare_fft(tm_model *model, const tm_request *request,
                       int64_t begin, int64_t end, tm_error *error) {
  tm_gpu *gpu = model->gpu;
  tm_fft *fft = &gpu->fft;
  const tm_device_table *table = gpu->table;
  fft->long_count = 0;
  fft->long_tokens = 0;
  if (!fft->is_there)
    return TM_OK;
  int64_t first = tm_request_offset(request, begin);
  for (int64_t s = begin; s < end; ++s) {
    int64_t start = tm_request_offset(request, s);
    int64_t length = tm_request_offset(request, s + 1) - start;
    int status =
        length < table->fft_from
            ? TM_OK
            : add_long(gpu, (int32_t)(start - first), (int32_t)length, error);
    if (status != TM_OK)
      return status;
  }
  if (fft->plan_count > TM_FFT_PLANS) {
    int status = settle(gpu, error);
    if (status != TM_OK)
      return status;
    forget_plans(gpu);
  }
  for (int64_t i = 0; i < table->launch_count; ++i) {
    int width = (int)table->launches[i].columns;
    if (table->launches[i].kernel >= 0)
      continue;
    for (int64_t l = 0; l < fft->long_count; ++l) {
      int length = fft->longs[l].length;
      int status = find_plan(fft, length, width)
                       ? TM_OK
                       : make_plan(gpu, length, width, error);
      if (status != TM_OK)
        return status;
    }
  }
  return TM_OK;
}

int tm_gpu_launch_fft(tm_gpu *gpu, tm_cu_address rows, int width,
                      tm_error *error) {
  tm_fft *fft = &gpu->fft;
  uint64_t row_bytes = 8 * (uint64_t)(width / 2 + 1);
  for (int64_t i = 0; i < fft->long_count; ++i) {
    tm_stretch stretch = fft->longs[i];
    void *at = (void *)(uintptr_t)(rows + (uint64_t)stretch.start * row_bytes);
    int status =
        fft->execute(find_plan(fft, stretch.length, width)->handle, at, at);
    if (status != TM_CUFFT_SUCCESS)
      return fail(status, "compute", stretch.length, width, error);
  }
  return TM_OK;
}

void tm_gpu_close_fft(tm_gpu *gpu) {
  forget_plans(gpu);
  if (gpu->fft.memory)
    (void)gpu->driver.free(gpu->fft.memory);
  gpu->fft.memory = 0;
}

void tm_gpu_free_fft(tm_gpu *gpu) {
  free(gpu->fft.plans);
  free(gpu->fft.longs);
}

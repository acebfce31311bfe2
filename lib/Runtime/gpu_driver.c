//===- gpu_driver.c - NVIDIA's driver, if there is one --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gpu.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

int tm_open_driver(tm_driver *driver, tm_error *error) {
  memset(driver, 0, sizeof(*driver));
  const char *named = secure_getenv("TM_LIBCUDA");
  const char *path = named && *named ? named : "libcuda.so.1";
  driver->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!driver->library) {
    if (path == named)
      return tm_fail(error, TM_NO_DEVICE,
                     "cannot open the library that TM_LIBCUDA names: %.300s",
                     dlerror());
    return tm_fail(error, TM_NO_DEVICE,
                   "this model was compiled for NVIDIA GPUs, and this machine "
                   "has no NVIDIA driver (libcuda.so.1); compile the model "
                   "with --target=cpu to run it here");
  }
  /* Data to function: as POSIX has it. */
#define LOAD(member, symbol, arguments)                                        \
  *(void **)&driver->member = dlsym(driver->library, symbol);                  \
  if (!driver->member)                                                         \
    return tm_fail(error, TM_NO_DEVICE,                                        \
                   "the NVIDIA driver of this machine (%.200s) is too old: "   \
                   "it has no %s; install one for CUDA 11.4 or newer",         \
                   path, symbol);
  TM_CU_FUNCTIONS(LOAD)
#undef LOAD
  *(void **)&driver->encode_map =
      dlsym(driver->library, "cuTensorMapEncodeTiled");
  int version = 0;
  if (driver->version(&version) == TM_CU_SUCCESS &&
      version >= TM_CU_VERSION_OVERLAP)
    *(void **)&driver->launch_overlapping =
        dlsym(driver->library, "cuLaunchKernelEx");
  int status = driver->init(0);
  if (status == TM_CU_NO_DEVICE)
    return tm_fail(error, TM_NO_DEVICE,
                   "this model was compiled for NVIDIA GPUs, and the driver "
                   "sees none on this machine; compile the model with "
                   "--target=cpu to run it here");
  if (status != TM_CU_SUCCESS) {
    tm_driver_fail(driver, status, "start the NVIDIA driver", error);
    if (error)
      error->status = TM_NO_DEVICE;
    return TM_NO_DEVICE;
  }
  return TM_OK;
}

int tm_driver_fail(const tm_driver *driver, int status, const char *what,
                   tm_error *error) {
  const char *name = NULL, *text = NULL;
  if (driver->error_name(status, &name) != TM_CU_SUCCESS || !name)
    name = "an unknown error";
  if (driver->error_text(status, &text) != TM_CU_SUCCESS || !text)
    text = "the driver has no text for it";
  return tm_fail(
      error, status == TM_CU_OUT_OF_MEMORY ? TM_OUT_OF_MEMORY : TM_DEVICE_ERROR,
      "cannot %s: %.200s (%.60s, %d)", what, text, name, status);
}

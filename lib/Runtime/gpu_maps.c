//===- gpu_maps.c - arrays as the copy engine sees them -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Kernels for sm_90a name boxes of arrays instead of addresses. What an array
// is like is in a map, which the driver makes on the host and which a launch
// copies with its arguments. Maps of weights are made once; the others depend
// on the number of rows of a chunk, and on where its arrays lie.
//===----------------------------------------------------------------------===//
#include "gpu.h"

#include <stdlib.h>

static int make_map(tm_model *model, int64_t index, uint64_t rows,
                    tm_error *error) {
  tm_gpu *gpu = model->gpu;
  const tm_device_map *map = &gpu->table->maps[index];
  uint32_t bytes = map->number == TM_NUMBER_I8 ? 1 : 2;
  int type = map->number == TM_NUMBER_I8    ? TM_CU_MAP_UINT8
             : map->number == TM_NUMBER_F16 ? TM_CU_MAP_F16
                                            : TM_CU_MAP_BF16;
  uint64_t sizes[] = {(uint64_t)map->columns, rows};
  uint64_t strides[] = {(uint64_t)map->columns * bytes};
  uint32_t box[] = {128 / bytes, (uint32_t)map->box_rows};
  uint32_t steps[] = {1, 1};
  int status = gpu->driver.encode_map(
      gpu->maps + index * TM_CU_MAP_BYTES, type, 2,
      tm_gpu_address(model, map->array), sizes, strides, box, steps,
      /*interleave=*/0, TM_CU_MAP_SWIZZLE_128, TM_CU_MAP_CACHE_256,
      /*fill: zeros*/ 0);
  return status == TM_CU_SUCCESS
             ? TM_OK
             : tm_driver_fail(&gpu->driver, status, "make a map of an array",
                              error);
}

int tm_gpu_map_weights(tm_model *model, tm_error *error) {
  tm_gpu *gpu = model->gpu;
  const tm_device_table *table = gpu->table;
  if (!table->map_count)
    return TM_OK;
  if (!gpu->driver.encode_map)
    return tm_fail(error, TM_NO_DEVICE,
                   "the NVIDIA driver of this machine is too old for the code "
                   "in model.so: it has no cuTensorMapEncodeTiled; install one "
                   "for CUDA 12 or newer, or compile the model for another "
                   "--gpu-chip");
  gpu->maps = aligned_alloc(TM_CU_MAP_BYTES,
                            (size_t)table->map_count * TM_CU_MAP_BYTES);
  if (!gpu->maps)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
  int status = TM_OK;
  for (int64_t i = 0; status == TM_OK && i < table->map_count; ++i)
    if (table->maps[i].array.kind == TM_ARGUMENT_WEIGHT)
      status = make_map(model, i, (uint64_t)table->maps[i].rows.fixed, error);
  return status;
}

int tm_gpu_map_arrays(tm_model *model, int64_t tokens, int64_t sequences,
                      tm_error *error) {
  const tm_device_table *table = model->gpu->table;
  int status = TM_OK;
  for (int64_t i = 0; status == TM_OK && i < table->map_count; ++i) {
    const tm_device_size *rows = &table->maps[i].rows;
    int64_t count =
        rows->fixed + tokens * rows->per_token + sequences * rows->per_sequence;
    /* Without rows there is no launch either. */
    if (table->maps[i].array.kind != TM_ARGUMENT_WEIGHT && count > 0)
      status = make_map(model, i, (uint64_t)count, error);
  }
  return status;
}

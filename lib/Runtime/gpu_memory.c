//===- gpu_memory.c - weights and arrays on the device --------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "gpu.h"

#include <stdlib.h>
#include <string.h>

static size_t bytes_of(int32_t number) {
  return number == TM_NUMBER_I8                                ? 1
         : number == TM_NUMBER_F16 || number == TM_NUMBER_BF16 ? 2
                                                               : 4;
}

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static float from_f16(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
  if (rest >= 0x7c00) /* infinity, or not a number */
    return float_of(sign | 0x7f800000 | (rest & 0x3ff) << 13);
  /* Exponents differ by 112; the product also mends subnormal numbers. */
  return float_of(sign | bits_of(float_of(rest << 13) * 0x1p112f));
}

/* Both round to nearest, ties to even. */
static uint16_t to_bf16(float value) {
  uint32_t bits = bits_of(value);
  if (value != value)
    return (uint16_t)(bits >> 16 | 0x40);
  return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static uint16_t to_f16(float value) {
  uint32_t bits = bits_of(value), rest = bits & 0x7fffffff;
  uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
  if (rest > 0x7f800000)
    return sign | 0x7e00;
  if (rest >= 0x477ff000) /* rounds to more than the largest */
    return sign | 0x7c00;
  if (rest < 0x38800000) /* subnormal: the sum's last bit is 2^-24 */
    return sign | (uint16_t)(bits_of(float_of(rest) + 0.5f) - bits_of(0.5f));
  rest -= (uint32_t)112 << 23;
  return sign | (uint16_t)((rest + 0xfff + (rest >> 13 & 1)) >> 13);
}

void tm_gpu_convert(const tm_device_weight *weight, const char *from,
                    int64_t count, char *to) {
  for (int64_t i = 0; i < count; ++i) {
    float value;
    if (weight->stored == TM_NUMBER_F32) {
      memcpy(&value, from + 4 * i, 4);
    } else {
      uint16_t half;
      memcpy(&half, from + 2 * i, 2);
      value = weight->stored == TM_NUMBER_F16 ? from_f16(half)
                                              : float_of((uint32_t)half << 16);
    }
    if (weight->wanted == TM_NUMBER_F32) {
      memcpy(to + 4 * i, &value, 4);
    } else {
      uint16_t half =
          weight->wanted == TM_NUMBER_F16 ? to_f16(value) : to_bf16(value);
      memcpy(to + 2 * i, &half, 2);
    }
  }
}

static bool is_float(int32_t number) {
  return number == TM_NUMBER_F32 || number == TM_NUMBER_F16 ||
         number == TM_NUMBER_BF16;
}

static int upload(const tm_gpu *gpu, const tm_device_weight *weight,
                  const char *from, tm_cu_address to, char *buffer,
                  tm_error *error) {
  enum { PIECE = 1 << 20 }; /* numbers that are converted at once */
  const tm_driver *driver = &gpu->driver;
  if (weight->stored == weight->wanted) {
    size_t bytes = (size_t)weight->count * bytes_of(weight->wanted);
    int status = bytes ? driver->upload(to, from, bytes) : TM_CU_SUCCESS;
    return status == TM_CU_SUCCESS
               ? TM_OK
               : tm_driver_fail(driver, status, "copy weights to the GPU",
                                error);
  }
  if (!is_float(weight->stored) || !is_float(weight->wanted))
    return tm_fail(error, TM_MISMATCH,
                   "model.so wants a weight as a type that it cannot be "
                   "converted to; compile the model again");
  for (int64_t begin = 0; begin < weight->count; begin += PIECE) {
    int64_t count =
        weight->count - begin < PIECE ? weight->count - begin : PIECE;
    size_t wide = bytes_of(weight->wanted);
    tm_gpu_convert(weight, from + (size_t)begin * bytes_of(weight->stored),
                   count, buffer);
    int status =
        driver->upload(to + (size_t)begin * wide, buffer, (size_t)count * wide);
    if (status != TM_CU_SUCCESS)
      return tm_driver_fail(driver, status, "copy weights to the GPU", error);
  }
  return TM_OK;
}

/* Row by row, from one place in the file to another on the device. */
static int upload_stacked(const tm_gpu *gpu, const tm_device_weight *weight,
                          const char *from, tm_cu_address to, char *buffer,
                          tm_error *error) {
  int64_t slices = weight->slices, rows = weight->rows;
  tm_device_weight row = *weight;
  row.count = weight->count / (slices * rows);
  size_t stored = (size_t)row.count * bytes_of(row.stored);
  size_t wanted = (size_t)row.count * bytes_of(row.wanted);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t s = 0; s < slices; ++s) {
      int status =
          upload(gpu, &row, from + (size_t)(s * rows + r) * stored,
                 to + (size_t)(r * slices + s) * wanted, buffer, error);
      if (status != TM_OK)
        return status;
    }
  return TM_OK;
}

static size_t aligned(size_t bytes) {
  return (bytes + TM_GPU_ALIGNMENT - 1) / TM_GPU_ALIGNMENT * TM_GPU_ALIGNMENT;
}

int tm_gpu_alloc(tm_gpu *gpu, size_t bytes, const char *what,
                 tm_cu_address *address, tm_error *error) {
  *address = 0;
  int status = gpu->driver.alloc(address, bytes ? bytes : TM_GPU_ALIGNMENT);
  if (status == TM_CU_SUCCESS)
    return TM_OK;
  *address = 0;
  if (status == TM_CU_OUT_OF_MEMORY)
    return tm_fail(error, TM_OUT_OF_MEMORY,
                   "out of memory on GPU %d (%s): there are no %zu MB for %s",
                   gpu->device, gpu->name, (bytes + 999999) / 1000000, what);
  return tm_driver_fail(&gpu->driver, status, "get memory of the GPU", error);
}

int tm_gpu_upload_weights(tm_model *model, tm_error *error) {
  tm_gpu *gpu = model->gpu;
  const tm_device_table *table = gpu->table;
  const tm_descriptor *d = model->descriptor;
  gpu->weight = calloc((size_t)table->weight_count + 1, sizeof(tm_cu_address));
  char *buffer = malloc(4 << 20);
  if (!gpu->weight || !buffer) {
    free(buffer);
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
  }
  uint64_t memory = d->part_count ? d->weights_memory : d->weights_bytes;
  size_t total = 0;
  int status = TM_OK;
  for (int64_t i = 0; status == TM_OK && i < table->weight_count; ++i) {
    const tm_device_weight *weight = &table->weights[i];
    size_t stored = (size_t)weight->count * bytes_of(weight->stored);
    if (!weight->data &&
        (weight->offset > memory || stored > memory - weight->offset))
      status = tm_fail(error, TM_MISMATCH,
                       "model.so reads beyond the end of its weights; compile "
                       "the model again");
    total += aligned((size_t)weight->count * bytes_of(weight->wanted));
  }
  if (status == TM_OK)
    status = tm_gpu_alloc(gpu, total, "weights", &gpu->weights, error);
  tm_cu_address next = gpu->weights;
  for (int64_t i = 0; status == TM_OK && i < table->weight_count; ++i) {
    const tm_device_weight *weight = &table->weights[i];
    gpu->weight[i] = next;
    next += aligned((size_t)weight->count * bytes_of(weight->wanted));
    const char *from =
        weight->data ? weight->data : model->weights.data + weight->offset;
    status = (weight->slices ? upload_stacked : upload)(
        gpu, weight, from, gpu->weight[i], buffer, error);
  }
  free(buffer);
  return status;
}

int tm_gpu_reserve(tm_gpu *gpu, size_t bytes, size_t input_bytes,
                   tm_error *error) {
  const tm_driver *driver = &gpu->driver;
  if (input_bytes > gpu->staging_bytes) {
    if (gpu->staging)
      (void)driver->free_host(gpu->staging);
    gpu->staging = NULL;
    gpu->staging_bytes = 0;
    int status = driver->alloc_host(&gpu->staging, input_bytes, 0);
    if (status != TM_CU_SUCCESS) {
      gpu->staging = NULL;
      return tm_driver_fail(driver, status, "get memory that the GPU can read",
                            error);
    }
    gpu->staging_bytes = input_bytes;
  }
  if (bytes <= gpu->arena_bytes)
    return TM_OK;
  /* Graphs hold its address. What is too small goes first, so that there is
     room for what replaces it. */
  tm_gpu_forget_graphs(gpu);
  if (gpu->arena)
    (void)driver->free(gpu->arena);
  gpu->arena = 0;
  gpu->arena_bytes = 0;
  int status =
      tm_gpu_alloc(gpu, bytes, "a call of this size", &gpu->arena, error);
  if (status == TM_OK)
    gpu->arena_bytes = bytes;
  return status;
}

static bool place(const tm_device_size *size, int64_t tokens, int64_t sequences,
                  size_t *at, size_t *total) {
  *at = *total;
  size_t sum = 0;
  if (!tm_add_product(&sum, size->fixed, 1) ||
      !tm_add_product(&sum, size->per_token, tokens) ||
      !tm_add_product(&sum, size->per_sequence, sequences))
    return false;
  return tm_add_size(total, aligned(sum));
}

bool tm_gpu_place(const tm_model *model, int64_t tokens, int64_t sequences,
                  size_t *input_bytes, size_t *bytes) {
  tm_gpu *gpu = model->gpu;
  const tm_device_table *table = gpu->table;
  size_t *at = gpu->places;
  bool fits = true;
  *bytes = 0;
  for (int64_t i = 0; fits && i < table->input_count; ++i)
    fits = place(&table->inputs[i].size, tokens, sequences, at++, bytes);
  *input_bytes = *bytes;
  for (int64_t i = 0; fits && i < model->descriptor->output_count; ++i)
    fits = place(&table->outputs[i], tokens, sequences, at++, bytes);
  for (int64_t i = 0; fits && i < table->slot_count; ++i)
    fits = place(&table->slots[i], tokens, sequences, at++, bytes);
  return fits;
}

int tm_gpu_lend(tm_model *model, size_t bytes, void **memory, tm_error *error) {
  tm_cu_address address = 0;
  int status = tm_gpu_enter(model, error);
  if (status != TM_OK)
    return status;
  status = tm_gpu_alloc(model->gpu, bytes, "arrays", &address, error);
  tm_gpu_leave(model->gpu);
  *memory = (void *)(uintptr_t)address;
  return status;
}

void tm_gpu_take_back(tm_model *model, void *memory) {
  if (tm_gpu_enter(model, NULL) != TM_OK)
    return;
  (void)model->gpu->driver.free((tm_cu_address)(uintptr_t)memory);
  tm_gpu_leave(model->gpu);
}

int tm_gpu_copy(tm_model *model, void *to, const void *from, size_t bytes,
                tm_error *error) {
  int status = tm_gpu_enter(model, error);
  if (status != TM_OK)
    return status;
  const tm_driver *driver = &model->gpu->driver;
  int code = driver->stream_synchronize(NULL); /* what is still written there */
  if (code == TM_CU_SUCCESS && bytes)
    code =
        driver->copy((tm_cu_address)(uintptr_t)to,
                     (tm_cu_address)(uintptr_t)from, bytes, model->gpu->stream);
  if (code == TM_CU_SUCCESS)
    code = driver->stream_synchronize(model->gpu->stream);
  if (code != TM_CU_SUCCESS)
    status = tm_driver_fail(driver, code, "copy an array", error);
  tm_gpu_leave(model->gpu);
  return status;
}

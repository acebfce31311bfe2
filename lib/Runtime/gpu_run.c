//===- gpu_run.c - one call on a GPU, cut into chunks ---------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Ids and offsets are checked on the host, whatever memory they come from, so
// that no kernel reads beyond a table. The driver tells host and device memory
// apart by the address.
//===----------------------------------------------------------------------===//
#include "gpu.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool tm_gpu_is_device(const tm_gpu *gpu, const void *pointer) {
  unsigned type = TM_CU_MEMORY_HOST;
  /* The driver has never heard of ordinary memory: an error. */
  return pointer &&
         gpu->driver.pointer_attribute(&type, TM_CU_POINTER_MEMORY_TYPE,
                                       (tm_cu_address)(uintptr_t)pointer) ==
             TM_CU_SUCCESS &&
         type != TM_CU_MEMORY_HOST;
}

/* A batch whose ids lie on the host, and what had to be copied for it. */
typedef struct host_batch {
  tm_batch batch;
  void *copies[3];
  int count;
} host_batch;

static int fetch(const tm_gpu *gpu, const int32_t **array, int64_t count,
                 host_batch *host, tm_error *error) {
  if (count <= 0 || !tm_gpu_is_device(gpu, *array))
    return TM_OK;
  void *copy = malloc((size_t)count * 4);
  if (!copy)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
  host->copies[host->count++] = copy;
  int status = gpu->driver.download(copy, (tm_cu_address)(uintptr_t)*array,
                                    (size_t)count * 4);
  if (status != TM_CU_SUCCESS)
    return tm_driver_fail(&gpu->driver, status,
                          "read the batch from the memory of the GPU", error);
  *array = copy;
  return TM_OK;
}

static int fetch_batch(const tm_gpu *gpu, const tm_batch *batch,
                       host_batch *host, tm_error *error) {
  memset(host, 0, sizeof(*host));
  host->batch = *batch;
  int64_t sequences = batch->sequences;
  if (sequences <= 0 || sequences > INT32_MAX || !batch->offsets)
    return TM_OK; /* the check says what is wrong */
  int status = fetch(gpu, &host->batch.offsets, sequences + 1, host, error);
  int64_t tokens = status == TM_OK ? host->batch.offsets[sequences] : 0;
  if (status == TM_OK)
    status = fetch(gpu, &host->batch.input_ids, tokens, host, error);
  if (status == TM_OK)
    status = fetch(gpu, &host->batch.token_type_ids, tokens, host, error);
  return status;
}

static void free_batch(host_batch *host) {
  for (int i = 0; i < host->count; ++i)
    free(host->copies[i]);
}

/* Room for the largest chunk. */
static int reserve(tm_model *model, const tm_request *request,
                   tm_error *error) {
  size_t most = 0, most_input = 0;
  for (int64_t begin = 0, end; begin < request->sequences; begin = end) {
    end = tm_chunk_end(request, begin);
    size_t bytes, input_bytes;
    if (!tm_gpu_place(model,
                      tm_request_offset(request, end) -
                          tm_request_offset(request, begin),
                      end - begin, &input_bytes, &bytes))
      return tm_fail(error, TM_OUT_OF_MEMORY,
                     "out of memory: the call is too large");
    most = bytes > most ? bytes : most;
    most_input = input_bytes > most_input ? input_bytes : most_input;
  }
  return tm_gpu_reserve(model->gpu, most, most_input, error);
}

static int copy(const tm_gpu *gpu, tm_cu_address to, tm_cu_address from,
                size_t bytes, tm_error *error) {
  if (!bytes)
    return TM_OK;
  int status = gpu->driver.copy(to, from, bytes, gpu->stream);
  if (status == TM_CU_SUCCESS)
    return TM_OK;
  return tm_driver_fail(&gpu->driver, status, "copy an array", error);
}

/* Inputs of the host go through one block of memory, in one copy. */
static int copy_inputs(tm_model *model, const tm_request *request,
                       int64_t begin, int64_t end, size_t input_bytes,
                       tm_error *error) {
  tm_gpu *gpu = model->gpu;
  const tm_batch *batch = request->batch;
  int64_t first = tm_request_offset(request, begin);
  int64_t tokens = tm_request_offset(request, end) - first;
  const tm_device_table *table = gpu->table;
  for (int64_t i = 0; i < table->input_count; ++i) {
    int64_t index = table->inputs[i].index;
    int32_t *to = (void *)((char *)gpu->staging + gpu->places[i]);
    if (index < 0) {
      for (int64_t s = begin; s <= end; ++s)
        to[s - begin] = (int32_t)(tm_request_offset(request, s) - first);
      continue;
    }
    const tm_input_desc *input = &model->descriptor->inputs[index];
    if (input->kind == TM_KIND_F32) {
      const float *from = batch->pixel_values + begin * input->width;
      if (!tm_gpu_is_device(gpu, from))
        memcpy(to, from, (size_t)((end - begin) * input->width) * 4);
      continue;
    }
    const int32_t *from = strcmp(input->name, "input_ids") == 0
                              ? batch->input_ids
                              : batch->token_type_ids;
    if (from && tokens)
      memcpy(to, from + first, (size_t)tokens * 4);
    else
      memset(to, 0, (size_t)tokens * 4);
  }
  int status = copy(gpu, gpu->arena, (tm_cu_address)(uintptr_t)gpu->staging,
                    input_bytes, error);
  for (int64_t i = 0; status == TM_OK && i < table->input_count; ++i) {
    int64_t index = table->inputs[i].index;
    if (index < 0 || model->descriptor->inputs[index].kind != TM_KIND_F32)
      continue;
    int64_t width = model->descriptor->inputs[index].width;
    const float *from = batch->pixel_values + begin * width;
    if (tm_gpu_is_device(gpu, from))
      status =
          copy(gpu, gpu->arena + gpu->places[i], (tm_cu_address)(uintptr_t)from,
               (size_t)((end - begin) * width) * 4, error);
  }
  return status;
}

static int copy_outputs(tm_model *model, const tm_request *request,
                        int64_t begin, int64_t end, tm_error *error) {
  const tm_gpu *gpu = model->gpu;
  const tm_descriptor *d = model->descriptor;
  int64_t first = tm_request_offset(request, begin);
  int64_t tokens = tm_request_offset(request, end) - first;
  int status = TM_OK;
  for (int64_t i = 0; status == TM_OK && i < d->output_count; ++i) {
    float *to = request->destinations[i];
    if (!(request->wanted >> i & 1) || !to)
      continue;
    bool is_tokens = d->outputs[i].rows == TM_PER_TOKEN;
    int64_t width = d->outputs[i].width;
    to += width * (is_tokens ? first : begin);
    status =
        copy(gpu, (tm_cu_address)(uintptr_t)to,
             gpu->arena + gpu->places[gpu->table->input_count + i],
             (size_t)(width * (is_tokens ? tokens : end - begin)) * 4, error);
  }
  return status;
}

static int synchronize(const tm_gpu *gpu, tm_cu_handle stream,
                       tm_error *error) {
  int status = gpu->driver.stream_synchronize(stream);
  if (status == TM_CU_SUCCESS)
    return TM_OK;
  return tm_driver_fail(&gpu->driver, status, "compute on the GPU", error);
}

static int run_chunk(tm_model *model, const tm_request *request, int64_t begin,
                     int64_t end, tm_error *error) {
  tm_gpu *gpu = model->gpu;
  int64_t tokens =
      tm_request_offset(request, end) - tm_request_offset(request, begin);
  size_t input_bytes, bytes;
  (void)tm_gpu_place(model, tokens, end - begin, &input_bytes, &bytes);
  int status = copy_inputs(model, request, begin, end, input_bytes, error);
  if (status == TM_OK)
    status = tm_gpu_prepare_fft(model, request, begin, end, error);
  if (status == TM_OK)
    status = tm_gpu_launch_shape(model, tokens, end - begin, error);
  if (status == TM_OK)
    status = copy_outputs(model, request, begin, end, error);
  /* The next chunk writes over the block that this one's inputs lie in. */
  int ended = synchronize(gpu, gpu->stream, status == TM_OK ? error : NULL);
  return status == TM_OK ? ended : status;
}

static int run(tm_model *model, const tm_batch *batch, const tm_output *outputs,
               int64_t output_count, tm_error *error) {
  tm_request request;
  int status =
      tm_check_request(model, batch, outputs, output_count, &request, error);
  if (status != TM_OK || !request.sequences || !request.wanted)
    return status;
  request.chunk_tokens = TM_GPU_CHUNK_TOKENS;
  status = reserve(model, &request, error);
  for (int64_t begin = 0, end; status == TM_OK && begin < request.sequences;
       begin = end) {
    end = tm_chunk_end(&request, begin);
    status = run_chunk(model, &request, begin, end, error);
  }
  return status;
}

int tm_gpu_run(tm_model *model, const tm_batch *batch, const tm_output *outputs,
               int64_t output_count, tm_error *error) {
  int status = tm_gpu_enter(model, error);
  if (status != TM_OK)
    return status;
  tm_gpu *gpu = model->gpu;
  host_batch host;
  status = fetch_batch(gpu, batch, &host, error);
  /* What the default stream still does to arrays on the device comes first. */
  bool is_device = host.count > 0 || tm_gpu_is_device(gpu, batch->pixel_values);
  for (int64_t i = 0; outputs && i < output_count; ++i)
    is_device |= tm_gpu_is_device(gpu, outputs[i].data);
  if (status == TM_OK && is_device)
    status = synchronize(gpu, NULL, error);
  if (status == TM_OK)
    status = run(model, &host.batch, outputs, output_count, error);
  free_batch(&host);
  tm_gpu_leave(gpu);
  return status;
}

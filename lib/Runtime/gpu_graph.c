//===- gpu_graph.c - the launches of a chunk, one by one or as a graph ----===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A chunk's launches depend on its numbers of tokens and sequences, on where
// sequences for cuFFT lie, and on nothing else, so that those of a shape that
// comes again are captured once, and the driver starts them all with one call.
// Graphs that were not used for longest make room for others.
//===----------------------------------------------------------------------===//
#include "gpu.h"

#include <stdlib.h>
#include <string.h>

/* Whether a launch is for a chunk of this shape. */
static bool is_for(const tm_gpu *gpu, const tm_device_launch *launch,
                   int64_t tokens, int64_t sequences) {
  const tm_fft *fft = &gpu->fft;
  if ((launch->need == TM_NEED_SHORT && fft->long_count &&
       fft->long_tokens == tokens) ||
      (launch->need == TM_NEED_LONG && !fft->long_count))
    return false;
  int64_t rows = launch->grid == TM_GRID_SEQUENCES ? sequences : tokens;
  return rows > launch->above && rows <= launch->most;
}

/* Both dimensions of its grid. */
static int64_t blocks_of(const tm_gpu *gpu, const tm_device_launch *launch,
                         int64_t tokens, int64_t sequences, int64_t *columns) {
  int64_t rows = launch->grid == TM_GRID_SEQUENCES ? sequences : tokens;
  int64_t blocks = (rows + launch->per - 1) / launch->per;
  if (launch->grid == TM_GRID_BLOCKS)
    blocks = tokens / launch->per + sequences;
  *columns = launch->columns;
  if (!launch->resident)
    return blocks;
  blocks *= launch->columns;
  *columns = 1;
  int64_t most = launch->resident * gpu->multiprocessors;
  return most && blocks > most ? most : blocks;
}

/* `overlaps`: it may start before the kernel before it is done. */
static int launch_kernel(const tm_gpu *gpu, const tm_device_launch *launch,
                         unsigned blocks, unsigned columns, bool overlaps,
                         void **arguments) {
  tm_cu_handle kernel = gpu->kernels[launch->kernel];
  unsigned threads = (unsigned)launch->threads,
           shared = (unsigned)launch->shared;
  if (!overlaps)
    return gpu->driver.launch(kernel, blocks, columns, 1, threads, 1, 1, shared,
                              gpu->stream, arguments, NULL);
  tm_cu_attribute attribute = {TM_CU_ATTRIBUTE_OVERLAP, 0, {1}};
  tm_cu_launch how = {{blocks, columns, 1}, {threads, 1, 1}, shared,
                      gpu->stream,          &attribute,      1};
  return gpu->driver.launch_overlapping(&how, kernel, arguments, NULL);
}

tm_cu_address tm_gpu_address(const tm_model *model,
                             tm_device_argument argument) {
  const tm_gpu *gpu = model->gpu;
  int64_t place = argument.index;
  if (argument.kind == TM_ARGUMENT_WEIGHT)
    return gpu->weight[argument.index];
  if (argument.kind != TM_ARGUMENT_INPUT)
    place += gpu->table->input_count;
  if (argument.kind == TM_ARGUMENT_SLOT)
    place += model->descriptor->output_count;
  return gpu->arena + gpu->places[place];
}

int tm_gpu_launch_all(tm_model *model, int64_t tokens, int64_t sequences,
                      tm_error *error) {
  const tm_gpu *gpu = model->gpu;
  const tm_fft *fft = &gpu->fft;
  int32_t numbers[] = {(int32_t)tokens, (int32_t)sequences,
                       fft->is_there ? gpu->table->fft_from : INT32_MAX};
  int mapped = tm_gpu_map_arrays(model, tokens, sequences, error);
  if (mapped != TM_OK)
    return mapped;
  bool can_overlap = gpu->table->overlaps && gpu->driver.launch_overlapping;
  bool overlaps = false; /* what comes before it is a kernel of ours */
  for (int64_t i = 0; i < gpu->table->launch_count; ++i) {
    const tm_device_launch *launch = &gpu->table->launches[i];
    if (!is_for(gpu, launch, tokens, sequences))
      continue;
    if (launch->kernel < 0) {
      overlaps = false;
      int status = tm_gpu_launch_fft(
          model->gpu, tm_gpu_address(model, launch->arguments[0]),
          (int)launch->columns, error);
      if (status != TM_OK)
        return status;
      continue;
    }
    int64_t columns = 1;
    int64_t blocks = blocks_of(gpu, launch, tokens, sequences, &columns);
    if (blocks <= 0)
      continue; /* nothing to compute: a chunk of empty sequences */
    tm_cu_address addresses[TM_MAX_ARGUMENTS];
    void *arguments[TM_MAX_ARGUMENTS];
    if (launch->argument_count > TM_MAX_ARGUMENTS || blocks > INT32_MAX)
      return tm_fail(error, TM_MISMATCH,
                     "kernel %s has more arguments or blocks than there may be",
                     gpu->table->kernels[launch->kernel]);
    for (int64_t a = 0; a < launch->argument_count; ++a) {
      tm_device_argument argument = launch->arguments[a];
      if (argument.kind == TM_ARGUMENT_MAP) {
        arguments[a] = gpu->maps + (size_t)argument.index * TM_CU_MAP_BYTES;
        continue;
      }
      if (argument.kind >= TM_ARGUMENT_TOKENS) {
        arguments[a] = &numbers[argument.kind - TM_ARGUMENT_TOKENS];
        continue;
      }
      addresses[a] = tm_gpu_address(model, argument);
      arguments[a] = &addresses[a];
    }
    int status = launch_kernel(gpu, launch, (unsigned)blocks, (unsigned)columns,
                               overlaps, arguments);
    overlaps = can_overlap;
    if (status != TM_CU_SUCCESS)
      return tm_driver_fail(&gpu->driver, status, "launch a kernel", error);
  }
  return TM_OK;
}

static void forget(tm_gpu *gpu, tm_graph *graph) {
  if (graph->executable)
    (void)gpu->driver.graph_exec_free(graph->executable);
  free(graph->longs);
  memset(graph, 0, sizeof(*graph));
}

void tm_gpu_forget_graphs(tm_gpu *gpu) {
  for (int i = 0; i < TM_GRAPHS; ++i)
    forget(gpu, &gpu->graphs[i]);
}

static bool is_of(const tm_graph *graph, const tm_fft *fft, int64_t tokens,
                  int64_t sequences) {
  return graph->tokens == tokens && graph->sequences == sequences &&
         graph->long_count == fft->long_count &&
         (!fft->long_count ||
          memcmp(graph->longs, fft->longs,
                 (size_t)fft->long_count * sizeof(tm_stretch)) == 0);
}

/* False if there is no memory for it. */
static bool remember_longs(tm_graph *graph, const tm_fft *fft) {
  size_t bytes = (size_t)fft->long_count * sizeof(tm_stretch);
  if (!bytes)
    return true;
  graph->longs = malloc(bytes);
  if (!graph->longs)
    return false;
  memcpy(graph->longs, fft->longs, bytes);
  graph->long_count = fft->long_count;
  return true;
}

/* Null if the driver cannot; calls then go on without. */
static tm_cu_handle capture(tm_model *model, int64_t tokens,
                            int64_t sequences) {
  tm_gpu *gpu = model->gpu;
  const tm_driver *driver = &gpu->driver;
  tm_cu_handle graph = NULL, executable = NULL;
  if (driver->capture_begin(gpu->stream, TM_CU_CAPTURE_THREAD_LOCAL) !=
      TM_CU_SUCCESS)
    return NULL;
  int launched = tm_gpu_launch_all(model, tokens, sequences, NULL);
  int ended = driver->capture_end(gpu->stream, &graph);
  if (launched == TM_OK && ended == TM_CU_SUCCESS && graph &&
      driver->graph_instantiate(&executable, graph, 0) != TM_CU_SUCCESS)
    executable = NULL;
  if (graph)
    (void)driver->graph_free(graph);
  return executable;
}

int tm_gpu_launch_shape(tm_model *model, int64_t tokens, int64_t sequences,
                        tm_error *error) {
  tm_gpu *gpu = model->gpu;
  tm_graph *found = NULL, *oldest = &gpu->graphs[0];
  for (int i = 0; i < TM_GRAPHS; ++i) {
    tm_graph *graph = &gpu->graphs[i];
    if (is_of(graph, &gpu->fft, tokens, sequences))
      found = graph;
    if (graph->last_use < oldest->last_use)
      oldest = graph;
  }
  bool is_known = found != NULL;
  if (!is_known) {
    found = oldest;
    forget(gpu, found);
    if (!remember_longs(found, &gpu->fft))
      return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
    found->tokens = tokens;
    found->sequences = sequences;
  }
  found->last_use = ++gpu->uses;
  if (is_known && !found->executable && !gpu->has_no_graphs && tokens) {
    found->executable = capture(model, tokens, sequences);
    gpu->has_no_graphs = !found->executable;
  }
  if (!found->executable)
    return tm_gpu_launch_all(model, tokens, sequences, error);
  int status = gpu->driver.graph_launch(found->executable, gpu->stream);
  if (status == TM_CU_SUCCESS)
    return TM_OK;
  return tm_driver_fail(&gpu->driver, status, "launch a graph of kernels",
                        error);
}

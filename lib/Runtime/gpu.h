//===- gpu.h - models on NVIDIA GPUs ----------------------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Libraries for GPUs link this part. It declares what it uses of the driver's
// interface, whose functions, numbers and types keep their meaning over
// versions, and opens the driver when a model is loaded: no library depends on
// it, and none of its headers is needed.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_RUNTIME_GPU_H
#define TRANSFORMER_LIB_RUNTIME_GPU_H

#include "Internal.h"

/* The driver's types: handles are pointers, addresses on the device are
   integers of 64 bits. */
typedef struct tm_cu_opaque *tm_cu_handle;
typedef uint64_t tm_cu_address;

enum {
  TM_CU_SUCCESS = 0,
  TM_CU_OUT_OF_MEMORY = 2,
  TM_CU_NO_DEVICE = 100,
  TM_CU_UNSUPPORTED_PTX_VERSION = 222
};
enum { TM_CU_POINTER_MEMORY_TYPE = 2, TM_CU_MEMORY_HOST = 1 };
enum {
  TM_CU_DEVICE_MULTIPROCESSORS = 16,
  TM_CU_DEVICE_MAJOR = 75,
  TM_CU_DEVICE_MINOR = 76,
  TM_CU_DEVICE_SHARED = 97
};
enum { TM_CU_FUNCTION_SHARED = 8 };
enum { TM_CU_JIT_ERROR_LOG = 5, TM_CU_JIT_ERROR_LOG_BYTES = 6 };
enum { TM_CU_STREAM_NON_BLOCKING = 1, TM_CU_CAPTURE_THREAD_LOCAL = 1 };

/* The driver's functions: member, symbol, arguments. All return a status. */
#define TM_CU_FUNCTIONS(F)                                                     \
  F(init, "cuInit", (unsigned))                                                \
  F(version, "cuDriverGetVersion", (int *))                                    \
  F(device_count, "cuDeviceGetCount", (int *))                                 \
  F(device_get, "cuDeviceGet", (int *, int))                                   \
  F(device_name, "cuDeviceGetName", (char *, int, int))                        \
  F(device_attribute, "cuDeviceGetAttribute", (int *, int, int))               \
  F(context_retain, "cuDevicePrimaryCtxRetain", (tm_cu_handle *, int))         \
  F(context_release, "cuDevicePrimaryCtxRelease_v2", (int))                    \
  F(context_push, "cuCtxPushCurrent_v2", (tm_cu_handle))                       \
  F(context_pop, "cuCtxPopCurrent_v2", (tm_cu_handle *))                       \
  F(module_load, "cuModuleLoadDataEx",                                         \
    (tm_cu_handle *, const void *, unsigned, int *, void **))                  \
  F(module_unload, "cuModuleUnload", (tm_cu_handle))                           \
  F(module_function, "cuModuleGetFunction",                                    \
    (tm_cu_handle *, tm_cu_handle, const char *))                              \
  F(function_set, "cuFuncSetAttribute", (tm_cu_handle, int, int))              \
  F(alloc, "cuMemAlloc_v2", (tm_cu_address *, size_t))                         \
  F(free, "cuMemFree_v2", (tm_cu_address))                                     \
  F(alloc_host, "cuMemHostAlloc", (void **, size_t, unsigned))                 \
  F(free_host, "cuMemFreeHost", (void *))                                      \
  F(pointer_attribute, "cuPointerGetAttribute", (void *, int, tm_cu_address))  \
  F(upload, "cuMemcpyHtoD_v2", (tm_cu_address, const void *, size_t))          \
  F(download, "cuMemcpyDtoH_v2", (void *, tm_cu_address, size_t))              \
  F(copy, "cuMemcpyAsync",                                                     \
    (tm_cu_address, tm_cu_address, size_t, tm_cu_handle))                      \
  F(stream_create, "cuStreamCreate", (tm_cu_handle *, unsigned))               \
  F(stream_destroy, "cuStreamDestroy_v2", (tm_cu_handle))                      \
  F(stream_synchronize, "cuStreamSynchronize", (tm_cu_handle))                 \
  F(launch, "cuLaunchKernel",                                                  \
    (tm_cu_handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, \
     unsigned, tm_cu_handle, void **, void **))                                \
  F(capture_begin, "cuStreamBeginCapture_v2", (tm_cu_handle, int))             \
  F(capture_end, "cuStreamEndCapture", (tm_cu_handle, tm_cu_handle *))         \
  F(graph_instantiate, "cuGraphInstantiateWithFlags",                          \
    (tm_cu_handle *, tm_cu_handle, unsigned long long))                        \
  F(graph_launch, "cuGraphLaunch", (tm_cu_handle, tm_cu_handle))               \
  F(graph_free, "cuGraphDestroy", (tm_cu_handle))                              \
  F(graph_exec_free, "cuGraphExecDestroy", (tm_cu_handle))                     \
  F(error_name, "cuGetErrorName", (int, const char **))                        \
  F(error_text, "cuGetErrorString", (int, const char **))

/* CUtensorMap: an array as the copy engine sees it. Types of numbers, and how
   16 bytes of a box are exchanged. */
enum { TM_CU_MAP_BYTES = 128 };
enum { TM_CU_MAP_UINT8 = 0, TM_CU_MAP_F16 = 6, TM_CU_MAP_BF16 = 9 };
enum { TM_CU_MAP_SWIZZLE_128 = 3, TM_CU_MAP_CACHE_256 = 3 };
typedef int (*tm_cu_encode)(void *map, int type, uint32_t rank,
                            tm_cu_address array, const uint64_t *sizes,
                            const uint64_t *strides, const uint32_t *box,
                            const uint32_t *steps, int interleave, int swizzle,
                            int cache, int fill);

/* CUlaunchConfig: how a kernel is started; and the one attribute that is used,
   which lets it start before the kernels before it are done. */
enum { TM_CU_ATTRIBUTE_OVERLAP = 6 };
typedef struct tm_cu_attribute {
  int32_t id, unused;
  int32_t value[16];
} tm_cu_attribute;
typedef struct tm_cu_launch {
  uint32_t grid[3], block[3], shared;
  tm_cu_handle stream;
  const tm_cu_attribute *attributes;
  uint32_t attribute_count;
} tm_cu_launch;
/* Graphs have known it since CUDA 12.3. */
enum { TM_CU_VERSION_OVERLAP = 12030 };

typedef struct tm_driver {
  void *library;
  tm_cu_encode encode_map; /* null: older than CUDA 12 */
  /* Null: no kernel starts before those before it are done. */
  int (*launch_overlapping)(const tm_cu_launch *, tm_cu_handle, void **,
                            void **);
#define TM_CU_MEMBER(member, symbol, arguments) int(*member) arguments;
  TM_CU_FUNCTIONS(TM_CU_MEMBER)
#undef TM_CU_MEMBER
} tm_driver;

/* TM_LIBCUDA names another library than libcuda.so.1. */
int tm_open_driver(tm_driver *driver, tm_error *error);
/* What the driver's status means, after `what` was tried. */
int tm_driver_fail(const tm_driver *driver, int status, const char *what,
                   tm_error *error);

/* The functions of cuFFT. A stream of the driver is one of the runtime's. */
enum {
  TM_CUFFT_SUCCESS = 0,
  TM_CUFFT_ALLOC_FAILED = 2,
  TM_CUFFT_R2C = 0x2a,
  TM_FFT_PLANS = 256 /* so many are kept; a chunk may need as many */
};
#define TM_CUFFT_FUNCTIONS(F)                                                  \
  F(create, "cufftCreate", (int *))                                            \
  F(destroy, "cufftDestroy", (int))                                            \
  F(set_allocation, "cufftSetAutoAllocation", (int, int))                      \
  F(make, "cufftMakePlanMany",                                                 \
    (int, int, int *, int *, int, int, int *, int, int, int, int, size_t *))   \
  F(set_memory, "cufftSetWorkArea", (int, void *))                             \
  F(set_stream, "cufftSetStream", (int, tm_cu_handle))                         \
  F(execute, "cufftExecR2C", (int, void *, void *))

typedef struct tm_fft_plan {
  int handle, length, width;
} tm_fft_plan;

/* A long sequence of a chunk: its first token, and how many it has. */
typedef struct tm_stretch {
  int32_t start, length;
} tm_stretch;

typedef struct tm_fft {
  void *library; /* null: there is none, or it is not needed */
  bool is_there; /* with all of the functions */
#define TM_CUFFT_MEMBER(member, symbol, arguments) int(*member) arguments;
  TM_CUFFT_FUNCTIONS(TM_CUFFT_MEMBER)
#undef TM_CUFFT_MEMBER
  tm_fft_plan *plans;
  int plan_count, plan_room;
  tm_cu_address memory; /* of all plans */
  size_t memory_bytes;
  tm_stretch *longs; /* of the chunk that is computed now */
  int64_t long_count, long_room, long_tokens;
} tm_fft;

/* The launches of a batch of one shape, once they are known as a graph. */
enum { TM_GRAPHS = 16 };
typedef struct tm_graph {
  int64_t tokens, sequences; /* 0, 0: unused */
  tm_stretch *longs;
  int64_t long_count;
  uint64_t last_use;
  tm_cu_handle executable; /* null: seen once */
} tm_graph;

/* A chunk of the GPU's: large, so that its launches are worth their time, and
   small enough for kernels to count with 32 bits. */
enum { TM_GPU_CHUNK_TOKENS = 32768, TM_GPU_ALIGNMENT = 256 };

typedef struct tm_gpu {
  tm_driver driver;
  const tm_device_table *table;
  int device;
  char name[96];
  int32_t process; /* that loaded the model */
  bool has_lock;
  pthread_mutex_t lock; /* of a call, from its check to its results */
  tm_cu_handle context, module, stream;
  tm_cu_handle *kernels;
  int multiprocessors;
  tm_cu_address weights, *weight; /* all, and each */
  tm_cu_address arena;            /* inputs, outputs, slots of a chunk */
  size_t arena_bytes;
  size_t *places; /* in the arena, of each input, output and slot */
  char *maps;     /* TM_CU_MAP_BYTES each */
  void *staging;  /* the inputs, in memory that the device reads */
  size_t staging_bytes;
  tm_fft fft;
  tm_graph graphs[TM_GRAPHS];
  uint64_t uses;
  bool has_no_graphs; /* a capture failed: launches go one by one */
} tm_gpu;

/* Makes the model's context this thread's, and keeps other threads out. */
int tm_gpu_enter(tm_model *model, tm_error *error);
void tm_gpu_leave(tm_gpu *gpu);
/* Floats to floats, to nearest, ties to even. */
void tm_gpu_convert(const tm_device_weight *weight, const char *from,
                    int64_t count, char *to);
/* What follows is called between the two. */
int tm_gpu_upload_weights(tm_model *model, tm_error *error);
int tm_gpu_alloc(tm_gpu *gpu, size_t bytes, const char *what,
                 tm_cu_address *address, tm_error *error);
/* Room for chunks of `bytes`, the first `input_bytes` of them inputs. */
int tm_gpu_reserve(tm_gpu *gpu, size_t bytes, size_t input_bytes,
                   tm_error *error);
bool tm_gpu_is_device(const tm_gpu *gpu, const void *pointer);

/* Sets gpu->places for a chunk of this shape. `input_bytes` are those of all
   inputs, which come first; false if `bytes` are too many to count. */
bool tm_gpu_place(const tm_model *model, int64_t tokens, int64_t sequences,
                  size_t *input_bytes, size_t *bytes);
/* At load: cuFFT, if the table has sequences for it; else a warning. */
void tm_gpu_open_fft(tm_gpu *gpu);
/* Finds the long sequences of a chunk and makes the plans that are missing. */
int tm_gpu_prepare_fft(tm_model *model, const tm_request *request,
                       int64_t begin, int64_t end, tm_error *error);
/* Puts their transforms into the stream. */
int tm_gpu_launch_fft(tm_gpu *gpu, tm_cu_address rows, int width,
                      tm_error *error);
void tm_gpu_close_fft(tm_gpu *gpu); /* what is on the device, and the rest: */
void tm_gpu_free_fft(tm_gpu *gpu);

tm_cu_address tm_gpu_address(const tm_model *model,
                             tm_device_argument argument);
/* Makes the maps of weights; then those of the other arrays of a chunk. */
int tm_gpu_map_weights(tm_model *model, tm_error *error);
int tm_gpu_map_arrays(tm_model *model, int64_t tokens, int64_t sequences,
                      tm_error *error);
/* Puts all launches of a chunk into the stream. */
int tm_gpu_launch_all(tm_model *model, int64_t tokens, int64_t sequences,
                      tm_error *error);
/* The same, as a graph from the second time on. */
int tm_gpu_launch_shape(tm_model *model, int64_t tokens, int64_t sequences,
                        tm_error *error);
void tm_gpu_forget_graphs(tm_gpu *gpu);

/* Members of tm_backend. */
int tm_gpu_lend(tm_model *model, size_t bytes, void **memory, tm_error *error);
void tm_gpu_take_back(tm_model *model, void *memory);
int tm_gpu_copy(tm_model *model, void *to, const void *from, size_t bytes,
                tm_error *error);
int tm_gpu_run(tm_model *model, const tm_batch *batch, const tm_output *outputs,
               int64_t output_count, tm_error *error);

#endif /* TRANSFORMER_LIB_RUNTIME_GPU_H */

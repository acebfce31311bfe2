//===- model.h - running a compiled model -----------------------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The interface of model.so, in every artifact. It needs libc, libm and
// libpthread only. A program links model.so or opens it with dlopen:
//
//   tm_model *model;
//   tm_error error;
//   if (tm_load("artifact", NULL, &model, &error) != TM_OK)
//     fprintf(stderr, "%s\n", error.message);
//   int32_t ids[] = {101, 7592, 102, 101, 2088, 102}, offsets[] = {0, 3, 6};
//   tm_batch batch = {.sequences = 2, .offsets = offsets, .input_ids = ids};
//   float embeddings[2 * 384];
//   tm_output output = {"sentence_embedding", embeddings, 2 * 384};
//   tm_run(model, &batch, &output, 1, &error);
//   tm_free(model);
//
// Sequences have any lengths, zero too, up to tm_max_length(); there is no
// padding: sequence i is the ids from offsets[i] up to, but not including,
// offsets[i+1]. Any number of threads may call tm_run on one model at once.
// The numbers do not depend on the number of threads, nor on which sequences
// share a call.
//
// A library that was compiled for a GPU has the same interface. It opens
// NVIDIA's driver when a model is loaded. Arrays of batches and outputs may
// then lie in memory of the host or of the device, each as it likes. What work
// on the default stream does to them is waited for, and tm_run returns when all
// is there. Calls on one model take turns, in any number of threads.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_MODEL_H
#define TRANSFORMER_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TM_API __attribute__((visibility("default")))
#else
#define TM_API
#endif

/* 2: tm_profile_*. 3: tm_level. 4: GPUs. */
#define TM_ABI_VERSION 4

/* What the functions below return. */
typedef enum tm_status {
  TM_OK = 0,
  TM_INVALID_ARGUMENT = 1, /* a value of the caller's is wrong */
  TM_FILE_ERROR = 2,       /* a file is missing or cannot be read */
  TM_MISMATCH = 3,         /* files that do not belong together, or corrupt */
  TM_UNSUPPORTED_CPU = 4,  /* this CPU lacks a feature the code needs */
  TM_OUT_OF_MEMORY = 5,    /* of the host or of the device */
  TM_NO_DEVICE = 6,        /* no driver, no GPU, or none that the code is for */
  TM_DEVICE_ERROR = 7      /* the driver reports one; load the model again */
} tm_status;

/* Filled on failure; every function takes NULL for it too. */
typedef struct tm_error {
  int32_t status;    /* tm_status */
  char message[512]; /* one sentence, UTF-8, ends with a zero */
} tm_error;

typedef struct tm_model tm_model;

/* All zero means the defaults. */
typedef struct tm_options {
  uint32_t abi_version; /* TM_ABI_VERSION, or 0 for "not told" */
  int32_t threads;      /* per call, with the caller's; 0: one per CPU that
                           this process may use; at most 1024 */
  int32_t pin;          /* not 0: each worker stays on one CPU */
  int32_t device;       /* which GPU, from 0; of a CPU's library: 0 */
} tm_options;

typedef enum tm_type { TM_I32 = 0, TM_F32 = 1 } tm_type;
typedef enum tm_rows { TM_TOKENS = 0, TM_SEQUENCES = 1 } tm_rows;

/* An input or an output. */
typedef struct tm_tensor_info {
  const char *name; /* lives as long as the library is loaded */
  int32_t type;     /* tm_type */
  int32_t rows;     /* tm_rows: one row per token, or one per sequence */
  int64_t width;    /* values in a row */
  int64_t limit;    /* integer inputs: values are in [0, limit); 0: any */
} tm_tensor_info;

typedef struct tm_batch {
  int64_t sequences;             /* 0 or more */
  const int32_t *offsets;        /* sequences + 1 values, the first 0; not for
                                    images */
  const int32_t *input_ids;      /* offsets[sequences] values */
  const int32_t *token_type_ids; /* as many; NULL: all zero */
  const float *pixel_values;     /* image models: sequences x width values */
} tm_batch;

typedef struct tm_output {
  const char *name; /* of an output of the model */
  float *data;      /* receives rows x width values */
  size_t capacity;  /* values that fit */
} tm_output;

/* The version of this interface that the library was built with. */
TM_API int32_t tm_abi_version(void);
/* Names the compilation; the same inputs and compiler give the same id. */
TM_API const char *tm_build_id(void);
/* The CPU levels that there is code for, best first: "x86-64-v3", or several
   with commas between them. Of a library for GPUs: the chips. */
TM_API const char *tm_target(void);
/* What the library runs on: "cpu" or "cuda". */
TM_API const char *tm_device(void);

/* Opens `directory`/weights.safetensors and checks that it belongs to this
   library. `options` may be NULL. On success *model is to be given to tm_free,
   otherwise it is NULL. Threads that it starts, to decode weights that were
   compiled with --pack=entropy, have ended when it returns. */
TM_API int tm_load(const char *directory, const tm_options *options,
                   tm_model **model, tm_error *error);
/* NULL is fine. No call on the model may be running. */
TM_API void tm_free(tm_model *model);

/* The arrays that tm_batch must give, in a fixed order, without the offsets.
   tm_input_info fails when `index` is out of range. */
TM_API int64_t tm_input_count(const tm_model *model);
TM_API int tm_input_info(const tm_model *model, int64_t index,
                         tm_tensor_info *info);
TM_API int64_t tm_output_count(const tm_model *model);
TM_API int tm_output_info(const tm_model *model, int64_t index,
                          tm_tensor_info *info);
/* Most tokens in one sequence; for image models, the tokens of every image. */
TM_API int64_t tm_max_length(const tm_model *model);
/* Threads a call may use. */
TM_API int32_t tm_threads(const tm_model *model);
/* The CPU level or GPU chip whose code the model runs: the first of tm_target()
   that this CPU or GPU has, or the level that the environment variable
   TM_CPU_LEVEL named when it was loaded. NULL as the model: what tm_load would
   take now, or NULL if it would fail. */
TM_API const char *tm_level(const tm_model *model);

/* Computes the outputs asked for, and no others. Arrays are checked first:
   on an error nothing was written. */
TM_API int tm_run(tm_model *model, const tm_batch *batch,
                  const tm_output *outputs, int64_t output_count,
                  tm_error *error);

/* Memory of the model's GPU, aligned to 256 bytes, for arrays of tm_batch and
   tm_output. To be freed before the model. For libraries of CPUs it fails. */
TM_API int tm_device_alloc(tm_model *model, size_t bytes, void **memory,
                           tm_error *error);
TM_API void tm_device_free(tm_model *model, void *memory);
/* Copies bytes to or from such memory, or within it, and waits for it. */
TM_API int tm_device_copy(tm_model *model, void *to, const void *from,
                          size_t bytes, tm_error *error);

/* Where the time of calls goes. Times are per span: an op of the model, by its
   module path, or several whose code is one. They add up over the threads that
   work on a call. A call's last span is the time that its caller waits for
   other threads. Measuring costs about 0.1 us per span and block of rows. */
typedef struct tm_profile_span {
  const char *op;   /* such as "linear+gelu"; lives as long as the library */
  const char *path; /* such as "encoder.layer.0.intermediate.dense" */
  int64_t nanoseconds;
  int64_t runs; /* of its code: per call, block of rows, or head */
} tm_profile_span;

/* One run of a span's code. */
typedef struct tm_profile_event {
  int64_t span;       /* index of its tm_profile_span */
  int64_t begin, end; /* nanoseconds of CLOCK_MONOTONIC */
  int32_t thread;     /* from 0: callers, then the model's own */
  int32_t reserved;
} tm_profile_event;

/* Starts to measure, from zero; keeps up to `events` single runs per thread (0:
   times only). Start, read and stop while no call on the model is running. */
TM_API int tm_profile_start(tm_model *model, int64_t events, tm_error *error);
/* Write up to `capacity` items and return how many there are. */
TM_API int64_t tm_profile_spans(const tm_model *model, tm_profile_span *spans,
                                int64_t capacity);
TM_API int64_t tm_profile_events(const tm_model *model,
                                 tm_profile_event *events, int64_t capacity);
/* Forgets what was measured; calls run at full speed again. */
TM_API void tm_profile_stop(tm_model *model);

#ifdef __cplusplus
}
#endif

#endif /* TRANSFORMER_MODEL_H */

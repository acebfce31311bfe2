//===- abi.h - between generated code and its runtime -----------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The compiler emits `tm_model_descriptor` and the function `forward` that it
// names against the layouts below; the runtime library is linked to them inside
// model.so. No symbol of theirs is visible outside. Code for several CPU levels
// has a descriptor each, the best level's first. A change here needs a new
// TM_ABI_VERSION in model.h when an old descriptor would be misread.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_RUNTIME_ABI_H
#define TRANSFORMER_RUNTIME_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TM_MAX_INPUTS 8
#define TM_MAX_OUTPUTS 16

/* Counts where the time of one running thread goes, for tm_profile_start. */
typedef struct tm_recorder {
  /* The time since this thread's last event belongs to span `number` of the
     function that runs. */
  void (*hit)(struct tm_recorder *recorder, int64_t number);
  /* A function begins whose spans are those of the descriptor from `first`. */
  void (*enter)(struct tm_recorder *recorder, int64_t first);
} tm_recorder;

/* One index of a parallel region. TM_THREAD_HEADER bytes before its workspace
   are the runtime's; the pointer at TM_THREAD_RECORDER is the thread's recorder
   or null. */
enum { TM_THREAD_HEADER = 64, TM_THREAD_RECORDER = -8 };
typedef void (*tm_body)(void *captures, int64_t index, char *thread_workspace);

/* One chunk of one call; passed to the generated entry. */
typedef struct tm_call {
  const char *weights; /* data section of weights.safetensors, or what its parts
                          decode to; 64-byte aligned */
  char *workspace;   /* fixed + T*per_token + B*per_sequence, 64-byte aligned */
  int64_t tokens;    /* T */
  int64_t sequences; /* B */
  const int32_t *offsets;            /* B+1 values, offsets[0] == 0 */
  const void *inputs[TM_MAX_INPUTS]; /* in the order of the descriptor */
  void *outputs[TM_MAX_OUTPUTS];     /* the same; never null */
  uint64_t wanted;                   /* bit i: output i is wanted */
  /* Runs body for 0..count-1 and returns when all are done. Not to be called
     from within a body. Each running thread has its own thread_workspace. */
  void (*parallel)(struct tm_call *call, tm_body body, void *captures,
                   int64_t count);
  void *pool;            /* the runtime's own */
  tm_recorder *recorder; /* of the calling thread; null: nobody measures */
  int64_t threads;       /* that `parallel` may use: a hint, at least 1 */
} tm_call;

enum tm_kind { TM_KIND_I32 = 0, TM_KIND_F32 = 1 };
enum tm_rows_kind { TM_PER_TOKEN = 0, TM_PER_SEQUENCE = 1 };

/* i32 inputs have one value per token. f32 inputs have `width` values per
   sequence, and every sequence has max_length tokens (images). */
typedef struct tm_input_desc {
  const char *name;
  int64_t kind;  /* enum tm_kind */
  int64_t limit; /* i32: values are in [0, limit); 0: unbounded */
  int64_t width;
} tm_input_desc;

typedef struct tm_output_desc {
  const char *name;
  int64_t rows; /* enum tm_rows_kind */
  int64_t width;
  uint64_t needed_by; /* bit j: output j is computed from this one */
} tm_output_desc;

/* Code whose time is counted: an op of the model. */
typedef struct tm_span_desc {
  const char *op;   /* such as "layer_norm" */
  const char *path; /* its module path in the checkpoint */
} tm_span_desc;

/* A piece of the weights, behind the piece before it in the file and in memory.
   If the two sizes differ, the file has a stream (docs/weights-file.md). */
typedef struct tm_weights_part {
  uint64_t file_bytes;
  uint64_t memory_bytes;
  uint64_t memory_xxh3; /* of what a stream decodes to */
} tm_weights_part;

/* What a GPU does for one chunk of a call: constants, made from the table of
   launches at compile time. */
#define TM_DEVICE_VERSION 3

enum tm_number {
  TM_NUMBER_F32 = 0,
  TM_NUMBER_F16 = 1,
  TM_NUMBER_BF16 = 2,
  TM_NUMBER_I8 = 3,
  TM_NUMBER_I32 = 4
};

/* The bytes of an array: fixed + T*per_token + B*per_sequence. */
typedef struct tm_device_size {
  int64_t fixed, per_token, per_sequence;
} tm_device_size;

typedef struct tm_device_input {
  int64_t index; /* of the descriptor's inputs; -1: the offsets */
  tm_device_size size;
} tm_device_input;

/* `count` numbers, and what they are in the file and on the device; or numbers
   that stand here, as they are on the device. */
typedef struct tm_device_weight {
  const char *data; /* null: in the file */
  uint64_t offset;  /* from tm_call.weights */
  int64_t count;
  int32_t stored, wanted; /* enum tm_number; differ in floats only */
  /* If not 0: [slices, rows, ...] in the file, [rows, slices, ...] there. */
  int32_t slices, rows;
} tm_device_weight;

/* Arguments of kernels: maps, pointers to arrays, then 32-bit integers. A slot
   is an array that nobody but kernels sees. */
enum tm_device_argument_kind {
  TM_ARGUMENT_INPUT = 0,
  TM_ARGUMENT_OUTPUT = 1,
  TM_ARGUMENT_SLOT = 2,
  TM_ARGUMENT_WEIGHT = 3,
  TM_ARGUMENT_TOKENS = 4,
  TM_ARGUMENT_SEQUENCES = 5,
  TM_ARGUMENT_FFT_FROM = 6, /* fft_from of the table, or INT32_MAX: no cuFFT */
  TM_ARGUMENT_MAP = 7
};
typedef struct tm_device_argument {
  int32_t kind, index;
} tm_device_argument;

/* An array as the copy engine sees it: rows, of which there are
   fixed + T*per_token + B*per_sequence, of `columns` numbers. A box is
   `box_rows` rows by 128 bytes; what lies outside of the array is zeros. */
typedef struct tm_device_map {
  tm_device_argument array;
  tm_device_size rows;
  int64_t columns;
  int32_t number; /* enum tm_number: F16, BF16 or I8 */
  int32_t box_rows;
} tm_device_map;

/* Blocks: ceil(T/per), ceil(B/per), or floor(T/per) + B. */
enum tm_grid { TM_GRID_TOKENS = 0, TM_GRID_SEQUENCES = 1, TM_GRID_BLOCKS = 2 };

/* Launches that chunks without short or long sequences go without. */
enum tm_need { TM_NEED_ALWAYS = 0, TM_NEED_SHORT = 1, TM_NEED_LONG = 2 };

enum { TM_MAX_ARGUMENTS = 32 };
typedef struct tm_device_launch {
  int64_t kernel; /* its index; -1: cuFFT transforms each long sequence in the
                     argument, of rows of `columns` numbers */
  int64_t need;   /* enum tm_need */
  int64_t grid, per; /* enum tm_grid */
  int64_t columns;   /* blocks in the grid's second dimension */
  int64_t threads;   /* of a block */
  int64_t shared;    /* bytes of its shared memory */
  /* If not 0: at most so many blocks for each of the GPU's multiprocessors, all
     in the first dimension. */
  int64_t resident;
  int64_t above, most; /* rows: T, or B of TM_GRID_SEQUENCES; others go
                          without it */
  int64_t argument_count;
  const tm_device_argument *arguments;
} tm_device_launch;

typedef struct tm_device_table {
  uint32_t version;     /* TM_DEVICE_VERSION */
  uint32_t size;        /* of this struct */
  int32_t major, minor; /* compute capability that the code is for */
  int32_t exact;        /* it runs on no other */
  int32_t fft_from;     /* tokens of the shortest long sequence; 0: none is */
  int64_t overlaps;     /* kernels wait themselves for those before them */
  const char *image;    /* PTX, which ends with a zero, or a fat binary */
  uint64_t image_bytes;
  int64_t kernel_count;
  const char *const *kernels;
  int64_t input_count;
  const tm_device_input *inputs;
  const tm_device_size *outputs; /* as many as the descriptor has; of f32 */
  int64_t slot_count;
  const tm_device_size *slots;
  int64_t weight_count;
  const tm_device_weight *weights;
  int64_t launch_count;
  const tm_device_launch *launches;
  int64_t map_count;
  const tm_device_map *maps;
} tm_device_table;

/* Part of the runtime, linked in if a descriptor names it. */
struct tm_backend;
extern const struct tm_backend tm_gpu_backend;

typedef struct tm_descriptor {
  uint32_t abi_version;
  uint32_t size; /* of this struct */
  const char *build_id;
  const char *target;   /* name of the CPU level, or of the GPU chip */
  const char *features; /* CPU features needed: LLVM's names, with commas */
  int64_t max_length;   /* most tokens in a sequence */
  int64_t input_count;
  const tm_input_desc *inputs; /* without "offsets" */
  int64_t output_count;
  const tm_output_desc *outputs;
  int64_t workspace_fixed;
  int64_t workspace_per_token;
  int64_t workspace_per_sequence;
  int64_t thread_workspace;
  uint64_t weights_bytes; /* of the data section of weights.safetensors */
  uint64_t weights_xxh3;  /* XXH3-64 of the whole file */
  int64_t span_count;     /* 0: compiled without probes */
  const tm_span_desc *spans;
  void (*forward)(tm_call *call);
  const struct tm_descriptor *next; /* the level to try if the CPU lacks this */
  const char *levels; /* names of this level and those that follow: "a,b" */
  uint64_t weights_memory; /* bytes of weights that `forward` gets */
  int64_t part_count;      /* 0: it gets the data section as it is */
  const tm_weights_part *parts;
  const struct tm_backend *backend; /* null: `forward` is for this CPU */
  const tm_device_table *device;    /* else: for the backend */
} tm_descriptor;

extern const tm_descriptor tm_model_descriptor;

#if defined(__cplusplus)
#define TM_STATIC_ASSERT(condition) static_assert(condition, #condition)
#else
#define TM_STATIC_ASSERT(condition) _Static_assert(condition, #condition)
#endif
TM_STATIC_ASSERT(sizeof(void *) == 8);
TM_STATIC_ASSERT(offsetof(tm_call, weights) == 0);
TM_STATIC_ASSERT(offsetof(tm_call, workspace) == 8);
TM_STATIC_ASSERT(offsetof(tm_call, tokens) == 16);
TM_STATIC_ASSERT(offsetof(tm_call, sequences) == 24);
TM_STATIC_ASSERT(offsetof(tm_call, offsets) == 32);
TM_STATIC_ASSERT(offsetof(tm_call, inputs) == 40);
TM_STATIC_ASSERT(offsetof(tm_call, outputs) == 104);
TM_STATIC_ASSERT(offsetof(tm_call, wanted) == 232);
TM_STATIC_ASSERT(offsetof(tm_call, parallel) == 240);
TM_STATIC_ASSERT(offsetof(tm_call, pool) == 248);
TM_STATIC_ASSERT(offsetof(tm_call, recorder) == 256);
TM_STATIC_ASSERT(offsetof(tm_call, threads) == 264);
TM_STATIC_ASSERT(sizeof(tm_call) == 272);
TM_STATIC_ASSERT(offsetof(tm_recorder, hit) == 0);
TM_STATIC_ASSERT(offsetof(tm_recorder, enter) == 8);
TM_STATIC_ASSERT(sizeof(tm_span_desc) == 16);
TM_STATIC_ASSERT(sizeof(tm_input_desc) == 32);
TM_STATIC_ASSERT(sizeof(tm_output_desc) == 32);
TM_STATIC_ASSERT(offsetof(tm_descriptor, inputs) == 48);
TM_STATIC_ASSERT(offsetof(tm_descriptor, outputs) == 64);
TM_STATIC_ASSERT(offsetof(tm_descriptor, weights_xxh3) == 112);
TM_STATIC_ASSERT(offsetof(tm_descriptor, spans) == 128);
TM_STATIC_ASSERT(offsetof(tm_descriptor, next) == 144);
TM_STATIC_ASSERT(offsetof(tm_descriptor, parts) == 176);
TM_STATIC_ASSERT(offsetof(tm_descriptor, backend) == 184);
TM_STATIC_ASSERT(sizeof(tm_descriptor) == 200);
TM_STATIC_ASSERT(sizeof(tm_device_input) == 32);
TM_STATIC_ASSERT(sizeof(tm_device_weight) == 40);
TM_STATIC_ASSERT(sizeof(tm_device_argument) == 8);
TM_STATIC_ASSERT(sizeof(tm_device_launch) == 96);
TM_STATIC_ASSERT(offsetof(tm_device_table, image) == 32);
TM_STATIC_ASSERT(sizeof(tm_device_table) == 152);
TM_STATIC_ASSERT(sizeof(tm_device_map) == 48);
TM_STATIC_ASSERT(sizeof(tm_weights_part) == 24);

#ifdef __cplusplus
}
#endif

#endif /* TRANSFORMER_RUNTIME_ABI_H */

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

typedef struct tm_descriptor {
  uint32_t abi_version;
  uint32_t size; /* of this struct */
  const char *build_id;
  const char *target;   /* name of the CPU level */
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
  uint64_t weights_xxh3;  /* its XXH3-64 */
  int64_t span_count;     /* 0: compiled without probes */
  const tm_span_desc *spans;
  void (*forward)(tm_call *call);
  const struct tm_descriptor *next; /* the level to try if the CPU lacks this */
  const char *levels; /* names of this level and those that follow: "a,b" */
  uint64_t weights_memory; /* bytes of weights that `forward` gets */
  int64_t part_count;      /* 0: it gets the data section as it is */
  const tm_weights_part *parts;
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
TM_STATIC_ASSERT(sizeof(tm_descriptor) == 184);
TM_STATIC_ASSERT(sizeof(tm_weights_part) == 24);

#ifdef __cplusplus
}
#endif

#endif /* TRANSFORMER_RUNTIME_ABI_H */

//===- Internal.h - shared by the files of the runtime ----------*- C -*-===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// No global is written: all state hangs on a tm_model, so that a library may
// hold many and forked children may go on using theirs.
//===----------------------------------------------------------------------===//
#ifndef TRANSFORMER_LIB_RUNTIME_INTERNAL_H
#define TRANSFORMER_LIB_RUNTIME_INTERNAL_H

#include "transformer/Runtime/abi.h"
#include "transformer/Runtime/model.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { TM_MAX_THREADS = 1024, TM_ALIGNMENT = 64 };

/* A chunk has about this many tokens: enough rows to keep every thread busy,
   few enough for the activations to stay in the caches. Each chunk reads all
   weights. Those of a small model come from the last-level cache, and then
   fewer rows are better, of which attention finds most in a core's own cache.
 */
enum {
  TM_CHUNK_TOKENS = 1024,
  TM_SMALL_CHUNK_TOKENS = 256, /* for each thread */
  TM_SMALL_WEIGHTS = 32 << 20  /* bytes; what 8 cores of a server share */
};

typedef struct tm_weights {
  const char *data; /* what the code reads */
  void *base;       /* the mapping: of the file, or of what it decodes to */
  size_t bytes;
} tm_weights;

/* The memory of one running call; kept for the next one. */
typedef struct tm_workspace {
  struct tm_workspace *next;
  char *data; /* TM_ALIGNMENT-aligned */
  size_t bytes;
} tm_workspace;

typedef struct tm_pool {
  /* The job in progress: its number in the upper half, the indices that nobody
     took yet in the lower. One compare-and-swap takes an index of just this
     job, so that a late worker can never take one of the next. */
  _Alignas(TM_ALIGNMENT) _Atomic uint64_t ticket;
  _Alignas(TM_ALIGNMENT) _Atomic int64_t done;
  _Alignas(TM_ALIGNMENT) _Atomic int32_t busy; /* a job is in progress */
  _Atomic int32_t sleepers;
  _Atomic int32_t caller_waits;
  _Atomic int32_t stop;
  _Atomic int32_t seat; /* hands workers their numbers */
  tm_body body;
  void *captures;
  int64_t count;
  struct tm_track *caller; /* of the job, if somebody measures */
  pthread_mutex_t mutex;
  pthread_cond_t work, finished;
  bool started;
  int32_t workers; /* that run */
  int64_t spin_nanoseconds;
  const struct tm_model *model;
  pthread_t *handles;
  char *workspaces; /* one after the other */
  size_t workspace_stride;
} tm_pool;

/* What must not survive a fork: threads, and locks that other threads hold. A
   child finds it zeroed, which is its initial state. */
typedef struct tm_volatile {
  tm_pool pool;
  _Atomic int32_t cache_lock;
  tm_workspace *cache;
  int32_t cached;
} tm_volatile;

/* What one thread's time went to, while somebody measures. */
typedef struct tm_track {
  tm_recorder recorder; /* first: generated code gets its address */
  struct tm_track *next;
  _Atomic int32_t busy; /* a running call has it */
  int32_t thread;
  int64_t last;       /* when the last event was */
  int64_t first_span; /* of the function that runs */
  int64_t span_count;
  int64_t *nanoseconds, *runs; /* per span, and one more for waiting */
  tm_profile_event *events;
  int64_t event_count, most_events;
} tm_track;

typedef struct tm_profile {
  int64_t most_events;
  int64_t threads; /* workers */
  tm_track **workers;
  _Atomic(tm_track *) callers;
  _Atomic int32_t caller_count;
} tm_profile;

struct tm_model {
  const tm_descriptor *descriptor;
  struct tm_gpu *gpu;  /* the backend's own */
  tm_profile *profile; /* null: nobody measures */
  tm_weights weights;
  int32_t threads;
  bool pin;
  bool wiped_on_fork;    /* the kernel zeroes *state in children */
  _Atomic int32_t owner; /* else: the process that *state belongs to */
  cpu_set_t cpus;        /* that the process may use */
  int32_t cpu_count;     /* of them, as far as its time quota goes */
  tm_volatile *state;
};

/* What runs models elsewhere than on this CPU. */
typedef struct tm_backend {
  const char *name;
  /* The level for device number `device`, or null and *error says why. With a
     model, what it holds is opened, too. */
  const tm_descriptor *(*open)(struct tm_model *model, int32_t device,
                               tm_error *error);
  /* Takes over the weights, which the host has mapped. */
  int (*load)(struct tm_model *model, tm_error *error);
  void (*unload)(struct tm_model *model);
  int (*run)(struct tm_model *model, const tm_batch *batch,
             const tm_output *outputs, int64_t output_count, tm_error *error);
  int (*alloc)(struct tm_model *model, size_t bytes, void **memory,
               tm_error *error);
  void (*free)(struct tm_model *model, void *memory);
  int (*copy)(struct tm_model *model, void *to, const void *from, size_t bytes,
              tm_error *error);
} tm_backend;

/* Fills *error (if not null) and returns status. */
int tm_fail(tm_error *error, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* NULL, or the name of the first feature in the list that this CPU lacks,
   written to `name`. */
const char *tm_missing_feature(const char *list, char *name, size_t bytes);

/* The code for this CPU, or for the level that TM_CPU_LEVEL names; NULL: there
   is none, and *error says why. */
const tm_descriptor *tm_choose_level(tm_error *error);

/* The CPUs that this process may use, and how many of them at once. */
int tm_usable_cpus(cpu_set_t *cpus);

/* Weights that are to be decoded are so by up to `threads`, which have ended
   when it returns. */
int tm_open_weights(const char *directory, const tm_descriptor *descriptor,
                    int32_t threads, tm_weights *weights, tm_error *error);
/* Puts decoded weights in the place of the mapped file, whose checksum is
   right. */
int tm_decode_weights(const char *path, const tm_descriptor *descriptor,
                      int32_t threads, tm_weights *weights, tm_error *error);
void tm_close_weights(tm_weights *weights);

/* Sums and products of sizes; false on overflow. */
bool tm_add_size(size_t *sum, size_t value);
bool tm_add_product(size_t *sum, int64_t a, int64_t b);

tm_workspace *tm_take_workspace(struct tm_model *model, size_t bytes);
void tm_return_workspace(struct tm_model *model, tm_workspace *workspace);
void tm_free_workspaces(struct tm_model *model);

int tm_create_state(struct tm_model *model, tm_error *error);
void tm_free_state(struct tm_model *model);
/* First thing in a call: in a forked child, forgets the parent's threads. */
void tm_enter_process(struct tm_model *model);

/* What tm_call.pool points to. */
typedef struct tm_runner {
  struct tm_model *model;
  char *thread_workspace; /* of the calling thread */
} tm_runner;
void tm_parallel(tm_call *call, tm_body body, void *captures, int64_t count);

/* A track for a call, or null without memory; back with tm_return_track. */
tm_track *tm_take_track(struct tm_model *model);
void tm_return_track(tm_track *track);
/* From now on time counts for the function with these spans. */
void tm_begin_track(tm_track *track, int64_t first_span);
/* The time since the last event was spent waiting for other threads. */
void tm_waited(tm_track *track);
static inline void tm_set_recorder(char *thread_workspace, tm_track *track) {
  *(tm_recorder **)(void *)(thread_workspace + TM_THREAD_RECORDER) =
      track ? &track->recorder : NULL;
}
void tm_stop_pool(tm_pool *pool);

/* Rounding and denormals as the C standard has them, whatever the caller's
   settings: all threads compute the same. */
uint64_t tm_enter_float_mode(void);
void tm_leave_float_mode(uint64_t saved);

/* A checked batch. */
typedef struct tm_request {
  const tm_batch *batch;
  int64_t sequences;
  int64_t image_tokens; /* per sequence; 0: the batch has offsets */
  void *destinations[TM_MAX_OUTPUTS]; /* null: not wanted */
  uint64_t wanted;
  int64_t chunk_tokens; /* about so many in a chunk */
} tm_request;
int tm_check_request(const struct tm_model *model, const tm_batch *batch,
                     const tm_output *outputs, int64_t output_count,
                     tm_request *request, tm_error *error);

/* For how many tokens a chunk of this model should be. */
int64_t tm_chunk_tokens(const struct tm_model *model);
/* Sequences [begin, end) that make one chunk, from `begin` on. */
int64_t tm_chunk_end(const tm_request *request, int64_t begin);

static inline int64_t tm_request_offset(const tm_request *request, int64_t i) {
  if (request->image_tokens)
    return i * request->image_tokens;
  return request->batch->offsets[i];
}

#endif /* TRANSFORMER_LIB_RUNTIME_INTERNAL_H */

//===- pool.c - threads that share the indices of a region ----------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Workers start at the first parallel region, spin for a moment after each job
// and then sleep. The calling thread works too and waits for no worker that
// has not taken an index, so that a busy machine costs speed and nothing else.
// One job runs at a time: a second caller that finds the pool busy computes
// its region alone.
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if !defined(_GNU_SOURCE)
#error "needs the affinity functions: compile with -D_GNU_SOURCE"
#endif

/* How long an idle worker keeps its CPU, and how often it looks at the clock.
 */
enum { SPIN_NANOSECONDS = 100000, SPINS_PER_LOOK = 64 };
/* Frames of generated code are small; their scratch is the workspace. */
enum { STACK_BYTES = 2 << 20 };

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/* Counts the time of the job in progress in the track of a worker, or of the
   caller, who has no seat. */
static void measure(tm_pool *pool, char *thread_workspace, int seat) {
  tm_track *track = pool->caller;
  if (track && seat >= 0)
    track = pool->model->profile->workers[seat];
  tm_set_recorder(thread_workspace, track);
  if (track)
    tm_begin_track(track, pool->caller->first_span);
}

/* Takes indices until none is left; returns how many it ran. */
static int64_t work(tm_pool *pool, char *thread_workspace, int seat) {
  int64_t ran = 0;
  uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
  while ((uint32_t)ticket) {
    if (!atomic_compare_exchange_weak_explicit(&pool->ticket, &ticket,
                                               ticket - 1, memory_order_acq_rel,
                                               memory_order_acquire))
      continue;
    /* From here to the report below the job cannot end, so its fields hold. */
    measure(pool, thread_workspace, seat);
    pool->body(pool->captures, pool->count - (int64_t)(uint32_t)ticket,
               thread_workspace);
    ++ran;
    ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
  }
  return ran;
}

static bool has_work(tm_pool *pool) {
  return (uint32_t)atomic_load(&pool->ticket) || atomic_load(&pool->stop);
}

static void wait_for_work(tm_pool *pool) {
  for (int64_t end = now() + pool->spin_nanoseconds; now() < end;)
    for (int i = 0; i < SPINS_PER_LOOK; ++i) {
      if (has_work(pool))
        return;
      pause_cpu();
    }
  pthread_mutex_lock(&pool->mutex);
  atomic_fetch_add(&pool->sleepers, 1);
  while (!has_work(pool))
    pthread_cond_wait(&pool->work, &pool->mutex);
  atomic_fetch_sub(&pool->sleepers, 1);
  pthread_mutex_unlock(&pool->mutex);
}

static void report(tm_pool *pool, int64_t ran) {
  atomic_fetch_add(&pool->done, ran);
  /* The pool lives until its workers have ended, so this is safe even when the
     caller has gone on already. */
  if (atomic_load(&pool->caller_waits)) {
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->mutex);
  }
}

static void pin(const tm_model *model, int seat) {
  int wanted = (seat + 1) % CPU_COUNT(&model->cpus);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &model->cpus) && wanted-- == 0) {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(cpu, &one);
      pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
      return;
    }
}

static void *run_worker(void *argument) {
  tm_pool *pool = argument;
  const tm_model *model = pool->model;
  int seat = atomic_fetch_add(&pool->seat, 1);
  /* The caller may be bound to one CPU, and threads inherit that. */
  if (CPU_COUNT(&model->cpus) > 0) {
    if (model->pin)
      pin(model, seat);
    else
      pthread_setaffinity_np(pthread_self(), sizeof(model->cpus), &model->cpus);
  }
  tm_enter_float_mode();
  char *workspace = pool->workspaces + (size_t)seat * pool->workspace_stride +
                    TM_THREAD_HEADER;
  while (!atomic_load(&pool->stop)) {
    wait_for_work(pool);
    int64_t ran = work(pool, workspace, seat);
    if (ran)
      report(pool, ran);
  }
  return NULL;
}

/* Fewer threads than asked for, or none, are no error: only the speed differs.
 */
static void start(tm_pool *pool, const tm_model *model) {
  int32_t wanted = model->threads - 1;
  pool->started = true;
  pool->model = model;
  /* With more threads than CPUs a spinning one keeps a working one waiting. */
  pool->spin_nanoseconds =
      model->threads <= model->cpu_count ? SPIN_NANOSECONDS : 0;
  size_t stride = (size_t)model->descriptor->thread_workspace;
  pool->workspace_stride =
      (stride / TM_ALIGNMENT + 1) * TM_ALIGNMENT + TM_THREAD_HEADER;
  void *workspaces = NULL;
  size_t bytes;
  if (__builtin_mul_overflow(pool->workspace_stride, (size_t)wanted, &bytes) ||
      posix_memalign(&workspaces, TM_ALIGNMENT, bytes) != 0)
    return;
  pool->workspaces = workspaces;
  pool->handles = calloc((size_t)wanted, sizeof(pthread_t));
  if (!pool->handles)
    return;
  pthread_mutex_init(&pool->mutex, NULL);
  pthread_cond_init(&pool->work, NULL);
  pthread_cond_init(&pool->finished, NULL);
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0)
    return;
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  /* Signals are the program's business: none may land on a worker. */
  sigset_t all, old;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  while (pool->workers < wanted &&
         pthread_create(&pool->handles[pool->workers], &attributes, run_worker,
                        pool) == 0)
    ++pool->workers;
  pthread_sigmask(SIG_SETMASK, &old, NULL);
  pthread_attr_destroy(&attributes);
}

void tm_stop_pool(tm_pool *pool) {
  if (!pool->started)
    return;
  if (pool->workers) {
    atomic_store(&pool->stop, 1);
    pthread_mutex_lock(&pool->mutex);
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (int32_t i = 0; i < pool->workers; ++i)
      pthread_join(pool->handles[i], NULL);
  }
  free(pool->handles);
  free(pool->workspaces);
}

static void wake(tm_pool *pool, int64_t count) {
  int32_t sleepers = atomic_load(&pool->sleepers);
  if (!sleepers)
    return;
  pthread_mutex_lock(&pool->mutex);
  if (sleepers <= count) {
    pthread_cond_broadcast(&pool->work);
  } else {
    for (int64_t i = 0; i < count; ++i)
      pthread_cond_signal(&pool->work);
  }
  pthread_mutex_unlock(&pool->mutex);
}

static bool is_done(tm_pool *pool, int64_t count) {
  return atomic_load_explicit(&pool->done, memory_order_acquire) == count;
}

static void wait_until_done(tm_pool *pool, int64_t count) {
  for (int64_t end = now() + pool->spin_nanoseconds; now() < end;)
    for (int i = 0; i < SPINS_PER_LOOK; ++i) {
      if (is_done(pool, count))
        return;
      pause_cpu();
    }
  pthread_mutex_lock(&pool->mutex);
  atomic_store(&pool->caller_waits, 1);
  while (atomic_load(&pool->done) != count)
    pthread_cond_wait(&pool->finished, &pool->mutex);
  atomic_store(&pool->caller_waits, 0);
  pthread_mutex_unlock(&pool->mutex);
}

static void run_job(tm_pool *pool, tm_body body, void *captures, int64_t count,
                    char *thread_workspace, tm_track *track) {
  pool->body = body;
  pool->captures = captures;
  pool->count = count;
  pool->caller = track;
  atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
  uint64_t number = (atomic_load(&pool->ticket) >> 32) + 1;
  atomic_store(&pool->ticket, number << 32 | (uint64_t)count);
  wake(pool, count - 1);
  int64_t ran = work(pool, thread_workspace, -1);
  if (atomic_fetch_add(&pool->done, ran) + ran != count)
    wait_until_done(pool, count);
  if (track)
    tm_waited(track);
}

void tm_parallel(tm_call *call, tm_body body, void *captures, int64_t count) {
  tm_runner *runner = call->pool;
  tm_model *model = runner->model;
  tm_track *track = (tm_track *)call->recorder;
  if (model->threads > 1 && count > 1 && count <= UINT32_MAX) {
    tm_pool *pool = &model->state->pool;
    if (!atomic_exchange_explicit(&pool->busy, 1, memory_order_acquire)) {
      if (!pool->started)
        start(pool, model);
      bool parallel = pool->workers > 0;
      if (parallel)
        run_job(pool, body, captures, count, runner->thread_workspace, track);
      atomic_store_explicit(&pool->busy, 0, memory_order_release);
      if (parallel)
        return;
    }
  }
  if (track)
    tm_begin_track(track, track->first_span);
  for (int64_t i = 0; i < count; ++i)
    body(captures, i, runner->thread_workspace);
}

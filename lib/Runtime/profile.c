//===- profile.c - where the time of calls goes ---------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Every thread counts in a track of its own, so that measuring needs no locks.
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* The time since the last event goes to `span`. */
static void count(tm_track *track, int64_t span) {
  int64_t time = now();
  if (span >= 0 && span <= track->span_count) {
    track->nanoseconds[span] += time - track->last;
    ++track->runs[span];
    if (track->event_count < track->most_events)
      track->events[track->event_count++] =
          (tm_profile_event){span, track->last, time, track->thread, 0};
  }
  track->last = time;
}

static void hit(tm_recorder *recorder, int64_t number) {
  tm_track *track = (tm_track *)recorder;
  count(track, track->first_span + number);
}

static void enter(tm_recorder *recorder, int64_t first) {
  tm_begin_track((tm_track *)recorder, first);
}

void tm_begin_track(tm_track *track, int64_t first_span) {
  track->first_span = first_span;
  track->last = now();
}

void tm_waited(tm_track *track) { count(track, track->span_count); }

static void free_track(tm_track *track) {
  if (!track)
    return;
  free(track->nanoseconds);
  free(track->runs);
  free(track->events);
  free(track);
}

static tm_track *new_track(const tm_model *model, int64_t most_events) {
  tm_track *track = calloc(1, sizeof(*track));
  if (!track)
    return NULL;
  track->recorder.hit = hit;
  track->recorder.enter = enter;
  track->span_count = model->descriptor->span_count;
  size_t spans = (size_t)track->span_count + 1;
  track->nanoseconds = calloc(spans, sizeof(int64_t));
  track->runs = calloc(spans, sizeof(int64_t));
  /* Pages that no event touches cost nothing. */
  if (most_events)
    track->events = calloc((size_t)most_events, sizeof(tm_profile_event));
  track->most_events = most_events;
  if (!track->nanoseconds || !track->runs || (most_events && !track->events)) {
    free_track(track);
    return NULL;
  }
  return track;
}

tm_track *tm_take_track(tm_model *model) {
  tm_profile *profile = model->profile;
  tm_track *first = atomic_load(&profile->callers);
  for (tm_track *track = first; track; track = track->next)
    if (!atomic_exchange(&track->busy, 1))
      return track;
  tm_track *track = new_track(model, profile->most_events);
  if (!track)
    return NULL;
  track->busy = 1;
  int32_t number = atomic_fetch_add(&profile->caller_count, 1);
  track->thread = number ? (int32_t)profile->threads + number : 0;
  track->next = first;
  while (!atomic_compare_exchange_weak(&profile->callers, &track->next, track))
    ;
  return track;
}

void tm_return_track(tm_track *track) {
  if (track)
    atomic_store(&track->busy, 0);
}

int tm_profile_start(tm_model *model, int64_t events, tm_error *error) {
  if (error)
    memset(error, 0, sizeof(*error));
  if (!model || events < 0 || events > INT32_MAX)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "tm_profile_start: needs a model and a number of events "
                   "from 0 to %d",
                   INT32_MAX);
  if (!model->descriptor->span_count)
    return tm_fail(error, TM_INVALID_ARGUMENT,
                   "this model was compiled without probes, so that the time "
                   "of its ops cannot be measured");
  tm_profile_stop(model);
  tm_profile *profile = calloc(1, sizeof(*profile));
  if (!profile)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory for the profile");
  model->profile = profile;
  profile->most_events = events;
  profile->threads = model->threads - 1;
  profile->workers = calloc((size_t)model->threads, sizeof(tm_track *));
  for (int32_t i = 0; profile->workers && i < profile->threads; ++i) {
    if (!(profile->workers[i] = new_track(model, events)))
      break;
    profile->workers[i]->thread = i + 1;
  }
  if (profile->workers &&
      (!profile->threads || profile->workers[profile->threads - 1]))
    return TM_OK;
  tm_profile_stop(model);
  return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory for the profile");
}

/* Calls `visit` for all tracks. */
static void each_track(const tm_profile *profile,
                       void (*visit)(tm_track *, void *), void *data) {
  for (tm_track *next, *t = atomic_load(&profile->callers); t; t = next) {
    next = t->next;
    visit(t, data);
  }
  for (int64_t i = 0; profile->workers && i < profile->threads; ++i)
    if (profile->workers[i])
      visit(profile->workers[i], data);
}

typedef struct sum {
  int64_t span, nanoseconds, runs;
} sum;

static void add_times(tm_track *track, void *data) {
  sum *sum = data;
  sum->nanoseconds += track->nanoseconds[sum->span];
  sum->runs += track->runs[sum->span];
}

int64_t tm_profile_spans(const tm_model *model, tm_profile_span *spans,
                         int64_t capacity) {
  if (!model || !model->profile)
    return 0;
  const tm_descriptor *d = model->descriptor;
  for (int64_t i = 0; spans && i <= d->span_count && i < capacity; ++i) {
    sum sum = {i, 0, 0};
    each_track(model->profile, add_times, &sum);
    bool waits = i == d->span_count;
    spans[i] = (tm_profile_span){waits ? "wait" : d->spans[i].op,
                                 waits ? "" : d->spans[i].path, sum.nanoseconds,
                                 sum.runs};
  }
  return d->span_count + 1;
}

typedef struct event_list {
  tm_profile_event *events;
  int64_t count, capacity;
} event_list;

static void add_events(tm_track *track, void *data) {
  event_list *list = data;
  for (int64_t i = 0; i < track->event_count; ++i, ++list->count)
    if (list->events && list->count < list->capacity)
      list->events[list->count] = track->events[i];
}

int64_t tm_profile_events(const tm_model *model, tm_profile_event *events,
                          int64_t capacity) {
  if (!model || !model->profile)
    return 0;
  event_list list = {events, 0, capacity};
  each_track(model->profile, add_events, &list);
  return list.count;
}

static void free_one(tm_track *track, void *data) {
  (void)data;
  free_track(track);
}

void tm_profile_stop(tm_model *model) {
  if (!model || !model->profile)
    return;
  each_track(model->profile, free_one, NULL);
  free(model->profile->workers);
  free(model->profile);
  model->profile = NULL;
}

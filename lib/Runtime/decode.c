//===- decode.c - a weights file of streams, decoded ----------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Blocks of streams and pieces of raw bytes are handed out one by one, in the
// order of the file. A thread has the tables of one stream at a time.
//===----------------------------------------------------------------------===//
#include "Internal.h"
#include "entropy.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { RAW_PIECE = 1 << 20, STACK_BYTES = 1 << 18 };

/* A part of the descriptor, found in the file. */
typedef struct part {
  const char *from;
  unsigned char *to;
  uint64_t bytes; /* decoded */
  uint64_t xxh3;
  uint64_t first_unit, unit_count;
  bool is_stream;
  tm_stream stream;
} part;

typedef struct job {
  part *parts;
  size_t part_count;
  uint64_t units;
  uint32_t most_classes;
  size_t most_positions;
  _Atomic uint64_t next; /* unit */
  _Atomic int32_t status;
} job;

static bool make_tables(const job *work, tm_tables *tables) {
  tables->most_classes = work->most_classes;
  tables->most_positions = work->most_positions;
  tables->slots =
      malloc(((size_t)work->most_classes << TM_PRECISION) * sizeof(uint32_t));
  tables->classes = malloc(work->most_positions);
  return tables->slots && tables->classes;
}

static bool decode_unit(const part *p, uint64_t unit, const tm_tables *tables) {
  if (p->is_stream)
    return tm_decode_block(&p->stream, tables, unit, p->to);
  uint64_t begin = unit * RAW_PIECE, bytes = p->bytes - begin;
  memcpy(p->to + begin, p->from + begin, bytes < RAW_PIECE ? bytes : RAW_PIECE);
  return true;
}

/* Takes units until there are no more. */
static void *decode_units(void *argument) {
  job *work = argument;
  tm_tables tables = {0};
  int32_t status = make_tables(work, &tables) ? TM_OK : TM_OUT_OF_MEMORY;
  const part *p = work->parts, *filled = NULL;
  while (status == TM_OK && atomic_load(&work->status) == TM_OK) {
    uint64_t unit = atomic_fetch_add(&work->next, 1);
    if (unit >= work->units)
      break;
    while (unit >= p->first_unit + p->unit_count)
      ++p;
    if (p->is_stream && filled != p) {
      filled = p;
      if (!tm_fill_tables(&p->stream, &tables))
        status = TM_MISMATCH;
    }
    if (status == TM_OK && !decode_unit(p, unit - p->first_unit, &tables))
      status = TM_MISMATCH;
  }
  if (status != TM_OK)
    atomic_store(&work->status, status);
  free(tables.slots);
  free(tables.classes);
  return NULL;
}

/* Fewer threads than asked for, or none, are no error. */
static void decode_in_parallel(job *work, int32_t threads) {
  pthread_t *handles = NULL;
  int32_t started = 0;
  if ((uint64_t)threads > work->units)
    threads = (int32_t)work->units;
  pthread_attr_t attributes;
  if (threads > 1 && pthread_attr_init(&attributes) == 0) {
    handles = calloc((size_t)threads, sizeof(pthread_t));
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    /* Signals are the program's business: none may land on a helper. */
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    while (handles && started < threads - 1 &&
           pthread_create(&handles[started], &attributes, decode_units, work) ==
               0)
      ++started;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
  }
  decode_units(work);
  for (int32_t i = 0; i < started; ++i)
    pthread_join(handles[i], NULL);
  free(handles);
}

/* Where each part is; false if they are not what the file and memory hold. */
static bool find_parts(const tm_descriptor *descriptor, const char *data,
                       unsigned char *image, job *work) {
  uint64_t from = 0, to = 0;
  work->most_classes = 1;
  work->most_positions = 1;
  for (size_t i = 0; i < work->part_count; ++i) {
    const tm_weights_part *given = &descriptor->parts[i];
    part *p = &work->parts[i];
    if (given->file_bytes > descriptor->weights_bytes - from ||
        given->memory_bytes > descriptor->weights_memory - to)
      return false;
    p->from = data + from;
    p->to = image + to;
    p->bytes = given->memory_bytes;
    p->xxh3 = given->memory_xxh3;
    p->first_unit = work->units;
    p->is_stream = given->file_bytes != given->memory_bytes;
    p->unit_count = p->bytes / RAW_PIECE + (p->bytes % RAW_PIECE != 0);
    if (p->is_stream) {
      if (!tm_open_stream(p->from, given->file_bytes, p->bytes, &p->stream))
        return false;
      p->unit_count = p->stream.block_count;
      uint32_t classes = tm_stream_classes(&p->stream);
      size_t positions = (size_t)p->stream.period + TM_CODERS;
      if (work->most_classes < classes)
        work->most_classes = classes;
      if (work->most_positions < positions)
        work->most_positions = positions;
    }
    work->units += p->unit_count;
    from += given->file_bytes;
    to += given->memory_bytes;
  }
  return from == descriptor->weights_bytes && to == descriptor->weights_memory;
}

/* The first stream that did not decode to what was coded. */
static bool is_exact(const job *work) {
  for (size_t i = 0; i < work->part_count; ++i) {
    const part *p = &work->parts[i];
    if (p->is_stream && XXH3_64bits(p->to, p->bytes) != p->xxh3)
      return false;
  }
  return true;
}

static int decode_into(const tm_descriptor *descriptor, int32_t threads,
                       const char *data, void *image) {
  job work = {.part_count = (size_t)descriptor->part_count};
  work.parts = calloc(work.part_count, sizeof(part));
  if (!work.parts)
    return TM_OUT_OF_MEMORY;
  int status = TM_MISMATCH;
  if (find_parts(descriptor, data, image, &work)) {
    decode_in_parallel(&work, threads);
    status = atomic_load(&work.status);
    if (status == TM_OK && !is_exact(&work))
      status = TM_MISMATCH;
  }
  free(work.parts);
  return status;
}

int tm_decode_weights(const char *path, const tm_descriptor *descriptor,
                      int32_t threads, tm_weights *weights, tm_error *error) {
  size_t bytes = (size_t)descriptor->weights_memory;
  void *image = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int status = TM_OUT_OF_MEMORY;
  if (image != MAP_FAILED) {
#ifdef MADV_HUGEPAGE
    madvise(image, bytes, MADV_HUGEPAGE); /* fewer page faults */
#endif
    status = decode_into(descriptor, threads, weights->data, image);
    if (status == TM_OK) {
      mprotect(image, bytes, PROT_READ);
      munmap(weights->base, weights->bytes);
      weights->base = image;
      weights->data = image;
      weights->bytes = bytes;
      return TM_OK;
    }
    munmap(image, bytes);
  }
  if (status == TM_OUT_OF_MEMORY)
    return tm_fail(error, status,
                   "out of memory: the weights in %s take %zu bytes when they "
                   "are decoded",
                   path, bytes);
  return tm_fail(error, status,
                 "the weights in %s cannot be decoded, although they are those "
                 "that model.so names; compile the model again",
                 path);
}

//===- weights.c - the weights file, mapped and checked -------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// The code knows where each tensor lies, so the names and shapes in the file's
// header are not read here: the checksum of the file decides.
//===----------------------------------------------------------------------===//
#include "Internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#ifndef MAP_POPULATE
#define MAP_POPULATE 0
#endif

static uint64_t read_little_endian(const char *bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i)
    value = value << 8 | (unsigned char)bytes[i];
  return value;
}

static int check_layout(const char *path, const tm_descriptor *descriptor,
                        tm_weights *weights, tm_error *error) {
  const char *bytes = weights->base;
  uint64_t header = weights->bytes >= 8 ? read_little_endian(bytes) : 0;
  if (weights->bytes < 10 || header > weights->bytes - 8 || bytes[8] != '{')
    return tm_fail(error, TM_MISMATCH,
                   "%s is not a whole safetensors file (%zu bytes); compile "
                   "the model again",
                   path, weights->bytes);
  uint64_t data = weights->bytes - 8 - header;
  if (data != descriptor->weights_bytes)
    return tm_fail(error, TM_MISMATCH,
                   "%s holds %" PRIu64 " bytes of weights and model.so needs "
                   "%" PRIu64 ": the file was cut short or belongs to another "
                   "model; compile the model again",
                   path, data, descriptor->weights_bytes);
  if ((header + 8) % TM_ALIGNMENT)
    return tm_fail(error, TM_MISMATCH,
                   "the weights in %s begin at byte %" PRIu64 ", which is not "
                   "a multiple of %d: the file was written by another program",
                   path, header + 8, (int)TM_ALIGNMENT);
  weights->data = bytes + 8 + header;
  /* Of the header too: other programs read it. */
  uint64_t found = XXH3_64bits(weights->base, weights->bytes);
  if (found != descriptor->weights_xxh3)
    return tm_fail(error, TM_MISMATCH,
                   "the weights in %s do not match model.so (checksum "
                   "%016" PRIx64 ", needed %016" PRIx64 "): the file was "
                   "changed or belongs to another model; compile the model "
                   "again",
                   path, found, descriptor->weights_xxh3);
  return TM_OK;
}

static int map_file(const char *path, tm_weights *weights, tm_error *error) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return tm_fail(error, TM_FILE_ERROR, "cannot open %s: %s", path,
                   strerror(errno));
  struct stat info;
  int status = TM_OK;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    status = tm_fail(error, TM_FILE_ERROR, "%s is not a regular file", path);
  } else if (info.st_size == 0) {
    status = tm_fail(error, TM_MISMATCH, "%s is empty; compile the model again",
                     path);
  } else {
    weights->bytes = (size_t)info.st_size;
    weights->base = mmap(NULL, weights->bytes, PROT_READ,
                         MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (weights->base == MAP_FAILED) {
      weights->base = NULL;
      status =
          tm_fail(error, errno == ENOMEM ? TM_OUT_OF_MEMORY : TM_FILE_ERROR,
                  "cannot map %s: %s", path, strerror(errno));
    }
  }
  close(fd);
  return status;
}

int tm_open_weights(const char *directory, const tm_descriptor *descriptor,
                    int32_t threads, tm_weights *weights, tm_error *error) {
  memset(weights, 0, sizeof(*weights));
  size_t length = strlen(directory) + sizeof("/weights.safetensors");
  char *path = malloc(length);
  if (!path)
    return tm_fail(error, TM_OUT_OF_MEMORY, "out of memory");
  snprintf(path, length, "%s/weights.safetensors", directory);
  int status = map_file(path, weights, error);
  if (status == TM_OK)
    status = check_layout(path, descriptor, weights, error);
  if (status == TM_OK && descriptor->part_count > 0)
    status = tm_decode_weights(path, descriptor, threads, weights, error);
  if (status != TM_OK)
    tm_close_weights(weights);
  free(path);
  return status;
}

void tm_close_weights(tm_weights *weights) {
  if (weights->base)
    munmap(weights->base, weights->bytes);
  memset(weights, 0, sizeof(*weights));
}
